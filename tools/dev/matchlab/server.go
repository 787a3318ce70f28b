package main

import (
	"fmt"
	"math/rand/v2"

	"isuride/bench/payment"
	"isuride/bench/virtual"
	"isuride/bench/world"
	"isuride/webapp/dispatch"
	"isuride/webapp/isuride"
	"isuride/webapp/match"
	"isuride/webapp/state"
)

// A server is the real state and the real dispatch, called without HTTP, but with its
// costs in time.
type server struct {
	loop    *virtual.Loop
	core    *payment.Core
	machine *machine
	store   *state.Store
	chairs  map[*state.Chair]*chairClient
	course  *course
	open    map[string]*state.Ride // not accepted yet
	way     map[string]int         // distance to the pickup of accepted rides
	reused  bool                   // see regime
	// entities are the users and chairs there are.
	entities int
	paid     int // rides
}

// nowhere is a log that discards everything.
type nowhere struct{}

func (nowhere) AppendNoted(_ []byte, note interface{ Recorded(uint64) }) (uint64, error) {
	note.Recorded(1)
	return 1, nil
}
func (nowhere) Appended() uint64    { return 0 }
func (nowhere) Hold(f func(uint64)) { f(0) }

// chairSpeeds are all speeds. The lab's store has one model for each.
var chairSpeeds = [...]int{2, 3, 5, 7}

func modelOf(speed int) string { return fmt.Sprint("speed ", speed) }

func newServer(loop *virtual.Loop, core *payment.Core, m *machine, p policy) *server {
	s := &server{
		loop: loop, core: core, machine: m, course: &course{machine: m},
		chairs: map[*state.Chair]*chairClient{}, open: map[string]*state.Ride{}, way: map[string]int{},
	}
	rows := &isuride.Tables{}
	for _, v := range chairSpeeds {
		rows.ChairModels = append(rows.ChairModels, isuride.ChairModel{Name: modelOf(v), Speed: v})
	}
	s.store = state.New(state.Options{Log: nowhere{}, Now: s.now, Describe: func(*isuride.Chair) []byte { return nil }}, rows, nil)
	for r := range isuride.Region(isuride.Regions) {
		s.startMatching(r, p)
	}
	s.loop.After(world.TickLength, taskFunc(s.tick))
	return s
}

// missed tells whether a task that the official tool starts now runs only after the tick. It
// reads the time when it runs, and its scheduler is no queue: it waits for any part of the
// backlog.
func (s *server) missed(r *rand.Rand) bool {
	backlog := s.machine.backlog(atClient)
	return world.Instant(r.Float64()*float64(backlog)) > world.TickLength
}

// tick is the client's work for everybody there is, whether they do something or not.
func (s *server) tick(world.Instant) {
	s.machine.take(atClient, workTick, float64(s.entities))
	s.loop.After(world.TickLength, taskFunc(s.tick))
}

// accepted records the acceptance of a ride.
func (s *server) accepted(rideID string, c *state.Chair) {
	r := s.open[rideID]
	delete(s.open, rideID)
	s.way[rideID] = c.View().Track.At.Distance(r.Pickup)
	s.course.accepted(c, wait(r, s.now()), s.way[rideID])
}

func (s *server) now() isuride.Time { return isuride.Time(s.loop.Now()) }

// taskFunc turns a function into a task.
type taskFunc func(world.Instant)

func (f taskFunc) Run(now world.Instant) { f(now) }

// A matcher runs the rounds of one region as dispatch.Dispatcher.Run does in real time.
type matcher struct {
	server     *server
	region     *state.Region
	dispatcher *dispatch.Dispatcher
	until      world.Instant // when its rest ends

	policy
}

// watch is how often a matcher looks for changes.
const watch = world.Millisecond

func (s *server) startMatching(r isuride.Region, p policy) {
	m := &matcher{server: s, region: s.store.Region(r), policy: p}
	m.dispatcher = dispatch.New(s.store, r, &pricedSolver{server: s}, p.params, s.now)
	s.loop.After(watch, m)
}

// Run implements virtual.Task.
func (m *matcher) Run(now world.Instant) {
	m.server.loop.After(watch, m)
	if now < m.until {
		return
	}
	select {
	case <-m.region.Changed():
	default:
		return
	}
	if _, err := m.dispatcher.Round(); err != nil {
		panic(err)
	}
	m.until = now + world.Instant(m.dispatcher.Rest().Microseconds())
}

// A pricedSolver is the real solver. Its cost depends on the size of the problem instead
// of the time it takes, so that runs are the same on every machine.
type pricedSolver struct {
	match.Workspace
	server *server
}

func (p *pricedSolver) Solve(rows, cols int, cost []int32, assign []int32) int64 {
	s := p.server
	s.machine.take(atServer, workMatching, float64(rows*cols)/1000)
	s.course.round(rows, cols)
	return p.Workspace.Solve(rows, cols, cost, assign)
}
