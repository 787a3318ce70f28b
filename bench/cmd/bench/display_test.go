package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"isuride/bench/live"
)

// TestDisplayLines checks that without a terminal a line comes every 3 s.
func TestDisplayLines(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	d := newDisplay(w, &settings{load: seconds(10 * time.Second)}, &reporter{}, 3)
	if d.terminal != nil {
		t.Fatal("a pipe is taken for a terminal")
	}
	var out bytes.Buffer
	d.out = &out
	d.Phase(live.PhaseLoad)
	for s := 1; s <= 10; s++ {
		d.Sample(live.Sample{Seconds: float64(s) + 0.001, Score: 100 * s, LostTicks: s / 9, Ticks: 33 * s})
	}
	d.Phase(live.PhaseFinal)
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 5 || lines[0] != "load for 10 s, seed 3" || !strings.HasPrefix(lines[1], "  3 of 10 s  score 300  errors 0 of 200 ") || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%q", lines)
	}
	if !strings.HasSuffix(lines[3], "ticks lost 1 of 298") || strings.Contains(lines[2], "lost") {
		t.Errorf("%q", lines)
	}
}

// TestDisplayTerminal checks that on a terminal each second writes over the one before,
// within 80 columns.
func TestDisplayTerminal(t *testing.T) {
	r, w, err := os.Pipe() // it has no width to tell
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	var out bytes.Buffer
	d := &display{out: &out, terminal: w, settings: &settings{load: seconds(time.Minute)}, reporter: &reporter{}}
	for s := range 4 {
		d.Sample(live.Sample{Seconds: float64(s + 1), Score: 1_000_000, Users: 10_000, Rides: 40_000})
	}
	const clear = "\r\x1b[K"
	lines := strings.Split(out.String(), clear)
	if len(lines) != 5 || lines[0] != "" || strings.Contains(out.String(), "\n") {
		t.Fatalf("%q", lines)
	}
	for _, line := range lines[1:] {
		if len(line) != 79 || !strings.Contains(line, " of 60 s  score 1000000  errors 0 of 200") {
			t.Errorf("%q", line)
		}
	}
	d.Phase(live.PhaseFinal)
	if !strings.HasSuffix(out.String(), clear+string(live.PhaseFinal)+"\n") {
		t.Errorf("the next phase is behind the living line: %q", out.String())
	}
}

func TestCut(t *testing.T) {
	for width, want := range map[int]string{1: "", 4: "abc", 7: "abcdef", 80: "abcdef"} {
		if got := cut("abcdef", width); got != want {
			t.Errorf("in %d columns: %q", width, got)
		}
	}
}
