package dispatch

import (
	"cmp"
	"slices"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// stock is what a round works on.
type stock struct {
	rides      []*state.Ride // that wait, oldest first
	chairs     []state.FreeChair
	candidates []candidate // the rides that the solver sees
}

// candidate is a ride, with what it costs whatever the chair.
type candidate struct {
	ride *state.Ride
	cost int64
}

// take takes stock.
func (d *Dispatcher) take() {
	s := &d.stock
	clear(s.rides)
	clear(s.chairs)
	s.rides = d.region.Waiting(s.rides[:0])
	s.chairs = d.region.Free(s.chairs[:0])
}

// room is how many pairs there may be, one at least. What the reserve holds back is
// marked as a change: if nobody else comes, it leaves bit by bit.
func (d *Dispatcher) room() int {
	rides, chairs := len(d.stock.rides), len(d.stock.chairs)
	reserve := min(rides/d.params.RidesPerReserve, d.params.MaxReserve, chairs/2)
	room := min(rides, chairs-reserve)
	if room < min(rides, chairs) {
		d.region.Poke()
	}
	return room
}

// choose picks what the solver sees: the rides that come first whatever the chair, and
// the fastest chairs. If it leaves out some of both it marks a change.
func (d *Dispatcher) choose(now isuride.Time) {
	s, p := &d.stock, &d.params
	clear(s.candidates)
	s.candidates = s.candidates[:0]
	for _, r := range s.rides {
		s.candidates = append(s.candidates, candidate{r, p.rideCost(r, now)})
	}
	if len(s.rides) > p.MaxRides && len(s.chairs) > p.MaxRides {
		d.region.Poke()
	}
	if len(s.candidates) > p.MaxRides {
		slices.SortFunc(s.candidates, func(a, b candidate) int { return cmp.Compare(a.cost, b.cost) })
		s.candidates = s.candidates[:p.MaxRides]
	}
	if len(s.chairs) > p.MaxChairs {
		slices.SortFunc(s.chairs, func(a, b state.FreeChair) int { return cmp.Compare(b.Speed, a.Speed) })
		s.chairs = s.chairs[:p.MaxChairs]
	}
}
