package model_test

import (
	"fmt"
	"math"
	"testing"

	"isuride/bench/compare/official"
	"isuride/bench/model"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// play is one run of 60 s.
func play(t testing.TB, seed uint64, c model.Config) virtual.Result {
	t.Helper()
	c.Seed = seed
	r, err := virtual.Run(virtual.Config{World: world.Config{Seed: seed}, Load: 60 * world.Second}, model.New(c))
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	return r
}

// nearest5 is the policy with the most load.
var nearest5 = model.Config{Matcher: model.Nearest{Cap: 5}, Interval: 100 * world.Millisecond}

// wideBars are for figures that depend on the latencies of a busy machine, which the
// model's even ones cannot follow.
var wideBars = map[string]float64{
	"PickedUpAt - DispatchedAt: 3, %": 12, // 40 ms and the rest of the tick, more or less
	"PickedUpAt - DispatchedAt: 4, %": 12,
	"GET /api/app/nearby-chairs":      0.10, // without a free chair, users ask again 1 or 2 ticks later
	"GET /api/app/rides":              0.10,
}

// TestCalibration compares the figures with the official ones, as medians of enough seeds
// to be steady.
func TestCalibration(t *testing.T) {
	if raceDetector {
		t.Skip("a World has one goroutine, so there is nothing to detect in minutes of these runs")
	}
	for _, p := range official.Policies() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			seeds := uint64(7)
			if p.Model.Polling {
				seeds = 3 // because they take ten times as long
			}
			var runs []official.Values
			for seed := range seeds {
				r := play(t, seed+1, p.Model)
				if n := r.World.Errors().Total(); n != 0 || r.Fatal != nil || r.Ticks != 2000 {
					t.Fatalf("seed %d: %d errors, %d ticks, ended by %v", seed+1, n, r.Ticks, r.Fatal)
				}
				runs = append(runs, official.OfVirtual(&r))
			}
			for _, f := range p.Findings(runs) {
				t.Logf("%-40s %8.2f (%.2f to %.2f), official %.2f, off by %.3f", f.Name, f.Ours.Median, f.Ours.Min, f.Ours.Max, f.Official, f.Off)
				if !f.Passed && math.Abs(f.Off) > wideBars[f.Name] {
					t.Errorf("%s: %.2f over %d seeds, official %.2f, off by %.3f, bar %.3f", f.Name, f.Ours.Median, seeds, f.Official, f.Off, f.Bar)
				}
			}
		})
	}
}

func TestSameSeedSameRun(t *testing.T) {
	a, b, c := play(t, 7, nearest5), play(t, 7, nearest5), play(t, 8, nearest5)
	if a.Digest != b.Digest || a.Score != b.Score {
		t.Errorf("seed 7 twice: digests %x and %x, scores %d and %d", a.Digest, b.Digest, a.Score, b.Score)
	}
	if a.Digest == c.Digest {
		t.Error("another seed makes the same run")
	}
}

// A slow random server ends in code 32, if the 30 s are reached before the end of the
// load (appendix D).
func TestStarvedRidesFail(t *testing.T) {
	r := play(t, 1, model.Config{Matcher: model.Random{}, Interval: 700 * world.Millisecond})
	if r.World.Errors().Count(world.CodeMatchingTimeout) == 0 || r.Fatal == nil || r.Ticks == 2000 {
		t.Errorf("%d ticks, ended by %v", r.Ticks, r.Fatal)
	}
}

// BenchmarkVirtualTime runs 60 s of the cap-5 calibration. The metric compares its speed
// with real time.
func BenchmarkVirtualTime(b *testing.B) {
	b.ReportAllocs()
	for i := range b.N {
		play(b, uint64(i+1), nearest5)
	}
	b.ReportMetric(60*float64(b.N)/b.Elapsed().Seconds(), "x-real-time")
}

func ExampleNew() {
	r, err := virtual.Run(
		virtual.Config{World: world.Config{Seed: 1}, Load: 3 * world.Second},
		model.New(model.Config{Seed: 1, Matcher: model.Nearest{}, Interval: 50 * world.Millisecond}),
	)
	fmt.Println(err, r.Fatal, r.Ticks, r.World.Errors().Total())
	// Output: <nil> <nil> 100 0
}
