package report

import (
	"math/rand/v2"
	"slices"
	"testing"

	"isuride/bench/live"
)

// TestSpread compares with a sorted list.
func TestSpread(t *testing.T) {
	const seed = 11
	rng := rand.New(rand.NewPCG(seed, seed))
	for n := 1; n < 50; n++ {
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(rng.IntN(20))
		}
		given := slices.Clone(values)
		got := SpreadOf(values)
		if !slices.Equal(values, given) {
			t.Fatal("the caller's values are moved")
		}
		slices.Sort(values)
		median := values[n/2]
		if n%2 == 0 {
			median = (values[n/2-1] + values[n/2]) / 2
		}
		if want := (Spread{n, median, values[0], values[n-1]}); got != want || got.Width() != want.Max-want.Min {
			t.Errorf("seed %d: %v is %+v, want %+v", seed, given, got, want)
		}
	}
	if got := SpreadOf([]float64{100, 90, 110}).Relative(); got != "20.0 %" {
		t.Errorf("relative width %s", got)
	}
	if got := SpreadOf([]float64{0, 0, 5}).Relative(); got != "-" {
		t.Errorf("relative to nothing: %s", got)
	}
}

func TestOpenLoopFigures(t *testing.T) {
	got := map[string]float64{}
	for _, f := range opened().Figures() {
		got[f.Name] = f.Value
	}
	if got["open loop, completed/s"] != 60.5 || got["ride created, p99 ms"] != 20 || got["ride completed, p50 ms"] != 9000 {
		t.Errorf("%v", got)
	}
	if v, ok := got["ride completed, p99 ms"]; ok {
		t.Errorf("an unknown percentile is %v", v)
	}
}

func TestSummarize(t *testing.T) {
	a, b, c := healthy(10, 100), healthy(10, 200), healthy(10, 400)
	c.Endpoints = append(c.Endpoints, live.Latency{Name: "GET /late", P50: 2500, P99: 7000})
	list := Summarize([]*Record{a, b, c})
	find := func(name string) Summary {
		for _, s := range list {
			if s.Name == name {
				return s
			}
		}
		t.Fatalf("no figure %q", name)
		return Summary{}
	}
	if list[0].Name != "score" {
		t.Errorf("the first figure is %s", list[0].Name)
	}
	if s := find("score"); s.Spread != (Spread{3, 50_000, 25_000, 100_000}) || s.Better != BetterHigher {
		t.Errorf("%+v", s)
	}
	if s := find("GET /late, p99 ms"); s.Spread != (Spread{1, 7, 7, 7}) || s.Better != BetterLower {
		t.Errorf("a figure that one run has: %+v", s)
	}
	if s := find("matching criterion, %"); s.Median != 97 {
		t.Errorf("%+v", s)
	}
	if s := find("rating, mean"); s.Median < 4.8 || s.Median > 4.9 {
		t.Errorf("%+v", s)
	}
}
