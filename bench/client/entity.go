package client

import (
	"isuride/bench/client/h1"
	"isuride/bench/world"
)

// An entity is the browser of one user, chair or owner. Everything below the first group
// belongs to its shard's goroutine.
type entity struct {
	// Set once.
	shard *shard
	to    world.Entity
	route int // index of the way to the server that all its connections take

	idle    []*conn // usable connections, the one used last at the end
	cookies jar
	cache   cache
	http2   *h2 // nil unless the server has chosen HTTP/2
	closed  bool
}

// takeIdle returns the idle connection used last, nil if there is none.
func (e *entity) takeIdle() *conn {
	n := len(e.idle)
	if n == 0 {
		return nil
	}
	c := e.idle[n-1]
	e.idle = e.idle[:n-1]
	e.shard.unpark(c)
	return c
}

// putIdle keeps a connection for the next request, for a while.
func (e *entity) putIdle(c *conn) {
	if e.closed {
		c.close()
		return
	}
	e.idle = append(e.idle, c)
	e.shard.park(c)
}

// forget takes a connection that has ended out of the idle ones.
func (e *entity) forget(c *conn) {
	for i, other := range e.idle {
		if other == c {
			e.idle = append(e.idle[:i], e.idle[i+1:]...)
			e.shard.unpark(c)
			return
		}
	}
}

// sawCookies takes the cookies of an answer over.
func (e *entity) sawCookies(h *h1.Head) {
	for _, f := range h.Fields {
		if f.Name == h1.SetCookie {
			e.cookies.set(e.shard.engine.config.Target, f.Value)
		}
	}
}

// close ends the entity's connections. Requests under way must have ended.
func (e *entity) close() {
	e.closed = true
	for len(e.idle) > 0 {
		e.takeIdle().close()
	}
	if e.http2 != nil {
		e.http2.close()
	}
}
