package httpd

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"
)

// patience bounds waits that end by an event. It only decides how long a broken
// test hangs.
const patience = 20 * time.Second

// modes are the two ways a connection is read.
var modes = map[string]func(net.Listener) net.Listener{
	"readiness": func(l net.Listener) net.Listener { return l },
	"blocking":  func(l net.Listener) net.Listener { return hidden{l} },
}

// hidden passes connections on as something that is neither TCP nor a unix socket,
// so that the server reads them the way it reads TLS.
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

// inBothModes runs a test against a server over TCP in either way of reading.
func inBothModes(t *testing.T, h Handler, o Options, test func(t *testing.T, s *Server, addr string)) {
	for name, wrap := range modes {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "tcp")
			s := serve(t, wrap(l), h, o)
			test(t, s, l.Addr().String())
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

// client is a raw connection.
type client struct {
	t *testing.T
	net.Conn
}

func dial(t *testing.T, addr string) client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return client{t, nc}
}

func (c client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatalf("send: %v", err)
	}
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
	if err != nil || string(got) != want {
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
