package rules

import (
	"net/http"

	"isuride/bench/verify/probe"
)

// statuses drives a ride whose chair is on the spot before it accepts or departs: PICKUP
// and ARRIVED must not be inferred.
func statuses() Scenario {
	return Scenario{
		name: "statuses",
		rules: []rule{
			{"accept-answer", "S4.18", B, "ENROUTE answers 204"},
			{"depart-answer", "S4.18", B, "CARRYING answers 204"},
			{"pickup-not-inferred", "S5.1", B, "a chair that accepts on the pickup point is not at PICKUP before it reports"},
			{"pickup-unchanged", "S5.1", B, "a report of the unchanged position makes it PICKUP"},
			{"arrived-not-inferred", "S5.1", B, "a chair that departs on the destination is not at ARRIVED before it reports"},
			{"arrived-unchanged", "S5.1", B, "a report of the unchanged position makes it ARRIVED"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			r := t.short(u)
			user := u.OpenStream(probe.UserNoticePath)
			r.match(nil)
			t.pickupByReport(r, user)
			t.arrivedByReport(r, user)
			r.drive(probe.Completed)
		},
	}
}

// wrongStatuses tries illegal changes of status.
func wrongStatuses() Scenario {
	return Scenario{
		name: "wrong statuses",
		rules: []rule{
			{"status-foreign", "S4.18", M, "a status by another chair than the assigned one is refused"},
			{"status-value", "S4.18", M, "a status that is neither ENROUTE nor CARRYING is refused"},
			{"status-early", "S4.18", M, "CARRYING before PICKUP is refused"},
			{"status-refused-unseen", "S4.18", B, "a status that was refused is not notified"},
			{"status-unassigned", "S4.18", M, "a status of a ride that nobody was assigned is refused"},
			{"status-refused-400", "S4.18", R, "these are refused with 400"},
			{"status-unknown-ride", "S4.18", M, "a status of an unknown ride answers 404"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			r := t.short(u)
			user := u.OpenStream(probe.UserNoticePath)
			stranger := t.owner().parked(slowModel)
			unassigned := stranger.status(r.id, probe.Enroute)
			r.match(nil)
			t.refusedStatuses(r, stranger, user)
			r.drive(probe.Completed)
			t.refusesStatus("status-unassigned", unassigned)
			t.refuses("status-unknown-ride", r.chair.status("01ARZ3NDEKTSV4RRFFQ69G5FAV", probe.Enroute), http.StatusNotFound)
		},
	}
}

func (t *trial) refusedStatuses(r *ride, stranger *chair, user *probe.Stream) {
	t.Sleep(quiet)
	before := len(user.Statuses())
	t.refusesStatus("status-foreign", stranger.status(r.id, probe.Enroute))
	for _, status := range []string{"", "enroute", probe.Matching, probe.Pickup, probe.Arrived, probe.Completed} {
		t.refusesStatus("status-value", r.chair.status(r.id, status))
	}
	t.refusesStatus("status-early", r.depart())
	t.Sleep(quiet)
	t.check("status-refused-unseen", len(user.Statuses()) == before, sequence(user.Statuses()), user)
	r.drive(probe.Enroute)
	t.refusesStatus("status-early", r.depart())
	t.Sleep(quiet)
	t.check("status-refused-unseen", len(user.Statuses()) <= before+1, sequence(user.Statuses()), user)
}

// refusesStatus judges the refusal, which is the rule, apart from its HTTP status, which
// the manual leaves open (S appendix C).
func (t *trial) refusesStatus(id string, w *probe.Answer) {
	if t.check(id, w.Refused(), w.Summary()+"; wanted a refusal", w) {
		t.refuses("status-refused-400", w, http.StatusBadRequest)
	}
}

func (t *trial) pickupByReport(r *ride, user *probe.Stream) {
	r.chair.mustReport(r.from)
	w := r.accept()
	t.answersWith("accept-answer", w, http.StatusNoContent, nil)
	r.advance(probe.Enroute, w)
	t.Sleep(quiet)
	t.check("pickup-not-inferred", user.Find(r.id, probe.Pickup) == nil, "PICKUP was notified", w, user)
	p := r.chair.report(r.from)
	t.reachedBy("pickup-unchanged", p, user, r, probe.Pickup)
}

func (t *trial) arrivedByReport(r *ride, user *probe.Stream) {
	r.chair.mustReport(r.to)
	w := r.depart()
	t.answersWith("depart-answer", w, http.StatusNoContent, nil)
	r.advance(probe.Carrying, w)
	t.Sleep(quiet)
	t.check("arrived-not-inferred", user.Find(r.id, probe.Arrived) == nil, "ARRIVED was notified", w, user)
	p := r.chair.report(r.to)
	t.reachedBy("arrived-unchanged", p, user, r, probe.Arrived)
}

// reachedBy judges that a report led to a status.
func (t *trial) reachedBy(id string, p position, user *probe.Stream, r *ride, status string) {
	if t.unseen[seen{user.Path, status}] {
		t.skip(status+" is never notified", id)
	} else if !t.check(id, user.Sees(r.id, status), status+" was not notified", p, user) {
		t.stop("the ride is not at "+status, p, user)
	}
	r.advance(status, p.Answer)
}

// repetitions has clients that retry and chairs on odd routes.
func repetitions() Scenario {
	return Scenario{
		name: "repetitions",
		rules: []rule{
			{"target-exact", "S5.1", B, "a position next to the pickup point or destination changes nothing"},
			{"target-of-phase", "S5.1", B, "the destination on the way to the pickup, and the pickup on the way to the destination, change nothing"},
			{"report-repeated", "S4.16", M, "repeated reports on pickup point or destination make no second PICKUP or ARRIVED"},
			{"accept-repeated", "S4.18", A, "ENROUTE again, while ENROUTE, answers 204"},
			{"depart-repeated", "S4.18", A, "CARRYING again, while CARRYING, answers 204"},
			{"accept-late", "S4.18", A, "ENROUTE after PICKUP answers 400"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			r := t.short(u)
			user := u.OpenStream(probe.UserNoticePath)
			c := r.take(nil, probe.Enroute)
			w := r.accept()
			t.check("accept-repeated", w.Status == http.StatusNoContent, w.Summary(), w)
			t.unmoved(r, user, r.from.Plus(0, 1), r.to)
			t.reported(r, user, probe.Pickup)
			r.drive(probe.Carrying)
			w = r.depart()
			t.check("depart-repeated", w.Status == http.StatusNoContent, w.Summary(), w)
			t.unmoved(r, user, r.to.Plus(-1, 0), r.from)
			t.reported(r, user, probe.Arrived)
			r.drive(probe.Completed)
			t.acceptLate(u, c)
		},
	}
}

// unmoved reports a place next to the target of this phase, and then the target of the
// other phase.
func (t *trial) unmoved(r *ride, user *probe.Stream, beside, other probe.Point) {
	r.needs(user, r.status)
	for _, x := range []struct {
		id string
		at probe.Point
	}{{"target-exact", beside}, {"target-of-phase", other}} {
		before := len(user.Statuses())
		p := r.chair.mustReport(x.at)
		t.Sleep(quiet)
		if !t.check(x.id, len(user.Statuses()) == before, sequence(user.Statuses()), p, user) {
			return
		}
	}
}

// reported brings the ride to PICKUP or ARRIVED and repeats the report.
func (t *trial) reported(r *ride, user *probe.Stream, status string) {
	r.drive(status)
	if !user.Pushes() {
		t.skip("polling repeats the current status", "report-repeated")
		return
	}
	t.Sleep(quiet)
	before := user.Count(r.id, status)
	p := r.chair.mustReport(r.chair.at)
	t.Sleep(quiet)
	n := user.Count(r.id, status) - before
	t.check("report-repeated", n == 0, words("%s was notified again", status), p, user)
}

// acceptLate comes last, because a server that does not refuse may set the ride back.
func (t *trial) acceptLate(u *user, c *chair) {
	r := t.short(u)
	r.take(c, probe.Carrying)
	w := r.accept()
	t.check("accept-late", w.Status == http.StatusBadRequest, w.Summary(), w)
	r.drive(probe.Arrived)
	_ = r.rate(3) // the ride may be ENROUTE again
}
