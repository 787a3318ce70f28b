package dispatch

import (
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

const (
	tick     = 30 * time.Millisecond
	tickUnit = 1000 // cost of one tick

	// rampStep separates the ages from Ramp on: one tick older outweighs any journey.
	rampStep = 1_000_000
	// maxCost bounds a pair's cost so that sums of a whole round stay far from overflow
	// and a freak distance cannot wrap around.
	maxCost = 1 << 29
)

// rideCost is what a ride contributes to the cost of its pairs, whatever the chair.
func (p *Params) rideCost(r *state.Ride, now isuride.Time) int64 {
	age := max(now.Sub(r.CreatedAt), 0)
	cost := -int64(age/tick)*int64(p.AgeWeight) - int64(r.Pickup.Distance(r.Destination))*int64(p.TripWeight)
	if age > p.Ramp {
		cost -= int64((age-p.Ramp)/tick) * rampStep
	}
	return max(cost, -maxCost)
}

// pairCost is the pickup time, and the carrying time as far as the chair's speed
// differs from the mean.
func (p *Params) pairCost(r *state.Ride, c *state.FreeChair) int64 {
	speed, mean := int64(c.Speed), int64(p.MeanSpeed)
	pickup := int64(c.At.Distance(r.Pickup)) * tickUnit / speed
	carry := int64(r.Pickup.Distance(r.Destination)) * tickUnit
	return pickup + (carry/speed-carry/mean)*int64(p.CarryWeight)/1000
}

// pickupTime is how long the chair drives to where the ride begins.
func pickupTime(r *state.Ride, c *state.FreeChair) time.Duration {
	return time.Duration(c.At.Distance(r.Pickup)) * tick / time.Duration(c.Speed)
}

// fill computes the matrix, rides by chairs, row-major, into dst.
func (p *Params) fill(dst []int32, rides []candidate, chairs []state.FreeChair) []int32 {
	dst = dst[:0]
	for i := range rides {
		for k := range chairs {
			cost := rides[i].cost + p.pairCost(rides[i].ride, &chairs[k])
			dst = append(dst, int32(min(max(cost, -maxCost), maxCost)))
		}
	}
	return dst
}
