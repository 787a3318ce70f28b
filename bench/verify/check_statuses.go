package verify

import "net/http"

// statuses takes a ride where PICKUP and ARRIVED must not be inferred: its chair is on the spot already.
func statuses(at point) scenario {
	return scenario{
		name: "statuses",
		at:   at,
		rules: []rule{
			{"accept-answer", "4.18", B, "ENROUTE answers 204"},
			{"depart-answer", "4.18", B, "CARRYING answers 204"},
			{"pickup-not-inferred", "5.1", B, "a chair that accepts on the pickup point is not at PICKUP before it reports"},
			{"pickup-unchanged", "5.1", B, "a report of the unchanged position makes it PICKUP"},
			{"arrived-not-inferred", "5.1", B, "a chair that departs on the destination is not at ARRIVED before it reports"},
			{"arrived-unchanged", "5.1", B, "a report of the unchanged position makes it ARRIVED"},
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
func wrongStatuses(at point) scenario {
	return scenario{
		name: "wrong statuses",
		at:   at,
		rules: []rule{
			{"status-foreign", "4.18", M, "a status by another chair than the assigned one is refused"},
			{"status-value", "4.18", M, "a status that is neither ENROUTE nor CARRYING is refused"},
			{"status-early", "4.18", M, "CARRYING before PICKUP is refused"},
			{"status-refused-unseen", "4.18", B, "a status that was refused is not notified"},
			{"status-unassigned", "4.18", M, "a status of a ride that nobody was assigned is refused"},
			{"status-refused-400", "4.18", R, "these are refused with 400"},
			{"status-unknown-ride", "4.18", M, "a status of an unknown ride answers 404"},
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
	t.refusesStatus("status-foreign", stranger.status(r.id, enroute))
	for _, status := range []string{"", "enroute", matching, pickup, arrived, completed} {
		t.refusesStatus("status-value", r.chair.status(r.id, status))
	}
	t.refusesStatus("status-early", r.depart())
	t.sleep(quiet)
	seen := user.statuses()
	t.check("status-refused-unseen", inOrder(seen, steps(r, matching, matching)), sequence(seen), user)
	r.drive(enroute)
	t.refusesStatus("status-early", r.depart())
	t.sleep(quiet)
	seen = user.statuses()
	t.check("status-refused-unseen", inOrder(seen, steps(r, matching, enroute)), sequence(seen), user)
}

// refusesStatus tells the refusal, which is the rule, from its status, which the manual leaves open (spec App. C).
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
	t.check("pickup-not-inferred", user.find(r, pickup) == nil, "PICKUP was notified", w, user)
	p := r.chair.report(r.from)
	t.check("pickup-unchanged", user.sees(r, pickup), "PICKUP was not notified", p, user)
	r.advance(pickup, p.answer)
}

func (t *trial) arrivedByReport(r *ride, user *stream) {
	r.chair.mustReport(r.to)
	w := r.depart()
	t.answersWith("depart-answer", w, http.StatusNoContent, nil)
	r.advance(carrying, w)
	t.sleep(quiet)
	t.check("arrived-not-inferred", user.find(r, arrived) == nil, "ARRIVED was notified", w, user)
	p := r.chair.report(r.to)
	t.check("arrived-unchanged", user.sees(r, arrived), "ARRIVED was not notified", p, user)
	r.advance(arrived, p.answer)
}

// repetitions is what retrying clients and odd routes do to a ride.
func repetitions(at point) scenario {
	return scenario{
		name: "repetitions",
		at:   at,
		rules: []rule{
			{"target-exact", "5.1", B, "a position next to the pickup point or destination changes nothing"},
			{"target-of-phase", "5.1", B, "the destination on the way to the pickup, and the pickup on the way to the destination, change nothing"},
			{"report-repeated", "4.16", M, "repeated reports on pickup point or destination make no second PICKUP or ARRIVED"},
			{"accept-repeated", "4.18", A, "ENROUTE again, while ENROUTE, answers 204"},
			{"depart-repeated", "4.18", A, "CARRYING again, while CARRYING, answers 204"},
			{"accept-late", "4.18", A, "ENROUTE after PICKUP answers 400"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			r := t.short(u)
			user := u.openStream(userNoticePath)
			c := r.take(nil, enroute)
			w := r.accept()
			t.check("accept-repeated", w.status == http.StatusNoContent, w.summary(), w)
			t.unmoved(r, user, pickup, r.from.plus(0, 1), r.to)
			r.drive(pickup)
			c.mustReport(r.from)
			r.drive(carrying)
			w = r.depart()
			t.check("depart-repeated", w.status == http.StatusNoContent, w.summary(), w)
			t.unmoved(r, user, arrived, r.to.plus(-1, 0), r.from)
			r.drive(arrived)
			c.mustReport(r.to)
			t.sleep(quiet)
			t.checkRepeated(r, user)
			r.drive(completed)
			t.acceptLate(u, c)
		},
	}
}

// unmoved reports a place next to the target of the phase and the target of the other one; status must not come.
func (t *trial) unmoved(r *ride, user *stream, status string, beside, other point) {
	r.needs(user, r.status)
	before := len(user.statuses())
	r.chair.mustReport(beside)
	t.sleep(quiet)
	if !t.check("target-exact", user.find(r, status) == nil, status+" was notified", user) {
		return
	}
	r.chair.mustReport(other)
	t.sleep(quiet)
	t.check("target-of-phase", len(user.statuses()) == before, sequence(user.statuses()), user)
}

func (t *trial) checkRepeated(r *ride, user *stream) {
	if !user.pushes() {
		t.skip("polling repeats the current status", "report-repeated")
		return
	}
	for _, status := range []string{pickup, arrived} {
		n := user.count(r, status)
		t.check("report-repeated", n <= 1, words("%s was notified %d times", status, n), user)
	}
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
