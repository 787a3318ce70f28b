package httpd

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

// memory is what the process holds, in bytes.
type memory struct{ resident, heap, stacks float64 }

func measure(tb testing.TB) memory {
	tb.Helper()
	debug.FreeOSMemory()
	debug.FreeOSMemory() // pools need two collections to become empty
	file, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		tb.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(file))[1])
	if err != nil {
		tb.Fatal(err)
	}
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	return memory{float64(pages * os.Getpagesize()), float64(ms.HeapInuse), float64(ms.StackInuse)}
}

// streamsOverMemory opens n streams from another process and returns what each of them
// costs.
func streamsOverMemory(tb testing.TB, n int, secure bool) memory {
	l := listen(tb, "tcp")
	target := "tcp," + l.Addr().String() + ",plain"
	if secure {
		target = "tcp," + l.Addr().String() + ",tls"
		l = NewTLSListener(l, tlsConfig(tb))
	}
	s := New(func(c *Ctx) { c.Stream(func(*Stream) {}) }, Options{})
	go s.Serve(l)
	defer s.Shutdown(tb.Context())
	ld := startLoad(tb, target)
	before := measure(tb)
	ld.openStreams(tb, n)
	after := measure(tb)
	if st := s.Stats(); st.Streams != n {
		tb.Fatalf("stats %+v", st)
	}
	per := func(a, b float64) float64 { return (b - a) / float64(n) }
	return memory{per(before.resident, after.resident), per(before.heap, after.heap), per(before.stacks, after.stacks)}
}

// TestIdleStreamMemory guards the budget of an idle stream: 16 KiB in the whole server,
// at most half of it here. It counts heap and stacks, which do not depend on the
// machine's moods; BenchmarkIdleStreams reports the resident size too.
func TestIdleStreamMemory(t *testing.T) {
	m := streamsOverMemory(t, 1000, false)
	t.Logf("heap %.0f, stack %.0f, resident %.0f bytes/stream", m.heap, m.stacks, m.resident)
	if m.heap+m.stacks > 8<<10 {
		t.Errorf("heap %.0f and stack %.0f bytes/stream", m.heap, m.stacks)
	}
}

func BenchmarkIdleStreams(b *testing.B) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				m := streamsOverMemory(b, 5000, secure)
				b.ReportMetric(m.resident, "resident-B/stream")
				b.ReportMetric(m.heap, "heap-B/stream")
				b.ReportMetric(m.stacks, "stack-B/stream")
			}
		})
	}
}
