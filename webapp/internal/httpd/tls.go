package httpd

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"syscall"
)

// NewTLSListener is tls.NewListener for this server: it offers http/1.1, and h2 before it
// if c.NextProtos names that, and nothing else. It sends a response in records as large as allowed, and its connections wait for readiness
// like those without TLS: one read(2) a request instead of two, and no buffer of ours on
// an idle connection.
func NewTLSListener(l net.Listener, c *tls.Config) net.Listener {
	c = c.Clone()
	protocols := []string{protocol1}
	if slices.Contains(c.NextProtos, protocol2) {
		protocols = []string{protocol2, protocol1}
	}
	c.NextProtos = protocols
	c.DynamicRecordSizingDisabled = true
	return tlsListener{l, c}
}

// Names of protocols (ALPN).
const (
	protocol1 = "http/1.1"
	protocol2 = "h2"
)

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

// tlsSocket is the network as crypto/tls sees it. Between ready and blocking its reads do
// not wait but fail with EAGAIN, which crypto/tls passes on without giving up the
// connection, since it is a temporary net.Error.
//
// A write waits only where a limit runs. crypto/tls writes within reads as well, to
// answer an update of keys, and says goodbye when it closes; a peer that leaves no room
// for that does not read, and loses the connection.
type tlsSocket struct {
	net.Conn
	raw  syscall.RawConn
	conn *conn // set once, before anything is read or written

	// Owned by the reading goroutine.
	fd       int  // -1 while reads block
	trust    bool // a read that does not fill its space has emptied the socket
	drained  bool
	records  records
	idle     int // bytes read since anything came out of them
	total    int // bytes read
	atStream int // of these, before the connection became a stream

	multi *multi // over HTTP/2, else nil; set before the first frame

	stuck atomic.Bool // a write could not wait
}

// idleBytes bounds what may come without a byte for us before a request counts as begun:
// more than an update of keys needs, and far less than the 64 KiB that crypto/tls keeps
// of a handshake's message.
const idleBytes = 1 << 10

var errWouldWait = errors.New("httpd: the peer takes no bytes while it sends")

func (s *tlsSocket) ready(fd int, trust bool) { s.fd, s.trust, s.drained, s.idle = fd, trust, false, 0 }

func (s *tlsSocket) blocking() { s.fd = -1 }

// yielded notes that what was read came to n bytes.
func (s *tlsSocket) yielded(n int) {
	if n > 0 {
		s.idle = 0
	}
}

// pending reports whether there is a part of what may be a request.
func (s *tlsSocket) pending() bool { return s.records.partial() || s.idle > idleBytes }

func (s *tlsSocket) Read(p []byte) (int, error) {
	n, err := s.read(p)
	s.records.take(p[:n])
	s.idle += n
	s.total += n
	if s.multi != nil && s.pending() {
		s.multi.session.Begun()
	}
	return n, err
}

func (s *tlsSocket) read(p []byte) (int, error) {
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

func (s *tlsSocket) Write(p []byte) (int, error) {
	switch _, phase, _ := s.conn.deadline.load(); phase {
	case writing:
		return s.writeCounted(p)
	case streamWriting, aside:
		if s.multi != nil {
			return s.writeForMany(p)
		}
		return s.Conn.Write(p)
	}
	return s.writeAtOnce(p)
}

// writeCounted writes a part of an answer, which counts as waiting if it has to.
func (s *tlsSocket) writeCounted(p []byte) (n int, err error) {
	if s.fd >= 0 {
		if n, err = writeSome(s.fd, p); err != nil || n == len(p) {
			return n, err
		}
	}
	s.conn.hold()
	m, err := s.Conn.Write(p[n:])
	return n + m, err
}

// writeForMany writes frames of HTTP/2. Whose answers are in them is known there.
func (s *tlsSocket) writeForMany(p []byte) (n int, err error) {
	if e := s.raw.Control(func(fd uintptr) { n, err = writeSome(int(fd), p) }); e != nil {
		return 0, e
	}
	if err != nil || n == len(p) {
		return n, err
	}
	s.multi.session.Blocked()
	m, err := s.Conn.Write(p[n:])
	return n + m, err
}

// writeAtOnce writes what needs no waiting, or breaks the connection.
func (s *tlsSocket) writeAtOnce(p []byte) (n int, err error) {
	if e := s.raw.Control(func(fd uintptr) { n, err = writeSome(int(fd), p) }); e != nil {
		return 0, e
	}
	if err == nil && n < len(p) {
		s.stuck.Store(true)
		err = errWouldWait
	}
	return n, err
}

// records follows the records of TLS in what is read.
type records struct {
	header [5]byte
	have   int // bytes of the header
	left   int // bytes that are still to come of the record
	begun  int // records since conn.measure
}

func (r *records) take(p []byte) {
	for len(p) > 0 {
		if r.left > 0 {
			n := min(r.left, len(p))
			r.left -= n
			p = p[n:]
			continue
		}
		n := copy(r.header[r.have:], p)
		r.have += n
		p = p[n:]
		if r.have == len(r.header) {
			r.have, r.left = 0, int(r.header[3])<<8|int(r.header[4])
			r.begun++
		}
	}
}

// partial reports whether the last record is incomplete.
func (r *records) partial() bool { return r.have > 0 || r.left > 0 }
