package verify

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// beside is how many scenarios without rides run at once.
const beside = 4

// A suite is one run: what its scenarios share.
type suite struct {
	base    string       // of the target, without a slash at the end
	client  *http.Client // of all calls
	streams *http.Client // of notifications; apart, so that closing streams does not disturb the calls
	gateway *gateway
	answers *audit
	pilot   pilot
	silence silence

	run8    string // part of every name of this run, so that a server that does not forget is no obstacle
	counter atomic.Int64

	foreign map[string]bool // chairs that were free before the first of ours; set once, by survey
	unseen  unseen          // set once, by smoke, before anything looks at it
}

func newSuite(target *url.URL, calls, streams *http.Client, g *gateway) *suite {
	return &suite{
		base:    strings.TrimSuffix(target.String(), "/"),
		client:  calls,
		streams: streams,
		gateway: g,
		answers: newAudit(),
		run8:    strings.ToLower(rand.Text()[:8]),
		foreign: map[string]bool{},
		unseen:  unseen{},
	}
}

func (s *suite) close() {
	s.client.CloseIdleConnections()
	s.streams.CloseIdleConnections()
}

// name makes a name that nobody else has, at most 30 bytes for the columns of S2.2.
func (s *suite) name(kind string) string {
	return fmt.Sprintf("%s-%s-%d", kind, s.run8, s.counter.Add(1))
}

func (s *suite) run(ctx context.Context) Report {
	started := time.Now()
	var results []Result
	for i, st := range s.stages() {
		results = append(results, s.playStage(ctx, st)...)
		if i == 0 {
			s.survey(ctx)
		}
	}
	return newReport(s.base, started, results)
}

// playStage runs the row and what may be beside it, and returns the results of the row first.
func (s *suite) playStage(ctx context.Context, st stage) []Result {
	row := make([][]Result, len(st.row))
	others := make([][]Result, len(st.beside))
	var wg sync.WaitGroup
	wg.Go(func() {
		for i, sc := range st.row {
			row[i] = s.play(ctx, sc)
		}
	})
	var next atomic.Int64
	for range beside {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(others); i = int(next.Add(1)) - 1 {
				others[i] = s.play(ctx, st.beside[i])
			}
		})
	}
	wg.Wait()
	return slices.Concat(slices.Concat(row...), slices.Concat(others...))
}

// play runs one scenario to its end, which is its return, its first unmet need, or its time limit.
func (s *suite) play(ctx context.Context, sc scenario) []Result {
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
	t.running.Wait()
	return t.results(cause)
}

// survey notes the chairs of the initial data that are free: they are not ours, and a matcher may prefer them.
func (s *suite) survey(ctx context.Context) {
	s.play(ctx, scenario{play: func(t *trial) {
		for _, c := range t.newUser("").nearby(point{}, everywhere).chairs() {
			s.foreign[c.ID] = true
		}
	}})
}
