package main

import (
	"isuride/bench/world"
	"isuride/webapp/isuride"
)

// The bench and the server have their own types for the same things. These functions
// translate.

func coordinate(p world.Point) isuride.Coordinate {
	return isuride.Coordinate{Latitude: p.X, Longitude: p.Y}
}

func point(c isuride.Coordinate) world.Point { return world.Point{X: c.Latitude, Y: c.Longitude} }

func millis(t isuride.Time) world.Millis { return world.Millis(t.Milli()) }

// Both list the statuses in the order in which a ride goes through them.

func serverStatus(s world.Status) isuride.Status {
	return isuride.Matching + isuride.Status(s-world.StatusMatching)
}

func status(s isuride.Status) world.Status {
	return world.StatusMatching + world.Status(s-isuride.Matching)
}
