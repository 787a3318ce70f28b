package world

import (
	"fmt"
	"strings"
	"testing"
)

func TestPopulation(t *testing.T) {
	s := populated(t, Config{Seed: 1})
	p := s.w.Progress()
	if p.Chairs != 20 || p.Users != 10 || p.ChairsBySpeed[2] != 20 {
		t.Fatalf("population %+v", p)
	}
	if p.Owners[0].Chairs != 4 || s.w.owners[3].region != s.w.regions[1] || s.w.users[3].region != s.w.regions[1] {
		t.Fatal("wrong shares of the regions")
	}
	s.silent()
}

func TestPopulationFails(t *testing.T) {
	s := newStage(t, Config{})
	s.w.Populate(s.now)
	s.expect(ownerNo(0), "register owner "+s.w.owners[0].name)
	s.fail(ownerNo(0), EventOwnerRegistered, FailureStatus)
	if done, err := s.w.Populated(); !done || err == nil {
		t.Fatalf("done %v, error %v", done, err)
	}
	s.count(CodeOwnerRegistration, 1)
}

func TestPageVisits(t *testing.T) {
	s := populated(t, Config{PageVisits: true})
	s.tick()
	s.expect(userNo(0), fmt.Sprintf("visit %d", VisitPaymentRegistration))
	s.fail(userNo(0), EventVisited, FailureContent)
	s.count(CodePaymentRegistration, 1)
	s.tick() // once more
	s.expect(userNo(0), fmt.Sprintf("visit %d", VisitPaymentRegistration))
	s.succeed(userNo(0))
	s.expect(userNo(0), "register payment")
}

// scene is a stage with chair 0 idle at its place and user 0 about to ask for chairs near
// it.
func scene(t *testing.T) (*stage, *chair, *user) {
	t.Helper()
	s := populated(t, Config{Seed: 1})
	c, u := s.w.chairs[0], s.w.users[0]
	s.tick()
	if !s.open[c.Entity] {
		t.Fatal("the chair does not listen before it is activated")
	}
	s.expect(c.Entity, "activate")
	s.succeed(c.Entity)
	s.expect(c.Entity, fmt.Sprintf("position %v", c.home))
	s.succeed(c.Entity)
	s.expect(u.Entity, "register payment")
	s.succeed(u.Entity)
	s.tick()
	s.expect(c.Entity)
	s.expect(u.Entity, "rides")
	s.succeed(u.Entity)
	s.expect(u.Entity, fmt.Sprintf("nearby %v 50", u.request.pickup))
	// The chair stays at the pickup from now on, so that it is always in reach.
	s.w.empty.remove(c)
	c.home, c.position, c.track[0].position = u.request.pickup, u.request.pickup, u.request.pickup
	s.w.empty.add(c)
	return s, c, u
}

// requested is a scene in which user 0 has created a ride and listens.
func requested(t *testing.T) (*stage, *chair, *ride) {
	t.Helper()
	s, c, u := scene(t)
	s.succeed(u.Entity)
	s.succeed(u.Entity)
	s.succeed(u.Entity)
	s.calls(u.Entity)
	if u.ride == nil {
		t.Fatal("no ride was created")
	}
	s.tick()
	if !s.open[u.Entity] {
		t.Fatal("the user does not listen")
	}
	return s, c, u.ride
}

// enroute is a scene in which chair 0 has accepted the ride and both know.
func enroute(t *testing.T) (*stage, *chair, *ride) {
	t.Helper()
	s, c, r := requested(t)
	s.tellChair(c, r, StatusMatching)
	s.tick() // adopts
	s.expect(c.Entity)
	s.tick()
	s.expect(c.Entity, "status R0 ENROUTE")
	s.succeed(c.Entity)
	s.tellUser(r, StatusEnroute)
	s.tellChair(c, r, StatusEnroute)
	c.detour = detour{}
	return s, c, r
}

