package rules

import (
	"isuride/bench/verify/probe"
)

// Money, in yen (S4.6).
const (
	baseFare = 500
	perUnit  = 100
	signUp   = 3000 // coupon of a new user
	invited  = 1500 // coupon of a user who registered with a code
	reward   = 1000 // coupon of the user whose code it was
)

// fare is what a ride costs with a coupon of the given discount: only the metered part is discounted.
func fare(from, to probe.Point, discount int) int {
	return baseFare + max(perUnit*from.Distance(to)-discount, 0)
}
