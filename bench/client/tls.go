package client

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"isuride/bench/client/evloop"
)

// tlsConfig is that of the official bench: no verification, a full handshake for each
// connection (B13.1). The key exchanges are those that the bench of its time had in
// common with servers of today; the hybrid one with ML-KEM, which Go has added since,
// would make a fifth of a handshake on either side.
func tlsConfig(serverName string) *tls.Config {
	return &tls.Config{
		ServerName:             serverName,
		InsecureSkipVerify:     true,
		SessionTicketsDisabled: true,
		CurvePreferences:       []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		NextProtos:             []string{"h2", "http/1.1"},
	}
}

// A tlsSocket is the connection below crypto/tls. During the handshake, for which a
// goroutine may wait, it is the connection itself. Afterwards the event loop watches the
// descriptor, and the socket never waits: reading reports EAGAIN, after which crypto/tls
// can be asked again, because that error calls itself temporary; writing keeps what does
// not fit in the connection's unsent bytes.
type tlsSocket struct {
	net.Conn
	conn    *conn  // set from the end of the handshake on, over HTTP/1.1
	onClose func() // called once, over HTTP/2
}

func (s *tlsSocket) Read(p []byte) (int, error) {
	if s.conn == nil {
		return s.Conn.Read(p)
	}
	return readSocket(s.conn.fd.Num(), p)
}

func (s *tlsSocket) Write(p []byte) (int, error) {
	if s.conn == nil {
		return s.Conn.Write(p)
	}
	n := 0
	if len(s.conn.unsent) == 0 {
		var err error
		if n, err = writeSocket(s.conn.fd.Num(), p); err != nil {
			return n, err
		}
	}
	s.conn.unsent = append(s.conn.unsent, p[n:]...)
	return len(p), nil
}

// Close leaves the descriptor to the event loop if it has it.
func (s *tlsSocket) Close() error {
	if s.conn != nil {
		return nil
	}
	if s.onClose != nil {
		s.onClose()
		s.onClose = nil
	}
	return s.Conn.Close()
}

func (s *tlsSocket) SetWriteDeadline(t time.Time) error {
	if s.conn != nil {
		return nil
	}
	return s.Conn.SetWriteDeadline(t)
}

// handshake connects and negotiates; it waits.
func handshake(ctx context.Context, e *Engine, route int) (*tls.Conn, *tlsSocket, error) {
	raw, err := dialBlocking(ctx, e.config.Routes[route])
	if err != nil {
		e.dials.failed(route, err)
		return nil, nil, err
	}
	socket := &tlsSocket{Conn: raw}
	secure := tls.Client(socket, e.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, nil, err
	}
	return secure, socket, nil
}

// dialTLS connects c in the background.
func dialTLS(c *conn) {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancelDial = cancel
	go func() {
		defer cancel()
		r := &handshakeResult{conn: c}
		r.secure, r.socket, r.err = handshake(ctx, c.entity.shard.engine, c.route)
		c.entity.shard.loop.Post(r)
	}()
}

// A handshakeResult is on its way from the goroutine of the handshake to the event loop.
type handshakeResult struct {
	conn   *conn
	secure *tls.Conn
	socket *tlsSocket
	err    error
}

func (r *handshakeResult) Run() {
	c := r.conn
	switch {
	case c.state == connClosed: // closed meanwhile
		if r.err == nil {
			r.socket.Conn.Close()
		}
	case r.err != nil:
		c.fail(r.err)
	case r.secure.ConnectionState().NegotiatedProtocol == "h2":
		c.becomeHTTP2(r.secure, r.socket)
	default:
		if err := c.adopt(r.secure, r.socket); err != nil {
			r.socket.Conn.Close()
			c.fail(err)
			return
		}
		c.opened()
	}
}

// adopt moves the connection from the runtime's poller to the event loop. The duplicate
// of the descriptor stays non-blocking, as that is a property of what both refer to.
func (c *conn) adopt(secure *tls.Conn, socket *tlsSocket) error {
	raw, err := socket.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	num := -1
	if cerr := raw.Control(func(fd uintptr) { num, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); cerr != nil {
		return cerr
	}
	if err != nil {
		return err
	}
	if c.fd, err = c.entity.shard.loop.Watch(num, evloop.Readable, c); err != nil {
		unix.Close(num)
		return err
	}
	c.watched, c.secure = true, secure
	socket.conn = c
	return socket.Conn.Close()
}
