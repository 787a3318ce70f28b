package crash

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"isuride/webapp/servertest"
)

// seedFlag repeats the random choices of a crash test. The order in which goroutines and
// processes get the CPU is not among them.
var seedFlag = flag.Uint64("seed", 0, "seed of the crash tests; 0 means a new one")

func newSeed(t testing.TB) uint64 {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d (repeat with -seed %d)", seed, seed)
	return seed
}

// kills is how often a crash test kills the server while it serves.
const kills = 20

// TestCrash: what a client was told survives SIGKILL at any moment, once, with the same
// milliseconds; streams go on where they were; each completed ride is paid once.
//
// Riders, drivers and a clerk act in parallel and note what they were told. A kill comes
// at a random point of their doings, or right at a payment, and every other time another
// one during the next start. Meanwhile snapshots are written all the time, so that a kill comes
// at any step of that, too. The actors rest, the server starts, everything they noted is
// looked up, the state is counted and compared with its hash, and they go on. In the end the
// tables must say the same as memory, and make the same state as a snapshot.
func TestCrash(t *testing.T) {
	servertest.Dialects(t, func(t *testing.T, p *servertest.Process) {
		w := newWorld(t, p, newSeed(t))
		for range kills {
			w.live(w.randomEnd())
			w.killStarts()
			w.p.Start()
			w.camera.look()
			w.audit()
		}
		if w.camera.used < kills/4 {
			t.Errorf("%d of %d starts have used a snapshot", w.camera.used, kills)
		}
		w.lastAct()
	})
}

// randomEnd draws what the next life ends with.
func (w *world) randomEnd() ending {
	switch w.rng.IntN(8) {
	case 0:
		return ending{aMessage, 3 + w.rng.IntN(40)}
	case 1:
		return ending{aPaymentBefore, 1 + w.rng.IntN(3)}
	case 2:
		return ending{aPaymentAfter, 1 + w.rng.IntN(3)}
	case 3, 4, 5:
		return ending{aSnapshot, 1 + w.rng.IntN(2)}
	}
	return ending{anAnswer, 10 + w.rng.IntN(200)}
}

// killStarts sometimes kills the server while it recovers.
func (w *world) killStarts() {
	if w.rng.IntN(2) > 0 {
		return
	}
	if err := w.p.Launch(); err != nil {
		w.t.Fatal(err)
	}
	select { // a random point of the start, which takes some 100 ms
	case <-w.p.Output.Listening:
	case <-time.After(time.Duration(w.rng.IntN(200)) * time.Millisecond):
	}
	w.p.Kill()
}
