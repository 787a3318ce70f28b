// Package live runs a World in real time against a server over HTTP: the phases of a run,
// its clock, the checks of the initial data and of the front end, and the figures that
// remain (B1).
//
// The World, its clients and the payment service share one goroutine, that of an event
// loop; the goroutine that calls Run only goes through the phases. What it leaves to
// others: the rules of the game (package world), HTTP (package client), flags and
// presentation (the programs).
package live

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"runtime"
	"time"

	"isuride/bench/client"
	"isuride/bench/client/burn"
	"isuride/bench/client/evloop"
	"isuride/bench/payment"
	"isuride/bench/world"
)

// A Config holds the settings of a run and the server to run against.
type Config struct {
	Target  *url.URL         // scheme and host
	Sources []netip.Addr     // addresses of this machine to connect from; none leaves the choice to the system
	Dests   []netip.AddrPort // where to connect, at least one

	PaymentURL  string // sent to the server
	PaymentBind string // address of the payment service, as net.Listen takes it

	Load     time.Duration
	Seed     uint64
	RideRate float64        // of an open loop, see world.Config; 0 for none
	Refusals bool           // see world.Config
	Chairs   int            // of an open loop; 0 leaves their number to the rate
	Users    int            // of an open loop, if more than its rate needs
	Checks   []Check        // of the initial data; nil for none
	Static   *client.Static // nil for no static files at all
	Official bool           // the client burns as much CPU as the official tool's

	// Observer follows the run; it may be nil. Its methods run on the goroutines of the
	// run and must be quick.
	Observer Observer

	limits       client.Limits // of calls; zero are the official ones
	initializing time.Duration // limit of the initialization; 0 is the official one
	settling     time.Duration // the wait after the load; 0 is the official one
}

func (c *Config) world() world.Config {
	return world.Config{Seed: c.Seed, PageVisits: c.Static != nil, RideRate: c.RideRate, Refusals: c.Refusals, Chairs: c.Chairs, Users: c.Users}
}

// An Observer follows a run.
type Observer interface {
	// Phase begins.
	Phase(Phase)
	// Sample comes every SamplePeriod during the load.
	Sample(Sample)
}

// A Phase is a part of a run (B1.3).
type Phase string

const (
	PhaseStatic     Phase = "checking the static files"
	PhaseInitialize Phase = "initializing"
	PhasePopulate   Phase = "registering the first owners, chairs and users"
	PhaseData       Phase = "checking the initial data"
	PhaseLoad       Phase = "load"
	PhaseFinal      Phase = "waiting for payments under way"
)

// settling is the wait after the load (B1.8).
const settling = 5 * time.Second

func (c *Config) settlingTime() time.Duration {
	if c.settling > 0 {
		return c.settling
	}
	return settling
}

func (c *Config) callLimits() client.Limits {
	if c.limits != (client.Limits{}) {
		return c.limits
	}
	return client.OfficialLimits()
}

// A SetupError is a fault of the settings or of this machine, found before the first
// request to the server.
type SetupError struct{ Err error }

func (e SetupError) Error() string { return e.Err.Error() }

func (e SetupError) Unwrap() error { return e.Err }

// A PhaseError ends a run before its load.
type PhaseError struct {
	Phase Phase
	Err   error
}

func (e *PhaseError) Error() string { return fmt.Sprintf("%s: %v", e.Phase, e.Err) }

func (e *PhaseError) Unwrap() error { return e.Err }

// ErrInterrupted means that the context ended.
var ErrInterrupted = errors.New("interrupted")

// Run goes through all phases and returns the result of the load, which may have failed.
// When ctx ends during the load, the result covers the load so far. With a PhaseError,
// the result has what is known without a load; with a SetupError there is none.
func Run(ctx context.Context, c Config) (*Result, error) {
	r, err := newRun(c)
	if err != nil {
		return nil, SetupError{err}
	}
	defer r.close()
	r.result.Started = time.Now()
	if err = r.prepare(ctx); err != nil {
		r.do(func() { r.finish(err, errors.Is(err, ErrInterrupted)) })
	} else {
		r.load(ctx)
	}
	r.leave()
	r.result.Phases = r.laps
	return &r.result, err
}

