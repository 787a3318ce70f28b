package dispatch

import (
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// rounds lets time pass as with a round each cadence, in which the counts grow.
func rounds(d *demand, n int, each state.Demand) {
	p := DefaultParams()
	now, counts := d.at, d.seen
	for range n {
		now += isuride.Time(p.Cadence.Microseconds())
		counts.Found += each.Found
		counts.Futile += each.Futile
		counts.Orders += each.Orders
		d.update(now, counts, &p)
	}
}

func TestReserveFollowsWastedLooks(t *testing.T) {
	d := &demand{}
	rounds(d, 50, state.Demand{Futile: 4, Found: 1, Orders: 1})
	if d.reserve != float64(DefaultParams().MaxReserve) || d.wasted() < 0.79 || d.wasted() > 0.81 {
		t.Errorf("four of five looks wasted: %+v", d)
	}
	rounds(d, 100, state.Demand{Found: 5, Orders: 4})
	if d.reserve >= 1 {
		t.Errorf("no look wasted any more: %+v", d)
	}
}

// Riders who order without seeing a chair, and then wait, need none to see.
func TestNoReserveForRidersWhoWait(t *testing.T) {
	d := &demand{}
	rounds(d, 50, state.Demand{Futile: 5, Orders: 5})
	if d.reserve != 0 || d.wasted() != 0 {
		t.Errorf("all looks futile, and an order after each: %+v", d)
	}
}

func TestDemandForgets(t *testing.T) {
	d := &demand{}
	rounds(d, 50, state.Demand{Futile: 100})
	p := DefaultParams()
	d.update(d.at+isuride.Time((20*time.Second).Microseconds()), d.seen, &p)
	if d.looks > 0.01 {
		t.Errorf("%v looks left after 20 s", d.looks)
	}
	d.update(d.at-isuride.Time(time.Hour.Microseconds()), d.seen, &p) // the clock steps back
	if d.looks < 0 || d.looks > 0.01 {
		t.Errorf("%v looks after a step back", d.looks)
	}
}

// In the whole: futile looks make rounds hold chairs back.
func TestFutileLooksHoldChairsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		p := DefaultParams()
		p.FollowDemand = true
		p.RidesPerReserve = 1000 // so that none is held back for the rides' sake
		d := w.dispatcher(0, p)
		for i := range int32(60) {
			w.ride(at(i%50, 0), at(0, 30))
		}
		for range 30 { // one chair and some looks a round
			for range 5 {
				w.Looked(at(0, 0), false)
			}
			w.chair("3", at(0, 1))
			w.round(d, 1)
			time.Sleep(d.Rest())
		}
		for range 8 {
			w.chair("3", at(0, 1))
		}
		w.round(d, 4) // half of them
		listed := 0
		for range w.Nearby(at(0, 0), 50) {
			listed++
		}
		if listed != 4 {
			t.Errorf("%d chairs are to be seen, want 4", listed)
		}
	})
}

// The more chairs are free beside the rides, the less carrying counts.
func TestCarryingCountsWhenChairsAreScarce(t *testing.T) {
	for _, c := range []struct{ rides, far, chairs, want int }{{10, 0, 0, 1000}, {10, 0, 10, 500}, {10, 0, 90, 100}, {10, 5, 5, 500}, {0, 0, 0, 0}} {
		s := &stock{candidates: make([]candidate, c.rides), chairs: make([]state.FreeChair, c.chairs)}
		s.count[elsewhere-overdue] = c.far
		if got := s.carryWeight(1000); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
