package world

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTripsStayInTheRegion(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	g := newRegions()[1]
	lengths := map[int]int{}
	const n = 20_000
	sum := 0
	for range n {
		pickup, destination := g.randomTrip(r)
		if !g.contains(pickup) || !g.contains(destination) {
			t.Fatalf("trip %v to %v leaves the region", pickup, destination)
		}
		if pickup.X == 350 || pickup.Y == 350 {
			t.Fatalf("pickup %v on the far border", pickup)
		}
		d := pickup.distance(destination)
		lengths[d]++
		sum += d
	}
	if len(lengths) != maxTrip-minTrip+1 || lengths[minTrip] == 0 || lengths[maxTrip] == 0 {
		t.Errorf("%d different lengths, want all from %d to %d", len(lengths), minTrip, maxTrip)
	}
	if mean := float64(sum) / n; math.Abs(mean-54.5) > 1 { // B3
		t.Errorf("mean length %.2f, want 54.5", mean)
	}
}

func TestRegionBorders(t *testing.T) {
	g := newRegions()[0]
	for p, want := range map[Point]bool{{50, 50}: true, {-50, -50}: true, {51, 0}: false, {0, -51}: false} {
		if g.contains(p) != want {
			t.Errorf("contains(%v) is %v", p, !want)
		}
	}
}

// The running total of B4.4, step 6, against its definition in B8.1.
func TestReputation(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	g := &region{}
	sums, rides := make([]int, 20), make([]int, 20)
	g.registered = 25 // some never ride
	for range 500 {
		u, rating := r.IntN(len(sums)), between(r, 1, 5)
		rides[u]++
		g.rated(rating, rides[u], sums[u])
		sums[u] += rating
		want := 0
		for i := range sums {
			if rides[i] > 0 {
				want += sums[i] / rides[i]
			}
		}
		if g.ratingTotal != want {
			t.Fatalf("total %d, want %d", g.ratingTotal, want)
		}
	}
	if n := (&region{registered: 10, ratingTotal: 25}).newcomers(); n != 3 {
		t.Errorf("satisfaction 2.5 brings %d users, want 3", n)
	}
	if n := (&region{}).newcomers(); n != 0 {
		t.Errorf("an empty region brings %d users", n)
	}
}
