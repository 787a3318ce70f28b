package world

import (
	"slices"
	"testing"
)

// refuse has the server refuse the call under way.
func (s *stage) refuse(e Entity, kind EventKind, after Instant) {
	delete(s.sent, e)
	s.deliver(Event{To: e, Kind: kind, Failure: &Failure{Kind: FailureStatus, Status: 503, RetryAfter: after}})
}

// TestRefusals: a ride that is refused before it is created is lost and no error, its user rests as
// long as the server asked for, and then takes the next one.
func TestRefusals(t *testing.T) {
	for _, at := range []struct {
		kind EventKind
		step userStep
	}{{EventRides, userHistory}, {EventNearbyChairs, userNearby}, {EventFareEstimated, userEstimate}, {EventRideCreated, userCreation}} {
		s := populated(t, Config{Seed: 1, RideRate: 1, Refusals: true})
		for range 5 {
			s.tick()
			s.succeedAll()
		}
		s.now, _ = s.w.NextArrival()
		s.w.Arrive(s.now)
		a := s.w.arrivals.all[0]
		u := s.w.users[slices.IndexFunc(s.w.users, func(u *user) bool { return u.arrival == a })]
		if at.kind != EventRides {
			s.succeed(u.Entity)
			u.step = at.step // whatever the city looks like
		}
		s.refuse(u.Entity, at.kind, 2*Second)
		if a.refused != s.now || u.arrival != nil || u.pooled || u.invitation.held || u.step != userIdle {
			t.Fatalf("refused at %d: %+v, pooled %t, invitation held %t, step %d", at.step, a, u.pooled, u.invitation.held, u.step)
		}
		refusedAt := s.now
		for !u.pooled && u.arrival == nil {
			if s.now > refusedAt+3*Second {
				t.Fatal("the user rests for ever")
			}
			s.tick()
		}
		if rest := s.now - refusedAt; rest < 2*Second {
			t.Errorf("the user has rested for %d ms", rest/Millisecond)
		}
		if n := s.w.Errors().Total(); n != 0 {
			t.Errorf("%d errors", n)
		}
		s.w.EndLoad(s.now)
		o := s.w.OpenLoop()
		if o.Refused != 1 || o.Stages[0].Reached+o.Stages[0].Open != o.Due || o.Stages[1].Reached+o.Stages[1].Open != o.Due-1 {
			t.Errorf("%+v", o)
		}
	}
}

// TestRefusalIsAnError where nothing may be refused: without the setting, and once there is a ride.
func TestRefusalIsAnError(t *testing.T) {
	s := openStage(t)
	s.now, _ = s.w.NextArrival()
	s.w.Arrive(s.now)
	a := s.w.arrivals.all[0]
	u := s.w.users[slices.IndexFunc(s.w.users, func(u *user) bool { return u.arrival == a })]
	s.refuse(u.Entity, EventRides, Second)
	if a.refused != 0 || s.w.Errors().Count(CodeHistory) != 1 {
		t.Errorf("%+v, errors %v", a, s.w.Errors().Codes())
	}
	s = populated(t, Config{Seed: 1, RideRate: 1, Refusals: true})
	c := s.w.chairs[0]
	s.tick()
	for c.step != chairPosition {
		delete(s.sent, c.Entity)
		s.succeed(c.Entity)
	}
	c.ride = &ride{}
	s.refuse(c.Entity, EventPositionRecorded, Second)
	s.count(CodePosition, 1)
}

// TestRefusedPopulation: what makes users, chairs and owners is repeated after the time that the
// server asks for, and no error.
func TestRefusedPopulation(t *testing.T) {
	s := newStage(t, Config{Seed: 1, RideRate: 1, Refusals: true})
	s.w.Populate(s.now)
	refused := map[Entity]map[string]int{}
	for done := false; !done; done, _ = s.w.Populated() {
		for e, calls := range s.sent {
			if refused[e] == nil {
				refused[e] = map[string]int{}
			}
			if refused[e][calls[0]]++; refused[e][calls[0]] > 1 || s.kindOf(e) == 0 {
				delete(s.sent, e)
				s.succeed(e)
				continue
			}
			s.refuse(e, s.kindOf(e), Second)
			s.now += Second - 1
			s.w.Rested(s.now)
			s.expect(e)
			s.now++
			s.w.Rested(s.now)
			if got := s.sent[e]; len(got) != 1 || got[0] != calls[0] {
				t.Fatalf("%v was refused %q and sends %q", e, calls, got)
			}
		}
	}
	if _, err := s.w.Populated(); err != nil {
		t.Error(err)
	}
	s.silent()
}

// kindOf is the event that an entity waits for which may be refused, 0 for others.
func (s *stage) kindOf(e Entity) EventKind {
	switch e.Kind {
	case KindOwner:
		return EventOwnerRegistered
	case KindChair:
		return map[chairStep]EventKind{chairRegistration: EventChairRegistered, chairActivation: EventActivated, chairPosition: EventPositionRecorded}[s.w.chairs[e.Index].step]
	}
	return map[userStep]EventKind{userRegistration: EventUserRegistered, userPayment: EventPaymentRegistered}[s.w.users[e.Index].step]
}
