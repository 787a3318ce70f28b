package httpd

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// writePiece is how many bytes of a large body one write timeout covers.
	writePiece = 256 << 10
	// lingerTicks and lingerBytes bound how long a refused client is
	// listened to, so that closing does not reset the connection before it
	// has read the answer (RFC 9112 9.6).
	lingerTicks = 2
	lingerBytes = 1 << 20
)

var errPanicked = errors.New("httpd: handler panicked")

// conn is one connection, served by one goroutine.
//
// On TCP and unix sockets, with and without TLS, it waits for readiness before it
// takes a buffer, so an idle connection holds none; see readable. Any other
// net.Conn keeps its buffer and blocks in Read.
type conn struct {
	// Set once.
	srv  *Server
	nc   net.Conn
	raw  syscall.RawConn // nil when reads block
	sock *tlsSocket      // below crypto/tls, nil without it or when reads block

	// Owned by the connection's goroutine.
	ctx    *Ctx // nil while nothing is pending
	fd     int  // valid while readable runs without TLS, else -1
	linger bool // the client may still be sending

	stream   Stream
	deadline deadline
	requests atomic.Uint64

	// Guarded by srv.mu.
	prev, next *conn
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc, fd: -1, raw: rawConnOf(nc)}
	if t, ok := nc.(*tlsConn); ok {
		c.sock, c.raw = t.sock, t.sock.raw
	}
	c.stream.conn = c
	return c
}

// serve runs the connection to its end, or until it has become a stream.
func (c *conn) serve() {
	defer c.recoverAndEnd()
	if !c.handshake() {
		c.end()
		return
	}
	if err := c.read(); errors.Is(err, os.ErrDeadlineExceeded) {
		c.tooSlow()
	}
	c.release()
	switch {
	case c.stream.opened:
		go c.stream.watch() // with a small stack
		return
	case c.linger:
		c.discard()
	}
	c.end()
}

// tooSlow answers a request that was begun and not completed in time. Nothing is
// said to a connection that was idle.
func (c *conn) tooSlow() {
	if c.ctx == nil || c.ctx.due == 0 {
		return
	}
	c.deadline.enter(busy, 0)
	c.refuse(fault{408, "request took too long"})
}

// end closes the connection. It is called once.
func (c *conn) end() {
	c.nc.Close()
	c.srv.forget(c)
}

// recoverAndEnd catches what panics outside the handler: the functions given to
// AfterWrite, Stream and OnClose.
func (c *conn) recoverAndEnd() {
	if v := recover(); v != nil {
		c.logPanic(v)
		c.stream.close()
		c.end()
	}
}

func (c *conn) logPanic(v any) {
	var method, path string
	if c.ctx != nil {
		method, path = string(c.ctx.Method()), string(c.ctx.Path())
	}
	c.srv.opts.Log.Error("handler panicked", "method", method, "path", path, "panic", v, "stack", string(debug.Stack()))
}

// handshake completes TLS. It counts as idle time, so that Shutdown ends it.
func (c *conn) handshake() bool {
	tc, ok := c.nc.(interface {
		HandshakeContext(context.Context) error
	})
	if !ok {
		return true
	}
	return c.await(idle, c.srv.dueIn(c.srv.read)) && tc.HandshakeContext(context.Background()) == nil &&
		c.deadline.enter(busy, 0)
}

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

// readable is called by the runtime when the socket may have something to read,
// and then again whenever it returns false and more has arrived. This one call
// of RawConn.Read lasts as long as the connection, which saves, against
// net.Conn.Read, the buffer of an idle connection and the read(2) that finds
// nothing before each wait: the poller remembers what arrives while we work, and
// a read that does not fill its space has emptied the socket.
//
// The one thing such a read does not tell is that the peer has ended its side in
// the same moment (epoll(7), edge-triggered). A peer that has closed altogether
// answers our response with a reset, which wakes us; one that half-closes behind
// its request and wants to see our end is a tool that sends only one request. So
// what comes first is followed by another read, an incomplete request too, and
// for all others that rare peer has to wait for the idle timeout.
func (c *conn) readable(fd uintptr) (done bool) {
	trust := c.requests.Load() > 0
	if c.sock != nil {
		c.sock.ready(int(fd), trust)
	} else {
		c.fd = int(fd)
	}
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
		if trust && c.sock == nil && n < len(space) && c.ctx.buf.empty() {
			return !c.park()
		}
	}
}

