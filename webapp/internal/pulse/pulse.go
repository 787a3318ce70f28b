// Package pulse lets any number of goroutines sleep until something has changed.
package pulse

import "sync/atomic"

// Pulse wakes all who wait for its next beat. The zero value is ready. A beat costs one
// atomic load while nobody waits.
//
// No wake-up is lost: the sleeper takes the channel first and looks for the change
// second, the other side makes the change first and beats second, and Go's atomics are
// sequentially consistent.
type Pulse struct {
	waiting atomic.Pointer[chan struct{}] // closed by the next beat; nil if nobody waits
}

// Next returns a channel that the next Beat closes. Look for the change after taking it.
func (p *Pulse) Next() <-chan struct{} {
	for {
		if c := p.waiting.Load(); c != nil {
			return *c
		}
		c := make(chan struct{})
		if p.waiting.CompareAndSwap(nil, &c) {
			return c
		}
	}
}

// Beat wakes all who wait.
func (p *Pulse) Beat() {
	if p.waiting.Load() == nil {
		return
	}
	if c := p.waiting.Swap(nil); c != nil {
		close(*c)
	}
}
