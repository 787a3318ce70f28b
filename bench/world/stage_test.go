package world

import (
	"fmt"
	"slices"
	"testing"
)

// A stage is a World whose clients only write down what they are asked. The test answers.
type stage struct {
	t    *testing.T
	w    *World
	now  Instant
	sent map[Entity][]string
	open map[Entity]bool
	took map[Entity]int
}

func newStage(t *testing.T, c Config) *stage {
	s := &stage{
		t: t, now: 1000 * Second, sent: map[Entity][]string{}, open: map[Entity]bool{}, took: map[Entity]int{},
	}
	s.w = New(c, s)
	return s
}

// populated is a stage just before the load.
func populated(t *testing.T, c Config) *stage {
	t.Helper()
	s := newStage(t, c)
	s.w.Populate(s.now)
	for done := false; !done; done, _ = s.w.Populated() {
		s.succeedAll()
	}
	return s
}

// mute is the client of every entity of a stage.
type mute struct {
	s  *stage
	to Entity
}

func (s *stage) NewUser(e Entity) UserClient   { return muteUser{mute{s, e}} }
func (s *stage) NewChair(e Entity) ChairClient { return muteChair{mute{s, e}} }
func (s *stage) NewOwner(e Entity) OwnerClient { return muteOwner{mute{s, e}} }

func (m mute) send(format string, args ...any) {
	m.s.sent[m.to] = append(m.s.sent[m.to], fmt.Sprintf(format, args...))
}
func (m mute) Visit(v Visit)            { m.send("visit %d", v) }
func (m mute) Close()                   { m.send("close") }
func (m mute) OpenNotifications()       { m.s.open[m.to] = true }
func (m mute) CloseNotifications()      { m.s.open[m.to] = false }
func (m mute) NotificationsTaken(n int) { m.s.took[m.to] += n }

type muteUser struct{ mute }

func (m muteUser) Register(p UserProfile)      { m.send("register user %q", p.InvitationCode) }
func (m muteUser) RegisterPayment(string)      { m.send("register payment") }
func (m muteUser) Rides()                      { m.send("rides") }
func (m muteUser) NearbyChairs(p Point, d int) { m.send("nearby %v %d", p, d) }
func (m muteUser) EstimateFare(p, d Point)     { m.send("estimate %v %v", p, d) }
func (m muteUser) CreateRide(p, d Point)       { m.send("create %v %v", p, d) }
func (m muteUser) Evaluate(id string, n int)   { m.send("evaluate %s %d", id, n) }

type muteChair struct{ mute }

func (m muteChair) Register(p ChairProfile)         { m.send("register chair %s", p.Model) }
func (m muteChair) Activate()                       { m.send("activate") }
func (m muteChair) PostPosition(p Point)            { m.send("position %v", p) }
func (m muteChair) PostStatus(id string, st Status) { m.send("status %s %v", id, st) }

type muteOwner struct{ mute }

func (m muteOwner) Register(name string) { m.send("register owner %s", name) }
func (m muteOwner) Chairs()              { m.send("chairs") }
func (m muteOwner) Sales(until Millis)   { m.send("sales until %d", until) }

func userNo(i int) Entity  { return Entity{KindUser, int32(i)} }
func chairNo(i int) Entity { return Entity{KindChair, int32(i)} }
func ownerNo(i int) Entity { return Entity{KindOwner, int32(i)} }

// calls takes what e has sent since the last look.
func (s *stage) calls(e Entity) []string {
	calls := s.sent[e]
	delete(s.sent, e)
	return calls
}

// expect compares and takes what e has sent.
func (s *stage) expect(e Entity, want ...string) {
	s.t.Helper()
	if got := s.calls(e); !slices.Equal(got, want) {
		s.t.Fatalf("%v sent %q, want %q", e, got, want)
	}
}

func (s *stage) deliver(e Event) { s.w.Deliver(s.now, e) }

// tick runs one tick. Turns of users before those of chairs are as good as any other
// order for these tests.
func (s *stage) tick() {
	s.now += TickLength
	s.w.TickChairs(s.now)
	s.w.TickUsers(s.now)
}

// succeedAll answers each outstanding registration and everything a fresh entity does
// first.
func (s *stage) succeedAll() {
	for e, calls := range s.sent {
		delete(s.sent, e)
		for range calls {
			s.succeed(e)
		}
	}
}

// succeed answers the call e waits for with the obvious success.
func (s *stage) succeed(e Entity) {
	ev := Event{To: e}
	switch e.Kind {
	case KindUser:
		s.userSuccess(&ev, s.w.users[e.Index])
	case KindChair:
		s.chairSuccess(&ev, s.w.chairs[e.Index])
	case KindOwner:
		s.ownerSuccess(&ev, s.w.owners[e.Index])
	}
	s.deliver(ev)
}

