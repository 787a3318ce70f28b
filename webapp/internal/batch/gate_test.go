package batch

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func TestGate(t *testing.T) {
	now := time.Unix(0, 0)
	g := NewGate(Marks{Bytes: 1000})
	for i, c := range []struct {
		after time.Duration
		bytes int64
		age   time.Duration
		want  Level
	}{
		{0, 0, 0, Idle},
		{0, 250, 0, Flowing},
		{0, 251, 0, Filling},
		{0, 749, 1999 * ms, Filling},
		{0, 750, 0, Paused},
		{5000 * ms, 251, 0, Paused}, // between the marks
		{0, 250, 501 * ms, Paused},
		{0, 250, 500 * ms, Flowing},
		{0, 1, 2000 * ms, Paused}, // by age alone
		{999 * ms, 0, 0, Paused},  // the stay
		{1 * ms, 0, 0, Idle},
	} {
		now = now.Add(c.after)
		paused := g.Observe(now, c.bytes, c.age)
		if g.Level() != c.want || paused != (c.want == Paused) {
			t.Errorf("step %d: %v, paused %t; want %v", i, g.Level(), paused, c.want)
		}
	}
	if g.Pauses() != 2 {
		t.Errorf("%d pauses, want 2", g.Pauses())
	}
}

func TestLevelsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for l := range Levels {
		if seen[l.String()] = true; l.String() == "" {
			t.Errorf("level %d has no name", l)
		}
	}
	if len(seen) != 4 {
		t.Errorf("names are not distinct: %v", seen)
	}
}

// TestGateUnderAnyLoad has random sources and sinks, among them ones that fill or empty the queue at once, or stand
// still, under a fake clock. There is at most one pause a second, the room is never exceeded by more than
// what comes between two observations, and a sink that has work never waits for ever.
func TestGateUnderAnyLoad(t *testing.T) {
	t.Logf("seed %d (repeat with -seed %d)", *seed, *seed)
	rng := rand.New(rand.NewPCG(*seed, 3))
	for range 30 {
		synctest.Test(t, func(t *testing.T) { anyLoad(t, rng) })
	}
}

func anyLoad(t *testing.T, rng *rand.Rand) {
	const room, step = 1 << 20, 10 * ms
	g := NewGate(Marks{Bytes: room})
	var (
		queue    []time.Time // when each unit of a kilobyte came
		pauses   []time.Time
		was      bool
		in, out  int // units a step
		idleOpen int
	)
	for i := range 6000 { // a minute
		if i%(1+rng.IntN(300)) == 0 {
			in, out = rng.IntN(3)*rng.IntN(600), rng.IntN(3)*rng.IntN(600)
		}
		var age time.Duration
		if len(queue) > 0 {
			age = time.Since(queue[0])
		}
		paused := g.Observe(time.Now(), int64(len(queue))<<10, age)
		if paused && !was {
			pauses = append(pauses, time.Now())
		}
		if paused && g.Wait(time.Now()) > time.Second || !paused && g.Wait(time.Now()) != 0 {
			t.Fatalf("to be observed again after %v, paused %t", g.Wait(time.Now()), paused)
		}
		was = paused
		if !paused {
			idleOpen++
			for range in {
				queue = append(queue, time.Now())
			}
		}
		if len(queue)<<10 > room*3/4+1200<<10 {
			t.Fatalf("%d KiB wait", len(queue))
		}
		queue = queue[min(out, len(queue)):]
		time.Sleep(step)
	}
	for i := 1; i < len(pauses); i++ {
		if d := pauses[i].Sub(pauses[i-1]); d < time.Second {
			t.Fatalf("pauses %v apart", d)
		}
	}
	if uint64(len(pauses)) != g.Pauses() {
		t.Errorf("%d pauses counted, %d seen", g.Pauses(), len(pauses))
	}
	if idleOpen == 0 {
		t.Error("never open")
	}
}

// TestPausesCostNothing has a source that is faster than the sink by far: with the room asked for, the sink
// never stands still.
func TestPausesCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const out = 4 // units a step, 400 a second
		g := NewGate(Marks{Bytes: 400 * 3 / 2})
		var queue []time.Time
		idle := 0
		for range 6000 {
			var age time.Duration
			if len(queue) > 0 {
				age = time.Since(queue[0])
			}
			if !g.Observe(time.Now(), int64(len(queue)), age) {
				for range 50 {
					queue = append(queue, time.Now())
				}
			}
			if len(queue) < out {
				idle++
			}
			queue = queue[min(out, len(queue)):]
			time.Sleep(10 * ms)
		}
		if idle > 0 || g.Pauses() < 20 || g.Pauses() > 60 {
			t.Errorf("idle for %d steps of 6000, %d pauses", idle, g.Pauses())
		}
	})
}
