package main

import (
	"fmt"
	"testing"
)

// TestFares is line 4 of appendix D (S4.6): every order of coupons, and one fare in
// estimate, request, notification, charge and history.
func TestFares(t *testing.T) {
	rules(t, func(p *process) {
		// Friends who register with the rider's code, before each of its rides.
		for _, c := range []struct {
			name      string
			invited   bool
			friends   []int
			discounts []int
		}{
			{"nobody invited", false, []int{0, 0, 0}, []int{3000, 0, 0}},
			{"invited", true, []int{0, 0, 0}, []int{3000, 1500, 0}},
			{"inviting before the first ride", false, []int{2, 0, 0, 0}, []int{3000, 1000, 1000, 0}},
			{"inviting between rides", false, []int{0, 1, 0, 2, 0}, []int{3000, 1000, 0, 1000, 1000}},
			{"invited, then inviting", true, []int{1, 0, 0, 1}, []int{3000, 1500, 1000, 1000}},
			{"invited, inviting behind both rides", true, []int{0, 0, 0, 3, 0, 0, 0}, []int{3000, 1500, 0, 1000, 1000, 1000, 0}},
		} {
			p.rule(c.name, func(p *process) {
				s, code := p.rider(c.invited)
				for i, discount := range c.discounts {
					for f := range c.friends[i] {
						p.user(fmt.Sprint("friend ", i, f), code)
					}
					s.user.wantDiscount(discount)
					s.wantFare(4500-discount, at(0, 0), far)
				}
			})
		}
		p.rule("what a coupon is worth more than the metered fare is lost", surplus)
		p.rule("an estimate changes nothing", estimateOnly)
		p.rule("a fare has no upper limit", hugeFare)
	})
}

// rider makes a scene whose user was invited or not, and returns the user's code.
func (p *process) rider(invited bool) (*scene, string) {
	p.t.Helper()
	s, code := p.scene(), ""
	if invited {
		_, code = p.user("inviter", "")
	}
	s.user, code = p.user("invited", code)
	return s, code
}

// wantFare makes a whole ride and looks at its fare wherever it shows.
func (s *scene) wantFare(fare int, from, to object) {
	t := s.p.t
	t.Helper()
	requested := s.user.want(202, "POST", "/api/app/rides", trip(from, to))
	ride := requested["ride_id"].(string)
	stream := s.user.listen()
	defer stream.close()
	seen := map[string]int64{"request": integer(t, requested["fare"])}
	seen["MATCHING"] = stream.fareOf(ride, "MATCHING")
	s.chair.accept(ride)
	seen["ENROUTE"] = stream.fareOf(ride, "ENROUTE")
	s.chair.report(from)
	seen["PICKUP"] = stream.fareOf(ride, "PICKUP")
	s.chair.advance(ride, "CARRYING")
	s.chair.report(to)
	seen["CARRYING"] = stream.fareOf(ride, "CARRYING")
	seen["ARRIVED"] = stream.fareOf(ride, "ARRIVED")
	s.user.rate(ride, 5)
	seen["COMPLETED"] = stream.fareOf(ride, "COMPLETED")
	newest := s.user.want(200, "GET", "/api/app/rides", nil)["rides"].([]any)[0].(object)
	if newest["id"] != ride {
		t.Fatalf("the newest ride of the history is %v, want %s", newest["id"], ride)
	}
	seen["history"] = integer(t, newest["fare"])
	paid := s.p.gateway.ByKey(ride)
	if len(paid) != 1 {
		t.Fatalf("the ride was charged %d times", len(paid))
	}
	seen["charge"] = int64(paid[0].Amount)
	for where, got := range seen {
		if got != int64(fare) {
			t.Errorf("%s: the fare is %d, want %d", where, got, fare)
		}
	}
}

// fareOf skips the repetition with which a new stream of a later ride begins.
func (e *events) fareOf(ride, status string) int64 {
	e.c.t.Helper()
	m := e.next()
	if m["ride_id"] != ride && m["status"] == "COMPLETED" {
		m = e.next()
	}
	if m["ride_id"] != ride || m["status"] != status {
		e.c.t.Fatalf("told %v of %v, want %s of %s", m["status"], m["ride_id"], status, ride)
	}
	return integer(e.c.t, m["fare"])
}

