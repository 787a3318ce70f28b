package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/bench/live"
)

func TestOutputs(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args          []string
		html, history string
		text          string
	}{
		{[]string{"--out", filepath.Join(dir, "a.json"), "--history", none}, filepath.Join(dir, "a.html"), none, filepath.Join(dir, "a.txt")},
		{[]string{"--out", filepath.Join(dir, "a.json"), "--html", none, "--history", none}, none, none, filepath.Join(dir, "a.txt")},
		{[]string{"--out", none, "--history", filepath.Join(dir, "h")}, "", filepath.Join(dir, "h"), ""},
		{[]string{"--html", filepath.Join(dir, "p.html"), "--history", none}, filepath.Join(dir, "p.html"), none, ""},
	} {
		s, err := parseRun(c.args, io.Discard)
		if err != nil || s.html != c.html || s.history != c.history || s.text != c.text {
			t.Errorf("%q: html %q, history %q, text %q, %v", c.args, s.html, s.history, s.text, err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("looking whether files can be written left %v", left)
	}
	s, err := parseRun(nil, io.Discard)
	if want := filepath.Join("bench", "results", "history.jsonl"); err != nil || !strings.HasSuffix(s.history, want) {
		t.Errorf("the history of this checkout is %q, %v", s.history, err)
	}
}

func TestRecordedFlags(t *testing.T) {
	t.Setenv(envTarget, "192.0.2.7")
	s, err := parseRun([]string{"-t", "5", "--seed", "9", "--source-ip", "127.0.0.1", "--history", none, "-n", "3"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"target": contestURL, "addr": "192.0.2.7:443", "load-timeout": "5", "source-ip": "127.0.0.1", "skip-data-check": "false"} {
		if got, ok := s.record[name]; !ok || got != want {
			t.Errorf("%s is recorded as %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"t", "s", "n", "seed", "out", "history"} {
		if _, ok := s.record[name]; ok {
			t.Errorf("%s is recorded", name)
		}
	}
}

// TestRepeated checks that repeated runs, with consecutive seeds, end in one file, a page
// each and a summary.
func TestRepeated(t *testing.T) {
	dir := t.TempDir()
	s := &settings{runs: 3, seed: 5, out: filepath.Join(dir, "r.json"), text: filepath.Join(dir, "r.txt"), html: filepath.Join(dir, "r.html"), history: filepath.Join(dir, "h.jsonl"), failOnError: true}
	run := func(_ context.Context, c live.Config) (*live.Result, error) {
		return &live.Result{Passed: c.Seed != 6, Seed: c.Seed, Score: int(c.Seed), Phases: []live.Lap{{Phase: live.PhaseLoad}}}, nil
	}
	_, said := capture(t, &os.Stdout, func() int {
		if err := s.repeat(context.Background(), live.Config{}, &reporter{}, run); err != errFailed {
			t.Errorf("got %v", err)
		}
		return 0
	})
	text, _ := os.ReadFile(s.text)
	for _, all := range []string{said, string(text)} {
		if !strings.Contains(all, "3 runs, 2 passed") || strings.Count(all, "seed ") != 3 {
			t.Errorf("says %s", all)
		}
	}
	for _, file := range []string{"r.txt", "r.json", "r-1.html", "r-3.html", "h.jsonl"} {
		if !strings.Contains(said, filepath.Join(dir, file)+"\n") {
			t.Errorf("%s is not named in %s", file, said)
		}
	}
	for _, file := range []string{s.out, s.history} {
		records := readRecords(t, file)
		if len(records) != 3 || records[0].Seed != 5 || records[2].Seed != 7 {
			t.Errorf("%s: %d records", file, len(records))
		}
	}
	for run := 1; run <= 3; run++ {
		if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("r-%d.html", run))); err != nil {
			t.Error(err)
		}
	}
}

// TestRepeatedEndsEarly checks that no run follows one that was interrupted or did not
// reach its load.
func TestRepeatedEndsEarly(t *testing.T) {
	failure := errors.New("no")
	for name, c := range map[string]struct {
		result *live.Result
		err    error // of the run
		want   error
	}{
		"interrupted":  {&live.Result{Interrupted: true, Phases: []live.Lap{{Phase: live.PhaseLoad}}}, nil, errFailed},
		"never loaded": {&live.Result{Phases: []live.Lap{{Phase: live.PhaseInitialize}}}, failure, failure},
		"bad settings": {nil, failure, failure},
	} {
		s, runs := &settings{runs: 3}, 0
		run := func(context.Context, live.Config) (*live.Result, error) { runs++; return c.result, c.err }
		capture(t, &os.Stdout, func() int {
			if err := s.repeat(context.Background(), live.Config{}, &reporter{}, run); !errors.Is(err, c.want) {
				t.Errorf("%s: got %v", name, err)
			}
			return 0
		})
		if runs != 1 {
			t.Errorf("%s: %d runs", name, runs)
		}
	}
}
