package rules

import (
	"net/http"

	"isuride/bench/verify/probe"
)

// wrongRatings tries ratings that have to be refused.
func wrongRatings() Scenario {
	return Scenario{
		name: "wrong ratings",
		rules: []rule{
			{"evaluation-early", "S4.8", M, "rating before ARRIVED answers 400"},
			{"evaluation-range", "S4.8", M, "an evaluation outside 1 to 5 answers 400"},
			{"evaluation-no-token", "S4.8", M, "rating without a payment token answers 400"},
			{"evaluation-refused-unchanged", "S4.8", M, "after refused ratings the ride is still ARRIVED and can be rated"},
			{"evaluation-refused-unpaid", "S8.3", B, "refused ratings charge nothing"},
			{"evaluation-again", "S4.8", A, "rating a completed ride again answers 400"},
			{"evaluation-unknown-ride", "S4.8", M, "rating an unknown ride answers 404"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			r := t.short(u)
			user := u.OpenStream(probe.UserNoticePath)
			t.ratedEarly(r)
			for _, stars := range []int{0, 6, -1} {
				w := u.rate(r.id, stars)
				t.refuses("evaluation-range", w, http.StatusBadRequest)
				t.need(!w.Fine(), "the ride is completed", w)
			}
			t.refusedUnchanged(r, user)
			again := u.rate(r.id, 3)
			t.check("evaluation-again", again.Status == http.StatusBadRequest, again.Summary(), r.rated, again)
			t.refuses("evaluation-unknown-ride", u.rate("01ARZ3NDEKTSV4RRFFQ69G5FAV", 5), http.StatusNotFound)
			t.ratedWithoutToken(r.chair)
		},
	}
}

func (t *trial) ratedEarly(r *ride) {
	r.match(nil)
	for _, status := range []string{probe.Matching, probe.Enroute, probe.Pickup, probe.Carrying} {
		r.drive(status)
		w := r.user.rate(r.id, 5)
		t.refuses("evaluation-early", w, http.StatusBadRequest)
		t.need(!w.Fine(), "the ride is completed", w)
	}
	r.drive(probe.Arrived)
}

// refusedUnchanged judges a ride whose ratings were refused, and completes it.
func (t *trial) refusedUnchanged(r *ride, user *probe.Stream) {
	t.Sleep(quiet)
	t.check("evaluation-refused-unchanged", user.Find(r.id, probe.Completed) == nil, sequence(user.Statuses()), user)
	if w := r.user.wallet; w != nil {
		t.check("evaluation-refused-unpaid", w.Paid() == 0, "a payment was registered", w)
	} else {
		w := r.user.addPayment()
		t.need(w.Fine(), "a user could not register a payment token", w)
	}
	w := r.rate(3)
	t.check("evaluation-refused-unchanged", w.Fine(), w.Summary(), w)
	t.need(w.Fine(), "the ride could not be rated", w)
}

func (t *trial) ratedWithoutToken(c *chair) {
	u := t.newUser("")
	r := t.short(u)
	user := u.OpenStream(probe.UserNoticePath)
	r.take(c, probe.Arrived)
	w := u.rate(r.id, 5)
	t.refuses("evaluation-no-token", w, http.StatusBadRequest)
	t.need(!w.Fine(), "the ride is completed", w)
	t.refusedUnchanged(r, user)
}

// ratingByOthers may complete the ride: the reference does not check whose it is.
func ratingByOthers() Scenario {
	return Scenario{
		name: "rating by others",
		rules: []rule{
			{"evaluation-foreign", "S4.8", A, "rating another user's ride answers 404"},
		},
		play: func(t *trial) {
			r := t.short(t.payingUser(""))
			r.take(nil, probe.Arrived)
			w := t.payingUser("").rate(r.id, 5)
			t.check("evaluation-foreign", w.Status == http.StatusNotFound, w.Summary(), r.requested, w)
			if !w.Fine() {
				r.drive(probe.Completed)
			}
		},
	}
}