func (s *stage) userSuccess(ev *Event, u *user) {
	switch u.step {
	case userRegistrationVisit, userPaymentVisit, userRequestVisit, userEvaluationVisit:
		ev.Kind = EventVisited
	case userRegistration:
		ev.Kind = EventUserRegistered
		ev.Body = &UserAccount{ID: fmt.Sprintf("U%d", u.Index), InvitationCode: fmt.Sprintf("I%d", u.Index), Session: fmt.Sprintf("S%d", u.Index)}
	case userPayment:
		ev.Kind = EventPaymentRegistered
	case userHistory:
		ev.Kind, ev.Body = EventRides, u.trueHistory()
	case userNearby:
		ev.Kind, ev.Body = EventNearbyChairs, []NearbyChair{s.w.chairs[0].listing()}
	case userEstimate:
		trip := u.request.pickup.distance(u.request.destination)
		fare := fareOf(trip, u.request.discount)
		ev.Kind, ev.Body = EventFareEstimated, &Estimate{fare, salesOf(trip) - fare}
	case userCreation:
		ev.Kind, ev.Body = EventRideCreated, &CreatedRide{ID: fmt.Sprintf("R%d", len(s.w.rides))}
	case userEvaluation:
		s.w.VerifyPayment(s.now, u.paymentToken, u.ride.fare())
		ev.Kind, ev.Time = EventEvaluated, s.now.Millis()
	default:
		s.t.Fatalf("%v waits for nothing", u.Entity)
	}
}

func (u *user) trueHistory() []PastRide {
	past := []PastRide{}
	for _, r := range u.history {
		past = append(past, PastRide{
			ID: r.id, Pickup: r.pickup, Destination: r.destination, Fare: r.fare(), Evaluation: r.rating,
			ChairID: r.chair.id, ChairName: r.chair.name, ChairModel: r.chair.model.name, ChairOwner: r.chair.owner.name,
			CompletedAt: r.serverCompletedAt,
		})
	}
	return past
}

// listing is the chair as a nearby answer would show it at the request's own pickup.
func (c *chair) listing() NearbyChair {
	return NearbyChair{ID: c.id, Name: c.name, Model: c.model.name, Position: c.position}
}

func (s *stage) chairSuccess(ev *Event, c *chair) {
	switch c.step {
	case chairRegistration:
		ev.Kind, ev.Body = EventChairRegistered, &ChairAccount{ID: fmt.Sprintf("C%d", c.Index)}
	case chairActivation:
		ev.Kind = EventActivated
	case chairPosition:
		ev.Kind, ev.Time = EventPositionRecorded, s.now.Millis()
	case chairAccept, chairDeparture:
		ev.Kind = EventStatusPosted
	default:
		s.t.Fatalf("%v waits for nothing", c.Entity)
	}
}

func (s *stage) ownerSuccess(ev *Event, o *owner) {
	switch o.step {
	case ownerRegistrationVisit, ownerListVisit:
		ev.Kind = EventVisited
	case ownerRegistration:
		ev.Kind, ev.Body = EventOwnerRegistered, &OwnerAccount{ID: fmt.Sprintf("O%d", o.Index), RegisterToken: "token"}
	default:
		s.t.Fatalf("%v waits for nothing", o.Entity)
	}
}

// fail answers the call e waits for with a failure.
func (s *stage) fail(e Entity, kind EventKind, f FailureKind) {
	s.deliver(Event{To: e, Kind: kind, Failure: &Failure{Kind: f}})
}

// tellUser and tellChair deliver correct notifications about a ride.
func (s *stage) tellUser(r *ride, st Status) { s.deliver(userEvent(r, st)) }

func userEvent(r *ride, st Status) Event {
	n := &UserNotification{RideID: r.id, Pickup: r.pickup, Destination: r.destination, Fare: r.fare(), Status: st}
	if c := r.chair; c != nil {
		n.HasChair = true
		n.Chair = NotifiedChair{ID: c.id, Name: c.name, Model: c.model.name, TotalRides: c.ratedRides}
		if c.ratedRides > 0 {
			n.Chair.EvaluationAvg = float64(c.ratingSum) / float64(c.ratedRides)
		}
	}
	return Event{To: r.user.Entity, Kind: EventUserNotified, Body: n}
}

func (s *stage) tellChair(c *chair, r *ride, st Status) { s.deliver(chairEvent(c, r, st)) }

func chairEvent(c *chair, r *ride, st Status) Event {
	return Event{To: c.Entity, Kind: EventChairNotified, Body: &ChairNotification{
		RideID: r.id, UserID: r.user.id, UserName: r.user.name(),
		Pickup: r.pickup, Destination: r.destination, Status: st,
	}}
}

// count checks how often a code has been complained about.
func (s *stage) count(code Code, want int) {
	s.t.Helper()
	if got := s.w.errors.Count(code); got != want {
		for _, e := range s.w.errors.Examples(code) {
			s.t.Log(e)
		}
		s.t.Fatalf("code %d counted %d times, want %d", code, got, want)
	}
}

// silent checks that there has been no complaint at all.
func (s *stage) silent() {
	s.t.Helper()
	for _, c := range s.w.errors.Codes() {
		s.t.Fatalf("complaint %v", s.w.errors.Examples(c)[0])
	}
}
