package acceptance

import (
	"fmt"
	"testing"

	"isuride/webapp/servertest"
)

// TestFares is line 4 of appendix D (S4.6): every order of coupons, and one fare in
// estimate, request, notification, charge and history.
func TestFares(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
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
			{"invited, inviting after both rides", true, []int{0, 0, 0, 3, 0, 0, 0}, []int{3000, 1500, 0, 1000, 1000, 1000, 0}},
		} {
			p.Rule(c.name, func(p *servertest.Process) {
				s, code := rider(p, c.invited)
				for i, discount := range c.discounts {
					for f := range c.friends[i] {
						p.User(fmt.Sprint("friend ", i, f), code)
					}
					wantDiscount(s.User, discount)
					wantFare(s, 4500-discount, servertest.At(0, 0), far)
				}
			})
		}
		p.Rule("what a coupon is worth more than the metered fare is lost", surplus)
		p.Rule("an estimate changes nothing", estimateOnly)
		p.Rule("a fare has no upper limit", hugeFare)
	})
}

// rider makes a scene whose user was invited or not, and returns the user's code.
func rider(p *servertest.Process, invited bool) (*servertest.Scene, string) {
	p.T.Helper()
	s, code := p.Scene(), ""
	if invited {
		_, code = p.User("inviter", "")
	}
	s.User, code = p.User("invited", code)
	return s, code
}

// wantFare makes a whole ride and looks at its fare wherever it shows.
func wantFare(s *servertest.Scene, fare int, from, to servertest.Object) {
	t := s.Process.T
	t.Helper()
	requested := s.User.Want(202, "POST", "/api/app/rides", servertest.Trip(from, to))
	ride := requested["ride_id"].(string)
	stream := s.User.Listen()
	defer stream.Close()
	seen := map[string]int64{"request": servertest.Integer(t, requested["fare"])}
	seen["MATCHING"] = fareOf(stream, ride, "MATCHING")
	s.Chair.Accept(ride)
	seen["ENROUTE"] = fareOf(stream, ride, "ENROUTE")
	s.Chair.Report(from)
	seen["PICKUP"] = fareOf(stream, ride, "PICKUP")
	s.Chair.Advance(ride, "CARRYING")
	s.Chair.Report(to)
	seen["CARRYING"] = fareOf(stream, ride, "CARRYING")
	seen["ARRIVED"] = fareOf(stream, ride, "ARRIVED")
	s.User.Rate(ride, 5)
	seen["COMPLETED"] = fareOf(stream, ride, "COMPLETED")
	newest := s.User.Want(200, "GET", "/api/app/rides", nil)["rides"].([]any)[0].(servertest.Object)
	if newest["id"] != ride {
		t.Fatalf("the newest ride of the history is %v, want %s", newest["id"], ride)
	}
	seen["history"] = servertest.Integer(t, newest["fare"])
	paid := s.Process.Gateway.ByKey(ride)
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
func fareOf(e *servertest.Stream, ride, status string) int64 {
	e.Client.T.Helper()
	m := e.Next()
	if m["ride_id"] != ride && m["status"] == "COMPLETED" {
		m = e.Next()
	}
	if m["ride_id"] != ride || m["status"] != status {
		e.Client.T.Fatalf("told %v of %v, want %s of %s", m["status"], m["ride_id"], status, ride)
	}
	return servertest.Integer(e.Client.T, m["fare"])
}

// surplus: the base fare is never reduced, and nothing is left of a used coupon.
func surplus(p *servertest.Process) {
	s := p.Scene()
	estimate := s.User.Want(200, "POST", "/api/app/rides/estimated-fare", servertest.Trip(servertest.Pickup, servertest.Destination))
	if fare, discount := servertest.Integer(p.T, estimate["fare"]), servertest.Integer(p.T, estimate["discount"]); fare != 500 || discount != 1200 {
		p.T.Errorf("a ride of 12 is estimated at %d with a discount of %d, want 500 and 1200", fare, discount)
	}
	wantFare(s, 500, servertest.Pickup, servertest.Destination)
	wantFare(s, 1700, servertest.Pickup, servertest.Destination)
	wantFare(s, 500, servertest.Pickup, servertest.Pickup) // no distance at all
}

func estimateOnly(p *servertest.Process) {
	s := p.Scene()
	for range 3 {
		wantDiscount(s.User, 3000)
	}
	s.User.Request(servertest.Pickup, servertest.Destination)
	wantDiscount(s.User, 0) // the estimate is of a next ride
}

// hugeFare: coordinates may be anything that a column holds, and their fare does not
// fit 32 bits (S1.2).
func hugeFare(p *servertest.Process) {
	s := p.Scene()
	const corner = 1<<31 - 1
	wantFare(s, 500+100*(4*corner+2)-3000, servertest.At(-corner-1, -corner-1), servertest.At(corner, corner))
}

// TestSecondRide is line 5 of appendix D (S4.5): one unfinished ride a user.
func TestSecondRide(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("refused until the first is completed", func(p *servertest.Process) {
			s := p.Scene()
			ride := s.User.Request(servertest.Pickup, servertest.Destination)
			again := func() servertest.Reply {
				return s.User.Call("POST", "/api/app/rides", servertest.Trip(servertest.Pickup, servertest.Destination))
			}
			again().Refused(p.T, 409, "ride")
			for _, status := range servertest.Between("MATCHING", "ARRIVED") {
				s.Step(ride, status)
				again().Refused(p.T, 409, "ride")
			}
			s.User.Rate(ride, 5)
			if r := again(); r.Status != 202 {
				p.T.Errorf("after the first ride: %d %s", r.Status, r.Body)
			}
		})
		p.Rule("parallel requests make one ride and use one coupon", func(p *servertest.Process) {
			s, _ := rider(p, true)
			statuses := each(p, 8, func(int) (servertest.Reply, error) {
				return s.User.Try("POST", "/api/app/rides", servertest.Trip(servertest.Pickup, servertest.Destination))
			})
			if statuses[202] != 1 || statuses[409] != 7 {
				p.T.Fatalf("eight requests at once are answered %v, want one 202 and seven 409", statuses)
			}
			wantDiscount(s.User, 1500) // of the coupons 3000 and 1500 only the first is used
			if m := s.User.Listen().Next(); m["status"] != "MATCHING" || servertest.Integer(p.T, m["fare"]) != 500 {
				p.T.Errorf("the rider gets %v", m)
			}
		})
	})
}

