package flush

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

var seedFlag = flag.Uint64("seed", 0, "run the random tests with this seed only")

func seeds(n int) []uint64 {
	if *seedFlag != 0 {
		return []uint64{*seedFlag}
	}
	s := make([]uint64, n)
	for i := range s {
		s[i] = rand.Uint64()
	}
	return s
}

// TestAgainstModel lets random events arrive at random times at a database that fails at
// random, before and after its commit. memTarget compares the tables with the log after
// every cut.
func TestAgainstModel(t *testing.T) {
	for _, c := range []struct {
		pace   Pace
		rounds int
	}{
		{Pace{}, 60},                       // normally everything fits into a cut
		{Pace{MinRows: 1, MaxRows: 1}, 15}, // as small as can be
		{Pace{MinRows: 3, MaxRows: 40, Interval: 10 * ms, Stretch: 20 * ms}, 60},
	} {
		for _, seed := range seeds(4) {
			t.Run(fmt.Sprintf("%drows/seed=%d", c.pace.MaxRows, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { runModel(t, c.pace, c.rounds, rand.New(rand.NewPCG(seed, 0))) })
			})
		}
	}
}

func runModel(t *testing.T, pace Pace, rounds int, rng *rand.Rand) {
	r := newRig(t, func(o *Options) { o.Pace = pace })
	dice := rand.New(rand.NewPCG(rng.Uint64(), 1)) // the target's own: it runs beside the story
	r.target.before = func(context.Context) error {
		time.Sleep(time.Duration(dice.IntN(30)) * ms)
		return sometimes(dice, errAway)
	}
	r.target.after = func(context.Context) error { return sometimes(dice, errAway) }
	ended := r.start(t.Context())

	s := newStory(rng)
	for range rounds {
		for range rng.IntN(40) {
			r.log.append(s.next())
		}
		time.Sleep(time.Duration(rng.IntN(1000)) * ms)
		synctest.Wait()
		if released, position := r.log.releasedUpTo(), r.target.at(); released > position || released >= oldestCharge(r.log, position) {
			t.Fatalf("released up to %d, tables at %d, oldest charge %d", released, position, oldestCharge(r.log, position))
		}
	}
	if err := r.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if at, want := r.target.at(), r.log.Appended(); at != want {
		t.Errorf("drained at %d of %d", at, want)
	}
	if released, want := r.log.releasedUpTo(), oldestCharge(r.log, r.log.Appended())-1; released != want {
		t.Errorf("released up to %d, want %d", released, want)
	}
}

func sometimes(rng *rand.Rand, err error) error {
	if rng.IntN(4) == 0 {
		return err
	}
	return nil
}
