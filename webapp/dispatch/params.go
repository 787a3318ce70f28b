package dispatch

import "time"

// Params are all numbers of the policy. Costs are in thousandths of a tick of 30 ms,
// the time in which a chair moves by its speed.
type Params struct {
	// Cadence is the rest of a region after a round that matched something. More rides
	// and chairs in one round make better pairs; 50 to 100 ms costs a ride at most three
	// of the 100 ticks that its rating allows for matching (spec 7.3).
	Cadence time.Duration
	// CarryWeight scales the preference of fast chairs for long rides: the carrying time
	// by which the chair beats the mean, in thousandths. Whole carrying times would
	// favour short rides and starve growth; the difference to the mean favours none.
	CarryWeight int
	// MeanSpeed is the speed against which that difference is taken, in distance a tick:
	// the mean over the chair models (spec 2.3).
	MeanSpeed int
	// AgeWeight is the bonus for each tick that a ride has waited, in thousandths. It
	// only matters when chairs are scarce.
	AgeWeight int
	// Ramp is the age from which a ride goes before all younger ones: the rider must
	// know of the chair's acceptance within 30 s (spec 7.2), and delivery, acceptance
	// and the ride home of the last chair need their share of that.
	Ramp time.Duration
	// MaxRides and MaxChairs bound one round, so that it stays in the order of 10 ms:
	// the oldest rides, and chairs as they come. What is left out waits for the next.
	MaxRides, MaxChairs int
}

// DefaultParams is the policy in use.
func DefaultParams() Params {
	return Params{
		Cadence:     60 * time.Millisecond,
		CarryWeight: 1000,
		MeanSpeed:   5,
		AgeWeight:   100,
		Ramp:        18 * time.Second,
		MaxRides:    400,
		MaxChairs:   2000,
	}
}
