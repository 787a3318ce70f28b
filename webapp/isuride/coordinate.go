package isuride

// Coordinate is a point of the fictional world; values beyond ±90/±180 are normal
// (S1.2). Both members fit the SQL integer columns.
type Coordinate struct {
	Latitude, Longitude int32
}

// Distance returns the Manhattan distance, the only one in use (S1.2).
func (c Coordinate) Distance(d Coordinate) int {
	return abs(int(c.Latitude)-int(d.Latitude)) + abs(int(c.Longitude)-int(d.Longitude))
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// Region is one of the towns; matching never crosses regions (S7.2).
type Region uint8

// Regions is the number of towns.
const Regions = 2

// centres are the towns' middles (S1.2).
var centres = [Regions]Coordinate{{0, 0}, {300, 300}}

// Centre returns the middle of the town.
func (r Region) Centre() Coordinate { return centres[r] }

// RegionOf returns the region whose centre is nearest, so that every point of the world
// belongs to exactly one.
func RegionOf(c Coordinate) Region {
	if c.Distance(centres[1]) < c.Distance(centres[0]) {
		return 1
	}
	return 0
}
