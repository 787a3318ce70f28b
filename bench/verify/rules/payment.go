package rules

import (
	"context"
	"net/http"
	"strings"
	"time"

	"isuride/bench/verify/probe"
)

// charges looks at ordinary payments.
func charges() Scenario {
	return Scenario{
		name: "charges",
		rules: []rule{
			{"payment-request", "S8.1", M, "the gateway gets POST /payments with Authorization: Bearer, the user's token, and JSON"},
			{"payment-before-answer", "S8.3", B, "the payment is registered before the rating is answered with 200"},
			{"payment-amount", "S8.3", B, "the amount is the discounted fare"},
			{"payment-once", "S8.3", B, "a completed ride is paid exactly once"},
			{"payment-each-ride", "S8.3", B, "a second ride of the same price is paid, too: Idempotency-Keys are not used again"},
			{"payment-not-again", "S8.3", B, "rating a completed ride again charges nothing"},
			{"payment-key", "S8.3", A, "payments carry an Idempotency-Key"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			first := u.order(t.at, t.at.Plus(20, 20)) // 1500 with the coupon
			c := first.take(nil, probe.Arrived)
			w := first.rate(5)
			paid := u.wallet.Paid()
			t.Sleep(quiet)
			attempts, _, _ := u.wallet.Seen()
			t.check("payment-request", goodRequests(attempts), "see what the gateway got", w, u.wallet)
			t.need(w.Fine(), "the ride could not be rated", w, u.wallet)
			t.check("payment-before-answer", paid == 1, words("%d payments when the answer came", paid), w, u.wallet)
			t.checkPayments(first)
			_ = u.rate(first.id, 5)
			t.check("payment-not-again", u.wallet.Paid() <= 1, words("%d payments", u.wallet.Paid()), w, u.wallet)
			t.secondCharge(u, c)
		},
	}
}

func goodRequests(attempts []probe.Charge) bool {
	for _, c := range attempts {
		if !strings.HasPrefix(c.Kind, "application/json") {
			return false
		}
	}
	return len(attempts) > 0
}

func (t *trial) checkPayments(r *ride) {
	attempts, payments, _ := r.user.wallet.Seen()
	t.check("payment-once", len(payments) == 1, words("%d payments", len(payments)), r.rated, r.user.wallet)
	for _, p := range payments {
		t.check("payment-amount", p.Amount == r.due, words("%d instead of %d", p.Amount, r.due), r.requested, r.user.wallet)
	}
	for _, a := range attempts {
		t.check("payment-key", a.Key != "", "an attempt had none", r.user.wallet)
	}
}

func (t *trial) secondCharge(u *user, c *chair) {
	before := u.wallet.Paid()
	r := u.order(t.at, t.at.Plus(5, 5)) // 1500 without a coupon
	r.take(c, probe.Arrived)
	w := r.rate(5)
	t.Sleep(quiet)
	t.check("payment-each-ride", w.Fine() && u.wallet.Paid() == before+1, words("%d payments after two rides", u.wallet.Paid()), w, u.wallet)
}

// unstableGateway fails as the benchmarker's gateway does (S8.2).
func unstableGateway() Scenario {
	return Scenario{
		name: "unstable gateway",
		rules: []rule{
			{"payment-retries", "S8.2", B, "five attempts in a row may fail with 500, 502 or 504: the sixth completes the ride"},
			{"payment-hidden", "S8.2", B, "an error may hide a registered payment: the rating succeeds and the ride is paid once"},
			{"payment-conflict", "S8.1", M, "409 is retried: the rating succeeds and the ride is paid once"},
			{"payment-cut", "S8.1", M, "a connection cut after registering: at the latest the next rating succeeds, and the ride is paid once"},
		},
		play: func(t *trial) {
			c := t.unstable("payment-retries", nil, probe.Failing(500), probe.Failing(502), probe.Failing(504), probe.Failing(500), probe.Failing(502))
			c = t.unstable("payment-hidden", c, probe.Hidden(504), probe.Failing(500))
			c = t.unstable("payment-conflict", c, probe.Failing(409), probe.Failing(409))
			u, r := t.ridden(c)
			u.wallet.Expect(probe.Cutting(), probe.Cutting())
			w := r.rate(4)
			if !w.Fine() {
				w = r.rate(4)
			}
			t.paidOnce("payment-cut", r, w)
		},
	}
}

// ridden is a new user's ride at ARRIVED.
func (t *trial) ridden(c *chair) (*user, *ride) {
	u := t.payingUser("")
	r := t.short(u)
	r.take(c, probe.Arrived)
	return u, r
}

// unstable rates a ride while the gateway follows a plan, and returns the chair, which is
// still busy (nil) if the ride could not be paid.
func (t *trial) unstable(id string, c *chair, plan ...probe.Reaction) *chair {
	u, r := t.ridden(c)
	u.wallet.Expect(plan...)
	w := r.rate(4)
	t.paidOnce(id, r, w)
	if !w.Fine() {
		return nil
	}
	return r.chair
}

func (t *trial) paidOnce(id string, r *ride, w *probe.Answer) {
	t.Sleep(quiet)
	n := r.user.wallet.Paid()
	t.check(id, w.Fine() && n == 1, words("%d payments; %s", n, w.Summary()), w, r.user.wallet)
}

// slowGateway keeps a user waiting who presses the button twice.
func slowGateway() Scenario {
	return Scenario{
		name: "slow gateway",
		rules: []rule{
			{"completion-unseen", "S4.8", B, "while the charge is under way nothing shows the ride as completed: history, sales, lists, streams"},
			{"completion-unanswered", "S8.3", B, "the rating is not answered with 200 before the gateway has registered the payment"},
			{"evaluation-at-once", "S4.8", B, "of two ratings at once at least one succeeds, and the ride is paid once"},
			{"payment-serial", "S8.3", B, "no two requests for one ride run at the gateway at the same time"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			r := t.short(u)
			user := u.OpenStream(probe.UserNoticePath)
			r.take(nil, probe.Arrived)
			hold := make(chan struct{})
			u.wallet.Always(probe.Holding(hold))
			ratings := make(chan []*probe.Answer, 1)
			go func() { ratings <- together(2, func(int) *probe.Answer { return u.rate(r.id, 5) }) }()
			t.need(t.charging(u) || len(ratings) > 0, "the gateway was not asked", u.wallet)
			t.Sleep(quiet)
			early := len(ratings) > 0
			t.checkUnseen(r, user, early)
			close(hold)
			all := <-ratings
			t.check("completion-unanswered", !early || count(all, (*probe.Answer).Fine) == 0, "answered without a payment", append(shownAll(all), u.wallet)...)
			t.checkAtOnce(u, all)
		},
	}
}

// charging waits until the gateway was asked.
func (t *trial) charging(u *user) bool {
	return t.eventually(func() bool {
		attempts, _, _ := u.wallet.Seen()
		return len(attempts) > 0
	})
}

// checkUnseen looks for signs of a completion, unless the rating was answered, which is
// judged elsewhere.
func (t *trial) checkUnseen(r *ride, user *probe.Stream, answered bool) {
	if answered {
		return
	}
	h := r.user.history()
	t.check("completion-unseen", h.find(r.id) == nil, "the history has the ride", h, r.user.wallet)
	s := r.chair.owner.sales("")
	t.check("completion-unseen", s.Total == 0, "the sales count the ride", s, r.user.wallet)
	n := r.user.nearby(r.to, 10)
	t.check("completion-unseen", n.find(r.chair.id) == nil, "the chair is listed as free", n, r.user.wallet)
	for _, s := range []*probe.Stream{user, r.chair.stream} {
		t.check("completion-unseen", s.Find(r.id, probe.Completed) == nil, "COMPLETED was notified", s, r.user.wallet)
	}
}

func (t *trial) checkAtOnce(u *user, all []*probe.Answer) {
	t.Sleep(quiet)
	attempts, payments, parallel := u.wallet.Seen()
	won := count(all, (*probe.Answer).Fine)
	shown := append(shownAll(all), u.wallet)
	t.check("evaluation-at-once", won > 0 && len(payments) == 1, words("%d ratings succeeded, %d payments", won, len(payments)), shown...)
	t.check("payment-serial", !parallel, words("%d attempts, some at the same time", len(attempts)), u.wallet)
}

// refusingGateway says no, and later yes.
func refusingGateway() Scenario {
	return Scenario{
		name: "refusing gateway",
		rules: []rule{
			{"payment-refused", "S4.8", M, "when the gateway refuses for good the rating answers 5xx"},
			{"payment-refused-502", "S4.8", R, "namely 502"},
			{"payment-refused-no-retry", "S8.1", M, "a gateway's 400 is not retried"},
			{"payment-closed", "S8.1", M, "503 of the gateway ends the rating with 5xx, too"},
			{"payment-refused-unchanged", "S4.8", B, "nothing has changed then: the ride is still ARRIVED and not in history or sales"},
			{"payment-refused-repeatable", "S4.8", B, "the rating can be repeated and completes the ride with one payment"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			r := t.short(u)
			user := u.OpenStream(probe.UserNoticePath)
			r.take(nil, probe.Arrived)
			t.refusedPayment(r, user)
			u.wallet.Always(probe.Failing(http.StatusServiceUnavailable))
			w := u.rate(r.id, 4)
			t.check("payment-closed", serverError(w), w.Summary(), w, u.wallet)
			t.need(!w.Fine(), "the ride was completed", w)
			u.wallet.Always(probe.Granting())
			t.paidOnce("payment-refused-repeatable", r, r.rate(4))
		},
	}
}

func (t *trial) refusedPayment(r *ride, user *probe.Stream) {
	u := r.user
	u.wallet.Always(probe.Failing(http.StatusBadRequest))
	w := u.rate(r.id, 4)
	t.check("payment-refused", serverError(w), w.Summary(), w, u.wallet)
	t.check("payment-refused-502", w.Status == http.StatusBadGateway, w.Summary(), w, u.wallet)
	attempts, _, _ := u.wallet.Seen()
	t.check("payment-refused-no-retry", len(attempts) <= 1, words("%d attempts", len(attempts)), u.wallet)
	t.need(!w.Fine(), "the ride was completed", w)
	t.Sleep(quiet)
	t.need(t.unchanged(r, user), "the ride was completed", w)
}

func serverError(w *probe.Answer) bool { return w.Err == nil && w.Status >= 500 }

// unchanged judges that a refused payment left no trace.
func (t *trial) unchanged(r *ride, user *probe.Stream) bool {
	const id = "payment-refused-unchanged"
	h := r.user.history()
	ok := t.check(id, h.find(r.id) == nil, "the history has the ride", h)
	s := r.chair.owner.sales("")
	ok = t.check(id, s.Total == 0, "the sales count the ride", s) && ok
	for _, s := range []*probe.Stream{user, r.chair.stream} {
		ok = t.check(id, s.Find(r.id, probe.Completed) == nil, "COMPLETED was notified", s) && ok
	}
	return ok
}

// abandonedRating has a client that goes away while its ride is charged.
func abandonedRating() Scenario {
	return Scenario{
		name: "abandoned rating",
		rules: []rule{
			{"payment-abandoned", "S4.8", B, "a client gone during the charge does not lead to a second payment"},
			{"evaluation-abandoned", "S4.8", B, "the ride is completed, at the latest by the repeated rating"},
		},
		play: func(t *trial) {
			u, r := t.ridden(nil)
			hold := make(chan struct{})
			u.wallet.Always(probe.Holding(hold))
			gone := t.abandon(u, r)
			t.Sleep(quiet)
			close(hold)
			t.need(gone, "the gateway was not asked", u.wallet)
			t.Sleep(quiet)
			w := r.rate(5)
			var h history
			done := t.eventually(func() bool { h = u.history(); return h.find(r.id) != nil })
			t.check("evaluation-abandoned", done, w.Summary(), w, h, u.wallet)
			t.check("payment-abandoned", u.wallet.Paid() == 1, words("%d payments", u.wallet.Paid()), w, u.wallet)
		},
	}
}

// abandon rates and closes the connection as soon as the gateway is asked.
func (t *trial) abandon(u *user, r *ride) bool {
	ctx, cancel := context.WithTimeout(t.Context, 2*probe.Grace)
	done := make(chan struct{})
	go func() {
		defer close(done)
		u.Call(ctx, http.MethodPost, probe.RatingPath(r.id), map[string]int{"evaluation": 5})
	}()
	asked := t.charging(u)
	time.Sleep(pause)
	cancel()
	<-done
	return asked
}