// TestStateMachine is line 6 of appendix D (S4.8, S4.16, S4.18, S5.1).
func TestStateMachine(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("every call in every state", everyCall)
		p.Rule("an unassigned ride", unassignedRide)
		p.Rule("foreign and unknown rides", foreignRides)
		p.Rule("statuses that no chair can set", impossibleStatuses)
		p.Rule("a chair already on its target must report", alreadyThere)
		p.Rule("targets of another phase do not count", wrongPhase)
		p.Rule("a ride of no distance takes two reports", noDistance)
		p.Rule("parallel calls make one step", parallelSteps)
		p.Rule("reports are recorded at growing milliseconds", growingReports)
		p.Rule("an inactive chair ends its ride and gets no other", inactiveChair)
	})
}

// everyCall tries all calls in all states. The illegal ones change nothing: both
// streams show exactly the six statuses.
func everyCall(p *servertest.Process) {
	s := p.Scene()
	toChair := s.Chair.Listen()
	toChair.Next() // no ride yet
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	toUser := s.User.Listen()
	rating := func(evaluation int) int {
		return s.User.Call("POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": evaluation}).Status
	}
	to := func(status string) int {
		return s.Chair.Call("POST", "/api/chair/rides/"+ride+"/status", servertest.Object{"status": status}).Status
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
	for _, status := range servertest.Statuses {
		if status != "MATCHING" {
			s.Step(ride, status)
		}
		toUser.Expect(ride, status)
		toChair.Expect(ride, status)
		for range 2 {
			for i, call := range []func() int{func() int { return to("ENROUTE") }, func() int { return to("CARRYING") }, func() int { return rating(5) }} {
				if want := answers[status][i]; want != 0 {
					if got := call(); got != want {
						p.T.Errorf("%s: call %d is answered %d, want %d", status, i, got, want)
					}
				}
			}
		}
		s.Chair.Report(servertest.At(-1, -1))
	}
	s.Chair.Report(servertest.Pickup)
	s.Chair.Report(servertest.Destination)
	next := s.User.Request(servertest.Pickup, servertest.Destination)
	toUser.Expect(next, "MATCHING") // and nothing before it
	toChair.Expect(next, "MATCHING")
	if n := len(p.Gateway.ByKey(ride)); n != 1 {
		p.T.Errorf("the ride was charged %d times", n)
	}
}