// arrived is a scene at the destination; the user does not know it yet.
func arrived(t *testing.T) (*stage, *chair, *ride) {
	t.Helper()
	s, c, r := enroute(t)
	s.tick()
	s.expect(c.Entity, fmt.Sprintf("position %v", r.pickup)) // a move of length 0 is reported too
	s.succeed(c.Entity)
	s.tellUser(r, StatusPickup)
	for r.userView != StatusPickup || r.chairView != StatusPickup || len(s.sent[c.Entity]) == 0 {
		s.tick()
	}
	s.expect(c.Entity, "status R0 CARRYING")
	s.succeed(c.Entity)
	s.tellUser(r, StatusCarrying)
	for r.chairView != StatusArrived {
		s.tick()
		s.succeed(c.Entity)
	}
	s.calls(c.Entity)
	return s, c, r
}

func TestOneRide(t *testing.T) {
	s, c, r := arrived(t)
	u := r.user
	if got := int(r.arrivedAt - r.pickedUpAt); got != idealTicks(r.trip, 2) {
		t.Errorf("the drive took %d ticks, want %d", got, idealTicks(r.trip, 2))
	}
	s.tellUser(r, StatusArrived)
	s.tick()
	s.expect(u.Entity, "evaluate R0 5")
	e := userEvent(r, StatusCompleted) // before the answer: has to wait for the lock
	chair := &e.Body.(*UserNotification).Chair
	chair.TotalRides, chair.EvaluationAvg = 1, 5
	s.deliver(e)
	s.tellChair(c, r, StatusCompleted)
	s.tick()
	if c.ride == nil || r.userView == StatusCompleted {
		t.Fatal("COMPLETED was read while the evaluation was under way")
	}
	s.succeed(u.Entity)
	if c.ride != nil {
		t.Fatal("the chair was not resumed")
	}
	s.expect(userNo(10), `register user "I0"`) // the friend
	s.tick()
	s.tick()
	if u.ride != nil || s.open[u.Entity] {
		t.Fatal("the ride is not over for the user")
	}
	s.silent()
	if got, want := s.w.Score(), 5+r.trip; got != want {
		t.Errorf("score %d, want %d", got, want)
	}
	if s.took[u.Entity] != 5 || s.took[c.Entity] != 3 {
		t.Errorf("taken %d and %d notifications", s.took[u.Entity], s.took[c.Entity])
	}
	if st := s.w.Stats(); st.Completed() != 1 || st.Ratings[5] != 1 || st.UserNotices[StatusArrived].Count() != 1 {
		t.Errorf("statistics %+v", st)
	}
}

// An ENROUTE that overtakes the answer to the acceptance waits for it (B2.5).
func TestEarlyEnrouteWaits(t *testing.T) {
	s, c, r := requested(t)
	s.tellChair(c, r, StatusMatching)
	s.tick()
	s.tick()
	s.expect(c.Entity, "status R0 ENROUTE")
	e := userEvent(r, StatusEnroute)
	n := e.Body.(*UserNotification)
	n.HasChair, n.Chair = true, NotifiedChair{ID: c.id, Name: c.name, Model: c.model.name}
	s.deliver(e)
	s.tick()
	if r.userView != StatusMatching || s.took[r.user.Entity] != 0 {
		t.Fatal("ENROUTE was read while the acceptance was under way")
	}
	s.succeed(c.Entity)
	if r.userView != StatusEnroute {
		t.Fatal("the user was not resumed")
	}
	s.silent()
}

// The acceptance counts from when it was sent, the tick of the match from its answer
// (B5.4).
func TestStampsOfTheAcceptance(t *testing.T) {
	s, c, r := requested(t)
	s.tellChair(c, r, StatusMatching)
	s.tick()
	s.tick()
	sent, tick := s.now, s.w.tick
	s.tick()
	s.succeed(c.Entity)
	if r.acceptedAt != sent || int(r.matchedAt) != tick+1 {
		t.Errorf("accepted at %d and tick %d, want %d and %d", r.acceptedAt, r.matchedAt, sent, tick+1)
	}
}

