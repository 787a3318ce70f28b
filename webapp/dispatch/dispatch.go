// Package dispatch decides which chair takes which ride: one loop a region takes
// stock of waiting rides and free chairs, computes costs, solves the assignment and
// carries it out. It runs when something came in and not otherwise.
//
// The solver is package match's; what an assignment does is package state's. Rides
// and chairs of different regions never meet (spec 7.2).
package dispatch

import (
	"context"
	"slices"
	"sync"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// Solver finds the cheapest assignment in a row-major matrix of costs: assign[row]
// becomes a column, or -1 for a row that gets none.
type Solver interface {
	Solve(rows, cols int, cost []int32, assign []int32) (total int64)
}

// Store is what dispatch needs of the state.
type Store interface {
	Region(isuride.Region) *state.Region
	Assign(*state.Ride, *state.Chair) (bool, error)
}

// Dispatcher matches one region.
type Dispatcher struct {
	store  Store
	region *state.Region
	solver Solver
	params Params
	now    func() isuride.Time

	mu sync.Mutex // one round at a time
	// The rest is guarded by mu and reused from round to round.
	rides  []*state.Ride
	chairs []state.FreeChair
	cost   []int32
	assign []int32
}

// New makes the dispatcher of a region. The solver becomes its own.
func New(store Store, region isuride.Region, solver Solver, params Params, now func() isuride.Time) *Dispatcher {
	return &Dispatcher{store: store, region: store.Region(region), solver: solver, params: params, now: now}
}

// Run matches until the context ends: one round after each change, and a rest of
// Cadence after each round that matched something. It returns an error if a round does.
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
		assigned, err := d.Round()
		if err != nil {
			return err
		}
		if assigned == 0 {
			continue
		}
		pause.Reset(d.params.Cadence)
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
	}
}

// Round matches once and tells how many rides got a chair. What it cannot look at
// because of its bounds, it leaves marked as a change.
func (d *Dispatcher) Round() (assigned int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.take()
	if len(d.rides) == 0 || len(d.chairs) == 0 {
		return 0, nil
	}
	d.cost = d.params.fill(d.cost, d.rides, d.chairs, d.now())
	d.assign = slices.Grow(d.assign[:0], len(d.rides))[:len(d.rides)]
	d.solver.Solve(len(d.rides), len(d.chairs), d.cost, d.assign)
	return d.carryOut()
}

// take takes stock, within the bounds of one round.
func (d *Dispatcher) take() {
	clear(d.rides)
	clear(d.chairs)
	d.rides = d.region.Waiting(d.rides[:0])
	d.chairs = d.region.Free(d.chairs[:0])
	if len(d.rides) > d.params.MaxRides && len(d.chairs) > d.params.MaxRides {
		d.region.Poke()
	}
	d.rides = d.rides[:min(len(d.rides), d.params.MaxRides)]
	d.chairs = d.chairs[:min(len(d.chairs), d.params.MaxChairs)]
}

func (d *Dispatcher) carryOut() (assigned int, err error) {
	for i, column := range d.assign {
		if column < 0 {
			continue
		}
		ok, err := d.store.Assign(d.rides[i], d.chairs[column].Chair)
		if err != nil {
			return assigned, err
		}
		if ok {
			assigned++
		}
	}
	return assigned, nil
}
