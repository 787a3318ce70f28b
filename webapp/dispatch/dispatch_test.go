package dispatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"isuride/tools/dev/allocs"
	"isuride/webapp/isuride"
	"isuride/webapp/match"
	"isuride/webapp/state"
)

// nowhere is a log that keeps nothing, and can fail. Like the journal it records one event at a time.
type nowhere struct {
	err error
	mu  sync.Mutex
}

func (n *nowhere) AppendNoted(_ []byte, note interface{ Recorded(uint64) }) (uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err == nil {
		note.Recorded(1)
	}
	return 1, n.err
}

func (n *nowhere) Appended() uint64 { return 0 }

func (n *nowhere) Hold(f func(uint64)) { f(0) }

// town is a store with a dispatcher for each region.
type town struct {
	*state.Store
	t     testing.TB
	log   *nowhere
	names int
}

func clock() isuride.Time { return isuride.TimeOf(time.Now()) }

func newTown(t testing.TB) *town {
	log := &nowhere{}
	rows := &isuride.Tables{ChairModels: []isuride.ChairModel{{Name: "2", Speed: 2}, {Name: "3", Speed: 3}, {Name: "5", Speed: 5}, {Name: "7", Speed: 7}}}
	return &town{t: t, log: log, Store: state.New(state.Options{Log: log, Now: clock,
		Describe: func(*isuride.Chair) []byte { return nil }}, rows, nil)}
}

func (w *town) dispatcher(r isuride.Region, p Params) *Dispatcher {
	return New(w.Store, r, new(match.Workspace), p, clock)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *town) name() string { w.names++; return fmt.Sprint("name", w.names) }

func (w *town) chair(speed string, at isuride.Coordinate) *state.Chair {
	w.t.Helper()
	o, err := w.RegisterOwner(w.name())
	must(w.t, err)
	c, err := w.RegisterChair(o.ChairRegisterToken, "chair", speed)
	must(w.t, err)
	must(w.t, w.SetActivity(c, true))
	_, err = w.Report(c, at)
	must(w.t, err)
	return c
}

func (w *town) ride(from, to isuride.Coordinate) *state.Ride {
	w.t.Helper()
	u, err := w.RegisterUser(state.NewUser{Username: w.name(), Firstname: "A", Lastname: "B", DateOfBirth: "x"})
	must(w.t, err)
	r, err := w.RequestRide(u, from, to)
	must(w.t, err)
	return r
}

func (w *town) round(d *Dispatcher, want int) {
	w.t.Helper()
	got, err := d.Round()
	if err != nil || got != want {
		w.t.Fatalf("the round assigned %d rides (%v), want %d", got, err, want)
	}
}

func at(latitude, longitude int32) isuride.Coordinate {
	return isuride.Coordinate{Latitude: latitude, Longitude: longitude}
}

func expectPair(t testing.TB, r *state.Ride, c *state.Chair) {
	t.Helper()
	if r.Chair() != c {
		t.Errorf("a ride has another chair than expected")
	}
}

func TestRoundMinimisesTheWhole(t *testing.T) {
	w := newTown(t)
	// Taking the nearest chair for the first ride would send the other one 60 away.
	first, second := w.ride(at(0, 0), at(10, 0)), w.ride(at(-10, 0), at(0, 0))
	near, far := w.chair("3", at(-4, 0)), w.chair("3", at(20, 0))
	w.round(w.dispatcher(0, DefaultParams()), 2)
	expectPair(t, first, far)
	expectPair(t, second, near)
}

func TestFastChairsGoOnLongRides(t *testing.T) {
	w := newTown(t)
	short, long := w.ride(at(0, 0), at(5, 0)), w.ride(at(0, 0), at(49, 40))
	slow, fast := w.chair("2", at(3, 0)), w.chair("7", at(3, 0))
	w.round(w.dispatcher(0, DefaultParams()), 2)
	expectPair(t, long, fast)
	expectPair(t, short, slow)
}

