package verify

import (
	"time"

	"isuride/bench/verify/rules"
)

// Results of rules, as package rules explains them.
type (
	Result  = rules.Result
	Outcome = rules.Outcome
)

// The outcomes of a rule.
const (
	OK      = rules.OK
	Fail    = rules.Fail
	Note    = rules.Note
	Skip    = rules.Skip
	Blocked = rules.Blocked
)

// A Report is what a run found.
type Report struct {
	Target  string          `json:"target"`
	Started time.Time       `json:"started"`
	Seconds float64         `json:"seconds"`
	Passed  bool            `json:"passed"` // no rule of B and M is broken or was not reached
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
