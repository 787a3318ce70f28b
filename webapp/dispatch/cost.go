package dispatch

import (
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

const (
	tick     = 30 * time.Millisecond
	tickUnit = 1000 // cost of one tick

	// reach caps distances: the longest way inside a town (S1.2). Clients may send any
	// coordinates, and distances beyond it say nothing about a chair's work.
	reach = 200

	// classStep separates the classes of rides, see class. It is more than two costs
	// inside a class can differ by, and both together stay far from overflow.
	classStep = 1 << 28
	// maxCost bounds a cost inside its class, whatever the parameters.
	maxCost = 1 << 26
)

// class orders rides where costs do not: no chair goes to a class while it could go to a
// ride of a lower one.
type class int64

const (
	overdue   class = iota - 1 // past the ramp
	ordinary                   // begins and ends within a town
	elsewhere                  // leads out of the town, so that its costs mean little
)

// classOf returns the class of a ride of that age.
func (p *Params) classOf(r *state.Ride, age time.Duration) class {
	switch {
	case age >= p.Ramp:
		return overdue
	case r.Pickup.Distance(r.Destination) > reach,
		r.Pickup.Distance(isuride.RegionOf(r.Pickup).Centre()) > reach:
		return elsewhere
	}
	return ordinary
}

// way returns the distance as far as it counts.
func way(a, b isuride.Coordinate) int64 { return int64(min(a.Distance(b), reach)) }

// rideCost returns a ride's share of the cost of its pairs, whatever the chair. Past the
// ramp no age counts any more: see Dispatcher.chooseLocked.
func (p *Params) rideCost(r *state.Ride, age time.Duration) int64 {
	trip, waited := p.rideTerms(r, age)
	return max(trip+waited, -maxCost)
}

// rideTerms returns the bonuses for the ride's length and for its age.
func (p *Params) rideTerms(r *state.Ride, age time.Duration) (trip, waited int64) {
	age = min(max(age, 0), p.Ramp)
	return -way(r.Pickup, r.Destination) * int64(p.TripWeight), -int64(age/tick) * int64(p.AgeWeight)
}

// pairCost returns what the chair adds to the ride's cost.
func (p *Params) pairCost(r *state.Ride, c *state.FreeChair) int64 {
	pickup, carry := p.pairTerms(r, c)
	return pickup + carry
}

// pairTerms returns the pickup time, and the carrying time as far as the chair's speed
// differs from the mean.
func (p *Params) pairTerms(r *state.Ride, c *state.FreeChair) (pickup, carry int64) {
	speed, mean := int64(max(c.Speed, 1)), int64(p.MeanSpeed) // a table may hold any speed
	pickup = way(c.At, r.Pickup) * tickUnit / speed
	whole := way(r.Pickup, r.Destination) * tickUnit
	return pickup, (whole/speed - whole/mean) * int64(p.CarryWeight) / 1000
}

// pickupTime returns the chair's travel time to the pickup place.
func pickupTime(r *state.Ride, c *state.FreeChair) time.Duration {
	return time.Duration(c.At.Distance(r.Pickup)) * tick / time.Duration(max(c.Speed, 1))
}

// fill computes the matrix, rides by chairs, row-major, into dst.
func (p *Params) fill(dst []int32, rides []candidate, chairs []state.FreeChair) []int32 {
	dst = dst[:0]
	for i := range rides {
		step := int64(rides[i].class) * classStep
		for k := range chairs {
			cost := rides[i].cost + p.pairCost(rides[i].ride, &chairs[k])
			dst = append(dst, int32(step+min(max(cost, -maxCost), maxCost)))
		}
	}
	return dst
}
