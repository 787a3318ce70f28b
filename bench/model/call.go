package model

import "isuride/bench/world"

// A call is a client's request under way; a client never has two. It runs once at the
// server, when the request arrives, and once at the client, when the answer does.
type call struct {
	server *Server
	to     world.Entity
	handle func() world.Event // at the server; To is filled in
	answer world.Event
	back   bool
}

// start sends a request.
func (c *call) start(handle func() world.Event) {
	c.handle = handle
	c.server.loop.After(c.server.hop()+c.server.config.Delay, c)
}

// Run implements virtual.Task.
func (c *call) Run(world.Instant) {
	if c.back {
		c.back = false
		c.server.loop.Deliver(c.answer)
		return
	}
	c.reply(c.handle())
}

// reply sends the answer back.
func (c *call) reply(e world.Event) {
	e.To = c.to
	c.answer, c.back = e, true
	c.server.loop.After(c.server.hop(), c)
}
