package model_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

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

// The policies of spec/bench.md appendix D.
func nearest(limit int) model.Config {
	return model.Config{Matcher: model.Nearest{Cap: limit}, Interval: 100 * world.Millisecond}
}

func random(every world.Instant) model.Config {
	return model.Config{Matcher: model.Random{}, Interval: every}
}

func polling(c model.Config) model.Config {
	c.Polling = true
	return c
}

func delayed(c model.Config, d world.Instant) model.Config {
	c.Delay = d
	return c
}

// The figures of appendix D: score, rides done and created, users, chairs. Those of equal runs are averaged. A figure of 0
// is not compared: with random matches the equal official runs are 30 % apart in users already.
//
// Two rows are left out because they depend on luck: random with 500 ms, which fails or not by a second, and random with
// 40 ms per call, where a few good first rides decide whether growth sets in at all (seeds give 10,000 to 36,000 points,
// the one official run 38,937). The uncapped row is a measurement of a saturated CPU, which virtual time does not have.
// With polling the official users were 858 only: 1,100 waiting users poll more than that machine could bear.
var calibration = []struct {
	name      string
	config    model.Config
	seeds     uint64
	official  [5]float64
	tolerance float64
}{
	{"nearest-2", nearest(2), 5, [5]float64{69765, 1143, 2290, 1157, 275}, 0.03},
	{"nearest-2-polling", polling(nearest(2)), 1, [5]float64{69060, 1127, 0, 0, 272}, 0.03},
	{"nearest-2-40ms", delayed(nearest(2), 40*world.Millisecond), 7, [5]float64{60485, 995, 1398, 439, 250}, 0.05},
	{"nearest-2-100ms", delayed(nearest(2), 100*world.Millisecond), 9, [5]float64{39116, 635, 822, 247, 183}, 0.05},
	{"nearest-5", nearest(5), 3, [5]float64{165347, 2681, 5131, 2463, 508}, 0.03},
	{"random-50", random(50 * world.Millisecond), 5, [5]float64{79600, 0, 0, 0, 233}, 0.05},
	{"random-50-polling", polling(random(50 * world.Millisecond)), 1, [5]float64{79863, 0, 0, 0, 226}, 0.05},
}

func TestCalibration(t *testing.T) {
	if raceDetector {
		t.Skip("a World has one goroutine, so there is nothing to detect in minutes of these runs")
	}
	for _, c := range calibration {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var runs [5][]float64
			for seed := range c.seeds {
				for i, v := range figures(t, play(t, seed+1, c.config)) {
					runs[i] = append(runs[i], v)
				}
			}
			for i, name := range []string{"score", "rides done", "rides created", "users", "chairs"} {
				slices.Sort(runs[i])
				median := runs[i][len(runs[i])/2]
				t.Logf("%-13s %7.0f official %7.0f  range %.0f to %.0f", name, median, c.official[i], runs[i][0], runs[i][len(runs[i])-1])
				if c.official[i] != 0 && math.Abs(median/c.official[i]-1) > c.tolerance {
					t.Errorf("%s: %.0f over %d seeds, official %.0f", name, median, c.seeds, c.official[i])
				}
			}
		})
	}
}

func figures(t *testing.T, r virtual.Result) [5]float64 {
	t.Helper()
	if n := r.World.Errors().Total(); n != 0 || r.Fatal != nil || r.Ticks != 2000 {
		t.Fatalf("%d errors, %d ticks, ended by %v", n, r.Ticks, r.Fatal)
	}
	p := r.World.Progress()
	return [5]float64{float64(r.Score), float64(p.RidesEvaluated), float64(p.RidesCreated), float64(p.Users), float64(p.Chairs)}
}

// shares checks the shares of a tally in percent.
func shares(t *testing.T, name string, tally world.Tally, tolerance float64, want map[int]float64) {
	t.Helper()
	for n, share := range want {
		if got := 100 * tally.Share(n); math.Abs(got-share) > tolerance {
			t.Errorf("%s: %d in %.1f %% of the rides, official %.1f %%", name, n, got, share)
		}
	}
}

