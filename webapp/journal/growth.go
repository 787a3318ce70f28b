package journal

import "sync/atomic"

// growth lets goroutines sleep until the log grows. The appender pays one atomic load while nobody
// sleeps; the channel of the sleepers is closed by the first signal after it was handed out.
//
// No wake-up is lost: the sleeper takes the channel first and looks at the log second, the appender
// extends the log first and looks for a channel second, and Go's atomics are sequentially consistent.
type growth struct {
	sleepers atomic.Pointer[chan struct{}]
}

// next returns a channel that the next signal closes. Look at the log after taking it.
func (g *growth) next() <-chan struct{} {
	for {
		if c := g.sleepers.Load(); c != nil {
			return *c
		}
		c := make(chan struct{})
		if g.sleepers.CompareAndSwap(nil, &c) {
			return c
		}
	}
}

// signal wakes whoever sleeps.
func (g *growth) signal() {
	if g.sleepers.Load() == nil {
		return
	}
	if c := g.sleepers.Swap(nil); c != nil {
		close(*c)
	}
}
