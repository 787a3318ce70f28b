package report

import (
	"strings"
	"testing"

	"isuride/bench/live"
)

// TestDearLimits: a dear client may take all CPUs and lose a few ticks, but not many, and
// the reader hears when it was not so dear as it should be.
func TestDearLimits(t *testing.T) {
	r := dear().Result
	r.LateTicks, r.LostTicks = r.Ticks, r.Ticks/20
	useIn(&r, 2)
	if got := limits(&r); len(got) != 0 {
		t.Errorf("limits %q", got)
	}
	if r.LostTicks = r.Ticks / 10; len(limits(&r)) != 1 {
		t.Errorf("limits %q", limits(&r))
	}
	if w := recordOf(&r).Warnings(); len(w) != 0 {
		t.Errorf("warnings %q", w)
	}
	r.Client.Burned = 1.2 * r.Client.Due
	if w := recordOf(&r).Warnings(); len(w) != 1 || !strings.Contains(w[0], "1.20 times the CPU") {
		t.Errorf("warnings %q", w)
	}
}

// TestLimits spoils a healthy run in one way at a time, just enough and just not enough.
func TestLimits(t *testing.T) {
	const seconds, users = 30, 1000
	if got := healthy(seconds, users).BenchLimits; len(got) != 0 {
		t.Fatalf("a healthy run has limits %q", got)
	}
	ticks := healthy(seconds, users).Ticks
	for name, c := range map[string]struct {
		below, above func(*live.Result)
		want         string
	}{
		"ticks lost": {
			func(r *live.Result) { r.LostTicks = ticks / 100 },
			func(r *live.Result) { r.LostTicks = ticks/100 + 1 },
			"it lost 11 of 1011 ticks (1.1 %)"},
		"ticks lost in a window": {
			func(r *live.Result) { loseIn(r, 8) },
			func(r *live.Result) { loseIn(r, 9) },
			"over 5 s it lost 5 % of the ticks"},
		"ticks late": {
			func(r *live.Result) { r.LateTicks = 2 * ticks / 100 },
			func(r *live.Result) { r.LateTicks = 2*ticks/100 + 1 },
			"it began 21 of 1000 ticks (2.1 %) late, at the 99th percentile by 0.77 ms"},
		"CPU": {
			func(r *live.Result) { useIn(r, 0.84) },
			func(r *live.Result) { useIn(r, 0.86) },
			"over 5 s it used 0.86 CPUs, of 1 that its event loops can use"},
		"its own faults": {
			nil,
			func(r *live.Result) { r.BenchFaults, r.BenchFault = 1, "write: no buffer space" },
			"1 calls failed because of its machine, for example: write: no buffer space"},
		"no ports": {
			func(r *live.Result) { r.Dials.Errors = map[string]int{"ECONNREFUSED": 5, "ETIMEDOUT": 6} },
			func(r *live.Result) {
				r.Dials.Errors = map[string]int{"ECONNREFUSED": 5, "EADDRNOTAVAIL": 2, "EMFILE": 1}
			},
			"3 connections failed because its machine ran out of ports, descriptors or memory"},
	} {
		if c.below != nil {
			r := healthy(seconds, users).Result
			if c.below(&r); len(limits(&r)) != 0 {
				t.Errorf("%s, below the threshold: %q", name, limits(&r))
			}
		}
		r := healthy(seconds, users).Result
		c.above(&r)
		if got := limits(&r); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if got := recordOf(&r).Conclusion(); !strings.Contains(got, "not the limit of the server") {
			t.Errorf("%s: concludes %q", name, got)
		}
	}
}

// loseIn loses n ticks in the second before the last.
func loseIn(r *live.Result, n int) {
	last := len(r.Series) - 1
	r.Series[last-1].LostTicks, r.Series[last].LostTicks = n, n
	r.LostTicks = n
}

// useIn makes the bench use so many CPUs in the last window; it has enough event loops to
// use more.
func useIn(r *live.Result, cpus float64) {
	first := len(r.Series) - 1 - window
	for i, s := range r.Series[first:] {
		r.Series[first+i].Usage.UserSeconds = r.Series[first].Usage.UserSeconds + cpus*(s.Seconds-r.Series[first].Seconds)
		r.Series[first+i].Usage.SystemSeconds = r.Series[first].Usage.SystemSeconds
	}
}

func TestMoreLoopsMayUseMore(t *testing.T) {
	r := healthy(30, 1000).Result
	useIn(&r, 1.6)
	if r.Loops = 2; len(limits(&r)) != 0 {
		t.Errorf("1.6 CPUs of 2: %q", limits(&r))
	}
}

func TestConclusion(t *testing.T) {
	if got, want := healthy(30, 1000).Conclusion(), "The bench kept up: 1,000 of 1,000 ticks, 99 % of them begun within 0.77 ms"; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := unloaded().Conclusion(); !strings.Contains(got, "no load") {
		t.Errorf("without load: %q", got)
	}
	if got := interrupted(); len(got.BenchLimits) != 0 || !strings.Contains(got.Conclusion(), "kept up") {
		t.Errorf("interrupted: %q, %q", got.BenchLimits, got.Conclusion())
	}
}

func TestWarnings(t *testing.T) {
	r := healthy(30, 1000)
	if got := r.Warnings(); len(got) != 0 {
		t.Errorf("a healthy run warns %q", got)
	}
	r.Requests.Dropped, r.Requests.DroppedExample = 1200, "no id"
	r.Usage.StolenSeconds = 1.3 // of 60
	got := strings.Join(r.Warnings(), "\n")
	if !strings.Contains(got, "1,200 notifications") || !strings.Contains(got, "no id") || !strings.Contains(got, "1.3 s") {
		t.Errorf("warns %q", got)
	}
}