func TestRefusedAcceptanceIsRepeated(t *testing.T) {
	s, c, r := requested(t)
	s.tellChair(c, r, StatusMatching)
	s.tick()
	s.tick()
	s.expect(c.Entity, "status R0 ENROUTE")
	s.fail(c.Entity, EventStatusPosted, FailureStatus)
	s.count(CodeAccept, 1)
	if r.acceptedAt != 0 || r.chair != nil {
		t.Fatal("the ride counts as accepted")
	}
	s.tick()
	s.expect(c.Entity, "status R0 ENROUTE")
}

func TestRefusedDepartureIsRepeated(t *testing.T) {
	s, c, r := enroute(t)
	s.tick()
	s.succeed(c.Entity)
	s.tellUser(r, StatusPickup)
	s.tick()
	s.tick()
	s.calls(c.Entity)
	s.fail(c.Entity, EventStatusPosted, FailureTransport)
	s.count(CodeDepart, 1)
	s.tick()
	s.expect(c.Entity, "status R0 CARRYING")
}

// A chair whose report is under way does not move (B2.3), and after failures it pauses
// longer and longer (B5.7).
func TestPositionRetries(t *testing.T) {
	s, c, r := enroute(t)
	s.tick()
	s.calls(c.Entity)
	for range 3 {
		s.tick()
		s.expect(c.Entity)
	}
	for attempt, least := range []Instant{250, 375, 562} {
		s.fail(c.Entity, EventPositionRecorded, FailureStatus)
		failedAt := s.now
		for len(s.sent[c.Entity]) == 0 {
			s.tick()
		}
		s.expect(c.Entity, fmt.Sprintf("position %v", r.pickup))
		pause := s.now - failedAt
		if most := 3*least + 31; pause < least*Millisecond || pause > most*Millisecond {
			t.Errorf("pause %d of %d ms, want %d to %d", attempt+1, pause/Millisecond, least, most)
		}
	}
	s.count(CodePosition, 3)
	s.succeed(c.Entity)
	if c.step != chairIdle || c.dirty {
		t.Error("the report did not end the turn")
	}
	if c.track[len(c.track)-1].at != s.now.Millis() {
		t.Error("the fix has no server time")
	}
}

func TestEvaluationFailures(t *testing.T) {
	s, _, r := arrived(t)
	u := r.user
	s.tellUser(r, StatusArrived)
	s.tick()
	s.calls(u.Entity)
	s.fail(u.Entity, EventEvaluated, FailureStatus)
	s.count(CodeEvaluation, 1)
	if s.w.Fatal() != nil {
		t.Fatal("a refused evaluation is not fatal")
	}
	s.tick()
	s.expect(u.Entity, "evaluate R0 5")
	s.fail(u.Entity, EventEvaluated, FailureBench)
	if n, err := s.w.errors.BenchFaults(); n != 1 || err == nil || s.w.errors.Total() != 1 {
		t.Fatal("a fault of the bench was counted against the server")
	}
	s.tick()
	s.fail(u.Entity, EventEvaluated, FailureTimeout)
	s.count(CodeEvaluationTimeout, 1)
	if s.w.Fatal() == nil {
		t.Fatal("a timeout is fatal")
	}
}

func TestUnpaidEvaluation(t *testing.T) {
	s, _, r := arrived(t)
	s.tellUser(r, StatusArrived)
	s.tick()
	s.deliver(Event{To: r.user.Entity, Kind: EventEvaluated, Time: s.now.Millis()})
	s.count(CodeUnpaid, 1)
	if s.w.Score() != 0 {
		t.Error("an unpaid ride earned something")
	}
}

func TestPayments(t *testing.T) {
	s, _, r := arrived(t)
	u := r.user
	if s.w.VerifyPayment(s.now, "nobody", 500) {
		t.Error("an unknown token is known")
	}
	if !s.w.VerifyPayment(s.now, u.paymentToken, r.fare()) || s.w.Fatal() != nil {
		t.Fatal("the right payment was refused")
	}
	s.w.VerifyPayment(s.now, u.paymentToken, r.fare())
	if err := s.w.Fatal(); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Fatalf("double payment: %v", err)
	}
	if s.w.errors.Total() != 0 {
		t.Error("payments do not take part in the count of errors")
	}
}

