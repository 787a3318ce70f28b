package state

import (
	"iter"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
)

// Region holds what one dispatch loop works on: the rides that wait for a chair and
// the chairs that are free.
type Region struct {
	free    freeChairs
	changed chan struct{} // holds a token if something came in since it was last taken

	mu      lockwatch.Mutex
	waiting []*Ride // guarded by mu; oldest first, assigned ones not yet dropped
}

func (r *Region) init() {
	r.free.init()
	r.changed = make(chan struct{}, 1)
}

// Changed yields once after a ride or a chair has come in.
func (r *Region) Changed() <-chan struct{} { return r.changed }

// MarkChanged marks the region as changed.
func (r *Region) MarkChanged() {
	select {
	case r.changed <- struct{}{}:
	default: // a token is there already
	}
}

func (r *Region) wait(ride *Ride) {
	r.mu.Lock()
	r.waiting = append(r.waiting, ride)
	r.mu.Unlock()
	r.MarkChanged()
}

// Waiting appends the rides without a chair to dst, oldest first.
func (r *Region) Waiting(dst []*Ride) []*Ride {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.waiting[:0]
	for _, ride := range r.waiting {
		if ride.chair.Load() == nil {
			kept = append(kept, ride)
		}
	}
	clear(r.waiting[len(kept):])
	r.waiting = kept
	return append(dst, kept...)
}

// Free appends the free chairs to dst, in no particular order.
func (r *Region) Free(dst []FreeChair) []FreeChair {
	for c := range r.free.all() {
		dst = append(dst, *c)
	}
	return dst
}

// Nearby yields the listed chairs within distance of a point, inclusive (S4.10).
// All regions are walked: a wide circle knows no borders.
func (s *Store) Nearby(point isuride.Coordinate, distance int) iter.Seq[*FreeChair] {
	return func(yield func(*FreeChair) bool) {
		for i := range s.regions {
			for c := range s.regions[i].free.all() {
				if c.Listed && point.Distance(c.At) <= distance && !yield(c) {
					return
				}
			}
		}
	}
}
