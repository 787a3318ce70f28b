package engine

import (
	"errors"
	"os"
	"strings"
	"testing"

	"isuride/webapp/state"
)

// TestStateThatDiffers: a yen that changes in memory is found by the next snapshot and by an
// orderly stop. Neither writes a snapshot of it, and the next start has the true state.
func TestStateThatDiffers(t *testing.T) {
	for _, least := range []int64{1, 1 << 30} { // a stop writes a snapshot, or counts only
		c := newCity(t)
		c.policy.Least = least
		c.start()
		c.live(300)
		good := c.snapshot()
		c.live(50)
		before := c.portrait()
		if got := c.Stats().Count; got != (CountStats{Equal: 1}) {
			t.Fatalf("counted %+v", got)
		}
		c.someRide().Fare++
		if _, err := c.Engine.Snapshot(); !errors.Is(err, errDifferent) || !strings.Contains(err.Error(), "a full count has the hash") {
			t.Fatal(err)
		}
		if got := c.Stats(); got.Count != (CountStats{Equal: 1, Different: 1}) || got.Snapshot.Written != 1 || got.Snapshot.Failed != 1 {
			t.Fatalf("counted %+v, snapshots %+v", got.Count, got.Snapshot)
		}
		if err := c.Stop(); !errors.Is(err, errDifferent) {
			t.Fatalf("the stop says %v", err)
		}
		c.must(c.db.Close())
		if paths := c.snapshots(); len(paths) != 1 || paths[0] != good.Path {
			t.Fatalf("left are %v", paths)
		}
		c.start()
		c.expect("after the restart", before)
		c.must(os.Remove(good.Path))
		c.halt()
		c.start()
		c.expect("from the tables", before)
		c.stop()
	}
}

// someRide returns a ride of the city.
func (c *city) someRide() (ride *state.Ride) {
	c.t.Helper()
	for _, u := range c.users {
		if m, _, ok := u.Log.Current(); ok {
			return m.Ride
		}
	}
	c.t.Fatal("nobody has a ride")
	return nil
}
