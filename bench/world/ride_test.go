package world

import "testing"

// rated is a ride with the given ticks, carried by a chair of the given speed.
func ratedRide(speed, pickupDistance, trip int, matched, pickedUp, arrived int32) *ride {
	return &ride{
		chair: &chair{model: chairModel{speed: speed}}, pickupDistance: pickupDistance, trip: trip,
		requestedAt: 0, matchedAt: matched, pickedUpAt: pickedUp, arrivedAt: arrived,
	}
}

// All limits of B7.4 are strict.
func TestCriteria(t *testing.T) {
	for i, c := range []struct {
		ride   *ride
		want   criteria
		rating int
	}{
		{ratedRide(5, 49, 50, 99, 99+10+14, 99+24+10+4), criteria{true, true, true, true}, 5},
		{ratedRide(5, 49, 50, 100, 100+10+14, 100+24+10+4), criteria{false, true, true, true}, 4},
		{ratedRide(5, 50, 50, 99, 99+10+14, 99+24+10+4), criteria{true, false, true, true}, 4},
		{ratedRide(5, 49, 50, 99, 99+10+15, 99+25+10+4), criteria{true, true, false, true}, 4},
		{ratedRide(5, 49, 50, 99, 99+10+14, 99+24+10+5), criteria{true, true, true, false}, 4},
		{ratedRide(2, 300, 99, 200, 999, 1999), criteria{}, 1},
	} {
		got := c.ride.criteria()
		if got != c.want || got.evaluation() != c.rating {
			t.Errorf("case %d: %+v, rating %d", i, got, got.evaluation())
		}
	}
}

func TestScores(t *testing.T) {
	r := &ride{
		chair: &chair{position: Point{4, 0}}, start: Point{-10, 0}, pickup: Point{0, 0}, destination: Point{20, 5},
		trip: 25, pickupDistance: 10,
	}
	if got := r.score(); got != 500+2500+100 {
		t.Errorf("score %d", got)
	}
	for s, want := range map[Status]int{
		StatusMatching: 0, StatusEnroute: 140, StatusPickup: 100, StatusCarrying: 100 + 400, StatusArrived: 2600,
		StatusCompleted: 3100,
	} {
		r.desired = s
		if got := r.partialScore(); got != want {
			t.Errorf("%v: partial score %d, want %d", s, got, want)
		}
	}
}

func TestFinalScoreRoundsEachPart(t *testing.T) {
	w := New(Config{}, nil)
	w.owners = []*owner{{score: 160}, {score: 190}}
	w.rides = []*ride{
		{desired: StatusPickup, pickupDistance: 9}, {desired: StatusPickup, pickupDistance: 9},
		{desired: StatusCompleted, evaluated: true},
	}
	if got := w.FinalScore(); got != 3+1 { // 3.50 and 1.80
		t.Errorf("score %d, want 4", got)
	}
}
