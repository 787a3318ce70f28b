// Package histogram counts durations so that percentiles of any number of them take
// little memory: buckets grow with the value, by 1/64 at most, and a percentile is the
// middle of its bucket, so that it is less than 1 % off.
package histogram

import (
	"math/bits"
)

// Histogram counts values from 0 up, of any unit. The zero value is empty.
type Histogram struct {
	counts []uint64 // as long as the highest value needs
	count  uint64
	sum    uint64
	max    uint64
}

// Each power of two has perOctave buckets; below twice that, each value has its own.
const (
	octaveBits = 6
	perOctave  = 1 << octaveBits
)

// Add counts a value.
func (h *Histogram) Add(v uint64) {
	i := bucket(v)
	if i >= len(h.counts) {
		h.counts = append(h.counts, make([]uint64, i+1-len(h.counts))...)
	}
	h.counts[i]++
	h.count++
	h.sum += v
	h.max = max(h.max, v)
}

// bucket is the index for a value: the octave above the first two, and within it the bits
// behind the leading one.
func bucket(v uint64) int {
	shift := bits.Len64(v) - octaveBits - 1
	if shift <= 0 {
		return int(v)
	}
	return shift<<octaveBits + int(v>>shift)
}

// middle is the value that stands for a bucket.
func middle(i int) uint64 {
	if i < 2*perOctave {
		return uint64(i)
	}
	shift := i>>octaveBits - 1
	low := uint64(i-shift<<octaveBits) << shift
	return low + 1<<(shift-1)
}

// Count is the number of values.
func (h *Histogram) Count() uint64 { return h.count }

// Sum is that of all values.
func (h *Histogram) Sum() uint64 { return h.sum }

// Max is the highest value, exactly; 0 without values.
func (h *Histogram) Max() uint64 { return h.max }

// Mean is 0 without values.
func (h *Histogram) Mean() float64 {
	if h.count == 0 {
		return 0
	}
	return float64(h.sum) / float64(h.count)
}

// Quantile is the smallest value that the share q of all values does not exceed; 0
// without values.
func (h *Histogram) Quantile(q float64) uint64 {
	rank := uint64(q * float64(h.count)) // of the value, from 0
	if rank > 0 && float64(rank) == q*float64(h.count) {
		rank--
	}
	seen := uint64(0)
	for i, n := range h.counts {
		if seen += n; seen > rank {
			return min(middle(i), h.max)
		}
	}
	return h.max
}
