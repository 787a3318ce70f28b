package httpd

import "time"

// unknown is a wait that was not measured.
const unknown time.Duration = -1

// tickSlack is what a wait may be too long by: a tick of the kernel's clock.
const tickSlack = 10 * time.Millisecond

// measure finds out how long what can be read has waited, if that is wanted: it asks the kernel
// when data came last. It is called before the read; see newer for what comes in between.
//
// What this cannot tell is left out. Unix sockets do not have it, connections of HTTP/2 carry many
// requests, and of clients that do not wait for answers, the newest bytes are not the request's
// (admitted), or have waited for the answer before (here). Over TLS it is the arrival of the
// record, if one has come alone.
func (c *conn) measure(fd int) {
	w := c.srv.opts.Waits
	c.wait = unknown // that of a read that found nothing says nothing about the next
	if w == nil || !c.tcp || !w.Wanted(c.serial*serialStep+c.requests.Load()) {
		return
	}
	wait, ok := sinceData(fd)
	if !ok || c.ended != 0 && wait > c.now()-c.ended+tickSlack {
		return
	}
	c.wait = wait
	if c.sock != nil {
		c.sock.records.begun = 0
	}
}

// serialStep has each connection begin at another place of the numbers that Waits.Wanted gets.
const serialStep = 37

// told hands on the wait of the complete request in the first n bytes, if it is all that has come.
func (c *conn) told(n int) {
	x, wait := c.ctx, c.wait
	x.waited, c.wait = 0, unknown // of what else these bytes hold, nothing is known
	alone := n == len(x.buf.pending()) && x.buf.end < len(x.buf.b) && (c.sock == nil || c.sock.records.begun <= 1)
	if wait == unknown || n == 0 || !alone || wait > tickSlack && c.newer(wait) {
		return
	}
	x.waited = wait
	c.srv.opts.Waits.Waited(wait)
}

// newer reports whether data has come after a wait was measured: it was then not that data's wait,
// but the time since what had come before.
func (c *conn) newer(wait time.Duration) bool {
	fd := c.fd
	if c.sock != nil {
		fd = c.sock.fd
	}
	again, ok := sinceData(fd)
	return !ok || again < wait
}

// admitted asks, once, whether a request is to be served whose head is there. Its length is n, 0
// if it is not complete.
func (c *conn) admitted(n int) bool {
	x := c.ctx
	if x.req.asked {
		return !x.req.refused
	}
	c.told(n)
	admit := c.srv.opts.Admit
	x.req.asked = true
	if admit == nil {
		return true
	}
	x.msg = x.buf.pending()
	x.res.reset()
	x.tag = nil
	x.req.refused = !admit(x)
	return !x.req.refused
}

// turnAway answers a refused request, and drops what there is of it. It reports whether the
// connection goes on.
//
// A client that waits for a word before it sends the body may send it all the same, or not
// (RFC 9110 10.1.1), so that nobody knows where its next request begins: that connection ends.
func (c *conn) turnAway(n int) bool {
	x := c.ctx
	r := &x.req
	if x.res.drop {
		return false
	}
	c.requests.Add(1)
	c.idleDue, c.due, c.owner, c.served = 0, 0, nil, n > 0
	keep := r.keepAlive() && !c.srv.draining.Load() && !(n == 0 && r.expect)
	began := c.now()
	err := c.send(keep)
	c.ended = c.now()
	c.observe(c.ended - began)
	if err != nil || !keep {
		c.linger = err == nil && n == 0
		return false
	}
	if n == 0 {
		n = len(x.buf.pending())
		c.skip = r.head + r.length - n
	}
	x.buf.skip(n)
	r.reset()
	return true
}

// skipBody drops what has come of the body of a refused request.
func (c *conn) skipBody() {
	if c.skip > 0 {
		n := min(c.skip, len(c.ctx.buf.pending()))
		c.ctx.buf.skip(n)
		c.skip -= n
	}
}
