package isuride

// Yen amounts of S4.6.
const (
	BaseFare        = 500
	FarePerDistance = 100
)

// Metered returns the part of the fare that a coupon can reduce.
func Metered(pickup, destination Coordinate) int {
	return FarePerDistance * pickup.Distance(destination)
}

// Sales returns the full fare, before any discount.
func Sales(pickup, destination Coordinate) int {
	return BaseFare + Metered(pickup, destination)
}

// DiscountedFare returns the user's price; a surplus of the coupon is lost.
func DiscountedFare(pickup, destination Coordinate, discount int) int {
	return BaseFare + max(Metered(pickup, destination)-discount, 0)
}
