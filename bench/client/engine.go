// Package client is the HTTP side of the simulated users, chairs and owners: one logical
// browser per entity with its own connections, cookies and cache, behaving on the wire
// like the official bench (B9, B13).
//
// It implements the interfaces of package world and knows no rules of the game: it turns
// calls into requests, answers into events, and streams or polls into notifications. The
// sockets are served by one or more event loops (package evloop). The World lives on the
// first of them, so with a single loop a call and its answer never leave a goroutine;
// with more, entities are spread over the others, and calls and events travel between
// loops in batches.
//
// How a call and its answer go through the package is in bench/docs/turn.md; why it has a
// loop of its own, in webapp/docs/decisions/0006-bench-event-loop.md.
//
// Package h1 holds the bytes of HTTP/1.1, package answer the bodies; HTTP/2, which only a
// TLS server may choose, is left to net/http. The phases of a run and its clock belong to
// package live.
package client

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"time"

	"isuride/bench/client/burn"
	"isuride/bench/client/evloop"
	"isuride/bench/client/h1"
	"isuride/bench/world"
)

// A Config describes the server and the way to it.
type Config struct {
	Target *url.URL // scheme http or https and host; the rest is ignored
	Routes []Route  // ways to the server, at least one; entities take them in turn
	Static *Static  // nil for no page visits
	Limits Limits
	// Loops is the number of event loops that serve sockets besides the one of the World.
	// With 0 that one serves them too.
	Loops int
	// Crowded is the number of open connections from which on a new one takes the place
	// of an unused one of any entity; 0 for never.
	Crowded int
	// Burner makes the client as dear as the official tool's; nil leaves it as it is. The
	// engine closes it.
	Burner *burn.Pool
}

// Limits are the times of B13.1 and B9.2.
type Limits struct {
	Call         time.Duration // a request with its answer
	Notification time.Duration // the same for a notification, streams included
	Idle         time.Duration // an unused connection is kept so long
	Reconnect    time.Duration // between two notification connections, and between polls unless the server says otherwise
}

// OfficialLimits are those of the official bench.
func OfficialLimits() Limits {
	return Limits{Call: 10 * time.Second, Notification: 60 * time.Second, Idle: 10 * time.Second, Reconnect: 30 * time.Millisecond}
}

// An Engine makes the clients of a run; it is the world.Clients. Its methods are for the
// goroutine that runs the loop of the World.
type Engine struct {
	config   Config
	template h1.Template
	tls      *tls.Config // nil for plain HTTP
	deliver  func(now world.Instant, e world.Event)
	home     *shard
	shards   []*shard // those that serve sockets
	clients  []interface{ Close() }
	dials    *dialStats
	stats    Stats
}

// New makes an engine for a World that lives on home and takes its events from deliver.
// It must be closed.
func New(c Config, home *evloop.Loop, deliver func(now world.Instant, e world.Event)) (*Engine, error) {
	e := &Engine{config: c, template: h1.NewTemplate(c.Target.Host), deliver: deliver, dials: newDialStats(c.Routes)}
	if c.Target.Scheme == "https" {
		e.tls = tlsConfig(c.Target.Hostname())
	}
	e.home = newShard(e, home)
	if c.Loops == 0 {
		e.shards = []*shard{e.home}
		return e, nil
	}
	for range c.Loops {
		loop, err := evloop.New()
		if err != nil {
			e.Close()
			return nil, fmt.Errorf("event loop: %w", err)
		}
		s := newShard(e, loop)
		s.run()
		e.shards = append(e.shards, s)
	}
	return e, nil
}

// Close ends all connections and the other loops. The home loop must not be running.
func (e *Engine) Close() {
	if b := e.config.Burner; b != nil {
		b.Close() // first, as it posts to the loops
	}
	for _, c := range e.clients {
		c.Close()
	}
	for _, s := range e.shards {
		if s != e.home {
			s.stop()
		}
	}
}

// newEntity spreads the entities over loops and routes.
func (e *Engine) newEntity(to world.Entity) entity {
	n := len(e.clients)
	return entity{shard: e.shards[n%len(e.shards)], to: to, route: n % len(e.config.Routes)}
}

// NewUser implements world.Clients.
func (e *Engine) NewUser(to world.Entity) world.UserClient {
	u := newUserClient(e.newEntity(to))
	e.clients = append(e.clients, u)
	return u
}

// NewChair implements world.Clients.
func (e *Engine) NewChair(to world.Entity) world.ChairClient {
	c := newChairClient(e.newEntity(to))
	e.clients = append(e.clients, c)
	return c
}

// NewOwner implements world.Clients.
func (e *Engine) NewOwner(to world.Entity) world.OwnerClient {
	o := newOwnerClient(e.newEntity(to))
	e.clients = append(e.clients, o)
	return o
}

// now is the bench's clock.
func now() world.Instant { return world.Instant(time.Now().UnixMicro()) }
