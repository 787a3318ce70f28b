package dispatch

import (
	"math"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// reasons is the memory of an isuride.Why, which lasts until the next one.
type reasons struct {
	isuride.Why
	lost [isuride.MaxRivals]isuride.Rival
}

// explainLocked returns the reasons of a pair: its terms, and those of the two chairs that
// would have been the cheapest for the ride otherwise. Such a chair may have gone to
// another ride of the round, and may be cheaper than the chosen one: the round as a whole
// is what is cheapest.
func (d *Dispatcher) explainLocked(p pair) *isuride.Why {
	c, chairs, w := &d.stock.candidates[p.ride], d.stock.chairs, &d.why
	trip, age := d.weights.rideTerms(c.ride, d.at.Sub(c.ride.CreatedAt))
	w.Why = isuride.Why{Class: classes[c.class-overdue], Trip: term(trip), Age: term(age),
		Chosen: d.weights.chairCost(c.ride, &chairs[p.chair]), Lost: w.lost[:0]}
	row := d.cost[int(p.ride)*len(chairs):][:len(chairs)]
	for _, k := range cheapestOthers(row, p.chair) {
		if k >= 0 {
			w.Lost = append(w.Lost, isuride.Rival{Chair: chairs[k].Ref, ChairCost: d.weights.chairCost(c.ride, &chairs[k])})
		}
	}
	return &w.Why
}

// classes are the domain's names of overdue, ordinary and elsewhere.
var classes = [...]isuride.RideClass{isuride.Overdue, isuride.Ordinary, isuride.Elsewhere}

func (p *Params) chairCost(r *state.Ride, c *state.FreeChair) isuride.ChairCost {
	pickup, carry := p.pairTerms(r, c)
	return isuride.ChairCost{Pickup: term(pickup), Carry: term(carry)}
}

func term(x int64) int32 { return int32(min(max(x, -isuride.MaxTerm), isuride.MaxTerm)) }

// cheapestOthers returns the two cheapest columns of a row apart from the chosen one, the
// cheapest first, -1 for none. It is the one loop that reasons add to a round.
func cheapestOthers(row []int32, chosen int32) [isuride.MaxRivals]int32 {
	first, second := int32(-1), int32(-1)
	least, next := int32(math.MaxInt32), int32(math.MaxInt32)
	for k, cost := range row {
		if cost >= next || int32(k) == chosen {
			continue
		}
		if cost < least {
			first, second, least, next = int32(k), first, cost, least
		} else {
			second, next = int32(k), cost
		}
	}
	return [isuride.MaxRivals]int32{first, second}
}
