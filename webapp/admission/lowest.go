package admission

import (
	"sync/atomic"
	"time"
)

const (
	// firstMask measures every request, until it is known how many there are.
	firstMask = 0
	// lastMask measures one of 256.
	lastMask = 255
	// wanted is the number of samples of an interval that is enough: a third of it is left if
	// two of three connections turn out to tell nothing. In the model of a city (plant_test.go) as many
	// rides are completed with it as if all were measured, and with half of it more are turned back.
	wanted = 6
)

// lowest keeps the least of what it is told.
type lowest struct {
	least atomic.Int64 // ns plus 1; 0 for none
	count atomic.Uint64
}

func (l *lowest) add(d time.Duration) {
	l.count.Add(1)
	v := max(0, int64(d)) + 1
	for {
		old := l.least.Load()
		if old != 0 && old <= v || l.least.CompareAndSwap(old, v) {
			return
		}
	}
}

// take returns the least since the last call.
func (l *lowest) take() (d time.Duration, seen bool, count uint64) {
	count = l.count.Swap(0)
	v := l.least.Swap(0)
	return time.Duration(max(0, v-1)), v != 0, count
}

// Waited tells how long a request has waited before it was read.
func (g *Gate) Waited(d time.Duration) { g.sockets.add(d) }

// Wanted reports whether the wait of a request should be measured and told, given any number that
// differs from request to request. So many are measured that an interval has about half a dozen,
// whatever the load, and all while some may be too old.
func (g *Gate) Wanted(n uint64) bool { return n&g.mask.Load() == 0 }

// aim chooses how many requests to measure.
func (g *Gate) aim(samples uint64, low time.Duration) {
	mask := g.mask.Load()
	switch {
	case low > deep:
		mask = 0
	case samples > 2*wanted:
		mask = min(mask<<1|1, lastMask)
	case samples < wanted/2:
		mask >>= 1
	}
	g.mask.Store(mask)
}
