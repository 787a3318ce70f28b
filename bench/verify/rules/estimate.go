package rules

import (
	"net/http"

	"isuride/bench/verify/probe"
)

// trip is the body of a ride request and of an estimate.
type trip struct {
	From probe.Point `json:"pickup_coordinate"`
	To   probe.Point `json:"destination_coordinate"`
}

func (u *user) estimate(from, to probe.Point) quote {
	w := u.Post(probe.EstimatePath, trip{from, to})
	q := quote{Answer: w}
	w.Decode(&q)
	return q
}

// A quote is an estimate's answer.
type quote struct {
	*probe.Answer `json:"-"`
	Fare          int `json:"fare"`
	Discount      int `json:"discount"`
}

// discounted reports whether a quote is right for a coupon of a certain discount.
func (q quote) discounted(from, to probe.Point, discount int) bool {
	want := fare(from, to, discount)
	return q.Fine() && q.Fare == want && q.Discount == fare(from, to, 0)-want
}

// estimates needs no ride, because a new user has a coupon.
func estimates() Scenario {
	return Scenario{
		name: "estimates",
		rules: []rule{
			{"estimate-answer", "S4.7", B, "POST /api/app/rides/estimated-fare answers 200 with fare and discount"},
			{"estimate-sign-up", "S4.6", B, "a new user's estimate has 3000 off the metered 100 a unit of distance, on top of 500"},
			{"estimate-surplus", "S4.6", B, "what a coupon is worth more than the metered fare is lost: fare 500, discount = metered"},
			{"estimate-invited", "S4.6", B, "an invited user's first estimate has the 3000 of the sign-up, too"},
			{"estimate-changes-nothing", "S4.7", B, "a second estimate equals the first"},
		},
		play: func(t *trial) {
			u := t.newUser("")
			near, far := probe.At(-3, 4), probe.At(-40, -7)
			t.checkEstimate(u, near, far)
			short := u.estimate(probe.At(0, 0), near)
			t.check("estimate-surplus", short.discounted(probe.At(0, 0), near, signUp), "wanted fare 500, discount 700", short)
			first := t.newUser(u.code).estimate(near, far)
			t.check("estimate-invited", first.discounted(near, far, signUp), "wanted discount 3000", first)
		},
	}
}

func (t *trial) checkEstimate(u *user, from, to probe.Point) {
	q := u.estimate(from, to)
	t.answersWith("estimate-answer", q.Answer, http.StatusOK, probe.EstimateAnswer())
	t.check("estimate-sign-up", q.discounted(from, to, signUp),
		words("distance %d: wanted fare %d, discount %d", from.Distance(to), fare(from, to, signUp), signUp), q)
	again := u.estimate(from, to)
	t.check("estimate-changes-nothing", again.Fine() && again.Fare == q.Fare && again.Discount == q.Discount, again.Summary(), q, again)
}

func wrongTrips() Scenario {
	return Scenario{
		name: "wrong trips",
		rules: []rule{
			{"estimate-missing", "S4.7", M, "an estimate without pickup or destination answers 400"},
			{"estimate-zero", "S4.5", R, "a missing member of a coordinate counts as 0"},
			{"ride-missing", "S4.5", M, "a ride request without pickup or destination answers 400"},
		},
		play: func(t *trial) {
			u := t.newUser("")
			for _, body := range []string{`{"pickup_coordinate":{"latitude":1,"longitude":1}}`, `{"destination_coordinate":{"latitude":1,"longitude":1}}`, `{}`} {
				t.refuses("estimate-missing", u.Post(probe.EstimatePath, body), http.StatusBadRequest)
				t.refuses("ride-missing", u.Post(probe.RidesPath, body), http.StatusBadRequest)
			}
			zero := u.Post(probe.EstimatePath, `{"pickup_coordinate":{"latitude":40},"destination_coordinate":{"longitude":-1}}`)
			want := u.estimate(probe.At(40, 0), probe.At(0, -1))
			t.check("estimate-zero", zero.Fine() && string(zero.Body) == string(want.Body), zero.Summary(), want, zero)
		},
	}
}
