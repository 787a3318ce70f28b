package rules

import (
	"time"

	"isuride/bench/verify/probe"
)

// A Tag says who cares about a rule, as in the server's rules. Only rules of B and M can
// fail.
type Tag string

// The tags.
const (
	B Tag = "B" // the official benchmarker observes it
	M Tag = "M" // the contest manual and OpenAPI demand it
	R Tag = "R" // the reference implementation behaves like that
	A Tag = "A" // advice
)

// A rule is one line of the report.
type rule struct {
	id   string
	spec string // S4.8: a heading of webapp/docs/rules.md; B9.2: of bench/docs/rules.md
	tag  Tag
	want string
}

// A Scenario judges some rules in one story.
type Scenario struct {
	name  string
	at    probe.Point   // see in
	limit time.Duration // zero: scenarioLimit
	rules []rule
	play  func(*trial)
}

// scenarioLimit leaves room for a ride that waits the 30 s which the benchmarker allows
// (S7.2).
const scenarioLimit = 45 * time.Second

// in is the scenario at a place, which those that request rides need.
func (sc Scenario) in(latitude, longitude int) Scenario {
	sc.at = probe.At(latitude, longitude)
	return sc
}
