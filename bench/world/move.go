package world

import "math/rand/v2"

// stepTowards is one normal step (B5.8): speed split at random between the axes, what
// would overshoot on one axis given to the other. It is always as long as it can be and
// never leaves the rectangle of both points.
func stepTowards(r *rand.Rand, from, to Point, speed int) Point {
	restX, restY := abs(int(to.X-from.X)), abs(int(to.Y-from.Y))
	var x int
	if restX > 0 {
		x = between(r, 0, speed)
	}
	y := speed - x
	if x > restX {
		x, y = restX, y+x-restX
	}
	if y > restY {
		x, y = min(x+y-restY, restX), restY
	}
	return Point{
		X: from.X + sign(to.X-from.X)*int32(x),
		Y: from.Y + sign(to.Y-from.Y)*int32(y),
	}
}

// stepAway is one whole step along one axis directly away from the target (B5.10). It may
// leave the region; at the target itself it does not move.
func stepAway(r *rand.Rand, from, target Point, speed int) Point {
	dx, dy := sign(from.X-target.X), sign(from.Y-target.Y)
	if dx != 0 && dy != 0 {
		if coin(r) {
			dx = 0
		} else {
			dy = 0
		}
	}
	return Point{X: from.X + dx*int32(speed), Y: from.Y + dy*int32(speed)}
}

// detourPoint chooses where on the way the chair will once step back (B5.9), about half
// of the way along.
//
// Two quirks of the official tool are kept because they lengthen real drives: nothing
// keeps the point from lying beyond the target on one axis, and on a straight way the
// shift falls on the other axis, so that the point is the start.
func detourPoint(r *rand.Rand, start, target Point, speed int) Point {
	m := start.distance(target) / speed / 2 * speed
	mx := between(r, 0, m)
	my := m - mx
	switch {
	case start.X == target.X:
		mx, my = m, 0
	case start.Y == target.Y:
		mx, my = 0, m
	}
	return Point{
		X: start.X + sign(target.X-start.X)*int32(mx),
		Y: start.Y + sign(target.Y-start.Y)*int32(my),
	}
}
