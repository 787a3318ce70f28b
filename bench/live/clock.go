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
	// userLag is the time between the turns of the chairs and those of the users in a tick. The official tool starts the
	// latter a moment later, so that some find what the former have just caused (spec 7.4).
	userLag = time.Millisecond
)

// A clock moves the World during the load. It belongs to the loop's goroutine.
type clock struct {
	ticker *evloop.Ticker
	users  evloop.Timer
	sample evloop.Timer
	begun  time.Time
	due    time.Time       // of the last tick
	delay  world.Histogram // from when a tick was due to its beginning
	lost   int             // ticks that never were because the bench was late
	late   int             // ticks whose users' turns were still to come when the next one was due
	over   bool            // no more ticks
	done   chan error      // gets what ended the load early, nil for its regular end
}

// load runs the ticks and the wait behind them (spec 1.7, 1.8).
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

// settle waits for evaluations under way, which still count; true if it was interrupted.
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
	c.users.Fire = r.userTurns
	c.sample.Fire = r.takeSample
	if r.config.Load <= 0 {
		return
	}
	c.ticker = r.loop.Every(tickPeriod, r.tick)
	c.due = time.Now().Add(-tickPeriod)
	r.loop.Start(&c.sample, SamplePeriod)
	r.tick(1)
}

// tick is one step of the World. Of several periods that have passed all but one are lost (spec 2.1).
func (r *run) tick(periods int) {
	c := &r.clock
	if c.over {
		return
	}
	c.lost += periods - 1
	c.due = c.due.Add(time.Duration(periods) * tickPeriod)
	c.delay.Add(world.Instant(time.Since(c.due).Microseconds()))
	if c.users.Active() { // the bench is busy beyond measure
		c.late++
		r.loop.Cancel(&c.users)
		r.userTurns()
	}
	r.world.TickChairs(now())
	r.loop.Start(&c.users, userLag)
}

// userTurns is the second half of a tick.
func (r *run) userTurns() {
	r.world.TickUsers(now())
	if err := r.world.Fatal(); err != nil && !r.clock.over {
		r.stopTicks()
		r.clock.done <- err
	}
}

func (r *run) stopTicks() {
	c := &r.clock
	c.over = true
	r.loop.Cancel(&c.users)
	r.loop.Cancel(&c.sample)
	if c.ticker != nil {
		c.ticker.Stop()
		c.ticker = nil
	}
}

// endLoad stops the ticks; what is under way goes on (spec 1.7).
func (r *run) endLoad() {
	r.stopTicks()
	r.takeSampleNow()
	r.result.LoadSeconds = time.Since(r.clock.begun).Seconds()
	r.result.Usage = r.result.peakUsage()
	r.world.EndLoad(now())
}

func (r *run) takeSample() {
	r.takeSampleNow()
	r.loop.Start(&r.clock.sample, SamplePeriod)
}
