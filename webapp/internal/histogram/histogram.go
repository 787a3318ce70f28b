// Package histogram counts durations by size: two atomic additions for each, no lock and
// no allocation. It leaves the counts to its readers.
//
// Its few fixed buckets are those that Prometheus wants on /metrics. The benchmarker has a
// histogram of its own (bench/world), since it wants the opposite: percentiles within 3 %
// of any duration, in any number of buckets, counted by a single goroutine. One type for
// both would be worse at either, and the two programs share no code.
package histogram

import (
	"sync/atomic"
	"time"
)

// bounds are the upper ends of the buckets, inclusive. From a handler's work to the
// longest wait a client bears, they are closest around 30 ms, the tick in which simulated
// chairs move (S7.3): an answer that takes longer costs its chair a step. 0.5 and 5 ms are what waiting for
// replicas is held to (docs/replication.md): a bar that is no bound cannot be decided.
var bounds = [...]time.Duration{
	30 * time.Microsecond, 100 * time.Microsecond, 300 * time.Microsecond, 500 * time.Microsecond,
	1 * time.Millisecond, 3 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 30 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	1 * time.Second, 3 * time.Second, 10 * time.Second,
}

// Bounds returns the upper ends of all buckets but the last, which has none.
func Bounds() []time.Duration { return bounds[:] }

// Histogram counts durations. The zero value is ready; any goroutine may use it.
type Histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	sum    atomic.Int64 // ns
}

// Observe counts d. What is common is in the first buckets, hence no binary search.
func (h *Histogram) Observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// Snapshot is a copy of a histogram's counts.
type Snapshot struct {
	Counts [len(bounds) + 1]uint64 // by bucket, each without the ones below it
	Sum    time.Duration
}

// Snapshot reads the counts. What is observed meanwhile may be in them or not.
func (h *Histogram) Snapshot() (s Snapshot) {
	for i := range h.counts {
		s.Counts[i] = h.counts[i].Load()
	}
	s.Sum = time.Duration(h.sum.Load())
	return s
}

// Count returns the number of durations.
func (s *Snapshot) Count() (n uint64) {
	for _, c := range s.Counts {
		n += c
	}
	return n
}

// Add adds what another histogram has counted.
func (s *Snapshot) Add(o Snapshot) {
	for i, c := range o.Counts {
		s.Counts[i] += c
	}
	s.Sum += o.Sum
}

// Sub takes away what an earlier snapshot of the same histogram has counted.
func (s *Snapshot) Sub(o Snapshot) {
	for i, c := range o.Counts {
		s.Counts[i] -= c
	}
	s.Sum -= o.Sum
}

// Quantile returns a duration that the share q (0 to 1) of all does not exceed: within a bucket they are
// taken to lie evenly, beyond the last bound at it. It is 0 if nothing was counted.
func (s *Snapshot) Quantile(q float64) time.Duration {
	rank, below := q*float64(s.Count()), 0.0
	if rank == 0 {
		return 0
	}
	from := time.Duration(0)
	for i, bound := range bounds {
		if n := float64(s.Counts[i]); below+n >= rank {
			return from + time.Duration(float64(bound-from)*(rank-below)/n)
		}
		below += float64(s.Counts[i])
		from = bound
	}
	return from
}
