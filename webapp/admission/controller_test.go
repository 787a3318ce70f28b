package admission

import (
	"math"
	"slices"
	"testing"
	"time"
)

const testTarget = 20 * time.Millisecond

// plants are all that is controlled: see plant_test.go.
var plants = map[string]func(load float64) plant{
	"queue": func(load float64) plant { return &queue{load: load} },
	"rides": func(load float64) plant { return &rides{load: load} },
	"city":  func(load float64) plant { return newCity(load) },
}

func intervals(d time.Duration) int { return int(d / interval) }

// TestSteadyOverload: the wait stays near the target, the server works all the time, and about as much
// is refused as is too much, from a little to eight times what can be served.
func TestSteadyOverload(t *testing.T) {
	for name, begin := range plants {
		for _, load := range []float64{1.2, 2, 3, 5, 8} {
			c, p := newDoor(testTarget), begin(load)
			var used float64
			stopped := 0
			var waits []time.Duration
			const settle, all = 10 * time.Second, 60 * time.Second
			for i := range intervals(all) {
				wait, part := p.next(c.share, c.begun.share)
				c.step(wait)
				if i >= intervals(settle) {
					used += part
					waits = append(waits, wait)
					stopped += one(!c.shedding)
				}
			}
			if load >= 2 && stopped > 0 { // it does not flap
				t.Errorf("%s, load %v: in %d intervals it had forgotten that there is an overload", name, load, stopped)
			}
			slices.Sort(waits)
			if used /= float64(len(waits)); used < 0.95 {
				t.Errorf("%s, load %v: works %.3f of its time", name, load, used)
			}
			if p99 := waits[len(waits)*99/100]; p99 > 10*testTarget {
				t.Errorf("%s, load %v: waits for up to %v", name, load, p99)
			}
			if median := waits[len(waits)/2]; median > 3*testTarget {
				t.Errorf("%s, load %v: waits for %v", name, load, median)
			}
		}
	}
}

// TestNoOverload: what can just be served is, bursts included.
func TestNoOverload(t *testing.T) {
	for name, begin := range plants {
		c, p := newDoor(testTarget), begin(0.95)
		for i := range intervals(time.Minute) {
			wait, _ := p.next(c.share, c.begun.share)
			if c.step(wait); c.share > 0 {
				t.Fatalf("%s: after %v a share of %.2f is refused", name, time.Duration(i)*interval, c.share)
			}
		}
	}
}

// TestGoodput: as many rides are completed under overload as at best, though refusals cost a third
// of a request, and few who are half way in are turned back: without guests it was one for each
// eight to two that were completed.
func TestGoodput(t *testing.T) {
	run := func(load float64, target time.Duration) *city {
		c, p := newDoor(target), newCity(load)
		for range intervals(time.Minute) {
			wait, _ := p.next(c.share, c.begun.share)
			c.step(wait)
		}
		return p
	}
	best := run(1, 0).completed
	for _, load := range []float64{1.2, 2, 4, 8} {
		got := run(load, testTarget)
		if float64(got.completed) < 0.95*float64(best) {
			t.Errorf("load %v: %d rides are completed, %d at best", load, got.completed, best)
		}
		if got.turnedBack > got.completed/20 {
			t.Errorf("load %v: %d rides are completed, and %d were let in and then refused", load, got.completed, got.turnedBack)
		}
	}
}

// TestClassA: work that was admitted waits about as long as it does when the server can just serve all.
func TestClassA(t *testing.T) {
	p99 := func(load float64) time.Duration {
		c, p := newDoor(testTarget), newCity(load)
		for range intervals(time.Minute) {
			wait, _ := p.next(c.share, c.begun.share)
			c.step(wait)
		}
		slices.Sort(p.waits)
		return p.waits[len(p.waits)*99/100]
	}
	saturated := p99(1)
	for _, load := range []float64{2, 4, 8} {
		if got := p99(load); got > 2*saturated {
			t.Errorf("load %v: p99 %v, at saturation %v", load, got, saturated)
		}
	}
}

// TestRise: the queue is never a second long.
func TestRise(t *testing.T) {
	c, q := newDoor(testTarget), &queue{load: 5}
	longest := 0.0
	for range intervals(10 * time.Second) {
		wait, _ := q.next(c.share, c.begun.share)
		c.step(wait)
		longest = max(longest, q.work)
	}
	if longest > 1 {
		t.Errorf("the queue was %.2f s long", longest)
	}
}

// TestFall: two seconds after the load is over nothing is refused, nor later.
func TestFall(t *testing.T) {
	for name, begin := range plants {
		c, p := newDoor(testTarget), begin(5)
		refused := 0.0
		for range intervals(30 * time.Second) {
			wait, _ := p.next(c.share, c.begun.share)
			c.step(wait)
			refused += c.share
		}
		if refused == 0 {
			t.Fatalf("%s: refuses nothing under load", name)
		}
		p.scale(0.1)
		last := 0
		for i := range intervals(20 * time.Second) {
			wait, _ := p.next(c.share, c.begun.share)
			if c.step(wait); c.share > 0 {
				last = i
			}
		}
		if took := time.Duration(last) * interval; took > 2*time.Second {
			t.Errorf("%s: refuses for %v", name, took)
		}
	}
}

// TestStanding: only a wait that stands for a tenth of a second counts, and once one has, the share
// follows the next at once, until a second has passed without any.
func TestStanding(t *testing.T) {
	c := controller{target: testTarget}
	for range 100 { // bursts
		for range standing/interval - 1 {
			c.step(time.Hour, interval)
		}
		if c.step(testTarget, interval); c.share != 0 {
			t.Fatalf("a share of %v is refused", c.share)
		}
	}
	for range standing / interval {
		c.step(time.Hour, interval)
	}
	for _, tc := range []struct {
		wait time.Duration
		want float64
	}{{time.Hour, 0.5}, {time.Hour, 0.75}, {testTarget * 3 / 2, 1}, {testTarget * 3 / 2, 1}, {testTarget, 0.75}, {testTarget * 5 / 4, 0.5}, {testTarget * 5 / 4, 0.5}, {0, 0.25}, {0, 0}, {0, 0}} {
		if c.step(tc.wait, interval); math.Abs(c.share-tc.want) > 1e-9 {
			t.Errorf("at a wait of %v a share of %v is refused, want %v", tc.wait, c.share, tc.want)
		}
	}
	for range calm / interval {
		c.step(0, interval)
	}
	if c.step(time.Hour, interval); c.share != 0 {
		t.Errorf("after a quiet second a share of %v is refused at once", c.share)
	}
}

// TestNoTarget: class A has none.
func TestNoTarget(t *testing.T) {
	var c controller
	for range 100 {
		if c.step(time.Hour, interval); c.share != 0 {
			t.Fatalf("a share of %v is refused", c.share)
		}
	}
}
