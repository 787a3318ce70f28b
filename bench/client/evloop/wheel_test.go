package evloop

import (
	"cmp"
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
)

var seedFlag = flag.Uint64("seed", 0, "of TestWheelAgainstList; 0: another one each time")

// TestWheelAgainstList compares the wheel with a plain list of timers under random
// operations.
func TestWheelAgainstList(t *testing.T) {
	seed := cmp.Or(*seedFlag, rand.Uint64())
	t.Logf("seed %d (repeat with -seed %[1]d)", seed)
	rng := rand.New(rand.NewPCG(seed, 0))

	w := new(wheel)
	timers := make([]Timer, 300)
	starts := make([]int, len(timers)) // order of start, 0 for not running
	var fired, want []int
	for i := range timers {
		timers[i].Fire = func() { fired = append(fired, i); starts[i] = 0 }
	}
	now, order := int64(0), 0
	for range 20000 {
		i := rng.IntN(len(timers))
		switch rng.IntN(4) {
		case 0, 1:
			w.remove(&timers[i])
			timers[i].due = randomDue(rng, now)
			w.add(&timers[i])
			order++
			starts[i] = order
		case 2:
			w.remove(&timers[i])
			starts[i] = 0
		case 3:
			now += rng.Int64N([]int64{2, 50, 2000, 2 * wheelSlots}[rng.IntN(4)])
			fired, want = fired[:0], dueBy(starts, timers, now)
			w.advance(now)
			if !slices.Equal(fired, want) {
				t.Fatalf("at %d: fired %v, want %v", now, fired, want)
			}
		}
		if timers[i].Active() != (starts[i] != 0) {
			t.Fatalf("timer %d: active %v", i, timers[i].Active())
		}
	}
}

// randomDue gives even times within a lap and odd ones beyond: the order of start holds
// within a millisecond only among timers that were not queued twice.
func randomDue(rng *rand.Rand, now int64) int64 {
	if rng.IntN(4) == 0 {
		return (now + wheelSlots + rng.Int64N(2*wheelSlots)) | 1
	}
	return (now + 2 + rng.Int64N([]int64{3, 100, 5000, wheelSlots - 4}[rng.IntN(4)])) &^ 1
}

func dueBy(starts []int, timers []Timer, now int64) []int {
	var due []int
	for i, s := range starts {
		if s != 0 && timers[i].due <= now {
			due = append(due, i)
		}
	}
	slices.SortFunc(due, func(a, b int) int { return cmp.Or(cmp.Compare(timers[a].due, timers[b].due), starts[a]-starts[b]) })
	return due
}

// TestWheelNext checks the sleep until the next timer over every distance.
func TestWheelNext(t *testing.T) {
	for _, done := range []int64{0, 1, 63, 64, 4095, wheelSlots - 1, wheelSlots, 5*wheelSlots + 777} {
		for d := int64(1); d < wheelSlots; d = d*3/2 + 1 {
			w := &wheel{done: done}
			timer := Timer{due: done + d}
			w.add(&timer)
			if at, ok := w.next(); !ok || at != done+d {
				t.Fatalf("after %d, due in %d: next is %d, %v", done, d, at, ok)
			}
			w.remove(&timer)
			if _, ok := w.next(); ok {
				t.Fatalf("after %d, due in %d: not empty after removal", done, d)
			}
		}
	}
}

// TestWheelSelf checks timers that start and stop others, and themselves, while they
// fire.
func TestWheelSelf(t *testing.T) {
	w := new(wheel)
	var log []string
	var again, victim, first Timer
	runs := 0
	again.Fire = func() {
		log = append(log, "again")
		if runs++; runs < 3 {
			again.due = w.done // already due: the next millisecond
			w.add(&again)
		}
	}
	victim.Fire = func() { log = append(log, "victim") }
	first.Fire = func() { log = append(log, "first"); w.remove(&victim) }
	for _, timer := range []*Timer{&first, &victim, &again} {
		timer.due = 5
		w.add(timer)
	}
	w.advance(100)
	if want := []string{"first", "again", "again", "again"}; !slices.Equal(log, want) {
		t.Errorf("fired %v, want %v", log, want)
	}
}

func BenchmarkWheelStartStop(b *testing.B) {
	w := new(wheel)
	others := make([]Timer, 20000)
	for i := range others {
		others[i].due = int64(i) * 3
		w.add(&others[i])
	}
	var timer Timer
	for b.Loop() {
		timer.due = 10000
		w.add(&timer)
		w.remove(&timer)
	}
}
