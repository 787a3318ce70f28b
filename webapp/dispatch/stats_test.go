package dispatch

import (
	"testing"
	"time"
)

func TestStats(t *testing.T) {
	w := newTown(t)
	d := w.dispatcher(0, DefaultParams())
	w.ride(at(0, 0), at(10, 0))
	w.ride(at(0, 0), at(20, 0))
	w.round(d, 0)
	if s := d.Stats(); s != (Stats{}) {
		t.Errorf("a round without chairs counts: %+v", s)
	}
	w.chair("3", at(30, 0))
	w.round(d, 1)
	s := d.Stats()
	if s.Took.Count() != 1 || s.Rides != 2 || s.Chairs != 1 || s.Pickup != 300*time.Millisecond { // ten ticks
		t.Errorf("after a round: %+v", s)
	}
	w.chair("7", at(0, 7))
	w.round(d, 1)
	sum := d.Stats()
	sum.Add(s)
	if sum.Took.Count() != 3 || sum.Rides != 3 || sum.Chairs != 2 || sum.Pickup != 630*time.Millisecond {
		t.Errorf("both summed: %+v", sum)
	}
}
