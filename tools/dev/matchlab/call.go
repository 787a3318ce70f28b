package main

import "isuride/bench/world"

// hop is the time of a message between the processes when they are idle.
const hop = 100 * world.Instant(1)

// A caller sends the calls of one entity, one at a time.
type caller struct {
	server *server
	to     world.Entity
	handle func() world.Event
	answer world.Event
	back   bool
	sent   world.Instant
}

// call takes on work of its kind, runs handle at the server and delivers the event that
// it returns.
func (c *caller) call(k kind, handle func() world.Event) {
	c.handle, c.sent = handle, c.server.loop.Now()
	c.server.machine.call(k, c)
}

// Run implements virtual.Task: first at the server, then at the client.
func (c *caller) Run(world.Instant) {
	if c.back {
		c.back = false
		c.server.loop.Deliver(c.answer)
		return
	}
	if e := c.handle(); e.Kind != 0 { // otherwise it answers later
		c.reply(e)
	}
}

func (c *caller) reply(e world.Event) {
	e.To = c.to
	c.answer, c.back = e, true
	c.server.loop.After(hop, c)
}
