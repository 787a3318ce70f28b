package main

import (
	"math"

	"isuride/bench/report"
)

// A verdict says what a difference is worth.
type verdict string

const (
	within  verdict = "within the spread"
	better  verdict = "better"
	worse   verdict = "worse"
	differs verdict = "differs" // beyond the spread, but neither way is better
	unknown verdict = "unknown" // a side has one run, which says nothing about the spread
)

// A row compares one figure of two sets of runs.
type row struct {
	Name    string        `json:"name"`
	A       report.Spread `json:"a"`
	B       report.Spread `json:"b"`
	Ratio   *float64      `json:"ratio"` // of the medians, B to A; null if that of A is 0
	Verdict verdict       `json:"verdict"`
}

// compare makes a row of each figure that both sides have, in the order of a.
func compare(a, b []*report.Record) []row {
	others := map[string]report.Summary{}
	for _, s := range report.Summarize(b) {
		others[s.Name] = s
	}
	rows := []row{}
	for _, s := range report.Summarize(a) {
		if other, ok := others[s.Name]; ok {
			rows = append(rows, rowOf(s, other.Spread))
		}
	}
	return rows
}

func rowOf(a report.Summary, b report.Spread) row {
	r := row{Name: a.Name, A: a.Spread, B: b, Verdict: judge(a.Better, a.Spread, b)}
	if a.Median != 0 {
		ratio := b.Median / a.Median
		r.Ratio = &ratio
	}
	return r
}

// judge takes a difference for real if the medians are further apart than the runs of either side are among themselves.
func judge(way report.Better, a, b report.Spread) verdict {
	difference := b.Median - a.Median
	switch {
	case a.Runs < 2 || b.Runs < 2:
		return unknown
	case math.Abs(difference) <= max(a.Width(), b.Width()):
		return within
	case way == report.BetterNone:
		return differs
	case difference > 0 == (way == report.BetterHigher):
		return better
	}
	return worse
}
