package rules

import "isuride/bench/verify/probe"

// Money, in yen (S4.6).
const (
	baseFare = 500
	perUnit  = 100
	signUp   = 3000 // coupon of a new user
	invited  = 1500 // coupon of a user who registered with a code
	reward   = 1000 // coupon of the user who invited
)

// fare is the price of a ride with a coupon of the given discount, which applies to the
// metered part only.
func fare(from, to probe.Point, discount int) int {
	return baseFare + max(perUnit*from.Distance(to)-discount, 0)
}

// coupons spends every kind of coupon, ride by ride.
func coupons() Scenario {
	return Scenario{
		name: "coupons",
		rules: []rule{
			{"coupon-sign-up", "S4.6", B, "the first ride has 3000 off, also for a user who was invited"},
			{"coupon-used-once", "S4.6", B, "a coupon is used by one ride: without another one the next ride has its full fare"},
			{"coupon-reward-immediate", "S4.2", B, "the inviter's reward can be used as soon as the invited registration was answered"},
			{"coupon-rewards", "S4.6", B, "each reward takes 1000 off one ride"},
			{"coupon-invited", "S4.6", B, "an invited user's second ride has 1500 off"},
			{"coupon-oldest", "S4.6", B, "of several coupons the oldest is used: the invited user's 1500 before the 1000 of a later reward"},
			{"coupon-estimate", "S4.7", B, "each estimate is what the ride requested next costs"},
		},
		play: func(t *trial) {
			inviter := t.payingUser("")
			c, friend := t.inviterRides(inviter)
			t.friendRides(friend, c)
		},
	}
}

// inviterRides are four rides of a user who invites two friends. It returns the first of
// these and the last chair.
func (t *trial) inviterRides(u *user) (*chair, *user) {
	first := t.long(u)
	t.check("coupon-sign-up", first.discounted(signUp), words("fare %d", first.fare), first.requested)
	from, to := first.from, first.to
	before := u.estimate(from, to)
	t.check("coupon-used-once", before.discounted(from, to, 0), before.Summary(), first.requested, before)
	friend := t.payingUser(u.code)
	q := u.estimate(from, to)
	t.check("coupon-reward-immediate", !q.discounted(from, to, 0), q.Summary(), friend.registered, q)
	t.newUser(u.code)
	t.Sleep(quiet)
	c := first.take(nil, probe.Completed)
	for range 2 {
		c = t.couponRide("coupon-rewards", u, c, reward)
	}
	return t.couponRide("coupon-used-once", u, c, 0), friend
}

func (t *trial) friendRides(u *user, c *chair) {
	c = t.couponRide("coupon-sign-up", u, c, signUp)
	newcomer := t.newUser(u.code)
	q := u.estimate(t.at, t.at.Plus(20, 20))
	t.check("coupon-oldest", !q.discounted(t.at, t.at.Plus(20, 20), reward), q.Summary(), newcomer.registered, q)
	c = t.couponRide("coupon-invited", u, c, invited)
	t.Sleep(quiet)
	c = t.couponRide("coupon-rewards", u, c, reward)
	t.couponRide("coupon-used-once", u, c, 0)
}

// couponRide completes a ride that should have a certain discount.
func (t *trial) couponRide(id string, u *user, c *chair, discount int) *chair {
	q := u.estimate(t.at, t.at.Plus(20, 20))
	r := t.long(u)
	t.check(id, r.discounted(discount), words("fare %d instead of %d", r.fare, fare(r.from, r.to, discount)), r.requested)
	t.check("coupon-estimate", q.Fine() && q.Fare == r.fare, words("estimate %d, fare %d", q.Fare, r.fare), q, r.requested)
	return r.take(c, probe.Completed)
}

func (r *ride) discounted(discount int) bool { return r.fare == fare(r.from, r.to, discount) }
