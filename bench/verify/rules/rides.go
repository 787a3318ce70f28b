package rules

import (
	"net/http"
	"time"

	"isuride/bench/verify/probe"
)

// rides follows two rides of one user through request, rating and history.
func rides(at probe.Point) Scenario {
	return Scenario{
		name: "rides",
		at:   at,
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
			{"history-own", "S4.4", M, "a user sees its own rides only"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			from, to := t.at, t.at.Plus(20, 20)
			q := u.estimate(from, to)
			first := u.request(from, to)
			t.answersWith("ride-created", first.requested, http.StatusAccepted, probe.RideAnswer)
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
	t.answersWith("evaluation-answer", w, http.StatusOK, probe.RatingAnswer)
	t.need(w.Fine(), "the ride could not be rated", w)
	t.check("evaluation-clock", w.During(r.doneAt), words("completed_at is %d and the own clock said %d", r.doneAt, w.Received.UnixMilli()), w)
}

func (t *trial) checkHistory(u *user, r *ride) {
	h := u.history()
	t.answersWith("history-answer", h.Answer, http.StatusOK, probe.HistoryAnswer)
	t.check("history-immediate", h.find(r.id) != nil, "the ride is not listed", r.rated, h)
	t.need(t.eventually(func() bool { h = u.history(); return h.find(r.id) != nil }), "the ride is never in the history", r.rated, h)
	x, c := h.find(r.id), r.chair
	content := x.From == r.from && x.To == r.to && x.Evaluation == 4 &&
		x.Chair.ID == c.id && x.Chair.Name == c.name && x.Chair.Model == c.model && x.Chair.Owner == c.owner.name
	t.check("history-content", content, words("wanted %s to %s, evaluation 4, chair %s %s %s of %s", r.from, r.to, c.id, c.name, c.model, c.owner.name), h)
	t.check("history-fare", x.Fare == r.due, words("fare %d instead of %d", x.Fare, r.due), r.requested, h)
	t.check("history-completed-at", x.CompletedAt == r.doneAt, words("completed_at %d instead of %d", x.CompletedAt, r.doneAt), r.rated, h)
	t.check("history-requested-at", r.requested.During(x.RequestedAt),
		words("requested_at is %d and the own clock said %d", x.RequestedAt, r.requested.Received.UnixMilli()), r.requested, h)
}

func ridesAtOnce(at probe.Point) Scenario {
	return Scenario{
		name: "rides at once",
		at:   at,
		rules: []rule{
			{"ride-at-once", "S4.5", M, "of five requests of a user at once exactly one succeeds"},
			{"ride-one-coupon", "S4.5", M, "and exactly one of the user's two coupons is used by them"},
		},
		play: func(t *trial) {
			t.requestsAtOnce(t.at, t.at.Plus(20, 20)).take(nil, probe.Completed)
		},
	}
}

// requestsAtOnce lets a new user, who was invited, press the button five times.
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

// checkHistoryOrder completes another ride; requested_at of both may not share a millisecond.
func (t *trial) checkHistoryOrder(u *user, c *chair) {
	t.Sleep(10 * time.Millisecond)
	r := t.short(u)
	r.take(c, probe.Completed)
	var h history
	listed := t.eventually(func() bool { h = u.history(); return h.find(r.id) != nil })
	t.check("history-order", listed && h.Rides[0].ID == r.id, "not so", r.requested, h)
}

func sales(at probe.Point) Scenario {
	return Scenario{
		name: "sales",
		at:   at,
		rules: []rule{
			{"sales-immediate", "S4.13", B, "a ride counts as soon as its rating was answered"},
			{"sales-answer", "S4.13", B, "the sales answer 200 with total_sales, chairs and models"},
			{"sales-full-fare", "S4.13", B, "a ride counts with its full fare, before coupons"},
			{"sales-complete", "S4.13", B, "every chair of the owner is there with its name, also with 0, and every model once"},
			{"sales-sums", "S4.13", B, "total_sales is the sum of the chairs and of the models"},
			{"sales-until", "S4.13", B, "until is inclusive to the end of its millisecond and leaves out what was completed later"},
			{"sales-since", "S4.13", B, "since is inclusive and leaves out what was completed earlier"},
			{"sales-own", "S4.13", M, "an owner sees its own chairs only"},
		},
		play: func(t *trial) {
			o := t.owner()
			idle := o.parked(slowModel)
			first := t.sold(o, otherModel)
			t.checkImmediate(o, first)
			second := t.sold(o, slowModel)
			t.checkSales(o, idle, first, second)
			t.checkWindow(o, first, second)
			r := t.owner().sales("")
			t.check("sales-own", r.Fine() && r.Total == 0 && r.chair(first.chair.id) < 0, r.Summary(), r)
		},
	}
}

// sold is a completed ride of one of the owner's chairs, which goes off duty afterwards.
func (t *trial) sold(o *owner, model string) *ride {
	t.Sleep(10 * time.Millisecond) // completion times must differ
	c := o.working(model, t.at.Plus(1, 0))
	r := t.long(t.payingUser(""))
	got := r.take(c, probe.Completed)
	t.need(got == c, "the chair was sent to another ride")
	c.retire()
	return r
}

func (t *trial) checkImmediate(o *owner, r *ride) {
	first := o.sales("")
	last := first
	settled := func() bool { last = o.sales(""); return last.chair(r.chair.id) > 0 }
	t.need(t.eventually(settled), "the ride never counts", r.rated, last)
	t.check("sales-immediate", first.chair(r.chair.id) == last.chair(r.chair.id),
		words("sales were %d first and are %d now", first.chair(r.chair.id), last.chair(r.chair.id)), r.rated, first, last)
}

func (t *trial) checkSales(o *owner, idle *chair, first, second *ride) {
	var r revenue
	t.eventually(func() bool { r = o.sales(""); return r.chair(second.chair.id) > 0 })
	t.answersWith("sales-answer", r.Answer, http.StatusOK, probe.SalesAnswer)
	full := fare(first.from, first.to, 0)
	ok := r.chair(first.chair.id) == full && r.chair(second.chair.id) == full
	t.check("sales-full-fare", ok, words("wanted %d for each ride", full), first.requested, second.requested, r)
	t.checkComplete(r, idle, first.chair, second.chair)
	chairs, models := 0, 0
	for _, c := range r.Chairs {
		chairs += c.Sales
	}
	for _, m := range r.Models {
		models += m.Sales
	}
	t.check("sales-sums", r.Total == chairs && r.Total == models, words("total %d, chairs %d, models %d", r.Total, chairs, models), r)
}

func (t *trial) checkComplete(r revenue, all ...*chair) {
	for _, c := range all {
		there := false
		for _, x := range r.Chairs {
			there = there || x.ID == c.id && x.Name == c.name
		}
		t.check("sales-complete", there, "chair "+c.id+" "+c.name+" is not there", r)
	}
	_, slow := r.model(slowModel)
	_, other := r.model(otherModel)
	t.check("sales-complete", len(r.Chairs) == len(all), words("%d chairs instead of %d", len(r.Chairs), len(all)), r)
	t.check("sales-complete", slow == 1 && other == 1 && len(r.Models) == 2, "the models are not "+slowModel+" and "+otherModel+", once each", r)
}

func (t *trial) checkWindow(o *owner, first, second *ride) {
	for _, x := range []struct {
		id, query     string
		first, second bool
	}{
		{"sales-until", words("?until=%d", first.doneAt), true, false},
		{"sales-until", words("?until=%d", first.doneAt-1), false, false},
		{"sales-until", words("?until=%d", second.doneAt), true, true},
		{"sales-since", words("?since=%d", first.doneAt), true, true},
		{"sales-since", words("?since=%d", first.doneAt+1), false, true},
		{"sales-since", words("?since=%d", second.doneAt+1), false, false},
	} {
		r := o.sales(x.query)
		ok := (r.chair(first.chair.id) > 0) == x.first && (r.chair(second.chair.id) > 0) == x.second
		t.check(x.id, ok, words("completed at %d and %d", first.doneAt, second.doneAt), first.rated, second.rated, r)
	}
}
