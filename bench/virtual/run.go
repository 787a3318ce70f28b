// Package virtual runs a World in virtual time: as fast as the CPU allows, against a
// server in the same process, and identically for the same seed. It is for calibration,
// tests and experiments with servers and matching.
//
// It leaves the server with all its latencies to others (package model has one). Page
// visits, the data check and other parts of a run that need HTTP do not exist here.
package virtual

import (
	"errors"

	"isuride/bench/payment"
	"isuride/bench/world"
)

// userLag is the time in a tick between the turns of the chairs and those of the users.
// Together with the latency of the model server it decides how often a notification is
// read in the tick that caused it: in 2 % of the rides of appendix D whose first payment
// succeeded, the evaluation came one tick after the arrival.
const userLag = 700 // microseconds

// settling is the wait after the load, in which evaluations still count (B1.8).
const settling = 5 * world.Second

// A Config describes a run.
type Config struct {
	World world.Config
	Load  world.Instant // length of the load; 60 s is usual
	// Tamper, if not nil, replaces each event on its way to the World by none, another
	// one or several. Tests use it to break the rules of a server, one at a time.
	Tamper func(world.Event) []world.Event
}

// A Result describes the end of a run.
type Result struct {
	World  *world.World
	Score  int         // final (B14)
	Ticks  int         // executed
	Fatal  error       // what ended the load early; nil means that the run passed
	Digest uint64      // of all events, for comparing runs
	Events EventCounts // the population included
}

// start is an arbitrary moment in the past. It is the same for all runs, because times
// take part in the digest.
const start = world.Instant(1_700_000_000) * world.Second

var errStuck = errors.New("the population did not end: the server left a call without an answer")

// Run simulates one run against the server that newServer makes. The server runs its
// tasks on the loop, has no other clock, and pays at the core, from tasks that take the
// time the core demands.
//
// An error means that the population failed, so that there was no load.
func Run(c Config, newServer func(*Loop, *payment.Core) world.Clients) (Result, error) {
	loop := newLoop(start)
	loop.tamper = c.Tamper
	judge := &verifier{}
	core := payment.New(c.World.Seed, judge)
	w := world.New(c.World, newServer(loop, core))
	loop.world, judge.world = w, w
	if err := populate(loop, w); err != nil {
		return Result{World: w}, err
	}
	fatal := load(loop, w, c.Load)
	w.EndLoad(loop.now)
	loop.runUntil(loop.now+settling, never)
	core.Close()
	return Result{
		World: w, Score: w.FinalScore(), Ticks: w.Progress().Ticks,
		Fatal: fatal, Digest: loop.digest.Sum64(), Events: loop.events,
	}, nil
}

// A verifier passes the questions of the payment core to the World, which is made later.
type verifier struct{ world *world.World }

func (v *verifier) VerifyPayment(now world.Instant, token string, amount int) bool {
	return v.world.VerifyPayment(now, token, amount)
}

func never() bool { return false }

// populationLimit is far longer than the registrations can take.
const populationLimit = 600 * world.Second

func populate(l *Loop, w *world.World) error {
	w.Populate(l.now)
	l.runUntil(l.now+populationLimit, func() bool {
		done, _ := w.Populated()
		return done
	})
	done, err := w.Populated()
	if !done {
		return errStuck
	}
	return err
}

// load runs the ticks and returns what ended them early.
func load(l *Loop, w *world.World, length world.Instant) error {
	begin, end := l.now, l.now+length
	for tick := begin; tick < end; tick += world.TickLength {
		l.runUntil(tick, never)
		w.TickChairs(tick)
		if tick == begin {
			(&arrivals{l, w}).wait()
		}
		l.runUntil(tick+userLag, never)
		w.TickUsers(l.now)
		if err := w.Fatal(); err != nil {
			return err
		}
	}
	l.runUntil(end, never)
	return w.Fatal()
}

// arrivals is the task that starts the rides of an open loop.
type arrivals struct {
	loop  *Loop
	world *world.World
}

// Run implements Task.
func (a *arrivals) Run(now world.Instant) {
	a.world.Arrive(now)
	a.wait()
}

func (a *arrivals) wait() {
	if at, ok := a.world.NextArrival(); ok {
		a.loop.After(at-a.loop.now, a)
	}
}
