package rules

// An Outcome is the verdict on one rule.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Fail    Outcome = "fail"
	Note    Outcome = "note"    // advice, or the reference's way, not followed
	Skip    Outcome = "skip"    // does not apply to this server
	Blocked Outcome = "blocked" // not reached, because something else is broken
)

// A Result is the verdict on one rule with its reasons.
type Result struct {
	Rule     string   `json:"rule"`
	Spec     string   `json:"spec"` // as in rule
	Tag      Tag      `json:"tag"`
	Want     string   `json:"want"`
	Outcome  Outcome  `json:"outcome"`
	Got      string   `json:"got,omitempty"`
	Exchange []string `json:"exchange,omitempty"` // requests, answers, stream lines
}
