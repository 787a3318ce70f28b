package histogram

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"isuride/tools/dev/allocs"
)

func TestBounds(t *testing.T) {
	b := Bounds()
	if !slices.IsSorted(b) || b[0] <= 0 {
		t.Fatalf("the bounds are %v", b)
	}
	// The bars of replication.md, and the limit of the alert on position reports.
	for _, bar := range []time.Duration{500 * time.Microsecond, 5 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond} {
		if !slices.Contains(b, bar) {
			t.Errorf("%v is no bound, so nothing can be held to it", bar)
		}
	}
}

// TestBuckets: a duration belongs to the first bucket whose bound is not below it.
func TestBuckets(t *testing.T) {
	for i, bound := range Bounds() {
		var h Histogram
		h.Observe(bound)
		h.Observe(bound + 1)
		s := h.Snapshot()
		if s.Counts[i] != 1 || s.Counts[i+1] != 1 || s.Count() != 2 || s.Sum != 2*bound+1 {
			t.Errorf("%v and a nanosecond more are counted as %+v", bound, s)
		}
	}
	var h Histogram
	h.Observe(0)
	h.Observe(-time.Second) // a clock that was set back
	h.Observe(time.Hour)
	if s := h.Snapshot(); s.Counts[0] != 2 || s.Counts[len(s.Counts)-1] != 1 {
		t.Errorf("the ends are counted as %+v", s)
	}
}

// TestParallel: nothing is lost between goroutines, and sums are those of one histogram
// that has seen everything.
func TestParallel(t *testing.T) {
	const workers, each = 4, 1000
	var parts [2]Histogram
	var whole Histogram
	var wait sync.WaitGroup
	for w := range workers {
		rng := rand.New(rand.NewPCG(uint64(w), 1))
		wait.Go(func() {
			for range each {
				d := time.Duration(rng.Int64N(int64(20 * time.Second)))
				parts[w%2].Observe(d)
				whole.Observe(d)
			}
		})
	}
	wait.Wait()
	sum := parts[0].Snapshot()
	sum.Add(parts[1].Snapshot())
	if want := whole.Snapshot(); sum != want || sum.Count() != workers*each {
		t.Errorf("the parts make %+v, the whole is %+v", sum, want)
	}
}

func TestObserveAllocatesNothing(t *testing.T) {
	var h Histogram
	if n := allocs.PerRun(100, func() { h.Observe(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkObserve is what counting one request costs, alone and with all cores on one
// histogram.
func BenchmarkObserve(b *testing.B) {
	b.Run("one", func(b *testing.B) {
		var h Histogram
		b.ReportAllocs()
		for b.Loop() {
			h.Observe(40 * time.Microsecond)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		var h Histogram
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				h.Observe(40 * time.Microsecond)
			}
		})
	})
}

func TestQuantile(t *testing.T) {
	var h Histogram
	for range 90 {
		h.Observe(20 * time.Microsecond)
	}
	for range 10 {
		h.Observe(2 * time.Millisecond)
	}
	s := h.Snapshot()
	for q, want := range map[float64]time.Duration{0: 0, 0.45: 15 * time.Microsecond, 0.9: 30 * time.Microsecond, 0.95: 2 * time.Millisecond, 1: 3 * time.Millisecond} {
		if got := s.Quantile(q); got != want {
			t.Errorf("the quantile %v is %v, want %v", q, got, want)
		}
	}
	before := s
	h.Observe(time.Hour)
	s = h.Snapshot()
	s.Sub(before)
	if s.Count() != 1 || s.Sum != time.Hour || s.Quantile(0.5) != 10*time.Second {
		t.Errorf("one that took an hour since then is %+v", s)
	}
	s.Sub(s)
	if got := s.Quantile(0.99); got != 0 {
		t.Errorf("of none the quantile is %v", got)
	}
}
