package world

// nearbyDistance is the radius users ask for, which is also the server's default (B4.3).
const nearbyDistance = 50

// A rideRequest is the ride a user is about to order.
type rideRequest struct {
	pickup, destination Point
	discount            int
	reward              bool  // the discount uses up an inviter's coupon
	requestedAt         int32 // tick
	baseTime            Instant
}

// startRequest begins the request of the next ride (B4.3 steps B1 to B3). After any
// failure the next turn starts here again.
func (u *user) startRequest() {
	if u.leaves() {
		u.endTurn()
		return
	}
	if u.arrival != nil && u.arrival.started == 0 {
		u.arrival.started = u.world.now
	}
	u.cycle.look(u.world.now)
	u.visit(userRequestVisit)
}

func (u *user) requestHistory() {
	u.step = userHistory
	u.client.Rides()
}

func (u *user) historyReceived(e Event) {
	if err := u.checkHistory(e.Body.([]PastRide)); err != nil {
		u.world.complain(&u.entity, CodeHistory, "%v", err)
		u.endTurn()
		return
	}
	u.planRide()
}

// planRide draws the trip once no other user is registering with the user's invitation
// code (B4.3 step B4).
func (u *user) planRide() {
	u.step = userRequestLock
	if !u.invitation.acquire(u) {
		return
	}
	r := rideRequest{requestedAt: int32(u.world.tick), baseTime: u.world.now}
	r.pickup, r.destination = u.region.randomTrip(u.random)
	r.discount, r.reward = u.expectedDiscount()
	u.request = r
	u.step = userNearby
	u.client.NearbyChairs(r.pickup, nearbyDistance)
}

// expectedDiscount follows from what the user has done so far (B7.3).
func (u *user) expectedDiscount() (discount int, reward bool) {
	switch n := len(u.history); {
	case n == 0:
		return firstDiscount, false
	case n == 1 && u.inviter != nil:
		return inviteDiscount, false
	case u.unusedRewards > 0:
		return rewardDiscount, true
	}
	return 0, false
}

// endRequest ends the turn and frees the invitation code for others.
func (u *user) endRequest() {
	u.step = userIdle
	u.invitation.release()
	u.endTurn()
}

func (u *user) requestFailed(string, *Failure) { u.endRequest() }

func (u *user) nearbyReceived(e Event) {
	chairs := e.Body.([]NearbyChair)
	if !u.checkNearby(chairs) || len(chairs) == 0 && !u.world.config.Patient {
		u.endRequest() // an empty list is no error; the user asks again
		return
	}
	u.step = userEstimate
	u.client.EstimateFare(u.request.pickup, u.request.destination)
}

func (u *user) estimateReceived(e Event) {
	r := &u.request
	trip := r.pickup.distance(r.destination)
	want := Estimate{Fare: fareOf(trip, r.discount), Discount: salesOf(trip) - fareOf(trip, r.discount)}
	if got := *e.Body.(*Estimate); got != want {
		u.world.complain(&u.entity, CodeRideRequest, "estimated fare %d and discount %d, expected %d and %d",
			got.Fare, got.Discount, want.Fare, want.Discount)
		u.endRequest()
		return
	}
	u.step = userCreation
	u.client.CreateRide(r.pickup, r.destination)
}

func (u *user) rideCreated(e Event) {
	r := u.world.newRide(u, e.Body.(*CreatedRide).ID)
	if u.request.reward {
		u.unusedRewards--
	}
	if u.arrival != nil {
		u.arrival.ride = r
		u.arrival = nil
	}
	u.ordered()
	u.ride = r
	u.history = append(u.history, r)
	u.note("ride created", r, StatusMatching)
	u.endRequest()
}

// newRide makes the ride the server has created findable by chairs.
func (w *World) newRide(u *user, id string) *ride {
	q := &u.request
	r := &ride{
		id: id, number: int32(len(w.rides)), user: u,
		pickup: q.pickup, destination: q.destination,
		trip: q.pickup.distance(q.destination), discount: q.discount,
		chairView: StatusMatching, userView: StatusMatching,
		requestedAt: q.requestedAt, benchRequestedAt: w.now,
	}
	r.desire(StatusMatching, w.now)
	w.rides = append(w.rides, r)
	w.ridesByID[id] = r
	w.matchingDeadlines.push(matchingDeadline{u, w.now + matchingTimeout})
	return r
}

// matchingTimeout is the longest that a user waits for ENROUTE (B4.3 step C).
const matchingTimeout = 30 * Second

// A matchingDeadline gives a user a turn when a ride has waited for too long.
type matchingDeadline struct {
	user *user
	at   Instant
}

func (d matchingDeadline) dueAt() Instant { return d.at }

func (u *user) matchingOverdue() bool {
	return u.ride.userView == StatusMatching && u.world.now-u.ride.benchRequestedAt >= matchingTimeout
}
