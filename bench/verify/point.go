package verify

import "fmt"

// A point is a coordinate of the city.
type point struct {
	Latitude  int `json:"latitude"`
	Longitude int `json:"longitude"`
}

func (p point) plus(latitude, longitude int) point {
	return point{p.Latitude + latitude, p.Longitude + longitude}
}

// distance is Manhattan distance (S1.2).
func (p point) distance(q point) int {
	return abs(p.Latitude-q.Latitude) + abs(p.Longitude-q.Longitude)
}

func (p point) String() string { return fmt.Sprintf("(%d,%d)", p.Latitude, p.Longitude) }

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// Money, in yen (S4.6).
const (
	baseFare = 500
	perUnit  = 100
	signUp   = 3000 // coupon of a new user
	invited  = 1500 // coupon of a user who registered with a code
	reward   = 1000 // coupon of the user whose code it was
)

// fare is what a ride costs with a coupon of the given discount: only the metered part is discounted.
func fare(from, to point, discount int) int {
	return baseFare + max(perUnit*from.distance(to)-discount, 0)
}
