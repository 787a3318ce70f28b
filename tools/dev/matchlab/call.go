package main

import "isuride/bench/world"

// hop is the time of a message between the processes when they are idle.
const hop = 100 * world.Instant(1)

// A caller sends the calls of one entity, one at a time.
type caller struct {
	server *server
	to     world.Entity
	kind   kind
	handle func() world.Event
	answer world.Event
	step   step
	sent   world.Instant
	more   int // equal calls to follow, before the answer counts
}

// step is what a call waits for.
type step int

const (
	stepServer step = iota // has it in hand
	stepHop                // the answer is on its way
	stepClient             // has the answer in hand
)

// call takes on work of its kind, runs handle at the server and delivers the event that
// it returns.
func (c *caller) call(k kind, handle func() world.Event) {
	c.kind, c.handle, c.sent, c.step = k, handle, c.server.loop.Now(), stepServer
	c.server.machine.do(atServer, k, c)
}

// Run implements virtual.Task: first at the server, then at the client.
func (c *caller) Run(world.Instant) {
	switch c.step {
	case stepServer:
		if e := c.handle(); e.Kind != 0 { // otherwise it answers later
			c.reply(e)
		}
	case stepHop:
		c.step = stepClient
		c.server.machine.do(atClient, c.kind, c)
	case stepClient:
		if c.kind == workPosition {
			c.server.course.reported(c.server.loop.Now() - c.sent)
		}
		if c.more > 0 {
			c.more--
			c.call(c.kind, c.handle)
			return
		}
		c.server.loop.Deliver(c.answer)
	}
}

func (c *caller) reply(e world.Event) {
	e.To = c.to
	c.answer, c.step = e, stepHop
	c.server.loop.After(hop, c)
}
