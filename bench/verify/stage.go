package verify

// A Stage is a set of scenarios that are played together. Those that request rides, or have
// chairs that a matcher may take, are played in a row and in different places of both regions;
// the others disturb nobody and are played beside them.
type Stage struct {
	Row, Beside []Scenario
}

// Stages are to be played one after another. Everything that the benchmarker does itself comes
// before requests that have to be refused, so that a server that does not survive one of these
// is still checked for all the rest.
func (s *Suite) Stages() []Stage {
	return []Stage{
		{Row: []Scenario{initialization(), survey()}},
		{Row: ordinaryRides(), Beside: ordinaryCalls()},
		{Row: wrongRides()},
		{Beside: wrongCalls()},
		{Row: []Scenario{s.answers.scenario(), wrongInitialization()}},
	}
}

// ordinaryRides begin with the simplest, because it is what everything else is built on.
func ordinaryRides() []Scenario {
	return []Scenario{
		smoke(),
		nearby(pointAt(-45, -45)),
		rides(pointAt(10, -45)),
		sales(pointAt(-45, 10)),
		coupons(pointAt(10, 10)),
		statuses(pointAt(255, 255)),
		charges(pointAt(310, 310)),
		unstableGateway(pointAt(-45, -45)),
		slowGateway(pointAt(10, -45)),
		notices(pointAt(255, 255)),
		stats(pointAt(310, 255)),
		userStreams(pointAt(255, 310)),
		chairStreams(pointAt(310, 310)),
		parallelStreams(pointAt(-45, -45)),
		unreadRide(pointAt(10, -45)),
		rematching(pointAt(-45, 10)),
		eligibility(pointAt(10, 10)),
		distantChair(pointAt(255, 255)),
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
		refusingGateway(pointAt(-45, 10)),
		abandonedRating(pointAt(10, 10)),
		repetitions(pointAt(310, 255)),
		ridesAtOnce(pointAt(10, -45)),
		wrongStatuses(pointAt(255, 255)),
		wrongRatings(pointAt(255, 310)),
		ratingByOthers(pointAt(310, 310)),
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