func TestWrongAmount(t *testing.T) {
	s, _, r := arrived(t)
	if !s.w.VerifyPayment(s.now, r.user.paymentToken, r.fare()+1) || !r.paid || s.w.Fatal() == nil {
		t.Error("a wrong amount is fatal, and the ride is paid all the same")
	}
}

func TestPaymentWithoutRide(t *testing.T) {
	s := populated(t, Config{})
	if !s.w.VerifyPayment(s.now, s.w.users[0].paymentToken, 500) || s.w.Fatal() == nil {
		t.Error("a payment without a ride is fatal")
	}
}

// The user gets no notification for 30 s after the creation of the ride.
func TestMatchingTimeout(t *testing.T) {
	s, _, r := requested(t)
	for s.now < r.benchRequestedAt+matchingTimeout-TickLength {
		s.tick()
	}
	s.count(CodeMatchingTimeout, 0)
	s.tick()
	s.tick()
	if s.w.errors.Count(CodeMatchingTimeout) == 0 || s.w.Fatal() == nil {
		t.Error("no complaint after 30 s")
	}
}

func TestEmptyNearbyIsAskedAgain(t *testing.T) {
	s, c, u := scene(t)
	s.w.empty.remove(c)
	s.deliver(Event{To: u.Entity, Kind: EventNearbyChairs, Body: []NearbyChair{}})
	s.expect(u.Entity)
	s.tick()
	s.expect(u.Entity, "rides")
	s.silent()
}

func TestWrongEstimate(t *testing.T) {
	s, _, u := scene(t)
	s.succeed(u.Entity)
	s.calls(u.Entity)
	s.deliver(Event{To: u.Entity, Kind: EventFareEstimated, Body: &Estimate{Fare: 1, Discount: 2}})
	s.count(CodeRideRequest, 1)
	if u.invitation.held {
		t.Error("the invitation lock is still held")
	}
}

func TestRequestFailures(t *testing.T) {
	s, _, u := scene(t)
	s.fail(u.Entity, EventNearbyChairs, FailureDecode)
	s.count(CodeNearby, 1)
	s.tick()
	s.fail(u.Entity, EventRides, FailureStatus)
	s.count(CodeHistory, 1)
	for range 3 { // rides, nearby and estimate
		if u.step == userIdle {
			s.tick()
		}
		s.calls(u.Entity)
		if u.step == userEstimate {
			s.fail(u.Entity, EventFareEstimated, FailureStatus)
			break
		}
		s.w.chairs[0].position = u.request.pickup
		s.succeed(u.Entity)
	}
	s.count(CodeRideRequest, 1)
	if u.invitation.held || len(u.history) != 0 {
		t.Error("the failed request left traces")
	}
}

// A notification is read in the turn after it came, which may be one of the same tick.
func TestNotificationBetweenChairsAndUsers(t *testing.T) {
	s, _, r := enroute(t)
	u := r.user
	s.tick() // ENROUTE is read, PICKUP reported
	s.succeed(chairNo(0))
	s.now += TickLength
	s.w.TickChairs(s.now)
	s.tellUser(r, StatusPickup)
	s.w.TickUsers(s.now)
	if r.userView != StatusPickup {
		t.Error("a notification before the user's turn was not read in it")
	}
	s.tellUser(r, StatusPickup)
	if u.inbox.empty() {
		t.Error("the inbox is read in turns only")
	}
}

