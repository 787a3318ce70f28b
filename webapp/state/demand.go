package state

import (
	"sync/atomic"

	"isuride/webapp/isuride"
)

// Demand is what riders have asked of a region.
type Demand struct {
	Found, Futile uint64 // looks for chairs, that showed some or none
	Orders        uint64 // of rides
}

// demandCounts are a Demand while it grows.
type demandCounts struct{ found, futile, orders atomic.Uint64 }

// Demand reads the counts. They may be a few calls apart from each other.
func (r *Region) Demand() Demand {
	d := &r.demand
	return Demand{Found: d.found.Load(), Futile: d.futile.Load(), Orders: d.orders.Load()}
}

// Looked tells that a rider at this place has looked for chairs, and whether there were
// some. It costs one atomic addition.
func (s *Store) Looked(at isuride.Coordinate, found bool) {
	d := &s.regions[isuride.RegionOf(at)].demand
	if found {
		d.found.Add(1)
		return
	}
	d.futile.Add(1)
}
