// Package dispatch decides which chair takes which ride: one loop a region takes
// stock of waiting rides and free chairs, computes costs, solves the assignment and
// carries it out. It runs when something came in and not otherwise.
//
// The solver is package match's; what an assignment does is package state's. Rides
// and chairs of different regions never meet (S7.2).
package dispatch

import (
	"cmp"
	"context"
	"slices"
	"time"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// Solver finds the cheapest assignment in a row-major matrix of costs: assign[row]
// becomes a column, or -1 for a row that gets none.
type Solver interface {
	Solve(rows, cols int, cost []int32, assign []int32) (total int64)
}

// Store is the part of the state that dispatch uses.
type Store interface {
	Region(isuride.Region) *state.Region
	Assign(*state.Ride, *state.Chair, *isuride.Why) (bool, error)
}

// Dispatcher matches one region.
type Dispatcher struct {
	store  Store
	region *state.Region
	solver Solver
	params Params
	now    func() isuride.Time

	mu lockwatch.Mutex // one round at a time
	// The rest is guarded by mu and reused from round to round.
	stock   stock
	weights Params // of the round: params, with as much carrying as counts in it
	cost    []int32
	assign  []int32
	pairs   []pair
	at      isuride.Time // of the round
	why     reasons
	rest    time.Duration

	counters counters
}

// pair is a ride and a chair that the solver wants together, by index.
type pair struct {
	cost        int32
	ride, chair int32
}

// New makes the dispatcher of a region. The solver becomes its own.
func New(store Store, region isuride.Region, solver Solver, params Params, now func() isuride.Time) *Dispatcher {
	return &Dispatcher{store: store, region: store.Region(region), solver: solver, params: params, now: now}
}

// Run matches until the context ends: one round after each change, and a rest after
// each round that had something to match. It returns an error if a round does.
func (d *Dispatcher) Run(ctx context.Context) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.region.Changed():
		}
		if _, err := d.Round(); err != nil {
			return err
		}
		rest := d.Rest()
		if rest == 0 {
			continue
		}
		pause.Reset(rest)
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
	}
}

// Rest returns the pause between the last round and the next one.
func (d *Dispatcher) Rest() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rest
}

// Round matches once and returns how many rides got a chair. What it leaves out because
// of its bounds or the reserve, it leaves marked as a change.
func (d *Dispatcher) Round() (assigned int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takeLocked()
	d.rest = 0
	if len(d.stock.rides) == 0 || len(d.stock.chairs) == 0 {
		return 0, nil
	}
	began := time.Now()
	defer func() { d.counters.took.Observe(time.Since(began)) }()
	d.counters.rides.Store(int64(len(d.stock.rides)))
	d.counters.chairs.Store(int64(len(d.stock.chairs)))
	d.rest = d.params.Cadence
	d.at = d.now()
	d.rateLocked(d.at)
	d.weights = d.params
	d.weights.CarryWeight = d.stock.carryWeight(d.params.CarryWeight)
	room := d.roomLocked()
	d.chooseLocked()
	d.solveLocked(room)
	return d.carryOutLocked()
}

// solveLocked finds the pairs and keeps as many as there is room for, the cheapest.
func (d *Dispatcher) solveLocked(room int) {
	s := &d.stock
	rows, cols := len(s.candidates), len(s.chairs)
	d.cost = d.weights.fill(d.cost, s.candidates, s.chairs)
	d.assign = slices.Grow(d.assign[:0], rows)[:rows]
	d.solver.Solve(rows, cols, d.cost, d.assign)
	d.pairs = d.pairs[:0]
	for i, column := range d.assign {
		if column >= 0 {
			d.pairs = append(d.pairs, pair{d.cost[i*cols+int(column)], int32(i), column})
		}
	}
	if len(d.pairs) > room {
		slices.SortFunc(d.pairs, func(a, b pair) int { return cmp.Compare(a.cost, b.cost) })
		d.pairs = d.pairs[:room]
	}
}

func (d *Dispatcher) carryOutLocked() (assigned int, err error) {
	for _, p := range d.pairs {
		ride, chair := d.stock.candidates[p.ride].ride, &d.stock.chairs[p.chair]
		ok, err := d.store.Assign(ride, chair.Chair, d.explainLocked(p))
		if err != nil {
			d.region.MarkChanged() // for who tries again
			return assigned, err
		}
		if ok {
			assigned++
			d.counters.pickup.Add(int64(pickupTime(ride, chair)))
		}
	}
	return assigned, nil
}
