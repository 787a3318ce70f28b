package state

import (
	"testing"
	"time"

	"isuride/webapp/isuride"
)

// TestOverview follows one ride, with a second one and two chairs that nobody needs.
func TestOverview(t *testing.T) {
	b := newFixture(t)
	pickup, destination := isuride.Coordinate{Latitude: 1}, isuride.Coordinate{Latitude: 9}
	expect := func(want Overview) {
		t.Helper()
		got := b.Overview()
		got.OldestWait = 0
		if got != want {
			t.Errorf("the overview is %+v, want %+v", got, want)
		}
	}
	c := b.chair(isuride.Coordinate{})
	b.must(b.SetActivity(b.chair(isuride.Coordinate{}), false))
	u := b.user("")
	expect(Overview{Users: 1, Free: 1, Inactive: 1})

	r, err := b.RequestRide(u, pickup, destination)
	b.must(err)
	b.clock.now += 5_000_000
	b.user("")
	_, err = b.RequestRide(b.user(""), pickup, isuride.Coordinate{Latitude: 1000, Longitude: 1000})
	b.must(err)
	expect(Overview{Users: 3, Waiting: 2, Free: 1, Inactive: 1})
	if age := b.Overview().OldestWait; age < 5*time.Second || age > 6*time.Second {
		t.Errorf("the oldest ride waits for %v, want five seconds", age)
	}
	b.assign(r, c)
	want := Overview{Users: 3, Waiting: 1, Matched: 1, Busy: 1, Inactive: 1}
	expect(want)
	b.must(b.Advance(c, r.ID, isuride.Enroute))
	expect(want)
	b.must(b.SetActivity(c, false)) // the ride goes on
	expect(want)
	b.must(b.SetActivity(c, true))
	want.Matched, want.Pickup = 0, 1
	b.report(c, pickup)
	expect(want)
	want.Pickup, want.Carrying = 0, 1
	b.must(b.Advance(c, r.ID, isuride.Carrying))
	expect(want)
	want.Carrying, want.Arrived = 0, 1
	b.report(c, destination)
	expect(want)
	want.Arrived = 0
	ch, _, err := b.BeginCharge(u, r.ID, 5)
	b.must(err)
	_, err = b.Complete(ch)
	b.must(err)
	expect(want) // until the rider has been answered
	b.Release(r)
	want.Busy, want.Free = 0, 1
	expect(want)
	if n := b.Counts(); n != (Counts{Requested: 2, Matched: 1, Completed: 1}) {
		t.Errorf("the counts are %+v", n)
	}

	// A restart finds the same, and has done nothing yet.
	for _, s := range []*Store{b.replayed(), b.reloaded()} {
		got := s.Overview()
		got.OldestWait = 0
		if got != want || s.Counts() != (Counts{}) {
			t.Errorf("after a restart: %+v and %+v", got, s.Counts())
		}
	}
}
