package client

import (
	"net/netip"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"isuride/bench/world"
)

// planned is the number of connections that a run may need (B15.3).
const planned = 100_000

// TestManyConnections opens as many connections at once as the limit of open files
// allows, over several loopback addresses as many as one address has no ports for, and
// uses every one of them twice.
func TestManyConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("opens thousands of connections")
	}
	n := mostConnections(t)
	addr := netip.MustParseAddrPort(startResponder(t))
	sources := consecutive("127.0.1.1", 8)
	r := newRig(t, "http", addr.String(), func(c *Config) { c.Routes = Routes(sources, []netip.AddrPort{addr}) })
	before := heap()
	c := newCrowd(r, n)
	c.report()
	c.report()
	d := r.engine.Dials()
	t.Logf("%d connections at once over %d addresses, %d bytes of heap each", d.PeakOpen, len(sources), (heap()-before)/uint64(n))
	if c.failed > 0 || d.Dials != n || d.Open != n || len(d.Errors) > 0 {
		t.Errorf("%d failures; %d dials, %d open, errors %v; want %d open", c.failed, d.Dials, d.Open, d.Errors, n)
	}
}

// mostConnections is what is planned, or what the limit of open files allows.
func mostConnections(t *testing.T) int {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	const spare = 500 // for everything else, here and in the responder
	return int(min(planned, limit.Cur-spare))
}

// consecutive is n addresses from the first one on.
func consecutive(first string, n int) []netip.Addr {
	list := []netip.Addr{netip.MustParseAddr(first)}
	for len(list) < n {
		list = append(list, list[len(list)-1].Next())
	}
	return list
}

// A crowd is chairs that report their positions over a connection each.
type crowd struct {
	rig      *rig
	chairs   []*chairClient
	answered int
	failed   int
	failures map[world.FailureKind]int
}

func newCrowd(r *rig, n int) *crowd {
	c := &crowd{rig: r, failures: map[world.FailureKind]int{}}
	r.engine.deliver = func(_ world.Instant, e world.Event) {
		c.answered++
		if e.Failure != nil {
			c.failed++
			c.failures[e.Failure.Kind]++
		}
	}
	for range n {
		c.chairs = append(c.chairs, r.chair())
	}
	return c
}

// report lets each report once, some at a time, as a server's backlog is limited.
func (c *crowd) report() {
	c.rig.t.Helper()
	const wave = 1000
	for from := 0; from < len(c.chairs); from += wave {
		part := c.chairs[from:min(from+wave, len(c.chairs))]
		want := c.answered + len(part)
		c.rig.loop.Post(taskFunc(func() {
			for _, chair := range part {
				chair.PostPosition(world.Point{})
			}
		}))
		c.rig.until("a wave is answered", func() bool { return c.answered == want })
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
