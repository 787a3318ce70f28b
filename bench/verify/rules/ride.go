package rules

import (
	"net/http"

	"isuride/bench/verify/probe"
)

// A ride is followed from its request to its end.
type ride struct {
	t         *trial
	user      *user
	chair     *chair // nil until it has one
	id        string
	fare      int // as the request was answered
	due       int // as it should be
	from, to  probe.Point
	status    string // as far as the scenario has driven it
	requested *probe.Answer
	rated     *probe.Answer
	doneAt    int64 // completed_at, as the rating was answered
}

// request asks for a ride and may be refused.
func (u *user) request(from, to probe.Point) *ride {
	w := u.Post(probe.RidesPath, trip{from, to})
	var b struct {
		ID   string `json:"ride_id"`
		Fare int    `json:"fare"`
	}
	w.Decode(&b)
	return &ride{t: u.t, user: u, id: b.ID, fare: b.Fare, due: u.due(from, to), from: from, to: to, status: probe.Matching, requested: w}
}

// due is the fare of the next ride of a user without coupons from invitations: the first
// ride uses the sign-up coupon.
func (u *user) due(from, to probe.Point) int {
	if u.rides.Add(1) == 1 {
		return fare(from, to, signUp)
	}
	return fare(from, to, 0)
}

// order requests a ride and needs it to be accepted.
func (u *user) order(from, to probe.Point) *ride {
	r := u.request(from, to)
	u.t.need(r.requested.Fine() && r.id != "", "a ride could not be requested", r.requested)
	return r
}

// short and long are rides from the scenario's place. A new user's coupon covers the
// metered fare of the first, but not of the second.
func (t *trial) short(u *user) *ride { return u.order(t.at, t.at.Plus(5, 5)) }
func (t *trial) long(u *user) *ride  { return u.order(t.at, t.at.Plus(20, 20)) }

func (r *ride) accept() *probe.Answer { return r.chair.status(r.id, probe.Enroute) }
func (r *ride) depart() *probe.Answer { return r.chair.status(r.id, probe.Carrying) }

// rate completes the ride, or tries to.
func (r *ride) rate(stars int) *probe.Answer {
	w := r.user.rate(r.id, stars)
	if w.Fine() {
		var b struct {
			At int64 `json:"completed_at"`
		}
		w.Decode(&b)
		r.rated, r.doneAt, r.status = w, b.At, probe.Completed
	}
	return w
}

func (u *user) rate(ride string, stars int) *probe.Answer {
	return u.Post(probe.RatingPath(ride), map[string]int{"evaluation": stars})
}

// drive advances a ride that has a chair to the given status.
func (r *ride) drive(to string) {
	for r.status != to {
		switch r.status {
		case probe.Matching:
			r.advance(probe.Enroute, r.accept())
		case probe.Enroute:
			r.advance(probe.Pickup, r.chair.report(r.from).Answer)
		case probe.Pickup:
			r.advance(probe.Carrying, r.depart())
		case probe.Carrying:
			r.advance(probe.Arrived, r.chair.report(r.to).Answer)
		case probe.Arrived:
			r.advance(probe.Completed, r.rate(5))
		}
	}
}

func (r *ride) advance(status string, w *probe.Answer) {
	r.t.need(w.Fine(), "a ride could not be brought to "+status, w)
	r.status = status
}

// take matches the ride, with a new chair if c is nil, and drives it to a status.
func (r *ride) take(c *chair, to string) *chair {
	c = r.match(c)
	r.drive(to)
	return c
}

// needs waits for a status of the ride in a stream and does not judge it.
func (r *ride) needs(s *probe.Stream, status string) {
	never := r.t.unseen[seen{s.Path, status}]
	r.t.need(never || s.Sees(r.id, status), status+" was not notified", s)
}

