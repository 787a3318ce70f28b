package verify

import "net/http"

// wrongRatings is about ratings that have to be refused.
func wrongRatings(at point) scenario {
	return scenario{
		name: "wrong ratings",
		at:   at,
		rules: []rule{
			{"evaluation-early", "4.8", M, "rating before ARRIVED answers 400"},
			{"evaluation-range", "4.8", M, "an evaluation outside 1 to 5 answers 400"},
			{"evaluation-no-token", "4.8", M, "rating without a payment token answers 400"},
			{"evaluation-refused-unchanged", "4.8", M, "after refused ratings the ride is still ARRIVED and can be rated"},
			{"evaluation-refused-unpaid", "8.3", B, "refused ratings charge nothing"},
			{"evaluation-again", "4.8", A, "rating a completed ride again answers 400"},
			{"evaluation-unknown-ride", "4.8", M, "rating an unknown ride answers 404"},
		},
		play: func(t *trial) {
			u := t.newUser("")
			r := t.short(u)
			user := u.openStream(userNoticePath)
			t.ratedEarly(r)
			t.ratedBadly(r, user)
			t.refuses("evaluation-unknown-ride", u.rate("01ARZ3NDEKTSV4RRFFQ69G5FAV", 5), http.StatusNotFound)
		},
	}
}

func (t *trial) ratedEarly(r *ride) {
	u := r.user
	t.refuses("evaluation-early", u.rate(r.id, 5), http.StatusBadRequest)
	r.match(nil)
	for _, status := range []string{enroute, pickup, carrying} {
		r.drive(status)
		t.refuses("evaluation-early", u.rate(r.id, 5), http.StatusBadRequest)
	}
	r.drive(arrived)
}

func (t *trial) ratedBadly(r *ride, user *stream) {
	u := r.user
	t.refuses("evaluation-no-token", u.rate(r.id, 5), http.StatusBadRequest)
	w := u.addPayment()
	t.need(w.fine(), "a user could not register a payment token", w)
	for _, stars := range []int{0, 6, -1} {
		t.refuses("evaluation-range", u.rate(r.id, stars), http.StatusBadRequest)
	}
	t.sleep(quiet)
	seen := user.statuses()
	t.check("evaluation-refused-unchanged", user.find(r, completed) == nil, sequence(seen), user)
	t.check("evaluation-refused-unpaid", u.wallet.paid() == 0, "a payment was registered", u.wallet)
	w = r.rate(3)
	t.check("evaluation-refused-unchanged", w.fine(), w.summary(), w)
	t.need(w.fine(), "the ride could not be rated", w)
	again := u.rate(r.id, 3)
	t.check("evaluation-again", again.status == http.StatusBadRequest, again.summary(), w, again)
}

// ratingByOthers may complete the ride: the reference does not look whose it is.
func ratingByOthers(at point) scenario {
	return scenario{
		name: "rating by others",
		at:   at,
		rules: []rule{
			{"evaluation-foreign", "4.8", A, "rating another user's ride answers 404"},
		},
		play: func(t *trial) {
			r := t.short(t.payingUser(""))
			r.take(nil, arrived)
			w := t.payingUser("").rate(r.id, 5)
			t.check("evaluation-foreign", w.status == http.StatusNotFound, w.summary(), r.requested, w)
			if !w.fine() {
				r.drive(completed)
			}
		},
	}
}