// surplus: the base fare is never reduced, and nothing is left of a used coupon.
func surplus(p *process) {
	s := p.scene()
	estimate := s.user.want(200, "POST", "/api/app/rides/estimated-fare", trip(pickup, destination))
	if fare, discount := integer(p.t, estimate["fare"]), integer(p.t, estimate["discount"]); fare != 500 || discount != 1200 {
		p.t.Errorf("a ride of 12 is estimated at %d with a discount of %d, want 500 and 1200", fare, discount)
	}
	s.wantFare(500, pickup, destination)
	s.wantFare(1700, pickup, destination)
	s.wantFare(500, pickup, pickup) // no distance at all
}

func estimateOnly(p *process) {
	s := p.scene()
	for range 3 {
		s.user.wantDiscount(3000)
	}
	s.user.request(pickup, destination)
	s.user.wantDiscount(0) // the estimate is of a next ride
}

// hugeFare: coordinates may be anything that a column holds, and their fare does not
// fit 32 bits (S1.2).
func hugeFare(p *process) {
	s := p.scene()
	const corner = 1<<31 - 1
	s.wantFare(500+100*(4*corner+2)-3000, at(-corner-1, -corner-1), at(corner, corner))
}

// TestSecondRide is line 5 of appendix D (S4.5): one unfinished ride a user.
func TestSecondRide(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("refused until the first is completed", func(p *process) {
			s := p.scene()
			ride := s.user.request(pickup, destination)
			again := func() reply { return s.user.call("POST", "/api/app/rides", trip(pickup, destination)) }
			again().refused(p.t, 409, "ride")
			for _, status := range between("MATCHING", "ARRIVED") {
				s.step(ride, status)
				again().refused(p.t, 409, "ride")
			}
			s.user.rate(ride, 5)
			if r := again(); r.status != 202 {
				p.t.Errorf("after the first ride: %d %s", r.status, r.body)
			}
		})
		p.rule("parallel requests make one ride and use one coupon", func(p *process) {
			s, _ := p.rider(true)
			statuses := p.each(8, func(int) (reply, error) {
				return s.user.try("POST", "/api/app/rides", trip(pickup, destination))
			})
			if statuses[202] != 1 || statuses[409] != 7 {
				p.t.Fatalf("eight requests at once are answered %v, want one 202 and seven 409", statuses)
			}
			s.user.wantDiscount(1500) // of the coupons 3000 and 1500 only the first is used
			if m := s.user.listen().next(); m["status"] != "MATCHING" || integer(p.t, m["fare"]) != 500 {
				p.t.Errorf("the rider is told %v", m)
			}
		})
	})
}

// TestStateMachine is line 6 of appendix D (S4.8, S4.16, S4.18, S5.1).
func TestStateMachine(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("every call in every state", everyCall)
		p.rule("an unassigned ride", unassignedRide)
		p.rule("foreign and unknown rides", foreignRides)
		p.rule("statuses that no chair can set", impossibleStatuses)
		p.rule("a chair already on its target must report", alreadyThere)
		p.rule("targets of another phase do not count", wrongPhase)
		p.rule("a ride of no distance takes two reports", noDistance)
		p.rule("parallel calls make one step", parallelSteps)
		p.rule("reports are recorded at growing milliseconds", growingReports)
		p.rule("an inactive chair ends its ride and gets no other", inactiveChair)
	})
}

// everyCall tries all calls in all states. The illegal ones change nothing: both
// streams show exactly the six statuses.
func everyCall(p *process) {
	s := p.scene()
	toChair := s.chair.listen()
	toChair.next() // no ride yet
	ride := s.user.request(pickup, destination)
	toUser := s.user.listen()
	rating := func(evaluation int) int {
		return s.user.call("POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": evaluation}).status
	}
	to := func(status string) int {
		return s.chair.call("POST", "/api/chair/rides/"+ride+"/status", object{"status": status}).status
	}
	// The answers to ENROUTE, CARRYING and a rating. A zero is the step itself.
	answers := map[string][3]int{
		"MATCHING":  {0, 400, 400},
		"ENROUTE":   {204, 400, 400}, // a repetition is harmless
		"PICKUP":    {400, 0, 400},
		"CARRYING":  {400, 204, 400},
		"ARRIVED":   {400, 400, 0},
		"COMPLETED": {400, 400, 400},
	}
	for _, status := range statuses {
		if status != "MATCHING" {
			s.step(ride, status)
		}
		toUser.expect(ride, status)
		toChair.expect(ride, status)
		for range 2 {
			for i, call := range []func() int{func() int { return to("ENROUTE") }, func() int { return to("CARRYING") }, func() int { return rating(5) }} {
				if want := answers[status][i]; want != 0 {
					if got := call(); got != want {
						p.t.Errorf("%s: call %d is answered %d, want %d", status, i, got, want)
					}
				}
			}
		}
		s.chair.report(at(-1, -1))
	}
	s.chair.report(pickup)
	s.chair.report(destination)
	next := s.user.request(pickup, destination)
	toUser.expect(next, "MATCHING") // and nothing before it
	toChair.expect(next, "MATCHING")
	if n := len(p.gateway.ByKey(ride)); n != 1 {
		p.t.Errorf("the ride was charged %d times", n)
	}
}