// rides follows two rides of one user through request, rating and history.
func rides() Scenario {
	return Scenario{
		name: "rides",
		rules: []rule{
			{"ride-created", "S4.5", B, "POST /api/app/rides answers 202 with ride_id and fare"},
			{"ride-fare", "S4.5", B, "fare is what the estimate said"},
			{"ride-second", "S4.5", M, "another request while a ride is not completed answers 409"},
			{"evaluation-answer", "S4.8", B, "the rating answers 200 with completed_at"},
			{"evaluation-clock", "S1.3", B, "completed_at is the time of the rating in ms"},
			{"history-unfinished", "S4.4", B, "a ride that is not completed is not in the history"},
			{"history-answer", "S4.4", B, "the history answers 200 with all members of each ride"},
			{"history-immediate", "S4.4", B, "a ride is in the history as soon as its rating was answered"},
			{"history-content", "S4.4", B, "id, coordinates, evaluation and chair, with its owner's name, are the ride's"},
			{"history-fare", "S4.4", B, "its fare is the discounted one"},
			{"history-completed-at", "S4.8", B, "its completed_at is that of the rating's answer, to the millisecond"},
			{"history-requested-at", "S4.4", M, "its requested_at is the time of the request in ms"},
			{"history-order", "S4.4", R, "the newest ride comes first"},
			{"history-own", "S4.4", M, "users see only their own rides"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			from, to := t.at, t.at.Plus(20, 20)
			q := u.estimate(from, to)
			first := u.request(from, to)
			t.answersWith("ride-created", first.requested, http.StatusAccepted, probe.RideAnswer())
			t.need(first.requested.Fine() && first.id != "", "a ride could not be requested", first.requested)
			t.check("ride-fare", first.fare == q.Fare, words("fare %d after an estimate of %d", first.fare, q.Fare), q, first.requested)
			t.refuses("ride-second", u.request(from, to).requested, http.StatusConflict)
			c := first.take(nil, probe.Arrived)
			t.refuses("ride-second", u.request(from, to).requested, http.StatusConflict)
			t.checkRating(u, first)
			t.checkHistory(u, first)
			t.checkHistoryOrder(u, c)
			h := t.newUser("").history()
			t.check("history-own", h.find(first.id) == nil, "another user's ride is listed", first.requested, h)
		},
	}
}

func (t *trial) checkRating(u *user, r *ride) {
	h := u.history()
	t.check("history-unfinished", h.Fine() && h.find(r.id) == nil, "the ride is listed at ARRIVED", h)
	w := r.rate(4)
	t.answersWith("evaluation-answer", w, http.StatusOK, probe.RatingAnswer())
	t.need(w.Fine(), "the ride could not be rated", w)
	t.check("evaluation-clock", w.During(r.doneAt), words("completed_at is %d and the own clock said %d", r.doneAt, w.Received.UnixMilli()), w)
}

func ridesAtOnce() Scenario {
	return Scenario{
		name: "rides at once",
		rules: []rule{
			{"ride-at-once", "S4.5", M, "of five requests of a user at once exactly one succeeds"},
			{"ride-one-coupon", "S4.5", M, "and exactly one of the user's two coupons is used by them"},
		},
		play: func(t *trial) {
			t.requestsAtOnce(t.at, t.at.Plus(20, 20)).take(nil, probe.Completed)
		},
	}
}

// requestsAtOnce has an invited user press the button five times.
func (t *trial) requestsAtOnce(from, to probe.Point) *ride {
	u := t.payingUser(t.newUser("").code)
	tried := make([]*ride, 5)
	all := together(len(tried), func(i int) *probe.Answer {
		tried[i] = u.request(from, to)
		return tried[i].requested
	})
	won := count(all, (*probe.Answer).Fine)
	t.check("ride-at-once", won == 1, words("%d of %d succeeded", won, len(all)), shownAll(all)...)
	q := u.estimate(from, to)
	t.check("ride-one-coupon", q.discounted(from, to, invited), "the next discount is not the second coupon's 1500", append(shownAll(all), q)...)
	for _, r := range tried {
		if r.requested.Fine() {
			return r
		}
	}
	t.stop("no ride could be requested", shownAll(all)...)
	return nil
}
