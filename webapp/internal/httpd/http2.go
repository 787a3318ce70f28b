package httpd

import (
	"crypto/tls"
	"os"

	"golang.org/x/net/http2"

	"isuride/webapp/internal/httpd/h2"
)

// Limits of one connection of HTTP/2; those of requests and answers are as over HTTP/1.1.
const (
	// maxMulti is the number of streams that a client may have open: what browsers expect.
	maxMulti = 100
	// maxMultiEvents is the number of them that may be without an end: the notifications of
	// a few accounts, which may have eight each.
	maxMultiEvents = 32
	// requestsEach is the number of requests, for each connection that may be open, that all
	// connections of HTTP/2 may have under way together; one of each is served in any case.
	requestsEach = 2
)

// multi is a connection that has chosen HTTP/2: many requests at a time, each on a
// goroutine of its own, with a Ctx like one that came over HTTP/1.1. Its conn is in no
// phase but streaming, and streamWriting while frames are written; all other limits are
// the session's, which the sweep asks, too.
type multi struct {
	conn    *conn
	session *h2.Session
}

// choseHTTP2 reports what the handshake has agreed on.
func (c *conn) choseHTTP2() bool {
	t, ok := c.nc.(interface{ ConnectionState() tls.ConnectionState })
	return ok && t.ConnectionState().NegotiatedProtocol == protocol2
}

// serveMulti serves the connection to its end.
func (c *conn) serveMulti() {
	s := c.srv
	m := &multi{conn: c}
	c.deadline.enter(streaming, 0)
	m.session = h2.New(m, h2.Options{
		MaxHeader: s.opts.MaxHeader, MaxStreams: maxMulti, MaxEvents: maxMultiEvents, MaxUploads: 2 * s.opts.MaxBody,
		Idle: s.idle, Read: s.read, Write: s.write, Slowest: slowest,
	})
	if c.sock != nil {
		c.sock.multi = m
	}
	c.multi.Store(m)
	if s.draining.Load() { // which retire may have missed
		m.session.Shutdown()
	}
	told := m.session.Serve()
	c.multi.Store(nil)
	if told && c.deadline.enter(busy, 0) {
		c.discard()
	}
	c.nc.Close()
	m.session.Wait()
}

// Read reads for the session.
func (m *multi) Read(p []byte) (int, error) {
	c := m.conn
	n, err := c.nc.Read(p)
	if c.sock != nil {
		c.sock.yielded(n)
	}
	return n, err
}

// Write writes for the session.
func (m *multi) Write(p []byte) (int, error) {
	c := m.conn
	if !c.deadline.enter(streamWriting, c.srv.dueIn(c.srv.write)) {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.nc.Write(p)
	if !c.deadline.enter(streaming, 0) && err == nil {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// Now is the session's clock.
func (m *multi) Now() uint64 { return m.conn.srv.clock.Load() }

// Cut ends the connection at once.
func (m *multi) Cut() { m.conn.wake() }

// Begin makes an exchange of a head.
func (m *multi) Begin(st *h2.Stream, head *http2.MetaHeadersFrame, first bool) h2.Request {
	s := m.conn.srv
	if limit := int64(requestsEach * s.opts.MaxConns); s.many.Add(1) > limit && limit > 0 && !first {
		s.many.Add(-1)
		return nil
	}
	e := &exchange{conn: m.conn, stream: st, ctx: s.pool.Get().(*Ctx)}
	e.ctx.conn, e.ctx.via = m.conn, e
	e.claim.of = e
	e.fault = e.begin(head)
	e.admit()
	return e
}
