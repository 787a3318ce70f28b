package dispatch

import (
	"sync/atomic"
	"time"

	"isuride/webapp/internal/histogram"
)

// Stats are the figures of a dispatcher. A round counts if it had a ride and a chair.
type Stats struct {
	Took          histogram.Snapshot // by rounds
	Pickup        time.Duration      // that the assigned chairs need to their riders, in sum
	Rides, Chairs int                // that the latest round began with
}

// counters are Stats while they grow. Writers hold the dispatcher's lock; readers, who
// must not wait for a round, do not.
type counters struct {
	took          histogram.Histogram
	pickup        atomic.Int64 // ns
	rides, chairs atomic.Int64
}

// Stats reads the figures.
func (d *Dispatcher) Stats() Stats {
	c := &d.counters
	return Stats{Took: c.took.Snapshot(), Pickup: time.Duration(c.pickup.Load()), Rides: int(c.rides.Load()), Chairs: int(c.chairs.Load())}
}

// Add adds the figures of another dispatcher.
func (s *Stats) Add(o Stats) {
	s.Took.Add(o.Took)
	s.Pickup += o.Pickup
	s.Rides += o.Rides
	s.Chairs += o.Chairs
}