// The per-ride intervals of appendix D, "nearest, I=100, K=2, SSE, 0".
func TestIntervals(t *testing.T) {
	r := play(t, 1, nearest(2))
	s := r.World.Stats()
	shares(t, "DispatchedAt-MatchedAt", s.Dispatching, 1.5, map[int]float64{0: 95, 2: 4})
	shares(t, "PickedUpAt-DispatchedAt", s.Boarding, 3, map[int]float64{1: 30, 2: 70})
	shares(t, "ArrivedAt-PickedUpAt", s.Driving, 1.5, map[int]float64{0: 95, 2: 3.5})
	shares(t, "CompletedAt-ArrivedAt", s.Completing, 3, map[int]float64{1: 2, 2: 26, 3: 18, 4: 13, 5: 11, 6: 20, 7: 11})
	for name, c := range map[string]struct{ got, want, tolerance float64 }{
		"completing":    {s.Completing.Mean(), 4.1, 0.15},
		"trip":          {s.Trip.Mean(), 54, 2},
		"pickup":        {s.PickupDistance.Mean(), 17, 2},
		"matching met":  {float64(s.Criteria.Matching), 154, 25},
		"dispatch met":  {float64(s.Criteria.Dispatch), 1042, 60},
		"pickup missed": {float64(s.Completed() - s.Criteria.Pickup), 0, 2},
		"drive missed":  {float64(s.Completed() - s.Criteria.Drive), 5, 12},
		"invited":       {float64(s.Origins[world.OriginInvitation]), 1013, 50},
		"by reputation": {float64(s.Origins[world.OriginReputation]), 131, 7},
	} {
		if math.Abs(c.got-c.want) > c.tolerance {
			t.Errorf("%s: %.1f, official %.1f", name, c.got, c.want)
		}
	}
}

// With 40 ms per call every move takes two ticks.
func TestIntervalsWithDelay(t *testing.T) {
	r := play(t, 1, delayed(nearest(2), 40*world.Millisecond))
	s := r.World.Stats()
	shares(t, "PickedUpAt-DispatchedAt", s.Boarding, 12, map[int]float64{3: 35, 4: 65})
	if got := s.Driving.Mean(); math.Abs(got-12) > 1 {
		t.Errorf("mean of ArrivedAt-PickedUpAt beyond the ideal is %.1f, official 12.0", got)
	}
	if got := float64(s.Criteria.Drive) / float64(s.Completed()); math.Abs(got-211.0/995) > 0.03 {
		t.Errorf("drive met by %.3f, official 0.212", got)
	}
}

// Request totals of "random, I=50, polling", with a seed whose growth is that of the official run. Polls are compared with
// each other only: their number follows from their latency, and the official machine was saturated by them.
func TestRequestTotals(t *testing.T) {
	r := play(t, 8, polling(random(50*world.Millisecond)))
	for _, c := range []struct {
		kind            world.EventKind
		name            string
		official, limit float64
	}{
		{world.EventPositionRecorded, "positions", 97924, 0.10},
		{world.EventNearbyChairs, "nearby chairs", 3498, 0.10},
		{world.EventRides, "ride histories", 3501, 0.10},
		{world.EventFareEstimated, "estimates", 1178, 0.05},
		{world.EventRideCreated, "rides", 1174, 0.05},
		{world.EventEvaluated, "evaluations", 871, 0.05},
		{world.EventStatusPosted, "chair statuses", 1819, 0.05},
		{world.EventUserRegistered, "user registrations", 345, 0.05},
		{world.EventChairRegistered, "chair registrations", 226, 0.05},
		{world.EventOwnerChairs, "owner chair lists", 165, 0.01},
		{world.EventOwnerSales, "owner sales", 156, 0.05},
	} {
		if got := float64(r.Events[c.kind]); math.Abs(got/c.official-1) > c.limit {
			t.Errorf("%.0f %s, official %.0f", got, c.name, c.official)
		}
	}
	polls := float64(r.Events[world.EventUserNotified]) / float64(r.Events[world.EventChairNotified])
	if official := 296900.0 / 178292; math.Abs(polls/official-1) > 0.1 {
		t.Errorf("%.2f polls of users for each of chairs, official %.2f", polls, official)
	}
}

func TestSameSeedSameRun(t *testing.T) {
	a, b, c := play(t, 7, nearest(5)), play(t, 7, nearest(5)), play(t, 8, nearest(5))
	if a.Digest != b.Digest || a.Score != b.Score {
		t.Errorf("seed 7 twice: digests %x and %x, scores %d and %d", a.Digest, b.Digest, a.Score, b.Score)
	}
	if a.Digest == c.Digest {
		t.Error("another seed makes the same run")
	}
}

// A slow random server ends in code 32, if the 30 s are reached before the end of the load (appendix D).
func TestStarvedRidesFail(t *testing.T) {
	r := play(t, 1, random(700*world.Millisecond))
	if r.World.Errors().Count(world.CodeMatchingTimeout) == 0 || r.Fatal == nil || r.Ticks == 2000 {
		t.Errorf("%d ticks, ended by %v", r.Ticks, r.Fatal)
	}
}

// BenchmarkVirtualTime runs 60 s of the cap-5 calibration; the metric says how much faster than real time.
func BenchmarkVirtualTime(b *testing.B) {
	b.ReportAllocs()
	for i := range b.N {
		play(b, uint64(i+1), nearest(5))
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
