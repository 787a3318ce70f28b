package rules

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"isuride/bench/verify/probe"
)

const (
	// quiet is how long a scenario waits for what must not come. A server that breaks
	// such a rule does so at once or after its next matching round; the stock server has
	// one every 500 ms.
	quiet = 300 * time.Millisecond
	// pause is the time between two looks at something that may take a while.
	pause = 50 * time.Millisecond
)

// evidence is an exchange that can be shown.
type evidence interface{ Lines() []string }

// A trial is a scenario under way. Only its own goroutine may call the methods that end
// it.
type trial struct {
	*Suite
	*probe.Probe
	at    probe.Point
	rules []rule

	verdicts map[string]*verdict
	reason   string // why it stopped early
	shown    []evidence

	chairs []*chair // to be deactivated at the end
}

// A verdict is the judgement on a rule so far.
type verdict struct {
	outcome  Outcome
	got      string
	evidence []evidence
}

func newTrial(ctx context.Context, s *Suite, sc Scenario) *trial {
	return &trial{Suite: s, Probe: s.server.Probe(ctx), at: sc.at, rules: sc.rules, verdicts: map[string]*verdict{}}
}

// check judges a rule of the scenario. A rule may be judged several times; the first
// failure stays.
func (t *trial) check(id string, ok bool, got string, shown ...evidence) bool {
	r := t.rule(id)
	if !ok && t.Over() { // no evidence against the server
		t.stop(probe.ErrSilent.Error(), shown...)
	}
	v := t.verdicts[id]
	switch {
	case v != nil && v.outcome != OK:
	case ok:
		t.verdicts[id] = &verdict{outcome: OK}
	default:
		t.verdicts[id] = &verdict{outcome: r.failure(), got: got, evidence: shown}
	}
	return ok
}

// answersWith judges an answer by its exact status and the shape of its body.
func (t *trial) answersWith(id string, w *probe.Answer, status int, s probe.Shape) bool {
	if w.Err != nil || w.Status != status {
		return t.check(id, false, words("%s; wanted status %d", w.Summary(), status), w)
	}
	if s == nil {
		return t.check(id, true, "", w)
	}
	bad := probe.Misfit(s, w.Body)
	return t.check(id, bad == "", bad, w)
}

// refuses judges that a call was refused with exactly this status.
func (t *trial) refuses(id string, w *probe.Answer, status int) bool {
	return t.check(id, w.Err == nil && w.Status == status, words("%s; wanted status %d", w.Summary(), status), w)
}

// failure is the outcome of breaking the rule.
func (r rule) failure() Outcome {
	if r.tag == B || r.tag == M {
		return Fail
	}
	return Note
}

// skip notes that rules do not apply to this server.
func (t *trial) skip(reason string, ids ...string) {
	for _, id := range ids {
		t.rule(id)
		if t.verdicts[id] == nil {
			t.verdicts[id] = &verdict{outcome: Skip, got: reason}
		}
	}
}

func (t *trial) rule(id string) rule {
	for _, r := range t.rules {
		if r.id == id {
			return r
		}
	}
	panic("BUG: the scenario does not declare the rule " + id)
}

// need ends the trial if it lacks something that it does not judge.
func (t *trial) need(ok bool, what string, shown ...evidence) {
	if !ok {
		t.stop(what, shown...)
	}
}

// stop ends the trial; rules that were not judged are blocked.
func (t *trial) stop(reason string, shown ...evidence) {
	t.reason, t.shown = reason, shown
	runtime.Goexit()
}

// eventually looks until something holds or the grace is over.
func (t *trial) eventually(holds func() bool) bool {
	for end := time.Now().Add(probe.Grace); ; {
		if holds() {
			return true
		}
		if time.Now().After(end) || !t.Sleep(pause) {
			return false
		}
	}
}

// tidy takes the trial's chairs out of the way of later trials. It has a limit of its
// own.
func (t *trial) tidy() {
	ctx, cancel := context.WithTimeout(context.Background(), probe.Grace)
	defer cancel()
	t.Context = ctx
	for _, c := range t.chairs {
		if c.stream != nil || c.placed {
			c.retire()
		}
		if c.stream != nil {
			c.stream.Close()
		}
	}
}

// results returns the trial's lines in the order of the scenario's rules.
func (t *trial) results(cause error) []Result {
	switch {
	case cause != nil:
		t.reason = cause.Error()
	case t.reason == "":
		t.reason = "there was nothing to judge it by"
	}
	var all []Result
	for _, r := range t.rules {
		v := t.verdicts[r.id]
		if v == nil {
			v = &verdict{outcome: Blocked, got: "not reached: " + t.reason, evidence: t.shown}
		}
		all = append(all, Result{
			Rule: r.id, Spec: r.spec, Tag: r.tag, Want: r.want,
			Outcome: v.outcome, Got: v.got, Exchange: show(v.evidence),
		})
	}
	return all
}

func show(all []evidence) []string {
	var lines []string
	for _, e := range all {
		lines = append(lines, e.Lines()...)
	}
	return lines
}

// words formats a finding.
func words(format string, args ...any) string { return fmt.Sprintf(format, args...) }
