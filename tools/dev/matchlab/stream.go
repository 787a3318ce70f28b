package main

import (
	"isuride/bench/world"
	"isuride/webapp/state"
)

// A subscriber is one entity's notification connection.
type subscriber struct {
	server *server
	to     world.Entity
	kind   world.EventKind
	side   state.Side
	encode func(*state.Message) any
	conn   *connection // nil while closed
}

// A connection is one SSE stream.
type connection struct {
	sub    *subscriber
	log    *state.Log
	stream *state.Stream // nil until accepted
	lastAt world.Instant // when the newest message arrives; TCP keeps the order
	queued bool          // a writer is about to run
	closed bool
}

func (s *subscriber) open(log *state.Log) {
	c := &connection{sub: s, log: log}
	s.conn = c
	s.server.course.streams++
	if !s.server.reused {
		s.server.machine.connect()
	}
	s.server.machine.take(atClient, workStream, 1)
	s.server.machine.do(atServer, workStream, taskFunc(func(world.Instant) { c.accept() }))
}

// close ends the connection at once for the client, and a little later for the server.
func (s *subscriber) close(left func()) {
	c := s.conn
	s.conn = nil
	c.closed = true
	s.server.course.streams--
	s.server.machine.take(atClient, workLeave, 1)
	s.server.machine.do(atServer, workLeave, taskFunc(func(world.Instant) {
		if c.stream != nil {
			c.stream.Close()
		}
		left()
	}))
}

func (c *connection) accept() {
	if c.closed {
		return
	}
	c.stream = c.log.Open(c.wake)
	c.wake()
}

// wake is called with the log locked.
func (c *connection) wake() {
	if !c.queued {
		c.queued = true
		c.sub.server.loop.After(0, c)
	}
}

// Run implements virtual.Task: it writes everything there is.
func (c *connection) Run(world.Instant) {
	c.queued = false
	s := c.sub.server
	for !c.closed {
		m, n, ok := c.stream.Next()
		if !ok {
			return
		}
		if err := s.store.Delivered(c.log, c.sub.side, n); err != nil {
			panic(err)
		}
		c.send(c.sub.encode(&m))
	}
}

// send is first the server's work, then the client's, who keeps the order.
func (c *connection) send(body any) {
	s := c.sub.server
	s.loop.After(s.machine.take(atServer, workNotice, 1)+hop-s.loop.Now(), taskFunc(func(now world.Instant) {
		c.lastAt = max(s.machine.take(atClient, workNotice, 1), c.lastAt)
		s.loop.After(c.lastAt-now, taskFunc(func(world.Instant) {
			if !c.closed {
				s.loop.Deliver(world.Event{To: c.sub.to, Kind: c.sub.kind, Body: body})
			}
		}))
	}))
}
