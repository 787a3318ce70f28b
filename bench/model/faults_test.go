package model_test

import (
	"testing"

	"isuride/bench/model"
	"isuride/bench/payment"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// good is a server that makes no mistake; every fault below is one thing it does otherwise.
var good = model.Config{Seed: 1, Matcher: model.Nearest{Cap: 2}, Interval: 100 * world.Millisecond}

// faulty runs a while with tampered events.
func faulty(t *testing.T, load world.Instant, tamper func(world.Event) []world.Event) virtual.Result {
	t.Helper()
	r, err := virtual.Run(virtual.Config{World: world.Config{Seed: 1}, Load: load, Tamper: tamper}, model.New(good))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// complaints checks that the World complains about want. What follows from a fault may be complained about too.
func complaints(t *testing.T, r virtual.Result, want world.Code) {
	t.Helper()
	for _, c := range r.World.Errors().Codes() {
		for _, e := range r.World.Errors().Examples(c) {
			t.Log(e)
		}
	}
	if r.World.Errors().Count(want) == 0 {
		t.Fatalf("code %d is missing among %v", want, r.World.Errors().Codes())
	}
	if want.Critical() && r.Fatal == nil {
		t.Error("a critical error did not end the run")
	}
}

func TestGoodServer(t *testing.T) {
	for seed := range uint64(10) {
		c := good
		c.Seed, c.Polling = seed, seed%2 == 1
		r, err := virtual.Run(virtual.Config{World: world.Config{Seed: seed}, Load: 15 * world.Second}, model.New(c))
		if err != nil || r.Fatal != nil || r.World.Errors().Total() != 0 {
			t.Fatalf("seed %d: %v, %v, %d errors", seed, err, r.Fatal, r.World.Errors().Total())
		}
	}
}

// nth applies f to the n-th event of a kind.
func nth(kind world.EventKind, n int, f func(world.Event) []world.Event) func(world.Event) []world.Event {
	return func(e world.Event) []world.Event {
		if e.Kind == kind {
			if n--; n == 0 {
				return f(e)
			}
		}
		return []world.Event{e}
	}
}

func failed(k world.FailureKind) func(world.Event) []world.Event {
	return func(e world.Event) []world.Event {
		return []world.Event{{To: e.To, Kind: e.Kind, Failure: &world.Failure{Kind: k, Status: 500}}}
	}
}

// Lost or wrong answers to calls.
func TestFaultyAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		tamper func(world.Event) []world.Event
		want   world.Code
	}{
		"position refused":      {nth(world.EventPositionRecorded, 50, failed(world.FailureStatus)), world.CodePosition},
		"activation refused":    {nth(world.EventActivated, 3, failed(world.FailureStatus)), world.CodeActivation},
		"evaluation times out":  {nth(world.EventEvaluated, 3, failed(world.FailureTimeout)), world.CodeEvaluationTimeout},
		"history undecodable":   {nth(world.EventRides, 12, failed(world.FailureDecode)), world.CodeHistory},
		"history lacks a ride":  {first(aHistory, emptied), world.CodeHistory},
		"history with old fare": {first(aHistory, otherFare), world.CodeHistory},
		"nearby refused":        {nth(world.EventNearbyChairs, 3, failed(world.FailureTransport)), world.CodeNearby},
		"nearby far away":       {nth(world.EventNearbyChairs, 3, movedAway), world.CodeNearby},
		"estimate refused":      {nth(world.EventFareEstimated, 3, failed(world.FailureStatus)), world.CodeRideRequest},
		"estimate wrong":        {nth(world.EventFareEstimated, 3, otherEstimate), world.CodeRideRequest},
		"user refused":          {nth(world.EventUserRegistered, 12, failed(world.FailureStatus)), world.CodeUserRegistration},
		"chair refused":         {nth(world.EventChairRegistered, 21, failed(world.FailureStatus)), world.CodeChairRegistration},
		"payment method":        {nth(world.EventPaymentRegistered, 2, failed(world.FailureStatus)), world.CodePaymentRegistration},
		"sales refused":         {nth(world.EventOwnerSales, 2, failed(world.FailureStatus)), world.CodeSalesRequest},
		"sales too high":        {nth(world.EventOwnerSales, 2, otherSales), world.CodeSales},
		"chair list refused":    {nth(world.EventOwnerChairs, 2, failed(world.FailureStatus)), world.CodeOwnerChairsRequest},
		"chair list too short":  {nth(world.EventOwnerChairs, 2, shortened), world.CodeOwnerChairs},
		"distance torn":         {nth(world.EventOwnerChairs, 2, otherDistance), world.CodeOwnerChairs},
	} {
		t.Run(name, func(t *testing.T) { complaints(t, faulty(t, 10*world.Second, c.tamper), c.want) })
	}
}

