package world

import "testing"

// The table of B9.4 for all combinations of user view, desired status and notification.
func TestLegalForUser(t *testing.T) {
	extra := map[[3]Status]bool{
		{StatusMatching, StatusPickup, StatusEnroute}: true,
		{StatusPickup, StatusArrived, StatusCarrying}: true,
		{StatusPickup, StatusPickup, StatusCarrying}:  true,
	}
	for u := StatusMatching; u <= StatusCompleted; u++ {
		for d := StatusMatching; d <= StatusCompleted; d++ {
			for x := StatusMatching; x <= StatusCompleted; x++ {
				r := &ride{userView: u, desired: d}
				want := x == u || x == d || extra[[3]Status{u, d, x}]
				if got := r.legalForUser(x); got != want {
					t.Errorf("user at %v, ride at %v: %v is legal: %v", u, d, x, got)
				}
			}
		}
	}
}

// bent is a correct notification after a change.
func bent(r *ride, s Status, change func(*UserNotification)) Event {
	e := userEvent(r, s)
	change(e.Body.(*UserNotification))
	return e
}

func TestWrongUserNotifications(t *testing.T) {
	for name, change := range map[string]func(*UserNotification){
		"pickup":           func(n *UserNotification) { n.Pickup.X++ },
		"destination":      func(n *UserNotification) { n.Destination.Y++ },
		"fare":             func(n *UserNotification) { n.Fare-- },
		"no chair":         func(n *UserNotification) { n.HasChair = false },
		"unknown chair":    func(n *UserNotification) { n.Chair.ID = "C99" },
		"chair name":       func(n *UserNotification) { n.Chair.Name += "x" },
		"chair model":      func(n *UserNotification) { n.Chair.Model = "SitEase?" },
		"rides":            func(n *UserNotification) { n.Chair.TotalRides++ },
		"average of none":  func(n *UserNotification) { n.Chair.EvaluationAvg = 0.001 },
		"other chair's id": func(n *UserNotification) { n.Chair.ID = "C1" },
	} {
		t.Run(name, func(t *testing.T) {
			s, c, r := requested(t)
			s.tellChair(c, r, StatusMatching)
			s.tick()
			s.tick()
			s.succeed(c.Entity)
			s.deliver(bent(r, StatusEnroute, change))
			s.tellUser(r, StatusEnroute) // stays queued after the wrong one
			s.tick()
			s.count(CodeUserNotification, 1)
			if r.userView != StatusMatching {
				t.Fatal("the user took the wrong notification")
			}
			s.tick()
			if r.userView != StatusEnroute {
				t.Fatal("the correct notification was lost")
			}
		})
	}
}

func TestUserSnapshot(t *testing.T) {
	s, c, r := enroute(t)
	s.tick()
	s.succeed(c.Entity)
	c.ratedRides++ // must not matter before COMPLETED
	s.deliver(bent(r, StatusPickup, func(n *UserNotification) { n.Chair.TotalRides = 0 }))
	s.tick()
	s.silent()
	if r.userView != StatusPickup {
		t.Fatal("PICKUP was not taken")
	}
	s.tellUser(r, StatusPickup) // with one ride: differs from ENROUTE
	s.tick()
	s.count(CodeUserNotification, 1)
}

// Without any snapshot the first of the later statuses is checked in full.
func TestSkippedEnroute(t *testing.T) {
	s, c, r := requested(t)
	s.tellChair(c, r, StatusMatching)
	s.tick()
	s.tick()
	s.succeed(c.Entity)
	s.tick()
	s.calls(c.Entity)
	s.succeed(c.Entity)
	s.deliver(bent(r, StatusPickup, func(n *UserNotification) { n.Fare++ }))
	s.tick()
	s.count(CodeUserNotification, 1)
	s.tellUser(r, StatusPickup)
	s.tick()
	if r.userView != StatusPickup || r.user.snapshot == nil {
		t.Error("a skipped ENROUTE is legal as such")
	}
}

func TestIllegalForUser(t *testing.T) {
	s, _, r := enroute(t)
	s.tellUser(r, StatusArrived)
	s.tick()
	s.count(CodeUserTransition, 1)
	if s.w.Fatal() == nil {
		t.Error("not fatal")
	}
}

func TestUserWithoutRide(t *testing.T) {
	s, _, u := scene(t)
	other := s.w.users[1]
	done := &ride{id: "old", user: u, desired: StatusCompleted}
	s.w.ridesByID["old"] = done
	s.w.empty.remove(s.w.chairs[0])
	s.deliver(Event{To: u.Entity, Kind: EventNearbyChairs, Body: []NearbyChair{}})
	s.tellUser(done, StatusCompleted)
	s.deliver(Event{To: u.Entity, Kind: EventUserNotified, Body: &UserNotification{}}) // unknown status
	s.tick()
	s.silent()
	done.user = other
	s.deliver(Event{To: u.Entity, Kind: EventUserNotified, Body: &UserNotification{RideID: "old", Status: StatusCompleted}})
	s.succeed(u.Entity)
	s.deliver(Event{To: u.Entity, Kind: EventNearbyChairs, Body: []NearbyChair{}})
	s.tick()
	s.count(CodeUserWithoutRide, 1)
}

// The COMPLETED of an older ride is ignored during a new one.
func TestOldCompletedIsIgnored(t *testing.T) {
	s, _, r := enroute(t)
	old := &ride{id: "old", user: r.user, desired: StatusCompleted}
	s.w.ridesByID["old"] = old
	s.tellUser(old, StatusCompleted)
	s.tick()
	s.silent()
	if r.userView != StatusEnroute {
		t.Errorf("the user is at %v", r.userView)
	}
}

func TestSimilar(t *testing.T) {
	for _, c := range []struct {
		got, want float64
		same      bool
	}{{4.5, 4.5, true}, {4.54, 4.5, true}, {4.56, 4.5, false}, {0.5, 0.509, true}, {0.5, 0.512, false}} {
		if similar(c.got, c.want) != c.same {
			t.Errorf("similar(%v, %v) is %v", c.got, c.want, !c.same)
		}
	}
}
