package live

import (
	"context"
	"time"

	"isuride/bench/client/evloop"
	"isuride/bench/world"
)

const (
	tickPeriod = time.Duration(world.TickLength) * time.Microsecond
	// SamplePeriod is the time between two samples of a run.
	SamplePeriod = time.Second
	// lateAfter is how late a tick may begin without notice: its calls still have most of
	// the period.
	lateAfter = tickPeriod / 4
)

// A clock moves the World during the load. It belongs to the loop's goroutine.
type clock struct {
	ticker *evloop.Ticker
	sample evloop.Timer
	rides  *evloop.Ticker // of an open loop, nil otherwise
	begun  time.Time
	due    time.Time       // of the last tick
	delay  world.Histogram // from when a tick was due to its beginning
	lost   int             // ticks skipped because the bench was late
	late   int             // ticks that began after lateAfter
	over   bool            // no more ticks
	done   chan error      // the error that ended the load early, nil at its regular end
}

// load runs the ticks and the wait after them (B1.7, B1.8).
func (r *run) load(ctx context.Context) {
	r.enter(PhaseLoad)
	r.clock.done = make(chan error, 1)
	r.do(r.startLoad)
	deadline := time.NewTimer(r.config.Load)
	defer deadline.Stop()
	fatal, interrupted := error(nil), false
	select {
	case fatal = <-r.clock.done:
	case <-deadline.C:
	case <-ctx.Done():
		interrupted = true
	}
	r.do(r.endLoad)
	if fatal == nil { // found in the last tick
		r.do(func() { fatal = r.world.Fatal() })
	}
	if !interrupted {
		r.enter(PhaseFinal)
		interrupted = r.settle(ctx)
	}
	r.do(func() {
		r.core.Close()
		r.finish(fatal, interrupted)
	})
}

// settle waits for evaluations in progress, which still count. It returns true if
// interrupted.
func (r *run) settle(ctx context.Context) bool {
	wait := time.NewTimer(r.config.settlingTime())
	defer wait.Stop()
	select {
	case <-wait.C:
		return false
	case <-ctx.Done():
		return true
	}
}

func (r *run) startLoad() {
	c := &r.clock
	c.begun = time.Now()
	r.started = measure()
	if r.burner != nil {
		r.unburned = r.burner.Use()
	}
	c.sample.Fire = r.takeSample
	if r.config.Load <= 0 {
		return
	}
	c.ticker = r.loop.Every(tickPeriod, r.tick)
	c.due = time.Now().Add(-tickPeriod)
	r.loop.Start(&c.sample, SamplePeriod)
	r.tick(1)
	if _, ok := r.world.NextArrival(); ok {
		c.rides = r.loop.Every(tickPeriod, r.arrive)
		r.awaitArrival()
	}
}

// arrive starts the rides of an open loop that are due.
func (r *run) arrive(int) {
	r.world.Arrive(now())
	r.awaitArrival()
}

func (r *run) awaitArrival() {
	if at, ok := r.world.NextArrival(); ok {
		r.clock.rides.Reset(time.Duration(at-now()) * time.Microsecond)
	}
}

// tick is one step of the World. If several periods have passed, all but one are lost
// (B2.1).
func (r *run) tick(periods int) {
	c := &r.clock
	if c.over {
		return
	}
	c.lost += periods - 1
	c.due = c.due.Add(time.Duration(periods) * tickPeriod)
	delay := time.Since(c.due)
	c.delay.Add(world.Instant(delay.Microseconds()))
	if delay > lateAfter {
		c.late++
	}
	r.world.TickChairs(now())
	r.loop.Post(evloop.Func(r.userTurns))
}

// userTurns is the second half of a tick. Between the halves the loop handles one batch
// of events, so that a few users find what the chairs have just caused. In the official
// tool, which starts the users' tasks while the chairs' are already running, the same
// happens (B7.4).
func (r *run) userTurns() {
	if r.clock.over {
		return
	}
	r.world.TickUsers(now())
	if err := r.world.Fatal(); err != nil {
		r.stopTicks()
		r.clock.done <- err
	}
}

func (r *run) stopTicks() {
	c := &r.clock
	c.over = true
	r.loop.Cancel(&c.sample)
	if c.ticker != nil {
		c.ticker.Stop()
		c.ticker = nil
	}
	if c.rides != nil {
		c.rides.Stop()
	}
}

// endLoad stops the ticks; calls in progress continue (B1.7).
func (r *run) endLoad() {
	r.stopTicks()
	r.takeSampleNow()
	r.result.LoadSeconds = time.Since(r.clock.begun).Seconds()
	r.result.Usage = r.result.peakUsage()
	if r.burner != nil {
		r.result.Client = clientUse(r.burner.Use().Since(r.unburned))
	}
	r.world.EndLoad(now())
}

func (r *run) takeSample() {
	r.takeSampleNow()
	r.loop.Start(&r.clock.sample, SamplePeriod)
}
