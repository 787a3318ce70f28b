package rules

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
		nearby().in(-45, -45),
		rides().in(10, -45),
		sales().in(-45, 10),
		coupons().in(10, 10),
		statuses().in(255, 255),
		charges().in(310, 310),
		unstableGateway().in(-45, -45),
		slowGateway().in(10, -45),
		notices().in(255, 255),
		stats().in(310, 255),
		userStreams().in(255, 310),
		chairStreams().in(310, 310),
		parallelStreams().in(-45, -45),
		unreadRide().in(10, -45),
		rematching().in(-45, 10),
		eligibility().in(10, 10),
		distantChair().in(255, 255),
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
		refusingGateway().in(-45, 10),
		abandonedRating().in(10, 10),
		repetitions().in(310, 255),
		ridesAtOnce().in(10, -45),
		wrongStatuses().in(255, 255),
		wrongRatings().in(255, 310),
		ratingByOthers().in(310, 310),
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
