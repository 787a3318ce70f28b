package dispatch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/state"
)

func TestLongRidesGoFirstWhenChairsAreScarce(t *testing.T) {
	w := newTown(t)
	short, long := w.ride(at(0, 0), at(3, 0)), w.ride(at(0, 0), at(40, 40))
	c := w.chair("5", at(1, 0)) // of mean speed: slow ones are for short rides
	w.round(w.dispatcher(0, DefaultParams()), 1)
	expectPair(t, long, c)
	expectPair(t, short, nil)
}

func TestReserveStaysFree(t *testing.T) {
	w := newTown(t)
	p := DefaultParams()
	p.RidesPerReserve, p.MaxReserve, p.ReserveAge = 4, 2, 0
	for i := range int32(9) {
		w.ride(at(i, 0), at(i, 30))
	}
	slow := w.chair("2", at(0, 1))
	for i := range int32(5) {
		w.chair("3", at(i, 1))
	}
	d := w.dispatcher(0, p)
	w.round(d, 4)
	listed, foundSlow := 0, false
	for c := range w.Nearby(at(0, 0), 50) {
		listed++
		foundSlow = foundSlow || c.Chair == slow
	}
	if listed != 2 || !foundSlow {
		t.Errorf("%d chairs stay, the slowest one among them: %v", listed, foundSlow)
	}
}

// However many rides wait, chairs leave: otherwise nothing would ever change.
func TestReserveIsHalfAtMost(t *testing.T) {
	w := newTown(t)
	p := DefaultParams()
	p.RidesPerReserve, p.MaxReserve, p.ReserveAge = 1, 10, 0
	for i := range int32(9) {
		w.ride(at(i, 0), at(i, 30))
	}
	for i := range int32(5) {
		w.chair("3", at(i, 1))
	}
	d := w.dispatcher(0, p)
	for _, want := range []int{3, 1, 1, 0} {
		w.round(d, want)
	}
}

// The reserve keeps nobody waiting for good, though nobody comes.
func TestReserveLeavesInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		p := DefaultParams()
		p.RidesPerReserve, p.MaxReserve, p.ReserveAge = 1, 10, 0
		var rides []*state.Ride
		for i := range int32(9) {
			rides = append(rides, w.ride(at(i, 0), at(i, 30)))
			w.chair("3", at(i, 1))
		}
		ctx, cancel := context.WithCancel(t.Context())
		go w.dispatcher(0, p).Run(ctx)
		time.Sleep(10 * p.Cadence)
		cancel()
		for i, r := range rides {
			if r.Chair() == nil {
				t.Errorf("ride %d has no chair", i)
			}
		}
	})
}

// With more rides than the solver may see, those past the ramp and the longest ones are
// seen.
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

// Rides that have waited for a while show that chairs are scarce; young ones do not.
func TestYoungRidesMakeNoReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		p := DefaultParams()
		d := w.dispatcher(0, p)
		step := func(rides int32, want int) {
			t.Helper()
			for i := range rides {
				w.ride(at(i%50, 0), at(i%50, 30))
			}
			for i := range int32(10) {
				w.chair("3", at(i, 1))
			}
			w.round(d, want)
		}
		step(40, 10)
		time.Sleep(p.ReserveAge - time.Nanosecond)
		step(0, 10)
		time.Sleep(time.Nanosecond)
		step(0, 6) // twenty rides have waited for long enough, and others are left for the rest
	})
}

// Carrying counts in full where rides outnumber chairs, and fades where chairs abound.
func TestCarryingCountsWhenChairsAreScarce(t *testing.T) {
	for _, c := range []struct{ rides, far, chairs, want int }{
		{10, 0, 0, 0}, {10, 0, 1, 1000}, {10, 0, 10, 1000}, {10, 0, 20, 500}, {10, 5, 10, 500}, {0, 0, 10, 0},
	} {
		s := &stock{candidates: make([]candidate, c.rides), chairs: make([]state.FreeChair, c.chairs)}
		s.count[elsewhere-overdue] = c.far
		if got := s.carryWeight(1000); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
