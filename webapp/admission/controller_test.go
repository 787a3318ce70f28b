package admission

import (
	"math"
	"testing"
	"time"
)

// plant is something that is asked for more than it can serve.
type plant interface {
	// next goes through an interval in which a share of what is offered, load times what can be
	// served, is refused. It returns the least wait in it, and what part of its time the server worked.
	next(load, share float64) (wait time.Duration, used float64)
}

// queue serves requests in order: whatever is admitted beyond what is served waits.
type queue struct{ work float64 } // seconds

func (q *queue) next(load, share float64) (time.Duration, float64) {
	const span = 0.1
	before := q.work
	q.work += (load*(1-share) - 1) * span
	idle := max(0, -q.work)
	q.work = max(0, q.work)
	return seconds(min(before, q.work)), 1 - idle/span
}

// rides is a city: what is admitted asks again and again, at least every 30 ms, until it has
// asked 60 times, and whatever is under way waits for all others.
type rides struct{ underWay float64 }

func (r *rides) next(load, share float64) (time.Duration, float64) {
	const span, think, requests, cost = 0.1, 0.03, 60, 100e-6
	r.underWay += load * (1 - share) * span / (requests * cost)
	cycle := max(think, r.underWay*cost)
	used := r.underWay * cost / cycle
	r.underWay = max(0, r.underWay-r.underWay/cycle/requests*span)
	return seconds(max(0, r.underWay*cost-think)), used
}

// intervals is the number of intervals in a time.
func intervals(d time.Duration) int { return int(d / interval) }

// TestSteadyOverload: the controller finds the share within seconds, holds the wait near the target,
// wastes next to nothing, and does not swing from all to nothing.
func TestSteadyOverload(t *testing.T) {
	const target = 20 * time.Millisecond
	for name, begin := range map[string]func() plant{"queue": func() plant { return new(queue) }, "rides": func() plant { return new(rides) }} {
		for _, load := range []float64{1.5, 2, 3, 5, 8} {
			c, p := controller{target: target}, begin()
			var used, shares float64
			var longest time.Duration
			least, most := 1.0, 0.0
			const settle, all = 20 * time.Second, 60 * time.Second
			for i := range intervals(all) {
				wait, part := p.next(load, c.share())
				c.step(wait)
				if i < intervals(settle) {
					continue
				}
				used, shares = used+part, shares+c.share()
				longest, least, most = max(longest, wait), min(least, c.share()), max(most, c.share())
			}
			n := float64(intervals(all) - intervals(settle))
			if want := 1 - 1/load; math.Abs(shares/n-want) > 0.05 {
				t.Errorf("%s, load %v: refuses %.2f, want %.2f", name, load, shares/n, want)
			}
			if used/n < 0.95 {
				t.Errorf("%s, load %v: works %.3f of its time", name, load, used/n)
			}
			if longest > 10*target || most-least > 0.5 {
				t.Errorf("%s, load %v: waits for up to %v, refuses %.2f to %.2f", name, load, longest, least, most)
			}
		}
	}
}

// TestRise: what is offered beyond what can be served is refused before the queue is a second long.
func TestRise(t *testing.T) {
	c, q := controller{target: 20 * time.Millisecond}, new(queue)
	var longest float64
	for range intervals(10 * time.Second) {
		wait, _ := q.next(3, c.share())
		c.step(wait)
		longest = max(longest, q.work)
	}
	if longest > 1 {
		t.Errorf("the queue was %.2f s long", longest)
	}
}

// TestFall: two seconds after the load is over nothing is refused.
func TestFall(t *testing.T) {
	for name, p := range map[string]plant{"queue": new(queue), "rides": new(rides)} {
		c := controller{target: 20 * time.Millisecond}
		for range intervals(30 * time.Second) {
			wait, _ := p.next(5, c.share())
			c.step(wait)
		}
		if c.share() < 0.5 {
			t.Fatalf("%s: refuses %.2f under load", name, c.share())
		}
		n := 0
		for ; c.share() > 0; n++ {
			wait, _ := p.next(0.5, c.share())
			c.step(wait)
		}
		if n > intervals(2*time.Second) {
			t.Errorf("%s: refuses for %v", name, time.Duration(n)*interval)
		}
	}
}

// TestNeverBelowTarget: a wait that grows, but not beyond the target, has nobody refused.
func TestNeverBelowTarget(t *testing.T) {
	c := controller{target: 3 * time.Second}
	for _, wait := range []time.Duration{0, 2900 * time.Millisecond, 0, 3 * time.Second, 100 * time.Millisecond, 3 * time.Second} {
		if c.step(wait); c.share() != 0 {
			t.Fatalf("after %v a share of %v is refused", wait, c.share())
		}
	}
}

// TestOneInterval decides little, whatever it says, and is forgotten in half a second.
func TestOneInterval(t *testing.T) {
	c := controller{target: 20 * time.Millisecond}
	if c.step(time.Hour); c.depth > most {
		t.Errorf("after one interval a share of %v is refused", c.share())
	}
	for range intervals(time.Second / 2) {
		c.step(0)
	}
	if c.share() != 0 {
		t.Errorf("after quiet intervals a share of %v is refused", c.share())
	}
}

// TestNoTarget: class A has none.
func TestNoTarget(t *testing.T) {
	var c controller
	if c.step(time.Hour); c.share() != 0 {
		t.Errorf("a share of %v is refused", c.share())
	}
}
