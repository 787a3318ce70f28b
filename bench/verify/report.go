package verify

import (
	"time"
)

// An Outcome is the verdict on one rule.
type Outcome string

const (
	OK      Outcome = "ok"
	Fail    Outcome = "fail"
	Note    Outcome = "note"    // advice or the reference's way, not followed
	Skip    Outcome = "skip"    // does not apply to this server
	Blocked Outcome = "blocked" // not reached, because something else is broken
)

// A Result is one line of the report.
type Result struct {
	Rule     string   `json:"rule"`
	Spec     string   `json:"spec"` // S4.8: a heading of webapp/docs/rules.md; B9.2: of bench/docs/rules.md
	Tag      Tag      `json:"tag"`
	Want     string   `json:"want"`
	Outcome  Outcome  `json:"outcome"`
	Got      string   `json:"got,omitempty"`
	Exchange []string `json:"exchange,omitempty"` // requests, answers and stream lines, in their order
}

// A Report is what a run found.
type Report struct {
	Target  string          `json:"target"`
	Started time.Time       `json:"started"`
	Seconds float64         `json:"seconds"`
	Passed  bool            `json:"passed"` // every rule of B and M was judged and holds, or does not apply
	Counts  map[Outcome]int `json:"counts"`
	Results []Result        `json:"results"`
}

func newReport(target string, started time.Time, results []Result) Report {
	r := Report{
		Target:  target,
		Started: started,
		Seconds: time.Since(started).Seconds(),
		Counts:  map[Outcome]int{},
		Results: results,
	}
	for _, x := range results {
		r.Counts[x.Outcome]++
	}
	r.Passed = r.Counts[Fail] == 0 && r.Counts[Blocked] == 0
	return r
}