// pull reads what is there; syscall.EAGAIN means nothing.
func (c *conn) pull(space []byte) (int, error) {
	if c.sock != nil {
		return c.nc.Read(space)
	}
	return readSome(c.fd, space)
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

// park prepares for waiting for more bytes. It reports false when the
// connection is to end instead.
func (c *conn) park() bool {
	x := c.ctx
	if !x.buf.empty() {
		if x.due == 0 {
			x.due = c.srv.dueIn(c.srv.read)
		}
		return c.await(reading, x.due)
	}
	if c.raw != nil {
		c.release()
	} else {
		x.recycle()
	}
	return c.await(idle, c.srv.dueIn(c.srv.idle))
}

// await enters a waiting phase, unless the server is shutting down and nothing
// has begun. Shutdown sets draining before it looks at the phases, so that one of
// the two sees the other.
func (c *conn) await(p phase, due ticks) bool {
	return c.deadline.enter(p, due) && (p != idle || !c.srv.draining.Load())
}

// received takes note of n new bytes and serves the requests they complete. It
// reports whether to read on.
func (c *conn) received(n int) bool {
	if !c.deadline.enter(busy, 0) {
		c.tooSlow()
		return false
	}
	c.ctx.buf.end += n
	return c.serveBuffered()
}

func (c *conn) serveBuffered() bool {
	x := c.ctx
	for !x.buf.empty() {
		if x.req.stage == atRequestLine && x.buf.skipLineEnds() {
			continue
		}
		n, f := x.req.parse(x.buf.pending(), c.srv.limits())
		if f.found() {
			c.refuse(f)
			return false
		}
		if n == 0 {
			return c.invite()
		}
		x.msg = x.buf.pending()[:n]
		x.due = 0
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
	return c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n")) == nil
}

// exchange runs the handler and sends its answer. It reports whether the
// connection goes on with the next request.
func (c *conn) exchange() bool {
	x := c.ctx
	c.requests.Add(1)
	if !c.call(x) {
		after := x.res.after
		c.sendError(fault{500, "internal error"})
		if after != nil {
			after(errPanicked)
		}
		return false
	}
	open := x.res.open
	keep := x.req.keepAlive() && !c.srv.draining.Load() && open == nil
	err := c.send(keep)
	if x.res.after != nil {
		x.res.after(err)
	}
	if err == nil && open != nil && !x.isHead() {
		c.stream.start(open)
	}
	return err == nil && keep
}

// call runs the handler and reports false when it panicked.
func (c *conn) call(x *Ctx) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			c.logPanic(v)
		}
	}()
	x.res.reset()
	c.srv.handler(x)
	return true
}

// refuse answers a request that cannot be served.
func (c *conn) refuse(f fault) {
	c.ctx.msg = nil
	c.ctx.req.reset()
	c.sendError(f)
	c.linger = true
}

func (c *conn) sendError(f fault) {
	x := c.ctx
	x.res.reset()
	x.res.status = f.status
	c.srv.opts.Error(x, f.status, f.message)
	_ = c.send(false) // the connection ends either way
}

// send writes the answer.
func (c *conn) send(keep bool) error {
	x := c.ctx
	first, second := x.res.pack(&x.req, x.isHead(), keep)
	if len(second) > 0 {
		n := min(len(second), writePiece)
		if err := c.push(first, second[:n]); err != nil {
			return err
		}
		first = second[n:]
	}
	return c.write(first)
}

// write hands p to the socket. Where the descriptor is at hand and takes all at
// once, as it nearly always does, there is no deadline to set.
func (c *conn) write(p []byte) error {
	if c.fd >= 0 && len(p) > 0 {
		n, err := writeSome(c.fd, p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	for len(p) > 0 {
		n := min(len(p), writePiece)
		if err := c.push(p[:n], nil); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// push waits until the socket has taken p and more, for the write timeout at
// most.
func (c *conn) push(p, more []byte) (err error) {
	if !c.deadline.enter(writing, c.srv.dueIn(c.srv.write)) {
		return os.ErrDeadlineExceeded
	}
	if more == nil {
		_, err = c.nc.Write(p)
	} else {
		_, err = (&net.Buffers{p, more}).WriteTo(c.nc)
	}
	if !c.deadline.enter(busy, 0) && err == nil {
		err = os.ErrDeadlineExceeded
	}
	return err
}

// discard ends our side and reads for a while what the client still sends.
func (c *conn) discard() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || !c.await(idle, c.srv.dueIn(lingerTicks)) {
		return
	}
	buf := make([]byte, readSize)
	for total := 0; total < lingerBytes; {
		n, err := c.nc.Read(buf)
		if err != nil {
			return
		}
		total += n
	}
}

// wake ends the wait of a connection that the caller has taken over.
func (c *conn) wake(p phase) {
	if p == writing || p == streamWriting {
		c.nc.SetWriteDeadline(longAgo())
		return
	}
	c.nc.SetReadDeadline(longAgo())
}

func longAgo() time.Time { return time.Unix(1, 0) }

// retire ends the connection if it is idle or a stream; a running request ends
// it by itself.
func (c *conn) retire() {
	word, p, _ := c.deadline.load()
	switch p {
	case idle:
		if c.deadline.expire(word) {
			c.wake(p)
		}
	case streaming, streamWriting:
		c.stream.Close()
	}
}

// cut ends whatever the connection waits for. Closing it here would wait for the
// handler that runs within RawConn.Read, and crypto/tls would write a farewell.
func (c *conn) cut() { c.nc.SetDeadline(longAgo()) }
