package httpd

import "syscall"

// read serves requests until the connection has ended or become a stream.
func (c *conn) read() error {
	if c.raw == nil {
		return c.readBlocking()
	}
	err := c.raw.Read(c.readable)
	c.fd = -1
	if c.sock != nil {
		c.sock.blocking()
	}
	return err
}

func (c *conn) readBlocking() error {
	for {
		c.acquire()
		if !c.park() {
			return nil
		}
		n, err := c.nc.Read(c.ctx.buf.space())
		if err != nil {
			return err
		}
		if !c.received(n) {
			return nil
		}
	}
}

// readable is called by the runtime when the socket may have something to read, and then
// again whenever it returns false and more has arrived. This one call of RawConn.Read
// lasts as long as the connection, which saves, against net.Conn.Read, the buffer of an
// idle connection and the read(2) that finds nothing before each wait: the poller
// remembers what arrives while we work, and a read that does not fill its space has
// emptied the socket.
//
// The one thing such a read does not tell is that the peer has ended its side in the same
// moment (epoll(7), edge-triggered). A peer that has closed altogether answers our
// response with a reset, which wakes us; one that half-closes after its request and wants
// to see our end is a tool that sends only one request. So what comes first is followed
// by another read, an incomplete request too, and for all others that rare peer has to
// wait for the idle timeout.
func (c *conn) readable(fd uintptr) (done bool) {
	trust := c.requests.Load() > 0
	if c.sock != nil {
		c.sock.ready(int(fd), trust)
	} else {
		c.fd = int(fd)
	}
	c.measure(int(fd))
	for {
		c.acquire()
		space := c.ctx.buf.space()
		n, err := c.pull(space)
		if err == syscall.EAGAIN {
			return !c.park()
		}
		if err != nil || !c.received(n) {
			return true
		}
		c.wait = unknown
		if trust && c.sock == nil && n < len(space) && c.ctx.buf.empty() {
			return !c.park()
		}
	}
}

// pull reads what is there; syscall.EAGAIN means nothing.
func (c *conn) pull(space []byte) (int, error) {
	if c.sock == nil {
		return readSome(c.fd, space)
	}
	n, err := c.nc.Read(space)
	c.sock.yielded(n)
	if c.sock.stuck.Load() {
		return 0, errWouldWait
	}
	return n, err
}

// acquire makes sure that the connection has buffers.
func (c *conn) acquire() {
	if c.ctx == nil {
		c.ctx = c.srv.pool.Get().(*Ctx)
		c.ctx.conn = c
	}
}

// release gives the buffers back.
func (c *conn) release() {
	x := c.ctx
	if x == nil {
		return
	}
	c.ctx, x.conn = nil, nil
	x.recycle()
	c.srv.pool.Put(x)
}

// park prepares for waiting for more bytes. It reports false when the connection is to
// end instead.
func (c *conn) park() bool {
	p, due := c.awaited()
	switch {
	case !c.ctx.buf.empty():
	case c.raw != nil:
		c.release()
	default:
		c.ctx.recycle()
	}
	return c.await(p, due)
}

// awaited returns the phase in which the connection waits, and its deadline. Only a
// complete request renews the idle time, and nothing renews the time of a request that
// has begun: bytes count for neither, nor do empty lines, nor records of TLS that hold no
// request.
func (c *conn) awaited() (phase, ticks) {
	now := c.srv.clock.Load()
	if c.idleDue == 0 {
		c.idleDue = now + c.srv.idle
	}
	if !c.begun() {
		c.due = 0
		return idle, c.idleDue
	}
	if c.due == 0 {
		c.due = now + c.srv.read
		if now >= c.idleDue { // it should have begun earlier
			c.due = c.idleDue
		}
	}
	return reading, c.due
}

// begun reports whether there is a part of a request, or of a record that may hold one.
func (c *conn) begun() bool {
	return !c.ctx.buf.empty() || c.skip > 0 || c.sock != nil && c.sock.pending()
}

// inTime reports whether a connection that brings bytes without an end, so that it never
// waits and no sweep finds it waiting, may go on.
//
// Fast path: a request was just completed and nothing else has come.
func (c *conn) inTime() bool {
	if c.served && c.ctx.buf.empty() {
		return true
	}
	p, due := c.awaited()
	now := c.srv.clock.Load()
	if c.srv.draining.Load() && (p == idle || now >= c.srv.drainedAt+drainSlow) {
		return false
	}
	return due > now
}

// await enters a waiting phase, unless the server is shutting down and no request has
// begun. Shutdown sets draining before it looks at the phases, so that one of the two
// sees the other.
func (c *conn) await(p phase, due ticks) bool {
	return c.deadline.enter(p, due) && (p == reading || !c.srv.draining.Load())
}

// received takes note of n new bytes and serves the requests they complete. It reports
// whether to read on.
func (c *conn) received(n int) bool {
	if !c.deadline.enter(busy, 0) {
		c.tooSlow()
		return false
	}
	c.ctx.buf.end += n
	c.served = false
	if !c.serveBuffered() {
		return false
	}
	if !c.inTime() {
		c.tooSlow()
		return false
	}
	return true
}

func (c *conn) serveBuffered() bool {
	x := c.ctx
	c.skipBody()
	for !x.buf.empty() {
		if x.req.stage == atRequestLine && x.buf.skipLineEnds() {
			continue
		}
		n, f := x.req.parse(x.buf.pending(), c.srv.limits())
		if f.found() {
			c.refuse(f)
			return false
		}
		if x.req.stage >= atBody && !c.admitted(n) {
			if n > 0 || !x.req.chunked { // else the length is not known yet
				if !c.turnAway(n) {
					return false
				}
				continue
			}
		}
		if n == 0 {
			return c.invite()
		}
		x.msg = x.buf.pending()[:n]
		if !c.exchange() {
			return false
		}
		x.buf.skip(n)
		x.req.reset()
	}
	return true
}

// invite answers Expect: 100-continue once the head is there and the body is not.
func (c *conn) invite() bool {
	r := &c.ctx.req
	if !r.expect || r.stage < atBody || r.minor == 0 {
		return true
	}
	r.expect = false
	c.size, c.answerDue = 0, 0
	return c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n")) == nil
}
