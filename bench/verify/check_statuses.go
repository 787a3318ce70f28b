package verify

import "net/http"

// statuses takes a ride where PICKUP and ARRIVED must not be inferred: its chair is on the spot already.
func statuses(at point) Scenario {
	return Scenario{
		name: "statuses",
		at:   at,
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
			user := u.openStream(userNoticePath)
			r.match(nil)
			t.pickupByReport(r, user)
			t.arrivedByReport(r, user)
			r.drive(completed)
		},
	}
}

// wrongStatuses tries what is not legal.
func wrongStatuses(at point) Scenario {
	return Scenario{
		name: "wrong statuses",
		at:   at,
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
			user := u.openStream(userNoticePath)
			stranger := t.owner().parked(slowModel)
			unassigned := stranger.status(r.id, enroute)
			r.match(nil)
			t.refusedStatuses(r, stranger, user)
			r.drive(completed)
			t.refusesStatus("status-unassigned", unassigned)
			t.refuses("status-unknown-ride", r.chair.status("01ARZ3NDEKTSV4RRFFQ69G5FAV", enroute), http.StatusNotFound)
		},
	}
}

func (t *trial) refusedStatuses(r *ride, stranger *chair, user *stream) {
	t.sleep(quiet)
	before := len(user.statuses())
	t.refusesStatus("status-foreign", stranger.status(r.id, enroute))
	for _, status := range []string{"", "enroute", matching, pickup, arrived, completed} {
		t.refusesStatus("status-value", r.chair.status(r.id, status))
	}
	t.refusesStatus("status-early", r.depart())
	t.sleep(quiet)
	t.check("status-refused-unseen", len(user.statuses()) == before, sequence(user.statuses()), user)
	r.drive(enroute)
	t.refusesStatus("status-early", r.depart())
	t.sleep(quiet)
	t.check("status-refused-unseen", len(user.statuses()) <= before+1, sequence(user.statuses()), user)
}

// refusesStatus tells the refusal, which is the rule, from its status, which the manual leaves open (S appendix C).
func (t *trial) refusesStatus(id string, w *answer) {
	if t.check(id, w.refused(), w.summary()+"; wanted a refusal", w) {
		t.refuses("status-refused-400", w, http.StatusBadRequest)
	}
}

func (t *trial) pickupByReport(r *ride, user *stream) {
	r.chair.mustReport(r.from)
	w := r.accept()
	t.answersWith("accept-answer", w, http.StatusNoContent, nil)
	r.advance(enroute, w)
	t.sleep(quiet)
	t.check("pickup-not-inferred", user.find(r.id, pickup) == nil, "PICKUP was notified", w, user)
	p := r.chair.report(r.from)
	t.reachedBy("pickup-unchanged", p, user, r, pickup)
}

func (t *trial) arrivedByReport(r *ride, user *stream) {
	r.chair.mustReport(r.to)
	w := r.depart()
	t.answersWith("depart-answer", w, http.StatusNoContent, nil)
	r.advance(carrying, w)
	t.sleep(quiet)
	t.check("arrived-not-inferred", user.find(r.id, arrived) == nil, "ARRIVED was notified", w, user)
	p := r.chair.report(r.to)
	t.reachedBy("arrived-unchanged", p, user, r, arrived)
}

// reachedBy judges that a report made a status.
func (t *trial) reachedBy(id string, p position, user *stream, r *ride, status string) {
	if t.unseen[seen{user.path, status}] {
		t.skip(status+" is never notified", id)
	} else if !t.check(id, user.sees(r.id, status), status+" was not notified", p, user) {
		t.stop("the ride is not at "+status, p, user)
	}
	r.advance(status, p.answer)
}

// repetitions is what retrying clients and odd routes do to a ride.
func repetitions(at point) Scenario {
	return Scenario{
		name: "repetitions",
		at:   at,
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
			user := u.openStream(userNoticePath)
			c := r.take(nil, enroute)
			w := r.accept()
			t.check("accept-repeated", w.status == http.StatusNoContent, w.summary(), w)
			t.unmoved(r, user, r.from.plus(0, 1), r.to)
			t.reported(r, user, pickup)
			r.drive(carrying)
			w = r.depart()
			t.check("depart-repeated", w.status == http.StatusNoContent, w.summary(), w)
			t.unmoved(r, user, r.to.plus(-1, 0), r.from)
			t.reported(r, user, arrived)
			r.drive(completed)
			t.acceptLate(u, c)
		},
	}
}

// unmoved reports a place beside the target of the phase, and then the target of the other one.
func (t *trial) unmoved(r *ride, user *stream, beside, other point) {
	r.needs(user, r.status)
	for _, x := range []struct {
		id string
		at point
	}{{"target-exact", beside}, {"target-of-phase", other}} {
		before := len(user.statuses())
		p := r.chair.mustReport(x.at)
		t.sleep(quiet)
		if !t.check(x.id, len(user.statuses()) == before, sequence(user.statuses()), p, user) {
			return
		}
	}
}

// reported brings the ride to PICKUP or ARRIVED and repeats the report.
func (t *trial) reported(r *ride, user *stream, status string) {
	r.drive(status)
	if !user.pushes() {
		t.skip("polling repeats the current status", "report-repeated")
		return
	}
	t.sleep(quiet)
	before := user.count(r.id, status)
	p := r.chair.mustReport(r.chair.at)
	t.sleep(quiet)
	n := user.count(r.id, status) - before
	t.check("report-repeated", n == 0, words("%s was notified again", status), p, user)
}

// acceptLate may throw the ride back on servers that do not refuse, so it comes last.
func (t *trial) acceptLate(u *user, c *chair) {
	r := t.short(u)
	r.take(c, carrying)
	w := r.accept()
	t.check("accept-late", w.status == http.StatusBadRequest, w.summary(), w)
	r.drive(arrived)
	_ = r.rate(3) // the ride may be ENROUTE again
}