func TestRegionsDoNotMix(t *testing.T) {
	w := newTown(t)
	here, there := w.ride(at(0, 0), at(5, 5)), w.ride(at(300, 300), at(310, 310))
	c := w.chair("3", at(290, 290))
	w.round(w.dispatcher(0, DefaultParams()), 0)
	w.round(w.dispatcher(1, DefaultParams()), 1)
	expectPair(t, here, nil)
	expectPair(t, there, c)
}

func TestOldRidesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		p := DefaultParams()
		old := w.ride(at(-50, -50), at(0, 0))
		time.Sleep(p.Ramp + time.Second)
		young := w.ride(at(40, 40), at(50, 50))
		c := w.chair("2", at(40, 40)) // on the young rider's doorstep
		w.round(w.dispatcher(0, p), 1)
		expectPair(t, old, c)
		expectPair(t, young, nil)
	})
}

func TestBeforeTheRampTheCheaperRideGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		older := w.ride(at(-50, -50), at(0, 0))
		time.Sleep(time.Second)
		younger := w.ride(at(40, 40), at(50, 50))
		c := w.chair("2", at(40, 40))
		w.round(w.dispatcher(0, DefaultParams()), 1)
		expectPair(t, older, nil)
		expectPair(t, younger, c)
	})
}

func TestRoundIsBounded(t *testing.T) {
	w := newTown(t)
	p := DefaultParams()
	p.MaxRides, p.MaxChairs = 2, 4
	for i := range int32(5) {
		w.ride(at(i, 0), at(i, 9))
		w.chair("3", at(i, 1))
	}
	d := w.dispatcher(0, p)
	w.round(d, 2)
	w.round(d, 2)
	select {
	case <-d.region.Changed(): // what was left out
	default:
		t.Error("what was left out is not marked as a change")
	}
	w.round(d, 1)
	w.round(d, 0)
}

// counter counts rounds that had something to solve.
type counter struct {
	match.Workspace
	rounds int
}

func (c *counter) Solve(rows, cols int, cost []int32, assign []int32) int64 {
	c.rounds++
	return c.Workspace.Solve(rows, cols, cost, assign)
}

func TestRunWorksOnChangesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		solver := &counter{}
		d := New(w.Store, 0, solver, DefaultParams(), clock)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()

		c := w.chair("3", at(0, 0))
		time.Sleep(time.Hour)
		first := w.ride(at(1, 1), at(5, 5))
		synctest.Wait()
		expectPair(t, first, c) // at once, since nothing had happened for long
		time.Sleep(time.Hour)
		synctest.Wait()
		if solver.rounds != 1 {
			t.Errorf("%d rounds, want 1", solver.rounds)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestRunKeepsTheCadence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		p := DefaultParams()
		p.MaxReserve = 0 // what it holds back is another round's
		solver := &counter{}
		d := New(w.Store, 0, solver, p, clock)
		ctx, cancel := context.WithCancel(t.Context())
		go d.Run(ctx)
		defer cancel()
		for range 50 { // a ride and a chair each millisecond
			w.chair("3", at(0, 0))
			w.ride(at(1, 1), at(5, 5))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if solver.rounds != 2 { // the first pair at once, all others together
			t.Errorf("%d rounds, want 2", solver.rounds)
		}
	})
}

func TestRunEndsWhenNothingCanBeRecorded(t *testing.T) {
	w := newTown(t)
	w.ride(at(0, 0), at(1, 1))
	w.chair("3", at(0, 0))
	w.log.err = errors.New("full")
	if err := w.dispatcher(0, DefaultParams()).Run(t.Context()); err == nil {
		t.Error("the error is lost")
	}
}

func TestRoundDoesNotAllocateAfterWarmUp(t *testing.T) {
	w := newTown(t)
	for i := range int32(20) {
		w.ride(at(i, 0), at(i, 9))
	}
	for i := range int32(40) {
		w.chair("3", at(i, 1))
	}
	d := w.dispatcher(0, DefaultParams())
	d.store = refusing{w.Store}
	w.round(d, 0)
	if n := allocs.PerRun(20, func() { d.Round() }); n != 0 {
		t.Errorf("%v allocations a round", n)
	}
}

// refusing assigns nothing, so that every round finds the same.
type refusing struct{ *state.Store }

func (refusing) Assign(*state.Ride, *state.Chair, *isuride.Why) (bool, error) { return false, nil }
