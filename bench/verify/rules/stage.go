package rules

import "isuride/bench/verify/probe"

// A Stage is a set of scenarios that are played together. Those that request rides, or
// have chairs that a matcher may take, are played in a row and in different places of
// both regions; the others disturb nobody and are played beside them.
type Stage struct {
	Row, Beside []Scenario
}

// Stages are to be played one after another. Everything that the benchmarker does itself
// comes before requests that have to be refused, so that a server that does not survive
// one of these is still checked for all the rest.
func (s *Suite) Stages() []Stage {
	return []Stage{
		{Row: []Scenario{initialization(), survey()}},
		{Row: ordinaryRides(), Beside: ordinaryCalls()},
		{Row: wrongRides()},
		{Beside: wrongCalls()},
		{Row: []Scenario{s.answers.scenario(), wrongInitialization()}},
	}
}

// ordinaryRides begin with the simplest, on which everything else depends.
func ordinaryRides() []Scenario {
	return []Scenario{
		smoke(),
		nearby(probe.At(-45, -45)),
		rides(probe.At(10, -45)),
		sales(probe.At(-45, 10)),
		coupons(probe.At(10, 10)),
		statuses(probe.At(255, 255)),
		charges(probe.At(310, 310)),
		unstableGateway(probe.At(-45, -45)),
		slowGateway(probe.At(10, -45)),
		notices(probe.At(255, 255)),
		stats(probe.At(310, 255)),
		userStreams(probe.At(255, 310)),
		chairStreams(probe.At(310, 310)),
		parallelStreams(probe.At(-45, -45)),
		unreadRide(probe.At(10, -45)),
		rematching(probe.At(-45, 10)),
		eligibility(probe.At(10, 10)),
		distantChair(probe.At(255, 255)),
		matcherEndpoint(),
	}
}

func ordinaryCalls() []Scenario {
	return []Scenario{
		idleConnection(), // the longest first
		sessions(),
		users(),
		paymentMethods(),
		estimates(),
		emptyLists(),
		owners(),
		chairs(),
		positions(),
		concurrentPositions(),
		frontEnd(),
	}
}

func wrongRides() []Scenario {
	return []Scenario{
		refusingGateway(probe.At(-45, 10)),
		abandonedRating(probe.At(10, 10)),
		repetitions(probe.At(310, 255)),
		ridesAtOnce(probe.At(10, -45)),
		wrongStatuses(probe.At(255, 255)),
		wrongRatings(probe.At(255, 310)),
		ratingByOthers(probe.At(310, 310)),
	}
}

func wrongCalls() []Scenario {
	return []Scenario{
		wrongUsers(),
		invitations(),
		wrongTokens(),
		wrongOwners(),
		wrongChairs(),
		wrongTrips(),
		wrongQueries(),
		requests(),
		strangers(),
	}
}
