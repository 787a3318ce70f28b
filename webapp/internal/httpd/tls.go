package httpd

import (
	"crypto/tls"
	"net"
	"syscall"
)

// NewTLSListener is tls.NewListener for this server: it offers no protocol but
// http/1.1, sends a response in records as large as allowed, and its connections
// wait for readiness like those without TLS: one read(2) a request instead of two,
// and no buffer of ours on an idle connection.
func NewTLSListener(l net.Listener, c *tls.Config) net.Listener {
	c = c.Clone()
	c.NextProtos = []string{"http/1.1"}
	c.DynamicRecordSizingDisabled = true
	return tlsListener{l, c}
}

type tlsListener struct {
	net.Listener
	config *tls.Config
}

func (l tlsListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	raw := rawConnOf(nc)
	if raw == nil {
		return tls.Server(nc, l.config), nil
	}
	s := &tlsSocket{Conn: nc, raw: raw, fd: -1}
	return &tlsConn{tls.Server(s, l.config), s}, nil
}

// rawConnOf returns nil for what is no socket of its own.
func rawConnOf(nc net.Conn) (raw syscall.RawConn) {
	switch s := nc.(type) {
	case *net.TCPConn:
		raw, _ = s.SyscallConn()
	case *net.UnixConn:
		raw, _ = s.SyscallConn()
	}
	return raw
}

type tlsConn struct {
	*tls.Conn
	sock *tlsSocket
}

// tlsSocket is what crypto/tls takes for the network. Between ready and blocking
// its reads do not wait but fail with EAGAIN, which crypto/tls passes on without
// giving up the connection, since it is a temporary net.Error.
type tlsSocket struct {
	net.Conn
	raw syscall.RawConn

	// Owned by the reading goroutine.
	fd      int  // -1 while reads block
	trust   bool // a read that does not fill its space has emptied the socket
	drained bool
}

func (s *tlsSocket) ready(fd int, trust bool) { s.fd, s.trust, s.drained = fd, trust, false }

func (s *tlsSocket) blocking() { s.fd = -1 }

func (s *tlsSocket) Read(p []byte) (int, error) {
	if s.fd < 0 {
		return s.Conn.Read(p)
	}
	if s.drained {
		return 0, syscall.EAGAIN
	}
	n, err := readSome(s.fd, p)
	s.drained = s.trust && n < len(p)
	return n, err
}
