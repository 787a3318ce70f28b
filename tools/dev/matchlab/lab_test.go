package main

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"isuride/bench/world"
	"isuride/webapp/dispatch"
)

// short is a load that ends in well under a second.
func short(seeds uint64) *lab {
	return &lab{load: 12 * world.Second, regime: regimes[3], first: 1, seeds: seeds, atOnce: 2}
}

// The bench must accept the real state, even when calls take long and overtake each
// other.
func TestRunsWithoutComplaint(t *testing.T) {
	slow := short(2)
	slow.regime.costs = our.scaled(8)
	labs := map[string]*lab{"saturated": slow}
	for _, r := range regimes {
		labs[r.name] = short(1)
		labs[r.name].regime = r
	}
	for name, l := range labs {
		for _, r := range l.try([]policy{{name: "default", params: dispatch.DefaultParams()}})[0].Runs {
			if r.Failed != "" || r.Errors != 0 || r.Completed < 100 {
				t.Errorf("%s, seed %d: %d rides, %d errors, ended by %q", name, r.Seed, r.Completed, r.Errors, r.Failed)
			}
		}
	}
}

func TestSameSeedSameRun(t *testing.T) {
	l, p := short(1), policy{name: "default", params: dispatch.DefaultParams()}
	a, b, c := l.run(p, 1), l.run(p, 1), l.run(p, 2)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("seed 1 twice: %d and %d points", a.Score, b.Score)
	}
	if a.Score == c.Score {
		t.Error("another seed makes the same run")
	}
}

func TestCourseEndsAtTheScore(t *testing.T) {
	r := short(1).run(policy{name: "default", params: dispatch.DefaultParams()}, 1)
	last := 0.0
	for _, p := range r.Course {
		last = max(last, p.Score)
	}
	if last == 0 || last > float64(r.Score) || last < 0.8*float64(r.Score) {
		t.Errorf("the course ends at %.0f, the score is %d", last, r.Score)
	}
}

func TestParsePolicy(t *testing.T) {
	p, err := parsePolicy("patient:AgeWeight=7,Ramp=20s")
	if err != nil || p.name != "patient" || p.params.AgeWeight != 7 || p.params.Ramp != 20*time.Second {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = parsePolicy("default"); err != nil || p.params != dispatch.DefaultParams() {
		t.Errorf("default: %+v, %v", p, err)
	}
	for _, text := range []string{"", "x:", "Nothing=1", "AgeWeight", "AgeWeight=fast", "Ramp=20"} {
		if _, err := parsePolicy(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestMedianAndSpread(t *testing.T) {
	runs := []figures{{Score: 300}, {Score: 100, Failed: "late"}, {Score: 200}}
	if m := median(runs, columns[0].of); m != 200 {
		t.Errorf("median %v", m)
	}
	if m := median(runs[:2], columns[0].of); m != 200 {
		t.Errorf("median of two %v", m)
	}
	if s := spread(runs); math.Abs(s-50) > 1e-9 {
		t.Errorf("spread %v %%", s)
	}
	if failed(runs) != 1 {
		t.Errorf("%d failed", failed(runs))
	}
}

func TestOutputs(t *testing.T) {
	trials := []trial{{"a <b>", []figures{{Score: 12345, Completed: 2, Ratings: [6]int{5: 2}, Course: []piece{{Score: 1}, {Score: 2}}}}}}
	if s := table(trials); !strings.Contains(s, "12345") || !strings.Contains(s, "5.00") || !strings.Contains(s, "a <b>") {
		t.Errorf("table:\n%s", s)
	}
	if s := string(draw(trials)); !strings.Contains(s, "a &lt;b&gt;") || strings.Count(s, `class="line`) != len(curves) {
		t.Errorf("drawing:\n%s", s)
	}
}
