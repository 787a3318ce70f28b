package client

import (
	"net/netip"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"isuride/bench/world"
)

// planned is how many connections a run may need (spec 15.3).
const planned = 100_000

// TestManyConnections opens as many connections at once as the limit of open files allows, over several loopback
// addresses as many as one address has no ports for, and uses every one of them twice.
func TestManyConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("opens thousands of connections")
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	const spare = 500 // for everything else, here and in the responder
	n := int(min(planned, limit.Cur-spare))
	addr := netip.MustParseAddrPort(startResponder(t))
	var sources []netip.Addr
	for i := range byte(8) {
		sources = append(sources, netip.AddrFrom4([4]byte{127, 0, 1, i + 1}))
	}
	r := newRig(t, "http", addr.String(), func(c *Config) { c.Routes = Routes(sources, []netip.AddrPort{addr}) })
	answered, failures := 0, 0
	r.engine.deliver = func(_ world.Instant, e world.Event) {
		answered++
		if e.Failure != nil {
			failures++
		}
	}
	before := heap()
	chairs := make([]*chairClient, n)
	for i := range chairs {
		chairs[i] = r.chair()
	}
	const wave = 1000 // at a time, as a server's backlog is limited
	for round := range 2 {
		for from := 0; from < n; from += wave {
			part := chairs[from:min(from+wave, n)]
			r.loop.Post(taskFunc(func() {
				for _, c := range part {
					c.PostPosition(world.Point{})
				}
			}))
			want := round*n + from + len(part)
			r.until("a wave is answered", func() bool { return answered == want })
		}
	}
	d := r.engine.Dials()
	t.Logf("%d connections at once over %d addresses, %d bytes of heap each", d.PeakOpen, len(sources), (heap()-before)/uint64(n))
	if failures > 0 || d.Dials != n || d.Open != n || len(d.Errors) > 0 {
		t.Errorf("%d failures; %d dials, %d open, errors %v; want %d open", failures, d.Dials, d.Open, d.Errors, n)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
