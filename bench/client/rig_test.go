package client

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"isuride/bench/client/evloop"
	"isuride/bench/world"
)

// A rig is an engine with a server, and the test in the place of the World.
type rig struct {
	t      testing.TB
	loop   *evloop.Loop
	engine *Engine
	events []world.Event
	want   int
}

// newRig makes an engine for the server at the address.
func newRig(t testing.TB, scheme, addr string, change func(*Config)) *rig {
	t.Helper()
	loop, err := evloop.New()
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		Target: &url.URL{Scheme: scheme, Host: addr},
		Routes: Routes(nil, []netip.AddrPort{netip.MustParseAddrPort(addr)}),
		Limits: OfficialLimits(),
	}
	c.Limits.Call = patience // right answers may take their time
	if change != nil {
		change(&c)
	}
	r := &rig{t: t, loop: loop}
	if r.engine, err = New(c, loop, r.deliver); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.engine.Close(); loop.Close() })
	return r
}

func (r *rig) deliver(_ world.Instant, e world.Event) {
	r.events = append(r.events, e)
	if len(r.events) == r.want {
		r.loop.Stop()
	}
}

// do runs f, which makes calls, and returns the next n events.
func (r *rig) do(n int, f func()) []world.Event {
	r.t.Helper()
	r.events, r.want = nil, n
	r.loop.Post(evloop.Func(f))
	r.run()
	if len(r.events) != n {
		r.t.Fatalf("%d events, want %d: %+v", len(r.events), n, r.events)
	}
	return r.events
}

// one is do for a single event.
func (r *rig) one(f func()) world.Event {
	r.t.Helper()
	return r.do(1, f)[0]
}

// patience ends a test that hangs. It decides nothing else.
const patience = time.Minute

func (r *rig) run() {
	r.t.Helper()
	watchdog := evloop.Timer{Fire: r.loop.Stop}
	r.loop.Start(&watchdog, patience)
	if err := r.loop.Run(); err != nil {
		r.t.Fatal(err)
	}
	r.loop.Cancel(&watchdog)
}

// until runs the loop until the condition holds, looking every millisecond.
func (r *rig) until(what string, cond func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	var look evloop.Timer
	look.Fire = func() {
		if cond() || time.Now().After(deadline) {
			r.loop.Stop()
			return
		}
		r.loop.Start(&look, time.Millisecond)
	}
	r.loop.Post(evloop.Func(look.Fire))
	if err := r.loop.Run(); err != nil {
		r.t.Fatal(err)
	}
	if !cond() {
		r.t.Fatalf("%s: never", what)
	}
}

// ok fails the test unless the event is a success.
func (r *rig) ok(e world.Event) world.Event {
	r.t.Helper()
	if e.Failure != nil {
		r.t.Fatalf("%+v: %v", e, e.Failure)
	}
	return e
}

func (r *rig) user() *userClient {
	return r.engine.NewUser(world.Entity{Kind: world.KindUser}).(*userClient)
}

func (r *rig) chair() *chairClient {
	return r.engine.NewChair(world.Entity{Kind: world.KindChair}).(*chairClient)
}

// serve starts a server of net/http.
func serve(t *testing.T, h http.Handler) (addr string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// serveTLS starts one that ends TLS, with or without HTTP/2.
func serveTLS(t *testing.T, http2 bool, h http.Handler) (addr string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = http2
	if !http2 {
		s.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// listen starts a server of bare connections.
func listen(t *testing.T, handle func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go handle(c)
		}
	}()
	return l.Addr().String()
}

// taskFunc makes the World's goroutine call f.
func taskFunc(f func()) evloop.Task { return evloop.Func(f) }
