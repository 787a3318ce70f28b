package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"isuride/bench/report"
)

func TestParseBenchmarks(t *testing.T) {
	got := parseBenchmarks([]byte(`goos: linux
BenchmarkReport-2   	  919234	      1300 ns/op	       0 B/op	       0 allocs/op
BenchmarkReport-2   	  919234	      1310.5 ns/op
BenchmarkOther/a/b 	  9	      7 rows/s	      80 ns/op
BenchmarkNothing-2
PASS
`))
	if len(got) != 2 || len(got["Report"]) != 2 || got["Report"][1] != 1310.5 || got["Other/a/b"][0] != 80 {
		t.Errorf("%v", got)
	}
}

func spreads(low, middle, high float64) report.Spread {
	return report.SpreadOf([]float64{low, middle, high})
}

func TestIsSlower(t *testing.T) {
	for _, c := range []struct {
		name     string
		old, now report.Spread
		slower   bool
	}{
		{"x", spreads(90, 100, 110), spreads(115, 120, 130), true},
		{"x", spreads(90, 100, 116), spreads(115, 120, 130), false}, // within what runs differ by
		{"x", spreads(99, 100, 101), spreads(110, 112, 114), false}, // within the tolerance
		{"x", spreads(90, 100, 110), spreads(50, 60, 70), false},
		{perfRatio, spreads(2, 2, 2), spreads(1.5, 1.5, 1.5), true},
		{perfRatio, spreads(2, 2, 2), spreads(3, 3, 3), false},
	} {
		if got := isSlower(c.name, c.old, c.now); got != c.slower {
			t.Errorf("%s: %v to %v: slower is %v", c.name, c.old, c.now, got)
		}
	}
}

func TestBases(t *testing.T) {
	file := filepath.Join(t.TempDir(), "perf.jsonl")
	machine := func(cpu string) report.Machine { return report.Machine{CPU: cpu, Cores: 2} }
	for _, b := range []*base{
		{machine("a"), map[string]report.Spread{"x": spreads(1, 2, 3)}},
		{machine("b"), map[string]report.Spread{"x": spreads(4, 5, 6)}},
		{machine("a"), map[string]report.Spread{"x": spreads(7, 8, 9)}},
	} {
		list, err := readBases(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := list.store(file, b); err != nil {
			t.Fatal(err)
		}
	}
	list, err := readBases(file)
	if err != nil || len(list) != 2 || list.find(machine("a")).Figures["x"].Median != 8 || list.find(machine("c")) != nil {
		t.Errorf("%+v, %v", list, err)
	}
	var out bytes.Buffer
	if compareBases(&out, list.find(machine("a")), list.find(machine("b"))) || !compareBases(&out, list.find(machine("b")), &base{Figures: map[string]report.Spread{"x": spreads(7, 8, 9)}}) {
		t.Error(out.String())
	}
	if !strings.Contains(out.String(), "1.60   SLOWER") {
		t.Error(out.String())
	}
}

// TestPerfTakesDuel takes the figures of a duel with one pair.
func TestPerfTakesDuel(t *testing.T) {
	b := &base{Figures: map[string]report.Spread{}}
	o := &outcome{runs: [2][]*duelRun{{duelRunOf(1000, 0, 60)}, {duelRunOf(2000, 0, 30)}}}
	o.judge(30)
	if err := b.take(o); err != nil || b.Figures[perfRatio].Median != 2 || b.Figures[perfCPU].Median != 0.25 {
		t.Errorf("%v, %v", b.Figures, err)
	}
	o = &outcome{runs: [2][]*duelRun{{duelRunOf(1000, 0, 60)}, {duelRunOf(0, 0, 30)}}}
	o.judge(30)
	if err := b.take(o); err == nil {
		t.Error("a duel without a score is no error")
	}
}