// Validate only checks the initial data (B1.8 b).
func Validate(ctx context.Context, c Config) error {
	if err := c.preflightNetwork(); err != nil {
		return SetupError{err}
	}
	if err := CheckData(ctx, c.newBrowser, c.Checks); err != nil {
		return &PhaseError{PhaseData, err}
	}
	return nil
}

// newBrowser makes a client for the phases before the load.
func (c *Config) newBrowser() *client.Browser {
	return client.NewBrowser(c.Target, client.Routes(c.Sources, c.Dests)[0])
}

// enter ends the phase before and begins p.
func (r *run) enter(p Phase) {
	r.leave()
	r.laps, r.entered = append(r.laps, Lap{Phase: p}), time.Now()
	if r.config.Observer != nil {
		r.config.Observer.Phase(p)
	}
}

// leave ends the current phase, if there is one.
func (r *run) leave() {
	if n := len(r.laps); n > 0 {
		r.laps[n-1].Seconds = time.Since(r.entered).Seconds()
	}
}

// A run in progress. Everything below the first two groups belongs to the loop's
// goroutine.
type run struct {
	config Config
	loop   *evloop.Loop
	ended  chan error // the loop's end

	laps    []Lap // owned by the goroutine of Run, like the next
	entered time.Time

	engine   *client.Engine
	world    *world.World
	core     *payment.Core
	payments *payment.Service
	loops    int        // event loops, that of the World included
	burner   *burn.Pool // nil unless the client is to be dear
	procs    int        // GOMAXPROCS without the pool

	language string // set before the load
	clock    clock
	started  usage // at the beginning of the load, like the next
	unburned burn.Use
	result   Result
}

func newRun(c Config) (*run, error) {
	if err := c.preflight(); err != nil {
		return nil, err
	}
	loop, err := evloop.New()
	if err != nil {
		return nil, err
	}
	r := &run{config: c, loop: loop, ended: make(chan error, 1), laps: []Lap{}}
	r.result.Series = []Sample{}
	if err := r.build(); err != nil {
		loop.Close()
		return nil, err
	}
	go func() { r.ended <- loop.Run() }()
	return r, nil
}

// build makes the parts that live on the loop, which is not running yet.
func (r *run) build() (err error) {
	c := &r.config
	r.procs = runtime.GOMAXPROCS(0)
	others := loops(r.procs)
	r.loops = 1 + others
	r.startBurner()
	r.engine, err = client.New(client.Config{
		Target: c.Target, Routes: client.Routes(c.Sources, c.Dests), Static: c.Static, Burner: r.burner,
		Limits: c.callLimits(), Loops: others, Crowded: crowded(),
	}, r.loop, func(now world.Instant, e world.Event) { r.world.Deliver(now, e) })
	if err != nil {
		return err
	}
	r.world = world.New(c.world(), r.engine)
	r.core = payment.New(c.Seed, r.world)
	if r.payments, err = payment.NewService(r.core, r.loop, c.PaymentBind); err != nil {
		r.engine.Close()
		return fmt.Errorf("payment service: %w", err)
	}
	return nil
}

// loops is the number of event loops that serve sockets, besides the one of the World. A
// second loop costs hardly any CPU time (BenchmarkTick of package client), but only helps
// if it has a CPU; with two or fewer, the server needs that more.
func loops(cpus int) int { return max(0, min(cpus-2, maxLoops)) }

// maxLoops is enough to keep the goroutine of the World busy.
const maxLoops = 4

func (r *run) close() {
	r.do(func() { r.payments.Close() })
	r.loop.Stop()
	<-r.ended
	r.engine.Close()
	r.loop.Close()
	runtime.GOMAXPROCS(r.procs)
}

// do runs f on the loop's goroutine and waits for it.
func (r *run) do(f func()) {
	done := make(chan struct{})
	r.loop.Post(evloop.Func(func() { f(); close(done) }))
	<-done
}

// now is the bench's clock.
func now() world.Instant { return world.Instant(time.Now().UnixMicro()) }
