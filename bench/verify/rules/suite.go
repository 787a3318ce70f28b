// Package rules holds what must be true of any ISURIDE server, one line each, and the
// scenarios that find out, over package probe. Running them and reporting is left to
// package verify.
//
// Each scenario registers accounts of its own, so that what it breaks does not disturb
// the next. Whatever it needs but does not judge is taken as leniently as possible, so
// that one broken rule fails one line. Scenarios that request rides run one after
// another, because a matcher may give any ride to any chair; the others run beside them.
package rules

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync/atomic"

	"isuride/bench/verify/probe"
)

// A Suite is all rules, to be checked in one run against one server.
type Suite struct {
	server  *probe.Server
	gateway *probe.Gateway
	answers *audit
	pilot   pilot

	runID   string // in every name, in case the server does not forget
	counter atomic.Int64

	foreign map[string]bool // chairs of the initial data that are free; set once, by survey
	unseen  unseen          // set once, by smoke, before it is used
}

// New makes a suite for a server that is told to charge at the gateway.
func New(s *probe.Server, g *probe.Gateway) *Suite {
	answers := newAudit()
	s.Observe = answers.note
	return &Suite{
		server:  s,
		gateway: g,
		answers: answers,
		runID:   strings.ToLower(rand.Text()[:8]),
		foreign: map[string]bool{},
		unseen:  unseen{},
	}
}

// name makes a unique name of at most 30 bytes, for the columns of S2.2.
func (s *Suite) name(kind string) string {
	return fmt.Sprintf("%s-%s-%d", kind, s.runID, s.counter.Add(1))
}

// Play runs a scenario until it returns, lacks something that it needs, or runs out of
// time, and returns the results of its rules.
func (s *Suite) Play(ctx context.Context, sc Scenario) []Result {
	limit := sc.limit
	if limit == 0 {
		limit = scenarioLimit
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the check took more than %s", limit))
	t := newTrial(ctx, s, sc)
	done := make(chan struct{})
	go func() {
		defer close(done)
		sc.play(t) // may end by Goexit, see trial.stop
	}()
	<-done // everything that a scenario waits for ends with ctx
	cause := context.Cause(ctx)
	t.tidy()
	cancel()
	t.Wait()
	return t.results(cause)
}

// survey notes the free chairs of the initial data: a matcher may prefer them to ours.
func survey() Scenario {
	return Scenario{play: func(t *trial) {
		for _, c := range t.newUser("").nearby(probe.At(0, 0), everywhere).chairs() {
			t.foreign[c.ID] = true
		}
	}}
}
