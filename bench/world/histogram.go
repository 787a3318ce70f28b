package world

import "math/bits"

// A Histogram counts durations in buckets that are at most a thirty-second part wide, so a
// percentile read from it is within about 3 %. One goroutine owns it. The zero value is
// empty. The server's own histogram has a few fixed buckets for Prometheus and counts for
// many goroutines; a shared one would be worse at either.
type Histogram struct {
	counts []uint64
	total  uint64
	sum    Instant
	max    Instant
}

// Each power of two is divided into subBuckets buckets.
const subBuckets = 32

func bucketOf(d Instant) int {
	v := uint64(max(d, 0))
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - bits.Len64(subBuckets)
	return shift*subBuckets + int(v>>shift)
}

// bucketEnd is the greatest duration that falls into the bucket.
func bucketEnd(b int) Instant {
	if b < 2*subBuckets {
		return Instant(b)
	}
	shift := b/subBuckets - 1
	return Instant(b-shift*subBuckets+1)<<shift - 1
}

// Add counts one duration; a negative one counts as none at all.
func (h *Histogram) Add(d Instant) {
	b := bucketOf(d)
	for b >= len(h.counts) {
		h.counts = append(h.counts, 0)
	}
	h.counts[b]++
	h.total++
	h.sum += max(d, 0)
	h.max = max(h.max, d)
}

// Count is the number of durations.
func (h *Histogram) Count() int { return int(h.total) }

// Max is the longest one.
func (h *Histogram) Max() Instant { return h.max }

// Mean is the average, 0 if there is none.
func (h *Histogram) Mean() Instant {
	if h.total == 0 {
		return 0
	}
	return h.sum / Instant(h.total)
}

// Percentile is a duration which p percent of all do not exceed, 0 if there is none.
func (h *Histogram) Percentile(p float64) Instant {
	rank := uint64(p / 100 * float64(h.total))
	var seen uint64
	for b, n := range h.counts {
		if seen += n; seen > rank || seen == h.total && n > 0 {
			return min(bucketEnd(b), h.max)
		}
	}
	return 0
}
