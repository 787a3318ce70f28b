package verify

import "fmt"

// A point is a coordinate of the city.
type point struct {
	Latitude  int `json:"latitude"`
	Longitude int `json:"longitude"`
}

// at makes a point.
func pointAt(latitude, longitude int) point {
	return point{Latitude: latitude, Longitude: longitude}
}

// plus is the point at an offset.
func (p point) plus(latitude, longitude int) point {
	return pointAt(p.Latitude+latitude, p.Longitude+longitude)
}

// distance is Manhattan distance (S1.2).
func (p point) distance(q point) int {
	return abs(p.Latitude-q.Latitude) + abs(p.Longitude-q.Longitude)
}

// String is for findings.
func (p point) String() string { return fmt.Sprintf("(%d,%d)", p.Latitude, p.Longitude) }

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
