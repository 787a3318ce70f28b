package httpd

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"
)

var errPanicked = errors.New("httpd: handler panicked")

// conn is one connection, served by one goroutine.
//
// On TCP and unix sockets, with and without TLS, it waits for readiness before it takes a
// buffer, so an idle connection holds none; see readable. Any other net.Conn keeps its
// buffer and blocks in Read.
type conn struct {
	// Set once.
	srv  *Server
	nc   net.Conn
	raw  syscall.RawConn // nil when reads block
	sock *tlsSocket      // below crypto/tls, nil without it or when reads block

	serial uint64 // among the server's connections, from 1
	since  ticks  // when it was accepted

	// Owned by the connection's goroutine.
	ctx    *Ctx // nil while nothing is pending
	fd     int  // valid while readable runs without TLS, else -1
	linger bool // the client may still be sending
	owner  any  // of the latest request, nil if nobody's

	// Owned by the connection's goroutine: what only a complete request renews.
	idleDue ticks // when a request must have begun, 0 right after one
	due     ticks // when the one that has begun must be complete, 0 before it begins
	served  bool  // a request was completed by the bytes that came last

	// Owned by the connection's goroutine: see measure and turnAway.
	tcp   bool          // below TLS, too; set once
	wait  time.Duration // that of the bytes that come next, unknown if it was not measured
	ended time.Duration // when the last answer was written, on the clock of now
	skip  int           // bytes of a refused request's body that are still to come

	// Owned by the connection's goroutine: the answer that is being written.
	size      int   // of the whole
	answerDue ticks // when the whole must be written, 0 until it has to wait

	leaving atomic.Bool // made to leave: nothing more is said
	claim   claim
	multi   atomic.Pointer[multi] // over HTTP/2, while it lasts; what follows is then not used

	stream   Stream
	deadline deadline
	requests atomic.Uint64

	// Guarded by srv.mu.
	prev, next *conn
	open       []*Stream // over HTTP/2
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc, fd: -1, raw: rawConnOf(nc), wait: unknown}
	if t, ok := nc.(*tlsConn); ok {
		c.sock, c.raw = t.sock, t.sock.raw
		c.sock.conn = c
		nc = t.sock.Conn
	}
	_, c.tcp = nc.(*net.TCPConn)
	c.stream.conn = c
	c.claim.of = c
	return c
}

// serve runs the connection to its end, or until it has become a stream.
func (c *conn) serve() {
	defer c.recoverAndEnd()
	if !c.handshake() {
		c.end()
		return
	}
	if c.choseHTTP2() {
		c.serveMulti()
		c.end()
		return
	}
	c.idleDue = c.srv.dueIn(c.srv.idle)
	if err := c.read(); errors.Is(err, os.ErrDeadlineExceeded) {
		c.tooSlow()
	}
	c.release()
	switch {
	case c.stream.talk != nil:
		go c.stream.converse()
		return
	case c.stream.opened:
		go c.stream.watch() // with a small stack
		return
	case c.linger:
		c.discard()
	}
	c.end()
}

// tooSlow answers a request that was begun and not completed in time. Nothing is said to
// a connection that was idle, nor when there is no time left for it.
func (c *conn) tooSlow() {
	if c.ctx == nil || c.ctx.buf.empty() || c.leaving.Load() || c.srv.draining.Load() {
		return
	}
	c.nc.SetWriteDeadline(time.Time{}) // wake has set both
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
		c.logPanic(c.ctx, v)
		c.stream.close()
		c.end()
	}
}

func (c *conn) logPanic(x *Ctx, v any) {
	var method, path, id string
	if x != nil {
		method, path, id = string(x.Method()), string(x.Path()), x.ID()
	}
	c.srv.opts.Log.Error("handler panicked", "request", id, "method", method, "path", path, "panic", v, "stack", string(debug.Stack()))
}

// handshake completes TLS. Shutdown ends it as if the connection were idle.
func (c *conn) handshake() bool {
	tc, ok := c.nc.(interface {
		HandshakeContext(context.Context) error
	})
	if !ok {
		return true
	}
	return c.await(aside, c.srv.dueIn(c.srv.read)) && tc.HandshakeContext(context.Background()) == nil &&
		c.deadline.enter(busy, 0)
}

// exchange runs the handler and sends its answer. It reports whether the connection goes
// on with the next request.
func (c *conn) exchange() bool {
	x := c.ctx
	c.requests.Add(1)
	c.idleDue, c.due, c.owner, c.served = 0, 0, nil, true
	began := c.now()
	if !c.call(x) {
		after := x.res.after
		c.sendError(fault{500, "internal error"})
		c.observe(c.now() - began)
		if after != nil {
			after(errPanicked)
		}
		return false
	}
	open := x.res.open
	keep := x.req.keepAlive() && !c.srv.draining.Load() && open == nil && !x.res.last
	err := c.send(keep)
	c.ended = c.now()
	c.observe(c.ended - began)
	if x.res.after != nil {
		x.res.after(err)
	}
	if err == nil && open != nil && !x.isHead() {
		if talk := x.res.talk; talk != nil {
			c.stream.talk, c.stream.ahead = talk, bytes.Clone(x.buf.pending()[len(x.msg):])
		}
		c.stream.start(open)
	}
	return err == nil && keep
}

// call runs the handler and reports false when it panicked.
func (c *conn) call(x *Ctx) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			c.logPanic(x, v)
		}
	}()
	x.res.reset()
	x.tag = nil
	c.srv.handler(x)
	return true
}

// observe reports an answer.
func (c *conn) observe(took time.Duration) {
	if tell := c.srv.opts.Observe; tell != nil {
		tell(c.ctx, took)
	}
}

// now is a clock for observe.
func (c *conn) now() time.Duration {
	if c.srv.opts.Observe == nil {
		return 0
	}
	return time.Since(c.srv.began)
}

// refuse answers a request that cannot be served.
func (c *conn) refuse(f fault) {
	x := c.ctx
	head := bytes.HasPrefix(x.buf.pending(), []byte("HEAD ")) // however far parsing came
	x.msg, x.tag = nil, nil
	x.req.reset()
	if head {
		x.msg, x.req.method = []byte("HEAD"), spanOf(0, len("HEAD"))
	}
	c.sendError(f)
	c.observe(0)
	c.linger = true
}

func (c *conn) sendError(f fault) {
	x := c.ctx
	x.res.reset()
	x.res.status = f.status
	c.srv.opts.Error(x, f.status, f.message)
	_ = c.send(false) // the connection ends either way
}

// wake ends the wait of a connection that the caller has taken over. It does not ask what
// the wait is for: a read of crypto/tls may write.
func (c *conn) wake() { c.nc.SetDeadline(longAgo()) }

func longAgo() time.Time { return time.Unix(1, 0) }

// retire ends the connection if it is idle or a stream; a running request ends it by
// itself.
func (c *conn) retire() {
	if m := c.multi.Load(); m != nil {
		m.session.Shutdown()
		return
	}
	word, p, _ := c.deadline.load()
	switch p {
	case idle, aside:
		if c.deadline.expire(word) {
			c.wake()
		}
	case streaming, streamWriting:
		c.stream.Close()
	}
}

// cut ends whatever the connection waits for. Closing it here would wait for the handler
// that runs within RawConn.Read, and crypto/tls would write a farewell.
func (c *conn) cut() { c.wake() }
