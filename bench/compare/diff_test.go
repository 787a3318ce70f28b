package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/bench/live"
	"isuride/bench/report"
)

func spread(values ...float64) report.Spread { return report.SpreadOf(values) }

func TestDiffJudges(t *testing.T) {
	for _, c := range []struct {
		name string
		way  report.Better
		a, b report.Spread
		want string
	}{
		{"beyond, higher is better", report.BetterHigher, spread(100, 101, 102), spread(110, 111, 112), better},
		{"beyond, lower is better", report.BetterLower, spread(100, 101, 102), spread(110, 111, 112), worse},
		{"below, lower is better", report.BetterLower, spread(110, 111, 112), spread(100, 101, 102), better},
		{"below, higher is better", report.BetterHigher, spread(110, 111, 112), spread(100, 101, 102), worse},
		{"only describes", report.BetterNone, spread(100, 101, 102), spread(110, 111, 112), differs},
		{"just the spread", report.BetterHigher, spread(100, 101, 102), spread(102, 103, 104), within},
		{"the other side's spread counts", report.BetterHigher, spread(100, 101, 102), spread(101, 111, 121), within},
		{"nothing differs", report.BetterHigher, spread(7, 7), spread(7, 7), within},
		{"no spread at all", report.BetterHigher, spread(7, 7), spread(8, 8), better},
		{"one run", report.BetterHigher, spread(100), spread(200, 201), unknown},
	} {
		if got := judge(c.way, c.a, c.b); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// recordsOf makes records with the given scores.
func recordsOf(scores ...int) []*report.Record {
	var list []*report.Record
	for _, s := range scores {
		r := &report.Record{Format: report.Format, Commit: "c", Settings: map[string]string{"target": "x"}}
		r.Passed, r.Score = true, s
		list = append(list, r)
	}
	return list
}

func TestDiffRows(t *testing.T) {
	a, b := recordsOf(100, 90, 110), recordsOf(200, 220, 190)
	a[0].Endpoints = []live.Latency{{Name: "GET /x", P50: 1500}}
	rows := diffRows(a, b)
	if r := rows[0]; r.Name != "score" || r.A.Median != 100 || r.A.Width() != 20 || r.B.Median != 200 || r.B.Width() != 30 || *r.Ratio != 2 || r.Verdict != better {
		t.Errorf("%+v, ratio %v", r, *r.Ratio)
	}
	for _, r := range rows {
		if strings.HasPrefix(r.Name, "GET /x") {
			t.Error("a figure of one side only is compared")
		}
		if r.Name == "errors" && (r.Ratio != nil || r.Verdict != within) {
			t.Errorf("0 against 0: %+v", r)
		}
	}
}

func TestDoubts(t *testing.T) {
	if got := doubts(recordsOf(1, 2), recordsOf(3)); len(got) != 0 {
		t.Errorf("%q", got)
	}
	for text, spoil := range map[string]func(*report.Record){
		"A, run 2: FAIL: x":         func(r *report.Record) { r.Passed, r.Reason = false, "x" },
		"A, run 2: the bench may":   func(r *report.Record) { r.BenchLimits = []string{"late"} },
		"different machines":        func(r *report.Record) { r.Machine.Cores = 99 },
		"differ in --target":        func(r *report.Record) { r.Settings = map[string]string{} },
		"the runs differ in --data": func(r *report.Record) { r.Settings = map[string]string{"target": "x", "data": "y"} },
	} {
		a := recordsOf(1, 2)
		spoil(a[1])
		if got := doubts(a, recordsOf(3)); len(got) != 1 || !strings.Contains(got[0], text) {
			t.Errorf("%q, want %q", got, text)
		}
	}
}

func TestDiff(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, records []*report.Record) string {
		var b bytes.Buffer
		for _, r := range records {
			if err := r.Write(&b); err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	a, b := write("a", recordsOf(100, 101)), write("b", recordsOf(50, 51))
	var out bytes.Buffer
	if _, err := runDiff(t.Context(), []string{a, b}, &out); err != nil || !strings.Contains(out.String(), "worse  score\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if strings.Contains(out.String(), "unknown") {
		t.Errorf("with two runs each something is unknown:\n%s", out.String())
	}
	out.Reset()
	if _, err := runDiff(t.Context(), []string{a, write("single", recordsOf(70))}, &out); err != nil || !strings.Contains(out.String(), "a single run says nothing") {
		t.Errorf("%v\n%s", err, out.String())
	}
	out.Reset()
	var c comparison
	if _, err := runDiff(t.Context(), []string{"-json", a, b}, &out); err != nil || json.Unmarshal(out.Bytes(), &c) != nil || c.Rows[0].Verdict != worse || c.B.Runs != 2 {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, args := range [][]string{nil, {a}, {a, b, a}, {"-x", a, b}, {a, filepath.Join(dir, "none")}, {a, write("empty", nil)}} {
		if _, err := runDiff(t.Context(), args, &out); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
