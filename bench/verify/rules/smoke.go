package rules

import (
	"net/http"
	"time"

	"isuride/bench/verify/probe"
)

// smoke is the official benchmarker's success flow, which that never runs (B16, item 9):
// one ride from (0,0) to (10,10) whose every status is seen by both sides.
func smoke() Scenario {
	return Scenario{
		name: "smoke",
		rules: []rule{
			{"smoke-user-matching", "B16", B, "after the request the user is notified of MATCHING, without a chair"},
			{"smoke-nearby-none", "B16", B, "no chair is nearby before there is one"},
			{"smoke-chair-matching", "S7.2", B, "a free chair is notified of the ride, MATCHING, within 30 s"},
			{"smoke-user-still-matching", "S6.5", B, "the user sees nothing but MATCHING before the chair accepts"},
			{"smoke-user-enroute", "S6.4", B, "after the chair accepted the user is notified of ENROUTE within 3 s"},
			{"smoke-chair-enroute", "S6.4", B, "so is the chair"},
			{"smoke-user-pickup", "S6.4", B, "after the report of the pickup point the user is notified of PICKUP"},
			{"smoke-chair-pickup", "S6.4", B, "so is the chair"},
			{"smoke-user-carrying", "S6.4", B, "after the chair departed the user is notified of CARRYING"},
			{"smoke-chair-carrying", "S6.4", B, "so is the chair"},
			{"smoke-user-arrived", "S6.4", B, "after the report of the destination the user is notified of ARRIVED"},
			{"smoke-chair-arrived", "S6.4", B, "so is the chair"},
			{"smoke-nearby-after", "B16", B, "after the rating nearby-chairs lists exactly this chair, at (10,10)"},
			{"smoke-user-completed", "S6.4", B, "after the rating the user is notified of COMPLETED"},
			{"smoke-chair-completed", "S6.4", B, "so is the chair"},
			{"smoke-stats", "S6.3", B, "COMPLETED shows the chair with 1 ride and the average 5"},
			{"smoke-user-order", "S6.5", B, "the user's stream had every status once, in order, apart from immediate repetitions"},
			{"smoke-chair-order", "S6.4", M, "so had the chair's"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			r := u.order(probe.At(0, 0), probe.At(10, 10))
			user := u.OpenStream(probe.UserNoticePath)
			t.smokeRequest(u, r, user)
			c := t.owner().working(fastModel, probe.At(1, 1))
			t.smokeMatch(c, r, user)
			t.smokeDrive(r, user)
			t.smokeRating(u, r, user)
		},
	}
}

func (t *trial) smokeRequest(u *user, r *ride, user *probe.Stream) {
	came := user.Sees(r.id, probe.Matching)
	t.unseen[seen{user.Path, probe.Matching}] = !came
	ok := came && (user.Find(r.id, probe.Matching).Chair == nil || len(t.foreign) > 0)
	t.check("smoke-user-matching", ok, "not so", r.requested, user)
	n := u.nearby(probe.At(0, 0), 50)
	t.check("smoke-nearby-none", n.Fine() && len(n.chairs()) == 0, n.Summary(), n)
}

func (t *trial) smokeMatch(c *chair, r *ride, user *probe.Stream) {
	next := c.nextRide()
	if !t.check("smoke-chair-matching", next == r.id, words("notified of %q within %s", next, t.pilot.limit()), r.requested, c.stream) {
		t.need(next != "", "the chair was not notified of the ride")
		c = r.match(nil)
	}
	r.chair = c
	t.Sleep(quiet)
	ok := true
	for _, m := range user.Received() {
		ok = ok && (m.Null || m.Status == probe.Matching)
	}
	t.check("smoke-user-still-matching", ok, sequence(user.Statuses()), user)
}

func (t *trial) smokeDrive(r *ride, user *probe.Stream) {
	ids := map[string][2]string{
		probe.Enroute:  {"smoke-user-enroute", "smoke-chair-enroute"},
		probe.Pickup:   {"smoke-user-pickup", "smoke-chair-pickup"},
		probe.Carrying: {"smoke-user-carrying", "smoke-chair-carrying"},
		probe.Arrived:  {"smoke-user-arrived", "smoke-chair-arrived"},
	}
	for _, status := range []string{probe.Enroute, probe.Pickup, probe.Carrying, probe.Arrived} {
		r.drive(status)
		t.bothSee(r, user, status, ids[status][0], ids[status][1])
	}
}

func (t *trial) bothSee(r *ride, user *probe.Stream, status, userRule, chairRule string) {
	end := time.Now().Add(probe.Grace)
	t.sees(userRule, end, user, r, status)
	t.sees(chairRule, end, r.chair.stream, r, status)
}

// sees judges that a status comes in time. Later checks do not wait again for one that
// does not.
func (t *trial) sees(id string, end time.Time, s *probe.Stream, r *ride, status string) {
	ok := s.SeesBy(end, r.id, status)
	t.check(id, ok, status+" was not notified", s)
	t.unseen[seen{s.Path, status}] = !ok
}

func (t *trial) smokeRating(u *user, r *ride, user *probe.Stream) {
	w := r.rate(5)
	t.need(w.Fine(), "the ride could not be rated", w)
	t.bothSee(r, user, probe.Completed, "smoke-user-completed", "smoke-chair-completed")
	t.smokeNearby(u, r)
	if m := user.Find(r.id, probe.Completed); m != nil {
		ok := m.Chair != nil && m.Chair.Stats.Rides == 1 && near(m.Chair.Stats.Average, 5)
		t.check("smoke-stats", ok, m.Raw, user)
	}
	all := steps(r, probe.Matching, probe.Completed)
	t.check("smoke-user-order", inOrder(user.Statuses(), all), sequence(user.Statuses()), user)
	t.check("smoke-chair-order", inOrder(r.chair.stream.Statuses(), all), sequence(r.chair.stream.Statuses()), r.chair.stream)
}

// smokeNearby looks for exactly this chair, which may be listed late, within the grace.
func (t *trial) smokeNearby(u *user, r *ride) {
	var n nearbyChairs
	ok := t.eventually(func() bool {
		n = u.nearby(probe.At(0, 0), 50)
		all := n.chairs()
		return n.Status == http.StatusOK && len(all) == 1 && all[0].ID == r.chair.id && all[0].At == r.to
	})
	t.check("smoke-nearby-after", ok, n.Summary(), n)
}

// near compares averages with the benchmarker's tolerance.
func near(a, b float64) bool { return a-b < 0.01 && b-a < 0.01 }
