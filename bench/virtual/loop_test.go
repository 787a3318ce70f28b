package virtual

import (
	"math/rand/v2"
	"slices"
	"testing"

	"isuride/bench/world"
)

type taskFunc func(world.Instant)

func (f taskFunc) Run(now world.Instant) { f(now) }

// Tasks run by time, and in the order of scheduling at the same time; they may schedule
// others.
func TestLoopOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	l := newLoop(0)
	type stamp struct {
		at  world.Instant
		seq int
	}
	var ran []stamp
	scheduled := 0
	var schedule func(depth int)
	schedule = func(depth int) {
		d := world.Instant(r.IntN(50))
		s := stamp{l.Now() + d, scheduled}
		scheduled++
		l.After(d, taskFunc(func(now world.Instant) {
			if now != s.at || l.Now() != now {
				t.Fatalf("task for %d runs at %d", s.at, now)
			}
			ran = append(ran, s)
			for range r.IntN(3) {
				if depth < 6 {
					schedule(depth + 1)
				}
			}
		}))
	}
	for range 200 {
		schedule(0)
	}
	l.runUntil(1000, never)
	inOrder := slices.IsSortedFunc(ran, func(a, b stamp) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return a.seq - b.seq
	})
	if !inOrder || len(ran) != scheduled || l.Now() != 1000 {
		t.Errorf("%d of %d tasks ran, in order: %v, now %d", len(ran), scheduled, inOrder, l.Now())
	}
}

func TestLoopStopsInTime(t *testing.T) {
	l := newLoop(0)
	ran := 0
	for i := range 10 {
		l.After(world.Instant(i), taskFunc(func(world.Instant) { ran++ }))
	}
	l.runUntil(5, never)
	if ran != 5 {
		t.Errorf("%d tasks before 5, want 5", ran)
	}
	l.runUntil(9, func() bool { return ran == 7 })
	if ran != 7 || l.Now() != 6 {
		t.Errorf("%d tasks at %d, want 7 at 6", ran, l.Now())
	}
}

func BenchmarkLoop(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 4))
	l := newLoop(0)
	var again taskFunc
	again = func(world.Instant) { l.After(world.Instant(r.IntN(30_000)), again) }
	for range 2000 {
		again(0)
	}
	b.ReportAllocs()
	for range b.N {
		e := l.pop()
		l.now = e.at
		e.task.Run(e.at)
	}
}
