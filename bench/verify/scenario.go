package verify

import "time"

// A Tag says who cares about a rule, as in the server's rules. Only rules of B and M can fail.
type Tag string

const (
	B Tag = "B" // the official benchmarker observes it
	M Tag = "M" // the contest manual and OpenAPI demand it
	R Tag = "R" // the reference implementation behaves like that
	A Tag = "A" // advice
)

// A rule is one line of the report.
type rule struct {
	id   string
	spec string // S4.8: a heading of webapp/docs/rules.md; B9.2: of bench/docs/rules.md
	tag  Tag
	want string
}

// A scenario judges some rules in one story.
type scenario struct {
	name  string
	at    point         // where it happens, for those that request rides
	limit time.Duration // zero: scenarioLimit
	rules []rule
	play  func(*trial)
}

// scenarioLimit leaves room for a ride that nobody takes for the 30 s that the benchmarker allows (S7.2).
const scenarioLimit = 45 * time.Second

// A stage is scenarios that are played together: those that request rides, or have chairs that a matcher may take, in
// a row and in different places of both regions; the others, which disturb nobody, beside them.
type stage struct {
	row, beside []scenario
}

// stages are played one after another. Everything that the benchmarker does itself comes before what a server has to
// refuse: one that does not survive a wrong request is still checked for all the rest.
func (s *suite) stages() []stage {
	return []stage{
		{row: []scenario{initialization()}},
		{row: ordinaryRides(), beside: ordinaryCalls()},
		{row: wrongRides()},
		{beside: wrongCalls()},
		{row: []scenario{s.answers.scenario(), wrongInitialization()}},
	}
}

// ordinaryRides begin with the simplest, because it is what everything else is built on.
func ordinaryRides() []scenario {
	return []scenario{
		smoke(),
		nearby(point{-45, -45}),
		rides(point{10, -45}),
		sales(point{-45, 10}),
		coupons(point{10, 10}),
		statuses(point{255, 255}),
		charges(point{310, 310}),
		unstableGateway(point{-45, -45}),
		slowGateway(point{10, -45}),
		notices(point{255, 255}),
		stats(point{310, 255}),
		userStreams(point{255, 310}),
		chairStreams(point{310, 310}),
		parallelStreams(point{-45, -45}),
		unreadRide(point{10, -45}),
		rematching(point{-45, 10}),
		eligibility(point{10, 10}),
		distantChair(point{255, 255}),
		matcherEndpoint(),
	}
}

func ordinaryCalls() []scenario {
	return []scenario{
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

func wrongRides() []scenario {
	return []scenario{
		refusingGateway(point{-45, 10}),
		abandonedRating(point{10, 10}),
		repetitions(point{310, 255}),
		ridesAtOnce(point{10, -45}),
		wrongStatuses(point{255, 255}),
		wrongRatings(point{255, 310}),
		ratingByOthers(point{310, 310}),
	}
}

func wrongCalls() []scenario {
	return []scenario{
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
