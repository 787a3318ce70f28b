package probe

import "fmt"

// A Point is a coordinate of the city.
type Point struct {
	Latitude  int `json:"latitude"`
	Longitude int `json:"longitude"`
}

// At makes a point.
func At(latitude, longitude int) Point {
	return Point{Latitude: latitude, Longitude: longitude}
}

// Plus is the point at an offset.
func (p Point) Plus(latitude, longitude int) Point {
	return At(p.Latitude+latitude, p.Longitude+longitude)
}

// Distance is Manhattan distance (S1.2).
func (p Point) Distance(q Point) int {
	return abs(p.Latitude-q.Latitude) + abs(p.Longitude-q.Longitude)
}

// String is for findings.
func (p Point) String() string { return fmt.Sprintf("(%d,%d)", p.Latitude, p.Longitude) }

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
