package world

import "testing"

func chairBent(c *chair, r *ride, s Status, change func(*ChairNotification)) Event {
	e := chairEvent(c, r, s)
	change(e.Body.(*ChairNotification))
	return e
}

// A wrong match stops the chair for the rest of the run (B5.5).
func TestWrongMatchStopsTheChair(t *testing.T) {
	for name, change := range map[string]func(*ChairNotification){
		"pickup":      func(n *ChairNotification) { n.Pickup.X++ },
		"destination": func(n *ChairNotification) { n.Destination.X++ },
		"user id":     func(n *ChairNotification) { n.UserID = "U1" },
		"user name":   func(n *ChairNotification) { n.UserName += " " },
	} {
		t.Run(name, func(t *testing.T) {
			s, c, r := requested(t)
			s.deliver(chairBent(c, r, StatusMatching, change))
			s.tick()
			s.count(CodeChairNotification, 1)
			if s.open[c.Entity] || c.ride != nil {
				t.Fatal("the chair goes on")
			}
			s.tellChair(c, r, StatusMatching)
			s.tick()
			s.tick()
			s.expect(c.Entity)
		})
	}
}

// A notice can be faster than the answer to the user who created the ride.
func TestUnknownRideIsLookedUpAgain(t *testing.T) {
	s, c, u := scene(t)
	s.succeed(u.Entity)
	s.succeed(u.Entity) // the creation is under way
	early := &ride{id: "R0", user: u, pickup: u.request.pickup, destination: u.request.destination}
	s.tellChair(c, early, StatusMatching)
	s.tick()
	s.tick()
	if c.ride != nil || c.empty {
		t.Fatal("the chair should hold the notice and wait")
	}
	s.succeed(u.Entity)
	s.tick()
	if c.ride == nil {
		t.Fatal("the chair did not adopt the ride")
	}
	s.silent()
}

func TestChairNotificationContent(t *testing.T) {
	s, c, r := enroute(t)
	s.tick()
	s.succeed(c.Entity)
	s.tellChair(c, r, StatusArrived) // the order is not looked at
	s.tick()
	s.silent()
	s.deliver(chairBent(c, r, StatusPickup, func(n *ChairNotification) { n.RideID = "any" }))
	s.tick()
	s.silent()
	s.deliver(chairBent(c, r, StatusPickup, func(n *ChairNotification) { n.UserName = "any" }))
	s.tick()
	s.count(CodeChairNotification, 1)
	s.tellChair(s.w.chairs[1], r, StatusEnroute) // it holds no match
	s.tick()
	s.succeed(chairNo(1)) // ends its activation, whose turn comes first
	s.succeed(chairNo(1))
	s.tick()
	s.count(CodeChairNotification, 2)
}

func TestSecondMatch(t *testing.T) {
	s, c, r := enroute(t)
	s.tellChair(c, r, StatusMatching) // repeated: fine
	s.tick()
	s.succeed(c.Entity)
	s.silent()
	s.tellChair(c, &ride{id: "R1", user: r.user}, StatusMatching)
	s.tick()
	s.count(CodeSecondRide, 1)
	if s.w.Fatal() == nil {
		t.Error("not fatal")
	}
}

func TestEarlyCompleted(t *testing.T) {
	s, c, r := enroute(t)
	s.tellChair(c, r, StatusCompleted)
	s.tick()
	s.count(CodeEarlyCompleted, 1)
	if s.w.Fatal() == nil {
		t.Error("not fatal")
	}
}

func TestCompletedWithoutRide(t *testing.T) {
	s, c, r := requested(t)
	done := &ride{id: "old", user: r.user, desired: StatusCompleted}
	s.w.ridesByID["old"] = done
	c.accepted = append(c.accepted, done)
	s.tellChair(c, done, StatusCompleted)
	s.tick()
	s.silent()
	s.tellChair(c, r, StatusCompleted)
	s.tick()
	s.count(CodeChairWithoutRide, 1)
}

// A wrong COMPLETED leaves the ride with the chair.
func TestWrongCompletedContent(t *testing.T) {
	s, c, r := enroute(t)
	s.tick()
	s.succeed(c.Entity)
	r.desire(StatusCompleted, s.now)
	s.deliver(chairBent(c, r, StatusCompleted, func(n *ChairNotification) { n.Pickup.X++ }))
	s.tick()
	s.count(CodeChairNotification, 1)
	if c.ride == nil {
		t.Fatal("the ride is over")
	}
	s.tellChair(c, r, StatusCompleted)
	s.tick()
	if c.ride != nil || !c.empty {
		t.Fatal("the ride is not over")
	}
}

func TestActivationIsRepeated(t *testing.T) {
	s := populated(t, Config{})
	s.tick()
	s.calls(chairNo(0))
	s.fail(chairNo(0), EventActivated, FailureStatus)
	s.count(CodeActivation, 1)
	s.tick()
	s.expect(chairNo(0), "activate")
}