func aHistory(e world.Event) bool {
	rides, ok := e.Body.([]world.PastRide)
	return ok && len(rides) > 0
}

func emptied(e world.Event) []world.Event {
	e.Body = []world.PastRide{}
	return []world.Event{e}
}

func otherFare(e world.Event) []world.Event {
	rides := append([]world.PastRide{}, e.Body.([]world.PastRide)...)
	rides[0].Fare++
	e.Body = rides
	return []world.Event{e}
}

func movedAway(e world.Event) []world.Event {
	chairs := append([]world.NearbyChair{}, e.Body.([]world.NearbyChair)...)
	chairs[0].Position.X += 500
	e.Body = chairs
	return []world.Event{e}
}

func otherEstimate(e world.Event) []world.Event {
	e.Body = &world.Estimate{Fare: 1}
	return []world.Event{e}
}

func otherSales(e world.Event) []world.Event {
	s := *e.Body.(*world.Sales)
	s.Total++
	e.Body = &s
	return []world.Event{e}
}

func shortened(e world.Event) []world.Event {
	e.Body = e.Body.([]world.OwnedChair)[1:]
	return []world.Event{e}
}

func otherDistance(e world.Event) []world.Event {
	chairs := append([]world.OwnedChair{}, e.Body.([]world.OwnedChair)...)
	for i := range chairs {
		chairs[i].TotalDistance++
	}
	e.Body = chairs
	return []world.Event{e}
}

// userStatus applies f to the first notification of a status to any user, chairStatus to any chair.
func userStatus(s world.Status, f func(world.Event) []world.Event) func(world.Event) []world.Event {
	return first(func(e world.Event) bool {
		n, ok := e.Body.(*world.UserNotification)
		return ok && n.Status == s
	}, f)
}

func chairStatus(s world.Status, f func(world.Event) []world.Event) func(world.Event) []world.Event {
	return first(func(e world.Event) bool {
		n, ok := e.Body.(*world.ChairNotification)
		return ok && n.Status == s
	}, f)
}

func first(is func(world.Event) bool, f func(world.Event) []world.Event) func(world.Event) []world.Event {
	done := false
	return func(e world.Event) []world.Event {
		if !done && is(e) {
			done = true
			return f(e)
		}
		return []world.Event{e}
	}
}

func twice(e world.Event) []world.Event { return []world.Event{e, e} }
func nothing(world.Event) []world.Event { return nil }

// as makes a notification of another status out of one.
func as(s world.Status) func(world.Event) []world.Event {
	return func(e world.Event) []world.Event {
		switch n := e.Body.(type) {
		case *world.UserNotification:
			m := *n
			m.Status = s
			e.Body = &m
		case *world.ChairNotification:
			m := *n
			m.Status = s
			e.Body = &m
		}
		return []world.Event{e}
	}
}

// drifted counts the running ride already.
func drifted(e world.Event) []world.Event {
	n := *e.Body.(*world.UserNotification)
	n.Chair.TotalRides++
	e.Body = &n
	return []world.Event{e}
}

func renamed(e world.Event) []world.Event {
	n := *e.Body.(*world.ChairNotification)
	n.UserName = "nobody"
	e.Body = &n
	return []world.Event{e}
}

