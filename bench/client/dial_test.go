package client

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"isuride/bench/world"
)

func TestRoutesCoverAllPairs(t *testing.T) {
	sources := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("::1")}
	dests := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:80"), netip.MustParseAddrPort("127.0.0.1:81"), netip.MustParseAddrPort("[::1]:80")}
	seen := map[Route]bool{}
	for _, r := range Routes(sources, dests) {
		if seen[r] || r.Source.Is4() != r.Dest.Addr().Is4() {
			t.Errorf("%v is there twice or impossible", r)
		}
		seen[r] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d routes, want 5: %v", len(seen), seen)
	}
	if got := Routes(nil, dests); len(got) != 3 || got[0].Source.IsValid() {
		t.Errorf("without sources: %v", got)
	}
}

// TestRoutesInUse checks on the server's side that entities take the routes in turn, with
// all their connections.
func TestRoutesInUse(t *testing.T) {
	var mu sync.Mutex
	var pairs []string
	handle := func(c net.Conn) {
		mu.Lock()
		from, _, _ := net.SplitHostPort(c.RemoteAddr().String())
		to, _, _ := net.SplitHostPort(c.LocalAddr().String())
		pairs = append(pairs, from+" "+to)
		mu.Unlock()
		for readRequest(c) {
			io.WriteString(c, recorded)
		}
		c.Close()
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
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
	port := netip.MustParseAddrPort(l.Addr().String()).Port()
	r := newRig(t, "http", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port).String(), func(c *Config) {
		c.Routes = Routes([]netip.Addr{netip.MustParseAddr("127.0.0.5"), netip.MustParseAddr("127.0.0.6")},
			[]netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port)})
	})
	for range 8 {
		r.ok(r.position(r.chair()))
	}
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(pairs)
	want := []string{"127.0.0.5 127.0.0.1", "127.0.0.5 127.0.0.1", "127.0.0.5 127.0.0.2", "127.0.0.5 127.0.0.2",
		"127.0.0.6 127.0.0.1", "127.0.0.6 127.0.0.1", "127.0.0.6 127.0.0.2", "127.0.0.6 127.0.0.2"}
	if !slices.Equal(pairs, want) {
		t.Errorf("pairs %q", pairs)
	}
	for _, route := range r.engine.Dials().Routes {
		if route.Dials != 2 || route.Open != 2 {
			t.Errorf("%+v", route)
		}
	}
}

func TestCloseWindow(t *testing.T) {
	var w closeWindow
	for second := int64(1000); second < 1200; second++ { // two a second
		w.add(second)
		w.add(second)
	}
	if w.sum != 120 || w.peak != 120 {
		t.Errorf("sum %d, peak %d, want 120", w.sum, w.peak)
	}
	w.add(2000)
	if w.sum != 1 || w.peak != 120 {
		t.Errorf("later: sum %d, peak %d", w.sum, w.peak)
	}
	w.add(1990) // clocks may step back
	if w.sum != 2 {
		t.Errorf("after a step back: sum %d", w.sum)
	}
}

var _ world.Clients = (*Engine)(nil)
