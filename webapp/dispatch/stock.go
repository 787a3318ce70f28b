package dispatch

import (
	"cmp"
	"slices"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// stock is the input of a round.
type stock struct {
	rides      []*state.Ride // that wait, oldest first
	chairs     []state.FreeChair
	candidates []candidate // the rides by class and cost; in the end those that the solver sees
	count      [3]int      // of candidates, by class
	lasting    int         // candidates that the reserve is for
}

// candidate is a ride, with what it costs whatever the chair.
type candidate struct {
	ride  *state.Ride
	class class
	cost  int64
}

// takeLocked takes stock.
func (d *Dispatcher) takeLocked() {
	s := &d.stock
	clear(s.rides)
	clear(s.chairs)
	s.rides = d.region.Waiting(s.rides[:0])
	s.chairs = d.region.Free(s.chairs[:0])
	older := func(a, b *state.Ride) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) }
	if !slices.IsSortedFunc(s.rides, older) { // requests at the same time may overtake each other
		slices.SortStableFunc(s.rides, older)
	}
}

// rateLocked finds what each ride costs, oldest first.
func (d *Dispatcher) rateLocked(now isuride.Time) {
	s, p := &d.stock, &d.params
	clear(s.candidates)
	s.candidates, s.count, s.lasting = s.candidates[:0], [3]int{}, 0
	for _, r := range s.rides {
		age := now.Sub(r.CreatedAt)
		c := candidate{r, p.classOf(r, age), p.rideCost(r, age)}
		s.candidates = append(s.candidates, c)
		s.count[c.class-overdue]++
		if c.class != elsewhere && age >= p.ReserveAge {
			s.lasting++
		}
	}
}

// carryWeight is the part of a weight that fits how scarce chairs are: all of it where the
// town's rides outnumber them.
func (s *stock) carryWeight(full int) int {
	rides, chairs := len(s.candidates)-s.count[elsewhere-overdue], len(s.chairs)
	return full * min(rides, chairs) / max(chairs, 1)
}

// roomLocked returns how many pairs there may be, at least one. What the reserve holds
// back is marked as a change: if nobody else comes, it leaves bit by bit. Nothing is held
// back from rides past the ramp, nor for the sake of rides that lead elsewhere.
func (d *Dispatcher) roomLocked() int {
	rides, chairs := len(d.stock.candidates), len(d.stock.chairs)
	late := d.stock.count[0]
	reserve := min(d.stock.lasting/d.params.RidesPerReserve, d.params.MaxReserve, chairs/2)
	room := max(min(rides, chairs-reserve), min(late, chairs))
	if room < min(rides, chairs) {
		d.region.MarkChanged()
	}
	return room
}

// chooseLocked picks what the solver sees: the oldest of the rides past the ramp, as many
// as there are chairs, so that no younger one can take the place of an older one; then
// the rides that come first whatever the chair; and the fastest chairs. If it leaves out
// some of both it marks a change.
func (d *Dispatcher) chooseLocked() {
	s, p := &d.stock, &d.params
	if len(s.candidates) > p.MaxRides && len(s.chairs) > p.MaxRides {
		d.region.MarkChanged()
	}
	if places := min(len(s.chairs), p.MaxRides, p.MaxChairs); s.count[0] >= places {
		s.candidates = s.candidates[:places]
	}
	if len(s.candidates) > p.MaxRides {
		slices.SortFunc(s.candidates, func(a, b candidate) int {
			return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.cost, b.cost))
		})
		s.candidates = s.candidates[:p.MaxRides]
	}
	if len(s.chairs) > p.MaxChairs {
		slices.SortFunc(s.chairs, func(a, b state.FreeChair) int { return cmp.Compare(b.Speed, a.Speed) })
		s.chairs = s.chairs[:p.MaxChairs]
	}
}
