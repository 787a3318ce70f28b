package dispatch

import "time"

// Params are all numbers of the policy. Costs are in thousandths of a tick of 30 ms,
// the time in which a chair moves by its speed. How each was found: docs/dispatch.md.
type Params struct {
	// Cadence is the rest of a region after a round. More rides and chairs in one round
	// make better pairs, and chairs that rest are listed meanwhile; 100 ms costs a ride
	// three of the 100 ticks that its rating allows for matching (S7.3).
	Cadence time.Duration
	// CarryWeight scales the preference of fast chairs for long rides: the carrying time
	// by which the chair beats the mean, in thousandths. Carrying times themselves would
	// favour short rides and starve growth; the difference to the mean favours none. It is
	// scaled down where there are more chairs than rides: a fast chair saves nobody's time
	// there, but its way to the rider is felt.
	CarryWeight int
	// MeanSpeed is the speed against which that difference is taken, in distance a tick:
	// the mean over the chair models (S2.3).
	MeanSpeed int
	// TripWeight is the bonus for each unit of a ride's length. When chairs are scarce,
	// long rides go first: they earn more for the time around them (acceptance, boarding,
	// payment), which is the same for all.
	TripWeight int
	// AgeWeight is the bonus for each tick that a ride has waited. It only matters when
	// chairs are scarce.
	AgeWeight int
	// Ramp is the age from which a ride goes before all younger ones: the rider must
	// know of the chair's acceptance within 30 s (S7.2), and delivery, acceptance
	// and the ride home of the last chair need their share of that.
	Ramp time.Duration
	// RidesPerReserve and MaxReserve say how many chairs stay free, those worst for the
	// waiting rides: one for so many rides (at least 1), up to a maximum and to half of
	// those that are free. A user who finds no free chair asks again every tick or two (S
	// appendix A), which costs more than the chairs could earn; one who does orders, and
	// waits quietly. More than some are a burden, since every answer lists them all.
	RidesPerReserve, MaxReserve int
	// ReserveAge is the age from which a ride counts for the reserve. Where chairs come
	// sooner nothing is held back, which would only make riders wait.
	ReserveAge time.Duration
	// MaxRides and MaxChairs bound what the solver sees, so that a round takes less than
	// 10 ms: the rides and chairs that come first by what they cost whatever the partner.
	// The others wait for the next round.
	MaxRides, MaxChairs int
}

// DefaultParams returns the policy in use.
func DefaultParams() Params {
	return Params{
		Cadence:         100 * time.Millisecond,
		CarryWeight:     1000,
		MeanSpeed:       5,
		TripWeight:      80,
		AgeWeight:       100,
		Ramp:            18 * time.Second,
		RidesPerReserve: 5,
		MaxReserve:      20,
		ReserveAge:      time.Second,
		MaxRides:        200,
		MaxChairs:       400,
	}
}