func unassignedRide(p *servertest.Process) {
	s := p.Scene()
	s.Chair.Want(204, "POST", "/api/chair/activity", servertest.Object{"is_active": false})
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	for _, status := range []string{"ENROUTE", "CARRYING", "PICKUP"} {
		s.Chair.Call("POST", "/api/chair/rides/"+ride+"/status", servertest.Object{"status": status}).Refused(p.T, 400, "ride")
	}
	s.User.Call("POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": 5}).Refused(p.T, 400, "MATCHING")
	s.Chair.Report(servertest.Pickup)
	s.User.Listen().Expect(ride, "MATCHING")
}

// foreignRides: a ride is its own rider's and its own chair's alone.
func foreignRides(p *servertest.Process) {
	s := p.Scene()
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	s.Chair.Accept(ride)
	stranger, _ := p.User("stranger", "")
	other := p.Chair(s.Register, "other", "SitEase", servertest.Pickup)
	for _, status := range []string{"ENROUTE", "CARRYING"} {
		other.Call("POST", "/api/chair/rides/"+ride+"/status", servertest.Object{"status": status}).Refused(p.T, 400, "ride")
	}
	s.Drive(ride, "ENROUTE", "ARRIVED")
	stranger.Call("POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": 5}).Refused(p.T, 404, "ride")
	for _, unknown := range []string{"01JDFEDF00B09BNMV8MP0RB34G", "x", "%22", "ride;drop", ride + "0"} {
		s.Chair.Call("POST", "/api/chair/rides/"+unknown+"/status", servertest.Object{"status": "ENROUTE"}).Refused(p.T, 404, "ride")
		s.Chair.Call("POST", "/api/chair/rides/"+unknown+"/status", servertest.Object{"status": "BOGUS"}).Refused(p.T, 404, "ride")
		s.User.Call("POST", "/api/app/rides/"+unknown+"/evaluation", servertest.Object{"evaluation": 5}).Refused(p.T, 404, "ride")
	}
	if rides := stranger.Want(200, "GET", "/api/app/rides", nil)["rides"].([]any); len(rides) != 0 {
		p.T.Errorf("another user's history is %v", rides)
	}
	s.User.Rate(ride, 4)
}

func impossibleStatuses(p *servertest.Process) {
	s := p.Scene()
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	s.Chair.Accept(ride)
	for _, status := range []any{"MATCHING", "PICKUP", "ARRIVED", "COMPLETED", "enroute", "ENROUTE ", "", nil} {
		s.Chair.Call("POST", "/api/chair/rides/"+ride+"/status", servertest.Object{"status": status}).Refused(p.T, 400, "status")
	}
	s.Chair.Call("POST", "/api/chair/rides/"+ride+"/status", servertest.Object{}).Refused(p.T, 400, "status")
}

// alreadyThere: only a report makes PICKUP and ARRIVED (trap T6), and one of an
// unchanged position does (trap T7).
func alreadyThere(p *servertest.Process) {
	s := p.Scene()
	s.Chair.Report(servertest.Pickup)
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	toUser := s.User.Listen()
	s.Chair.Accept(ride)
	toUser.Expect(ride, "MATCHING", "ENROUTE")
	s.Chair.Call("POST", "/api/chair/rides/"+ride+"/status", servertest.Object{"status": "CARRYING"}).Refused(p.T, 400, "ENROUTE")
	s.Chair.Report(servertest.Pickup)
	toUser.Expect(ride, "PICKUP")
	s.Chair.Report(servertest.Destination) // too early
	s.Chair.Advance(ride, "CARRYING")
	toUser.Expect(ride, "CARRYING")
	s.User.Call("POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": 5}).Refused(p.T, 400, "CARRYING")
	s.Chair.Report(servertest.Destination)
	toUser.Expect(ride, "ARRIVED")
	s.User.Rate(ride, 5)
	toUser.Expect(ride, "COMPLETED")
}

