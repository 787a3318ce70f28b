package world

import (
	"math"
	"math/rand/v2"
	"testing"
)

func randomPoint(r *rand.Rand) Point {
	return Point{int32(between(r, -60, 60)), int32(between(r, -60, 60))}
}

// A normal step is exactly as long as possible and stays in the rectangle (B5.8).
func TestStepTowards(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 20_000 {
		from, to, speed := randomPoint(r), randomPoint(r), between(r, 1, 8)
		if coin(r) {
			to.X = from.X // aligned
		}
		next := stepTowards(r, from, to, speed)
		if got, want := from.distance(next), min(speed, from.distance(to)); got != want {
			t.Fatalf("from %v to %v with speed %d: step of %d, want %d", from, to, speed, got, want)
		}
		if from.distance(next)+next.distance(to) != from.distance(to) {
			t.Fatalf("from %v to %v: %v is a detour", from, to, next)
		}
	}
}

// Both axes get their share: an axis is not always served first.
func TestStepsAreSpread(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	seen := map[Point]bool{}
	for range 500 {
		seen[stepTowards(r, Point{}, Point{40, 40}, 3)] = true
	}
	if len(seen) != 4 {
		t.Errorf("speed 3 reaches %d points, want 4", len(seen))
	}
}

func TestStepAway(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, c := range []struct {
		from, target Point
		want         []Point
	}{
		{Point{0, 0}, Point{0, 9}, []Point{{0, -3}}},
		{Point{0, 0}, Point{-9, 0}, []Point{{3, 0}}},
		{Point{0, 0}, Point{5, 5}, []Point{{-3, 0}, {0, -3}}},
		{Point{2, 2}, Point{2, 2}, []Point{{2, 2}}},
	} {
		seen := map[Point]bool{}
		for range 100 {
			seen[stepAway(r, c.from, c.target, 3)] = true
		}
		for _, p := range c.want {
			if !seen[p] {
				t.Errorf("away from %v at %v: never to %v", c.target, c.from, p)
			}
		}
		if len(seen) != len(c.want) {
			t.Errorf("away from %v at %v: %v", c.target, c.from, seen)
		}
	}
}

// What a detour on the carrying leg costs, against the figures of B5.9.
func TestDetourCost(t *testing.T) {
	g := newRegions()[0]
	for speed, want := range map[int]struct{ failed, extra float64 }{
		2: {0.31, 5.5}, 3: {0.26, 4.2}, 5: {0.18, 3.2}, 7: {0.13, 2.8},
	} {
		r := rand.New(rand.NewPCG(6, uint64(speed)))
		const n = 20_000
		failed, extra := 0, 0
		for range n {
			pickup, destination := g.randomTrip(r)
			late := driveWithDetour(r, pickup, destination, speed) - idealTicks(pickup.distance(destination), speed)
			extra += late
			if late >= driveLimit {
				failed++
			}
		}
		if got := float64(failed) / n; math.Abs(got-want.failed) > 0.015 {
			t.Errorf("speed %d: %.3f of the drives fail, want %.2f", speed, got, want.failed)
		}
		if got := float64(extra) / n; math.Abs(got-want.extra) > 0.2 {
			t.Errorf("speed %d: %.2f extra ticks, want %.1f", speed, got, want.extra)
		}
	}
}

// driveWithDetour counts the ticks of a drive the way chair.drive makes it.
func driveWithDetour(r *rand.Rand, from, to Point, speed int) int {
	c := &chair{entity: entity{random: r}, model: chairModel{speed: speed}, position: from}
	c.ride = &ride{chairView: StatusCarrying}
	c.detour = detour{StatusCarrying, detourPoint(r, from, to, speed)}
	ticks := 0
	for c.position != to {
		c.drive(to)
		ticks++
	}
	return ticks
}