func unassignedRide(p *process) {
	s := p.scene()
	s.chair.want(204, "POST", "/api/chair/activity", object{"is_active": false})
	ride := s.user.request(pickup, destination)
	for _, status := range []string{"ENROUTE", "CARRYING", "PICKUP"} {
		s.chair.call("POST", "/api/chair/rides/"+ride+"/status", object{"status": status}).refused(p.t, 400, "ride")
	}
	s.user.call("POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5}).refused(p.t, 400, "MATCHING")
	s.chair.report(pickup)
	s.user.listen().expect(ride, "MATCHING")
}

// foreignRides: a ride is its own rider's and its own chair's alone.
func foreignRides(p *process) {
	s := p.scene()
	ride := s.user.request(pickup, destination)
	s.chair.accept(ride)
	stranger, _ := p.user("stranger", "")
	other := p.chair(s.register, "other", "SitEase", pickup)
	for _, status := range []string{"ENROUTE", "CARRYING"} {
		other.call("POST", "/api/chair/rides/"+ride+"/status", object{"status": status}).refused(p.t, 400, "ride")
	}
	s.drive(ride, "ENROUTE", "ARRIVED")
	stranger.call("POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5}).refused(p.t, 404, "ride")
	for _, unknown := range []string{"01JDFEDF00B09BNMV8MP0RB34G", "x", "%22", "ride;drop", ride + "0"} {
		s.chair.call("POST", "/api/chair/rides/"+unknown+"/status", object{"status": "ENROUTE"}).refused(p.t, 404, "ride")
		s.chair.call("POST", "/api/chair/rides/"+unknown+"/status", object{"status": "BOGUS"}).refused(p.t, 404, "ride")
		s.user.call("POST", "/api/app/rides/"+unknown+"/evaluation", object{"evaluation": 5}).refused(p.t, 404, "ride")
	}
	if rides := stranger.want(200, "GET", "/api/app/rides", nil)["rides"].([]any); len(rides) != 0 {
		p.t.Errorf("a stranger's history is %v", rides)
	}
	s.user.rate(ride, 4)
}

func impossibleStatuses(p *process) {
	s := p.scene()
	ride := s.user.request(pickup, destination)
	s.chair.accept(ride)
	for _, status := range []any{"MATCHING", "PICKUP", "ARRIVED", "COMPLETED", "enroute", "ENROUTE ", "", nil} {
		s.chair.call("POST", "/api/chair/rides/"+ride+"/status", object{"status": status}).refused(p.t, 400, "status")
	}
	s.chair.call("POST", "/api/chair/rides/"+ride+"/status", object{}).refused(p.t, 400, "status")
}

// alreadyThere: only a report makes PICKUP and ARRIVED (trap T6), and one of an
// unchanged position does (trap T7).
func alreadyThere(p *process) {
	s := p.scene()
	s.chair.report(pickup)
	ride := s.user.request(pickup, destination)
	toUser := s.user.listen()
	s.chair.accept(ride)
	toUser.expect(ride, "MATCHING", "ENROUTE")
	s.chair.call("POST", "/api/chair/rides/"+ride+"/status", object{"status": "CARRYING"}).refused(p.t, 400, "ENROUTE")
	s.chair.report(pickup)
	toUser.expect(ride, "PICKUP")
	s.chair.report(destination) // too early
	s.chair.advance(ride, "CARRYING")
	toUser.expect(ride, "CARRYING")
	s.user.call("POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5}).refused(p.t, 400, "CARRYING")
	s.chair.report(destination)
	toUser.expect(ride, "ARRIVED")
	s.user.rate(ride, 5)
	toUser.expect(ride, "COMPLETED")
}

// wrongPhase: the destination while ENROUTE, the pickup while CARRYING, both before and
// after, and points beside them.
func wrongPhase(p *process) {
	s := p.scene()
	ride := s.user.request(pickup, destination)
	toUser := s.user.listen()
	toUser.expect(ride, "MATCHING")
	both := func() { s.chair.report(pickup); s.chair.report(destination); s.chair.report(at(2, 4)) }
	eventually(p.t, func() error { // assigned, but not accepted
		if m := s.chair.listen().next(); m == nil {
			return fmt.Errorf("the chair has no ride")
		}
		return nil
	})
	both()
	s.chair.accept(ride)
	toUser.expect(ride, "ENROUTE")
	s.chair.report(destination)
	s.chair.report(at(3, 2)) // the pickup with its members swapped
	s.chair.call("POST", "/api/chair/rides/"+ride+"/status", object{"status": "CARRYING"}).refused(p.t, 400, "ENROUTE")
	s.chair.report(pickup)
	toUser.expect(ride, "PICKUP")
	both()
	s.chair.advance(ride, "CARRYING")
	toUser.expect(ride, "CARRYING")
	s.chair.report(pickup)
	s.chair.report(at(10, 7))
	s.user.call("POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5}).refused(p.t, 400, "CARRYING")
	s.chair.report(destination)
	toUser.expect(ride, "ARRIVED")
	both()
	s.user.rate(ride, 5)
	toUser.expect(ride, "COMPLETED")
}

func noDistance(p *process) {
	s := p.scene()
	s.chair.report(pickup)
	ride := s.user.request(pickup, pickup)
	toUser := s.user.listen()
	s.chair.accept(ride)
	s.chair.report(pickup)
	s.chair.report(pickup)
	s.chair.advance(ride, "CARRYING")
	s.chair.report(pickup)
	s.chair.report(pickup)
	s.user.rate(ride, 5)
	toUser.expect(ride, statuses...)
}

// parallelSteps: retries that overlap make no second row and no second message (trap
// T26).
func parallelSteps(p *process) {
	s := p.scene()
	toChair := s.chair.listen()
	toChair.next()
	ride := s.user.request(pickup, destination)
	toChair.expect(ride, "MATCHING")
	for _, call := range []struct {
		method, path string
		body         any
		status       int
		entered      string
	}{
		{"POST", "/api/chair/rides/" + ride + "/status", object{"status": "ENROUTE"}, 204, "ENROUTE"},
		{"POST", "/api/chair/coordinate", pickup, 200, "PICKUP"},
		{"POST", "/api/chair/rides/" + ride + "/status", object{"status": "CARRYING"}, 204, "CARRYING"},
		{"POST", "/api/chair/coordinate", destination, 200, "ARRIVED"},
	} {
		answers := p.each(8, func(int) (reply, error) { return s.chair.try(call.method, call.path, call.body) })
		if answers[call.status] != 8 {
			p.t.Errorf("eight calls for %s at once are answered %v", call.entered, answers)
		}
		toChair.expect(ride, call.entered)
	}
	s.user.rate(ride, 5)
	toChair.expect(ride, "COMPLETED")
}

// growingReports: recorded_at grows with each report of a chair (S4.16), also when
// several come within one millisecond.
func growingReports(p *process) {
	s := p.scene()
	last := s.chair.report(at(0, 0))
	for i := range 50 {
		now := s.chair.report(at(i%3, 0))
		if now <= last {
			p.t.Fatalf("report %d is recorded at %d, the one before at %d", i, now, last)
		}
		last = now
	}
}

// inactiveChair is S4.15.
func inactiveChair(p *process) {
	s := p.scene()
	ride := s.user.request(pickup, destination)
	s.chair.accept(ride)
	s.chair.want(204, "POST", "/api/chair/activity", object{"is_active": false})
	s.drive(ride, "ENROUTE", "COMPLETED")
	next := s.user.request(pickup, destination)
	s.user.want(204, "GET", "/api/internal/matching", nil)
	s.chair.call("POST", "/api/chair/rides/"+next+"/status", object{"status": "ENROUTE"}).refused(p.t, 400, "assigned")
	s.chair.want(204, "POST", "/api/chair/activity", object{"is_active": true})
	s.chair.accept(next)
}
