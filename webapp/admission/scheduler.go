package admission

import (
	"math"
	"runtime/metrics"
	"time"
)

const latencies = "/sched/latencies:seconds"

// lowTenth is the share of goroutines that count as those that waited least: some always run
// at once, whatever the others do.
const lowTenth = 0.1

// Scheduler returns the source of how long goroutines that could run have waited for a processor. It
// is a part of what a request waits: before it, it waits in the kernel.
func Scheduler() Source {
	s := &scheduler{sample: []metrics.Sample{{Name: latencies}}}
	s.low() // what was before does not count
	return Source{Name: "scheduler", Low: s.low}
}

type scheduler struct {
	sample []metrics.Sample
	before []uint64
}

func (s *scheduler) low() (time.Duration, bool) {
	metrics.Read(s.sample)
	if s.sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0, false
	}
	h := s.sample[0].Value.Float64Histogram()
	if s.before == nil {
		s.before = make([]uint64, len(h.Counts))
	}
	d, ok := lowOf(h.Buckets, h.Counts, s.before)
	copy(s.before, h.Counts)
	return d, ok
}

// lowOf returns the lower bound of the bucket in which the tenth lies of what has come since before.
func lowOf(bounds []float64, counts, before []uint64) (time.Duration, bool) {
	total := uint64(0)
	for i := range counts {
		total += counts[i] - before[i]
	}
	if total == 0 {
		return 0, false
	}
	upTo := uint64(0)
	for i := range counts {
		upTo += counts[i] - before[i]
		if float64(upTo) >= lowTenth*float64(total) {
			return seconds(bounds[i]), true
		}
	}
	panic("BUG: a histogram has lost what it counted")
}

func seconds(s float64) time.Duration {
	if math.IsInf(s, -1) || s < 0 {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}
