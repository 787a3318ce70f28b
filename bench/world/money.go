package world

import "math"

// Money of B7.2 and B7.3, in yen.
const (
	baseFare       = 500
	farePerStep    = 100
	firstDiscount  = 3000 // the user's first ride
	inviteDiscount = 1500 // the second ride of a user who was invited
	rewardDiscount = 1000 // any other, one for each user invited
)

// salesOf is the undiscounted fare of a trip.
func salesOf(trip int) int { return baseFare + farePerStep*trip }

// fareOf is the price for the user. A surplus of the discount is lost.
func fareOf(trip, discount int) int { return baseFare + max(farePerStep*trip-discount, 0) }

// Prices of chairs grow by 2 % with each one up to the 50th and stay there (B6.6).
const (
	firstChairPrice   = 15000.0
	growingChairs     = 50
	growingChairsCost = 1268691    // sales that pay for the first 50
	lateChairPrice    = 39582.1769 // each one after them
)

// affordableChairs is the number of chairs that an owner with these total sales wants to
// have bought in the run. The growth is a variable so that growth-1 is rounded like the
// official tool rounds it: with an exact 0.02 the third chair would cost one yen more
// than B6.6 lists.
func affordableChairs(sales int) int {
	if sales < growingChairsCost {
		growth := 1.02
		return int(math.Log(1+float64(sales)*(growth-1)/firstChairPrice) / math.Log(growth))
	}
	return growingChairs + int(float64(sales-growingChairsCost)/lateChairPrice)
}