// An invited friend's registration and the inviter's next request exclude each other
// (B2.5).
func TestInvitationLock(t *testing.T) {
	s, c, u := scene(t)
	s.w.registerUser(u.region, OriginInvitation, u)
	friend := userNo(len(s.w.users) - 1)
	s.expect(friend) // the request holds the lock
	s.w.empty.remove(c)
	s.deliver(Event{To: u.Entity, Kind: EventNearbyChairs, Body: []NearbyChair{}})
	s.expect(friend, `register user "I0"`)
	s.tick()
	s.expect(u.Entity, "rides")
	s.succeed(u.Entity)
	s.expect(u.Entity) // now the friend holds it
	s.succeed(friend)
	if calls := s.calls(u.Entity); len(calls) != 1 || !strings.HasPrefix(calls[0], "nearby") {
		t.Fatalf("the inviter sent %q", calls)
	}
	if u.invited != 1 || u.unusedRewards != 1 || s.w.stats.Origins[OriginInvitation] != 1 {
		t.Error("the invitation was not booked")
	}
}

func TestLostUser(t *testing.T) {
	s, _, u := scene(t)
	s.w.empty.remove(s.w.chairs[0])
	s.deliver(Event{To: u.Entity, Kind: EventNearbyChairs, Body: []NearbyChair{}})
	s.w.registerUser(u.region, OriginInvitation, u)
	friend := userNo(len(s.w.users) - 1)
	s.calls(friend)
	before := u.region.registered
	s.fail(friend, EventUserRegistered, FailureStatus)
	s.count(CodeUserRegistration, 1)
	s.expect(friend, "close")
	if u.region.registered != before || u.invited != 0 || u.invitation.held {
		t.Error("a lost user counts")
	}
}

func TestExpectedDiscounts(t *testing.T) {
	u := &user{}
	ride := &ride{}
	for i, c := range []struct {
		inviter *user
		rides   int
		rewards int
		want    int
	}{
		{nil, 0, 2, 3000}, {u, 0, 0, 3000}, {u, 1, 1, 1500}, {nil, 1, 1, 1000}, {nil, 1, 0, 0}, {u, 2, 0, 0}, {u, 2, 1, 1000},
	} {
		v := &user{inviter: c.inviter, unusedRewards: c.rewards}
		for range c.rides {
			v.history = append(v.history, ride)
		}
		if got, reward := v.expectedDiscount(); got != c.want || reward != (got == 1000) {
			t.Errorf("case %d: discount %d, want %d", i, got, c.want)
		}
	}
}

func TestLeaving(t *testing.T) {
	for i, c := range []struct {
		rides, sum, active int
		want               bool
	}{
		{0, 0, 50, false}, {1, 1, 50, true}, {1, 2, 50, true}, {1, 3, 50, false}, {2, 4, 50, true}, {2, 5, 50, false},
		{1, 1, 11, true}, {1, 1, 10, false},
	} {
		s := newStage(t, Config{})
		g := &region{active: c.active}
		u := &user{entity: newEntity(s.w, KindUser, 0), region: g, history: make([]*ride, c.rides), ratingSum: c.sum}
		if u.leaves() != c.want || (g.active < c.active) != c.want {
			t.Errorf("case %d: leaves %v", i, !c.want)
		}
	}
}

func TestInvitesOnlyWhenSatisfied(t *testing.T) {
	s := populated(t, Config{})
	u := s.w.users[0]
	for i, c := range []struct{ rating, invited, want int }{{3, 0, 0}, {4, 0, 1}, {5, 2, 1}, {5, 3, 0}} {
		before := len(s.w.users)
		u.invited = c.invited
		s.w.invite(u, c.rating)
		if got := len(s.w.users) - before; got != c.want {
			t.Errorf("case %d: %d friends, want %d", i, got, c.want)
		}
	}
}

func TestEndOfLoadMutesErrors(t *testing.T) {
	s, _, u := scene(t)
	s.w.EndLoad(s.now)
	s.fail(u.Entity, EventNearbyChairs, FailureTimeout)
	s.w.VerifyPayment(s.now, u.paymentToken, 1)
	if s.w.errors.Total() != 0 || s.w.Fatal() != nil {
		t.Error("errors after the load count")
	}
}
