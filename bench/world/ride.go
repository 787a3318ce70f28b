package world

// A ride is one request of a user. There are three ideas of its status (B7.1): desired
// moves with the successful calls of chair and user, chairView with those of the chair,
// userView with the user's notifications.
type ride struct {
	id     string
	number int32 // counts the rides of the run from 0
	user   *user
	chair  *chair // who accepted it; nil before

	pickup, destination Point
	trip                int // distance between them
	discount            int // expected, before it is capped by the metered part

	desired, chairView, userView Status
	lock                         waitLock

	start          Point // of the chair when it accepted
	pickupDistance int   // from start to pickup

	// Ticks of the rating (B7.4).
	requestedAt, matchedAt, dispatchedAt, pickedUpAt, arrivedAt, completedAt int32

	benchRequestedAt  Instant // when the answer to its creation came
	acceptedAt        Instant // when the accept call was sent; 0 while it has not succeeded
	ratedAt           Instant // when the evaluation was sent
	paidAt            Instant // when the payment service had the payment
	serverCompletedAt Millis
	paid, evaluated   bool
	rating            int

	// changedAt is the time at which each status first became the desired one.
	changedAt [StatusCompleted + 1]Instant
	// What the clients have received of the ride.
	userReceipts, chairReceipts receipts
}

func (r *ride) sales() int { return salesOf(r.trip) }
func (r *ride) fare() int  { return fareOf(r.trip, r.discount) }

// desire moves the desired status.
func (r *ride) desire(s Status, now Instant) {
	r.desired = s
	r.changedAt[s] = now
}

// pickupScore is the worth of each step of the way to the pickup, in hundredths of a
// point (B7.5).
const pickupScore = 10

// score is the worth of the completed ride in hundredths of a point (B7.5).
func (r *ride) score() int { return r.sales() + pickupScore*r.pickupDistance }

// partialScore is the worth of a ride that the end of the load cut short, in hundredths
// of a point (B7.5).
func (r *ride) partialScore() int {
	switch r.desired {
	case StatusEnroute:
		return pickupScore * r.start.distance(r.chair.position)
	case StatusPickup:
		return pickupScore * r.pickupDistance
	case StatusCarrying:
		return pickupScore*r.pickupDistance + farePerStep*r.pickup.distance(r.chair.position)
	case StatusArrived:
		return r.score() - baseFare
	case StatusCompleted:
		return r.score()
	}
	return 0
}

// Limits of the rating in ticks, all exclusive (B7.4).
const (
	matchingLimit = 100
	dispatchLimit = 10 // in steps of the chair from its start to the pickup
	pickupLimit   = 15 // beyond the ideal drive
	driveLimit    = 5  // beyond the ideal drive
)

// criteria are the four a rating is made of.
type criteria struct{ matching, dispatch, pickup, drive bool }

func (r *ride) criteria() criteria {
	speed := r.chair.model.speed
	return criteria{
		matching: r.matchedAt-r.requestedAt < matchingLimit,
		dispatch: r.pickupDistance < dispatchLimit*speed,
		pickup:   int(r.pickedUpAt-r.matchedAt)-idealTicks(r.pickupDistance, speed) < pickupLimit,
		drive:    int(r.arrivedAt-r.pickedUpAt)-idealTicks(r.trip, speed) < driveLimit,
	}
}

// evaluation is the rating, 1 to 5.
func (c criteria) evaluation() int {
	n := 1
	for _, met := range [...]bool{c.matching, c.dispatch, c.pickup, c.drive} {
		if met {
			n++
		}
	}
	return n
}
