package client

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestIdlePool compares random operations with a slice.
func TestIdlePool(t *testing.T) {
	const seed = 1
	random := rand.New(rand.NewPCG(seed, seed))
	var pool idlePool
	var plain []*conn
	for range 2000 {
		if i := random.IntN(8); i < len(plain) {
			pool.remove(plain[i])
			plain = slices.Delete(plain, i, i+1)
		} else {
			c := new(conn)
			pool.add(c)
			plain = append(plain, c)
		}
		var forth, back []*conn
		for c := pool.oldest; c != nil; c = c.newer {
			forth = append(forth, c)
		}
		for c := pool.newest; c != nil; c = c.older {
			back = append(back, c)
		}
		slices.Reverse(back)
		if !slices.Equal(forth, plain) || !slices.Equal(back, plain) {
			t.Fatalf("%d forth, %d back, want %d", len(forth), len(back), len(plain))
		}
	}
}

// TestCrowded checks that the connection unused for longest makes room, and that its entity can go on.
func TestCrowded(t *testing.T) {
	r := newRig(t, "http", startResponder(t), func(c *Config) { c.Crowded = 2 })
	chairs := []*chairClient{r.chair(), r.chair(), r.chair()}
	for _, c := range chairs {
		r.ok(r.position(c))
	}
	if d := r.engine.Dials(); d.Dials != 3 || d.Open != 2 {
		t.Errorf("%d dials, %d open, want 3 and 2", d.Dials, d.Open)
	}
	for _, c := range []*chairClient{chairs[1], chairs[2], chairs[0]} { // the last one has lost its connection
		r.ok(r.position(c))
	}
	if d := r.engine.Dials(); d.Dials != 4 || d.Open != 2 {
		t.Errorf("%d dials, %d open, want 4 and 2", d.Dials, d.Open)
	}
}
