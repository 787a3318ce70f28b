package histogram

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestBounds(t *testing.T) {
	if b := Bounds(); !slices.IsSorted(b) || b[0] <= 0 {
		t.Fatalf("the bounds are %v", b)
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
	if n := testing.AllocsPerRun(100, func() { h.Observe(time.Millisecond) }); n != 0 {
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
