package dispatch

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLongRidesGoFirstWhenChairsAreScarce(t *testing.T) {
	w := newTown(t)
	short, long := w.ride(at(0, 0), at(3, 0)), w.ride(at(0, 0), at(40, 40))
	c := w.chair("3", at(1, 0))
	w.round(w.dispatcher(0, DefaultParams()), 1)
	expectPair(t, long, c)
	expectPair(t, short, nil)
}

func TestReserveStaysFree(t *testing.T) {
	w := newTown(t)
	p := DefaultParams()
	p.RidesPerReserve, p.MaxReserve = 4, 2
	for i := range int32(9) {
		w.ride(at(i, 0), at(i, 30))
	}
	slow := w.chair("2", at(0, 1))
	for i := range int32(3) {
		w.chair("3", at(i, 1))
	}
	d := w.dispatcher(0, p)
	w.round(d, 2) // seven rides are left, for which one chair is enough
	w.round(d, 1)
	w.round(d, 0)
	if d.Rest() == 0 {
		t.Error("no rest after a round that could do nothing: the next change would bring it at once")
	}
	for c := range w.Nearby(at(0, 0), 50) {
		if c.Chair != slow {
			t.Error("not the slowest chair stays")
		}
	}
}

func TestReserveIsBounded(t *testing.T) {
	w := newTown(t)
	p := DefaultParams()
	p.RidesPerReserve, p.MaxReserve = 1, 2
	for i := range int32(9) {
		w.ride(at(i, 0), at(i, 30))
		w.chair("3", at(i, 1))
	}
	w.round(w.dispatcher(0, p), 7)
}

func TestOverdueRidesTakeTheReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		p := DefaultParams()
		p.RidesPerReserve, p.MaxReserve = 1, 10
		old := w.ride(at(0, 0), at(3, 0))
		time.Sleep(p.Ramp + time.Second)
		young := w.ride(at(0, 0), at(40, 40))
		w.chair("3", at(1, 0))
		w.chair("3", at(1, 0))
		w.round(w.dispatcher(0, p), 1)
		if old.Chair() == nil || young.Chair() != nil {
			t.Errorf("the old ride has chair %v, the young one %v", old.Chair(), young.Chair())
		}
	})
}

// With more rides than the solver may see, those past the ramp and the longest ones are seen.
func TestChoiceOfRides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		p := DefaultParams()
		p.MaxRides = 2
		old := w.ride(at(0, 0), at(3, 0))
		time.Sleep(p.Ramp + time.Second)
		short, long := w.ride(at(0, 0), at(5, 5)), w.ride(at(0, 0), at(40, 40))
		for range 3 {
			w.chair("3", at(1, 0))
		}
		d := w.dispatcher(0, p)
		w.round(d, 2)
		if old.Chair() == nil || long.Chair() == nil || short.Chair() != nil {
			t.Error("not the right rides were seen")
		}
		w.round(d, 1)
	})
}
