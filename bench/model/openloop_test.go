package model_test

import (
	"math"
	"reflect"
	"testing"

	"isuride/bench/model"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

const openSeed = 1

// openLoop is a run that fails for no reason.
func openLoop(t *testing.T, rate float64, load world.Instant, c model.Config) (virtual.Result, *world.OpenLoop) {
	t.Helper()
	c.Seed, c.Interval = openSeed, 100*world.Millisecond
	config := virtual.Config{World: world.Config{Seed: openSeed, RideRate: rate}, Load: load}
	r, err := virtual.Run(config, model.New(c))
	if err != nil {
		t.Fatal(err)
	}
	if n := r.World.Errors().Total(); n != 0 || r.Fatal != nil {
		t.Fatalf("seed %d: %d errors, ended by %v", openSeed, n, r.Fatal)
	}
	return r, r.World.OpenLoop()
}

// TestOpenLoop compares a server with one of twice the latency: the requests are the
// same, their times are not.
func TestOpenLoop(t *testing.T) {
	const rate, seconds = 50, 30
	run := func(delay world.Instant) (virtual.Result, *world.OpenLoop) {
		return openLoop(t, rate, seconds*world.Second, model.Config{Matcher: model.Nearest{}, Delay: delay})
	}
	r, quick := run(0)
	_, slow := run(20 * world.Millisecond)
	for _, o := range []*world.OpenLoop{quick, slow} {
		// Three standard deviations of the number of arrivals.
		if d := math.Abs(float64(o.Due - rate*seconds)); d > 3*math.Sqrt(rate*seconds) || o.Started != o.Due || o.Late+o.Waited+o.NeverStarted != 0 {
			t.Errorf("%+v", *o)
		}
		if math.Abs(o.CreatedRate-float64(o.Due)/seconds) > 0.2 || math.Abs(o.CompletedRate/rate-1) > 0.05 {
			t.Errorf("%.1f rides/s created and %.1f completed of %d", o.CreatedRate, o.CompletedRate, o.Due)
		}
	}
	if quick.Due != slow.Due {
		t.Errorf("%d and %d rides are due", quick.Due, slow.Due)
	}
	// History, nearby chairs, estimate and ride are four calls one after the other, each
	// 20 ms slower.
	if d := *slow.Stages[1].P50 - *quick.Stages[1].P50; d < 79*world.Millisecond || d > 81*world.Millisecond {
		t.Errorf("rides are created %d us later", d)
	}
	for i, s := range quick.Stages[1:] {
		before := quick.Stages[i]
		if s.P50 == nil || *s.P50 < *before.P50 || s.Reached > before.Reached || s.Reached+s.Open != quick.Due {
			t.Errorf("%s %+v comes after %s %+v", s.Name, s, before.Name, before)
		}
	}
	chairs, users := world.Config{RideRate: rate}.Population()
	if p := r.World.Progress(); p.Users != users || p.Chairs != chairs || r.World.Stats().UsersLeft != 0 {
		t.Errorf("the city has grown to %d users and %d chairs", p.Users, p.Chairs)
	}
	if _, again := run(0); !reflect.DeepEqual(quick, again) {
		t.Errorf("%+v, again %+v", quick, again)
	}
}

// TestOpenLoopOverload asks a server that matches 20 rides a second for 40. The overload
// must show.
func TestOpenLoopOverload(t *testing.T) {
	_, o := openLoop(t, 40, 60*world.Second, model.Config{Matcher: model.Nearest{Cap: 2}})
	if o.NeverStarted < 600 || o.Waited < o.NeverStarted || o.Late == 0 || o.Started+o.NeverStarted != o.Due {
		t.Errorf("%+v", *o)
	}
	if o.CompletedRate < 18 || o.CompletedRate > 20 {
		t.Errorf("%.1f rides/s completed", o.CompletedRate)
	}
	// A ride requested at time t waits t seconds for 20 t others, so half of those in
	// 60 s wait about 20 s or more, and the longest time is unknown.
	matched := o.Stages[2]
	if matched.P50 == nil || *matched.P50 < 18*world.Second || matched.P99 != nil || matched.Longest < 29*world.Second || matched.Open < 1000 || matched.Open != o.Unmatched {
		t.Errorf("matched %+v", matched)
	}
}
