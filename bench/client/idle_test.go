package client

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
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

// TestCrowded checks which connection makes room, and that its entity can go on: the one
// unused for longest, but the one used last if all are in use again and again.
func TestCrowded(t *testing.T) {
	for name, c := range map[string]struct {
		age  time.Duration // of the idle connections when the third chair comes
		loss int           // the chair that loses its connection
	}{
		"quiet": {2 * hot, 0},
		"busy":  {-time.Minute, 1}, // as if it had been just now, however long the machine takes
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "http", startResponder(t), func(c *Config) { c.Crowded = 2 })
			chairs := []*chairClient{r.chair(), r.chair(), r.chair()}
			r.ok(r.position(chairs[0]))
			r.ok(r.position(chairs[1]))
			for idle := r.engine.shards[0].idle.oldest; idle != nil; idle = idle.newer {
				idle.parked = idle.parked.Add(-c.age)
			}
			r.ok(r.position(chairs[2]))
			if d := r.engine.Dials(); d.Dials != 3 || d.Open != 2 {
				t.Errorf("%d dials, %d open, want 3 and 2", d.Dials, d.Open)
			}
			for i, chair := range chairs {
				if i != c.loss {
					r.ok(r.position(chair))
				}
			}
			if d := r.engine.Dials(); d.Dials != 3 {
				t.Errorf("chair %d did not lose its connection, another one did", c.loss)
			}
			r.ok(r.position(chairs[c.loss]))
			if d := r.engine.Dials(); d.Dials != 4 || d.Open != 2 {
				t.Errorf("%d dials, %d open, want 4 and 2", d.Dials, d.Open)
			}
		})
	}
}

// TestLastTenthIsForCalls has nine of ten places taken: a call gets the last one, a feed
// that can wait does not.
func TestLastTenthIsForCalls(t *testing.T) {
	r := newRig(t, "http", startResponder(t), func(c *Config) { c.Crowded = 10 })
	r.ok(r.position(r.chair()))
	s := r.engine.shards[0]
	s.open += 8
	if s.makeRoom(true) {
		t.Error("one that can wait got the last place")
	}
	if !s.makeRoom(false) || s.idle.oldest == nil {
		t.Error("another one did not, or a connection was closed for it")
	}
	s.open -= 8
}

// TestPatience checks who gets room when all connections are in use again and again.
func TestPatience(t *testing.T) {
	r := newRig(t, "http", startResponder(t), func(c *Config) { c.Crowded = 1 })
	busy := r.chair()
	r.ok(r.position(busy))
	s := r.engine.shards[0]
	s.idle.oldest.parked = time.Now().Add(time.Minute) // it stays in use, however long the machine takes
	if s.makeRoom(true) || s.idle.oldest == nil {
		t.Error("a connection in use again and again made room for one that can wait")
	}
	if !s.makeRoom(false) || s.idle.oldest != nil {
		t.Error("it made none for an impatient one")
	}
	r.ok(r.position(busy))
	s.idle.oldest.parked = s.idle.oldest.parked.Add(-2 * hot)
	if !s.makeRoom(true) || s.idle.oldest != nil {
		t.Error("an unused connection made no room for one that can wait")
	}
}