// Lost, repeated, early and wrong notifications.
func TestFaultyNotifications(t *testing.T) {
	const short = 10 * world.Second
	for name, c := range map[string]struct {
		load   world.Instant
		tamper func(world.Event) []world.Event
		want   world.Code
	}{
		"later ENROUTE lost":         {short, laterEnrouteLost(), world.CodeUserNotification},
		"chair never told":           {short, chairStatus(world.StatusMatching, nothing), world.CodeNearbyMissing},
		"user never told":            {35 * world.Second, neverTold(world.Entity{Kind: world.KindUser}), world.CodeMatchingTimeout},
		"ARRIVED instead of ENROUTE": {short, userStatus(world.StatusEnroute, as(world.StatusArrived)), world.CodeUserTransition},
		"stats drift":                {short, userStatus(world.StatusPickup, drifted), world.CodeUserNotification},
		"COMPLETED early":            {short, chairStatus(world.StatusPickup, as(world.StatusCompleted)), world.CodeEarlyCompleted},
		"match for another name":     {short, chairStatus(world.StatusMatching, renamed), world.CodeChairNotification},
		"wrong name later":           {short, chairStatus(world.StatusArrived, renamed), world.CodeChairNotification},
		"matched twice":              {short, chairStatus(world.StatusCompleted, nothing), world.CodeSecondRide},
	} {
		t.Run(name, func(t *testing.T) { complaints(t, faulty(t, c.load, c.tamper), c.want) })
	}
	for name, tamper := range map[string]func(world.Event) []world.Event{
		"user's PICKUP repeated":     userStatus(world.StatusPickup, twice),
		"user's COMPLETED repeated":  userStatus(world.StatusCompleted, twice),
		"chair's MATCHING repeated":  chairStatus(world.StatusMatching, twice),
		"chair's COMPLETED repeated": chairStatus(world.StatusCompleted, twice),
	} {
		t.Run(name, func(t *testing.T) {
			if r := faulty(t, short, tamper); r.World.Errors().Total() != 0 {
				t.Errorf("complaints %v", r.World.Errors().Codes())
			}
		})
	}
}

// laterEnrouteLost loses the ENROUTE of a user's second ride, so that PICKUP is compared with the first one's (spec 9.5).
func laterEnrouteLost() func(world.Event) []world.Event {
	rides := map[world.Entity]string{}
	return func(e world.Event) []world.Event {
		n, ok := e.Body.(*world.UserNotification)
		if !ok || n.Status != world.StatusEnroute {
			return []world.Event{e}
		}
		if id := rides[e.To]; id != "" && id != n.RideID {
			return nil
		}
		rides[e.To] = n.RideID
		return []world.Event{e}
	}
}

// neverTold loses all notifications of one entity.
func neverTold(to world.Entity) func(world.Event) []world.Event {
	return func(e world.Event) []world.Event {
		if e.To == to && e.Kind == world.EventUserNotified {
			return nil
		}
		return []world.Event{e}
	}
}

// A forgetfulUser gets evaluations answered without any payment.

type forgetfulUser struct {
	world.UserClient
	to   world.Entity
	loop *virtual.Loop
}

func (u forgetfulUser) Evaluate(string, int) { u.loop.After(1000, u) }

func (u forgetfulUser) Run(now world.Instant) {
	u.loop.Deliver(world.Event{To: u.to, Kind: world.EventEvaluated, Time: now.Millis()})
}

func TestUnpaidRide(t *testing.T) {
	r, err := virtual.Run(virtual.Config{World: world.Config{Seed: 1}, Load: 10 * world.Second},
		func(l *virtual.Loop, c *payment.Core) world.Clients {
			return forgetfulClients{model.New(good)(l, c), l}
		})
	if err != nil {
		t.Fatal(err)
	}
	complaints(t, r, world.CodeUnpaid)
}

type forgetfulClients struct {
	world.Clients
	loop *virtual.Loop
}

func (f forgetfulClients) NewUser(e world.Entity) world.UserClient {
	return forgetfulUser{f.Clients.NewUser(e), e, f.loop}
}
