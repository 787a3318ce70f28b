package state

import (
	"testing"

	"isuride/webapp/isuride"
)

func (b *fixture) listed(c *Chair) bool {
	for f := range b.Nearby(isuride.Coordinate{}, 1000) {
		if f.Chair == c {
			return true
		}
	}
	return false
}

func (b *fixture) free(c *Chair) bool {
	for _, f := range b.Region(isuride.RegionOf(isuride.Coordinate{})).Free(nil) {
		if f.Chair == c {
			return true
		}
	}
	return false
}

func (b *fixture) expectFree(c *Chair, when string, free, listed bool) {
	b.t.Helper()
	if b.free(c) != free || b.listed(c) != listed {
		b.t.Fatalf("%s the chair is free: %v, listed: %v; want %v, %v", when, b.free(c), b.listed(c), free, listed)
	}
	b.must(b.Check())
}

// A chair comes back in two steps: free once its rider is answered, listed once the
// rider's client shows that it knows (S4.10 and S11, T17).
func TestChairComesBack(t *testing.T) {
	for name, sign := range map[string]func(*fixture, *Ride){
		"the rider's next call": func(b *fixture, r *Ride) { b.Noticed(r.User) },
		"time":                  func(b *fixture, r *Ride) { b.Reveal(r) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newFixture(t)
			c := b.chair(isuride.Coordinate{})
			b.expectFree(c, "at first", true, true)
			r := b.arrive(b.user(""), c, isuride.Coordinate{}, isuride.Coordinate{Latitude: 9})
			b.expectFree(c, "while riding", false, false)
			ch, _, err := b.BeginCharge(r.User, r.ID, 5)
			b.must(err)
			_, err = b.Complete(ch)
			b.must(err)
			b.expectFree(c, "before the answer", false, false)
			b.Release(r)
			b.expectFree(c, "after the answer", true, false)
			sign(b, r)
			b.expectFree(c, "after the sign", true, true)
		})
	}
}

func TestLateSignOfAnEarlierRideChangesNothing(t *testing.T) {
	b := newFixture(t)
	c := b.chair(isuride.Coordinate{})
	first := b.arrive(b.user(""), c, isuride.Coordinate{}, isuride.Coordinate{Latitude: 9})
	ch, _, err := b.BeginCharge(first.User, first.ID, 5)
	b.must(err)
	_, err = b.Complete(ch)
	b.must(err)
	b.Release(first)
	second := b.arrive(b.user(""), c, isuride.Coordinate{}, isuride.Coordinate{Latitude: 9})
	b.Reveal(first)
	b.expectFree(c, "during the second ride", false, false)
	ch, _, err = b.BeginCharge(second.User, second.ID, 5)
	b.must(err)
	_, err = b.Complete(ch)
	b.must(err)
	b.Release(second)
	b.Reveal(first)
	b.expectFree(c, "before the second rider's sign", true, false)
}