// wrongPhase: the destination while ENROUTE, the pickup while CARRYING, both before and
// after, and points next to them.
func wrongPhase(p *servertest.Process) {
	s := p.Scene()
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	toUser := s.User.Listen()
	toUser.Expect(ride, "MATCHING")
	both := func() {
		s.Chair.Report(servertest.Pickup)
		s.Chair.Report(servertest.Destination)
		s.Chair.Report(servertest.At(2, 4))
	}
	servertest.Eventually(p.T, func() error { // assigned, but not accepted
		if m := s.Chair.Listen().Next(); m == nil {
			return fmt.Errorf("the chair has no ride")
		}
		return nil
	})
	both()
	s.Chair.Accept(ride)
	toUser.Expect(ride, "ENROUTE")
	s.Chair.Report(servertest.Destination)
	s.Chair.Report(servertest.At(3, 2)) // the pickup with its members swapped
	s.Chair.Call("POST", "/api/chair/rides/"+ride+"/status", servertest.Object{"status": "CARRYING"}).Refused(p.T, 400, "ENROUTE")
	s.Chair.Report(servertest.Pickup)
	toUser.Expect(ride, "PICKUP")
	both()
	s.Chair.Advance(ride, "CARRYING")
	toUser.Expect(ride, "CARRYING")
	s.Chair.Report(servertest.Pickup)
	s.Chair.Report(servertest.At(10, 7))
	s.User.Call("POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": 5}).Refused(p.T, 400, "CARRYING")
	s.Chair.Report(servertest.Destination)
	toUser.Expect(ride, "ARRIVED")
	both()
	s.User.Rate(ride, 5)
	toUser.Expect(ride, "COMPLETED")
}

func noDistance(p *servertest.Process) {
	s := p.Scene()
	s.Chair.Report(servertest.Pickup)
	ride := s.User.Request(servertest.Pickup, servertest.Pickup)
	toUser := s.User.Listen()
	s.Chair.Accept(ride)
	s.Chair.Report(servertest.Pickup)
	s.Chair.Report(servertest.Pickup)
	s.Chair.Advance(ride, "CARRYING")
	s.Chair.Report(servertest.Pickup)
	s.Chair.Report(servertest.Pickup)
	s.User.Rate(ride, 5)
	toUser.Expect(ride, servertest.Statuses...)
}

// parallelSteps: retries that overlap make no second row and no second message (trap
// T26).
func parallelSteps(p *servertest.Process) {
	s := p.Scene()
	toChair := s.Chair.Listen()
	toChair.Next()
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	toChair.Expect(ride, "MATCHING")
	for _, call := range []struct {
		method, path string
		body         any
		status       int
		entered      string
	}{
		{"POST", "/api/chair/rides/" + ride + "/status", servertest.Object{"status": "ENROUTE"}, 204, "ENROUTE"},
		{"POST", "/api/chair/coordinate", servertest.Pickup, 200, "PICKUP"},
		{"POST", "/api/chair/rides/" + ride + "/status", servertest.Object{"status": "CARRYING"}, 204, "CARRYING"},
		{"POST", "/api/chair/coordinate", servertest.Destination, 200, "ARRIVED"},
	} {
		answers := each(p, 8, func(int) (servertest.Reply, error) { return s.Chair.Try(call.method, call.path, call.body) })
		if answers[call.status] != 8 {
			p.T.Errorf("eight calls for %s at once are answered %v", call.entered, answers)
		}
		toChair.Expect(ride, call.entered)
	}
	s.User.Rate(ride, 5)
	toChair.Expect(ride, "COMPLETED")
}

// growingReports: recorded_at grows with each report of a chair (S4.16), also when
// several come within one millisecond.
func growingReports(p *servertest.Process) {
	s := p.Scene()
	last := s.Chair.Report(servertest.At(0, 0))
	for i := range 50 {
		now := s.Chair.Report(servertest.At(i%3, 0))
		if now <= last {
			p.T.Fatalf("report %d is recorded at %d, the one before at %d", i, now, last)
		}
		last = now
	}
}

// inactiveChair is S4.15.
func inactiveChair(p *servertest.Process) {
	s := p.Scene()
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	s.Chair.Accept(ride)
	s.Chair.Want(204, "POST", "/api/chair/activity", servertest.Object{"is_active": false})
	s.Drive(ride, "ENROUTE", "COMPLETED")
	next := s.User.Request(servertest.Pickup, servertest.Destination)
	s.User.Want(204, "GET", "/api/internal/matching", nil)
	s.Chair.Call("POST", "/api/chair/rides/"+next+"/status", servertest.Object{"status": "ENROUTE"}).Refused(p.T, 400, "assigned")
	s.Chair.Want(204, "POST", "/api/chair/activity", servertest.Object{"is_active": true})
	s.Chair.Accept(next)
}
