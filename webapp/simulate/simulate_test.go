package simulate

import (
	"flag"
	"os"
	"testing"
	"time"
)

var (
	seeds   = flag.Int("seeds", 200, "how many stories")
	first   = flag.Uint64("first", 0, "seed of the first story; 0: by the clock")
	verbose = flag.Bool("story", false, "tell the stories")
)

func firstSeed(t *testing.T) uint64 {
	n := *first
	if n == 0 {
		n = uint64(time.Now().UnixMicro())
	}
	t.Logf("seeds from %d on (repeat one with -seeds 1 -first N -story)", n)
	return n
}

func story(o Options) Options {
	if *verbose {
		o.Log = os.Stdout
	}
	return o
}

func TestSeeds(t *testing.T) {
	from := firstSeed(t)
	var sum Result
	for i := range uint64(*seeds) {
		r, err := Run(from+i, story(Options{Any: true}))
		if err != nil {
			t.Fatalf("seed %d (%d members, level %v): %v", from+i, r.Members, r.Level, err)
		}
		sum.Events += r.Events
		sum.Time += r.Time
		sum.Doubts += r.Doubts
		sum.Accepted += r.Accepted
		sum.Leaders += r.Leaders
		sum.Kills += r.Kills
		sum.Outages += r.Outages
		sum.Lost += r.Lost
		sum.Snapshots += r.Snapshots
	}
	t.Logf("%+v", sum)
}

func TestFlaws(t *testing.T) {
	from := firstSeed(t)
	for _, f := range Flaws() {
		t.Run(f.String(), func(t *testing.T) {
			for i := range uint64(200) {
				if r, err := Run(from+i, story(Options{Any: true, Flaw: f})); err != nil {
					t.Logf("found by story %d (%d members, level %v): %v", i+1, r.Members, r.Level, err)
					return
				}
			}
			t.Error("not found by 200 stories")
		})
	}
}
