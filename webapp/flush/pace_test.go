package flush

import (
	"testing"
	"time"
)

const ms = time.Millisecond

func TestPaceDefaults(t *testing.T) {
	var p Pace
	p.complete()
	if want := (Pace{500 * ms, 2000 * ms, 1000, 20000}); p != want {
		t.Errorf("got %+v, want %+v", p, want)
	}
	p = Pace{Interval: 3 * time.Second, Stretch: time.Second, MinRows: 50, MaxRows: 10}
	p.complete()
	if want := (Pace{3 * time.Second, 3 * time.Second, 50, 50}); p != want {
		t.Errorf("bounds that cross: got %+v, want %+v", p, want)
	}
}

func TestLimitFollowsBacklog(t *testing.T) {
	p := pacer{pace: Pace{MinRows: 100, MaxRows: 500}}
	for i, step := range []struct {
		full bool
		want int
	}{{true, 200}, {true, 400}, {true, 500}, {true, 500}, {true, 500}, {false, 400}, {false, 200}, {false, 100}, {false, 100}} {
		p.wrote(0, step.full)
		if got := p.limit(); got != step.want {
			t.Errorf("step %d: limit %d, want %d", i, got, step.want)
		}
	}
}

func TestRest(t *testing.T) {
	for _, c := range []struct {
		name    string
		took    time.Duration
		full    bool
		waiting uint64
		want    time.Duration
	}{
		{"nothing to do", 0, false, 1, 500 * ms},
		{"small cut", 20 * ms, false, 1, 500 * ms},
		{"slow cut stretches", 400 * ms, false, 1, 800 * ms},
		{"stretched no further", 5000 * ms, false, 1, 2000 * ms},
		{"events left", 30 * ms, true, 1000, 60 * ms},
		{"events left by a slow cut", 5000 * ms, true, 1000, 2000 * ms},
		{"far behind", 400 * ms, true, 10_001, 0},
		{"far behind after a short cut", 0, false, 10_001, 0},
	} {
		p := pacer{pace: Pace{Interval: 500 * ms, Stretch: 2000 * ms, MinRows: 1000, MaxRows: 10_000}}
		p.wrote(c.took, c.full)
		if got := p.rest(c.waiting); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
