package world

import (
	"math"
	"math/rand/v2"
)

// regionRadius is half the side of a region (B3).
const regionRadius = 50

// Trip lengths are drawn evenly from minTrip..maxTrip (B3).
const (
	minTrip = 5
	maxTrip = 104
)

// A region is one of the two towns, with its share of the users.
type region struct {
	name   string
	centre Point

	registered  int // users ever registered, also those who left
	active      int // registered and not left
	ratingTotal int // sum over the users of their average rating, rounded down (B8.1)

	// Of an open loop.
	idle    []*user    // who wait for a ride to request, the one idle for longest first
	waiting []*arrival // due while no user was idle, oldest first
}

func newRegions() []*region {
	return []*region{
		{name: "チェアタウン", centre: Point{0, 0}},
		{name: "コシカケシティ", centre: Point{300, 300}},
	}
}

// contains includes the borders on all sides.
func (g *region) contains(p Point) bool {
	return abs(int(p.X-g.centre.X)) <= regionRadius && abs(int(p.Y-g.centre.Y)) <= regionRadius
}

// randomPoint leaves out the far borders, unlike contains (B3).
func (g *region) randomPoint(r *rand.Rand) Point {
	return Point{
		X: g.centre.X + int32(between(r, -regionRadius, regionRadius-1)),
		Y: g.centre.Y + int32(between(r, -regionRadius, regionRadius-1)),
	}
}

// randomTrip draws the length once and then repeats until a trip of that length fits
// (B3).
func (g *region) randomTrip(r *rand.Rand) (pickup, destination Point) {
	length := between(r, minTrip, maxTrip)
	for {
		pickup = g.randomPoint(r)
		dx := int32(between(r, 0, length))
		dy := int32(length) - dx
		if coin(r) {
			dx = -dx
		}
		if coin(r) {
			dy = -dy
		}
		destination = Point{pickup.X + dx, pickup.Y + dy}
		if g.contains(destination) {
			return pickup, destination
		}
	}
}

// newcomers is the number of users whom the region's reputation brings this hour (B8.1):
// the satisfaction, 0 to 5.
func (g *region) newcomers() int {
	if g.registered == 0 {
		return 0
	}
	return int(math.Round(float64(g.ratingTotal) / float64(g.registered)))
}

// rated books a rating of a user who has had rides rides including this one and given the
// sum of ratings before it (B4.4, step 6).
func (g *region) rated(rating, rides, before int) {
	if rides == 1 {
		g.ratingTotal += rating
		return
	}
	g.ratingTotal += (before+rating)/rides - before/(rides-1)
}
