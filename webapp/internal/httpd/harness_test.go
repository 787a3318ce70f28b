package httpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds waits that end by an event. It only decides how long a broken test
// hangs.
const patience = time.Minute

// hidden passes connections on as something that is neither TCP nor a unix socket, so
// that the server reads them the way it reads TLS.
type hidden struct{ net.Listener }

func (h hidden) Accept() (net.Conn, error) {
	nc, err := h.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return hiddenConn{nc}, nil
}

type hiddenConn struct{ net.Conn }

func (c hiddenConn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

// modes are the ways a connection is read and written.
var modes = []struct {
	name   string
	wrap   func(testing.TB, net.Listener) net.Listener
	secure bool
}{
	{"readiness", plain, false},
	{"blocking", hide, false},
	{"tls", secure, true},
	{"tls blocking", secureStandard, true},
}

func plain(_ testing.TB, l net.Listener) net.Listener { return l }
func hide(_ testing.TB, l net.Listener) net.Listener  { return hidden{l} }

func secure(tb testing.TB, l net.Listener) net.Listener {
	return NewTLSListener(l, tlsConfig(tb))
}

func secureStandard(tb testing.TB, l net.Listener) net.Listener {
	return tls.NewListener(l, tlsConfig(tb))
}

// target is where a client finds a server.
type target struct {
	addr   string
	secure bool
}

func (a target) url(path string) string {
	if a.secure {
		return "https://" + a.addr + path
	}
	return "http://" + a.addr + path
}

func (a target) connect() (net.Conn, error) {
	nc, err := net.Dial("tcp", a.addr)
	if err == nil && a.secure {
		nc = tls.Client(nc, insecure())
	}
	return nc, err
}

// inAllModes runs a test against servers over TCP, one for each mode.
func inAllModes(t *testing.T, h Handler, o Options, test func(t *testing.T, s *Server, a target)) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			l := listen(t, "tcp")
			s := serve(t, m.wrap(t, l), h, o)
			test(t, s, target{l.Addr().String(), m.secure})
		})
	}
}

// serve runs a server until the end of the test, which also ends it in order.
func serve(t *testing.T, l net.Listener, h Handler, o Options) *Server {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := New(h, o)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-done; err != ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
		if st := s.Stats(); st.Conns != 0 || st.Streams != 0 {
			t.Errorf("left after Shutdown: %+v", st)
		}
	})
	return s
}

// client is a connection that speaks raw HTTP.
type client struct {
	t *testing.T
	net.Conn
}

func dial(t *testing.T, a target) client {
	t.Helper()
	nc, err := a.connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return client{t, nc}
}

// insecure is the client's configuration for the certificate of tlsConfig.
func insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// transport is net/http's client for servers with and without TLS.
func transport(t *testing.T) *http.Transport {
	tr := &http.Transport{TLSClientConfig: insecure(), ForceAttemptHTTP2: true, ExpectContinueTimeout: patience}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func (c client) closeWrite() {
	c.t.Helper()
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
}

// cork holds back what is sent until the connection is closed for writing.
func (c client) cork() {
	c.t.Helper()
	raw, err := c.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		c.t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CORK, 1)
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// reset ends the connection with a TCP reset.
func (c client) reset() {
	nc := c.Conn
	if s, ok := nc.(*tls.Conn); ok {
		nc = s.NetConn()
	}
	nc.(*net.TCPConn).SetLinger(0)
	nc.Close()
}

func (c client) send(s string) {
	c.t.Helper()
	if err := c.trySend(s); err != nil {
		c.t.Fatal(err)
	}
}

// trySend is for goroutines other than the test's.
func (c client) trySend(s string) error {
	if _, err := io.WriteString(c, s); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// expect reads exactly want.
func (c client) expect(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c, got)
	if err != nil || string(got) != want {
		c.t.Fatalf("got  %q (%v)\nwant %q", got[:n], err, want)
	}
}

// expectEnd reads to the end of the connection.
func (c client) expectEnd(want string) {
	c.t.Helper()
	got, err := io.ReadAll(c)
	// TCP answers with a reset what a client sends after the end.
	if err != nil && !errors.Is(err, syscall.ECONNRESET) || string(got) != want {
		c.t.Fatalf("got  %q (%v)\nwant %q and the end", got, err, want)
	}
}

// await receives from ch, or fails.
func await[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("%s: nothing happened", what)
	}
	return v
}

// pipes is a listener of in-memory connections, for tests with a fake clock.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	gone  chan struct{}
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), gone: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.gone:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.gone) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{} }

func (p *pipes) dial(t *testing.T) client {
	mine, theirs := net.Pipe()
	p.conns <- theirs
	t.Cleanup(func() { mine.Close() })
	return client{t, mine}
}

// logBuffer collects log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func pipe(t *testing.T) (mine, theirs net.Conn) {
	mine, theirs = net.Pipe()
	t.Cleanup(func() { mine.Close() })
	return mine, theirs
}
