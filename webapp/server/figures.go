package server

import (
	"fmt"
	"slices"
	"time"

	"isuride/webapp/admission"
	"isuride/webapp/api"
	"isuride/webapp/engine"
	"isuride/webapp/feed"
	"isuride/webapp/internal/histogram"
	"isuride/webapp/internal/lockwatch"
)

const (
	// figuresOver is the time over which rates and quantiles are made, in looks of a second each.
	figuresOver = 10
	// figuresFresh is the age from which on a look says nothing of now: nobody has looked meanwhile.
	figuresFresh = 3 * time.Second
	// slowKept is how many slow requests are kept.
	slowKept = 20
)

// reportEndpoint is the busiest, and what a chair waits for.
const reportEndpoint = "POST /api/chair/coordinate"

// figures makes the feed's table server, from what the metrics are made of. Nothing is counted for it
// but slow requests, and nothing is looked at while nobody follows the table.
type figures struct {
	s    *server
	name string

	// owned by who calls look, one at a time
	looks []look // the oldest first

	mu   lockwatch.Mutex
	slow []feed.SlowRequest // guarded by mu; the newest first
}

// look is what had been counted at a time.
type look struct {
	at        time.Time
	endpoints []api.EndpointStats
}

// slowly also keeps a request that was slow.
func (f *figures) slowly(tell func(request, endpoint string, took time.Duration)) func(request, endpoint string, took time.Duration) {
	if tell == nil {
		return nil
	}
	return func(request, endpoint string, took time.Duration) {
		f.mu.Lock()
		f.slow = slices.Insert(f.slow, 0, feed.SlowRequest{At: time.Now().UnixMilli(), Request: request, Endpoint: endpoint, Took: milliseconds(took)})
		f.slow = f.slow[:min(len(f.slow), slowKept)]
		f.mu.Unlock()
		tell(request, endpoint, took)
	}
}

// look makes the row.
func (f *figures) look() *feed.Figures {
	now := look{time.Now(), f.s.api.Stats().Endpoints}
	e := f.s.engine.Stats()
	out := &feed.Figures{Name: f.name, SQLLag: e.Flush.Lag.Age.Seconds(), Unsynced: e.Journal.Appended - e.Journal.Durable,
		Balanced: e.Audit.Closed == nil, Alerts: f.alerts(), Books: books(&e), Queues: f.queues(&e)}
	f.answered(out, now)
	f.refused(out)
	replicas(out, e.Replica)
	f.mu.Lock()
	out.Slow = slices.Clone(f.slow)
	f.mu.Unlock()
	return out
}

// answered compares with the oldest look that there is.
func (f *figures) answered(out *feed.Figures, now look) {
	if n := len(f.looks); n > 0 && now.at.Sub(f.looks[n-1].at) > figuresFresh {
		f.looks = f.looks[:0]
	}
	f.looks = append(f.looks, now)
	if len(f.looks) > figuresOver+1 {
		f.looks = slices.Delete(f.looks, 0, 1)
	}
	before := f.looks[0]
	seconds := now.at.Sub(before.at).Seconds()
	if seconds == 0 {
		return
	}
	sum := 0.0
	for i := range now.endpoints {
		one := answeredSince(&now.endpoints[i], &before.endpoints[i], seconds)
		sum += one.Rate
		if one.Name == reportEndpoint {
			out.ReportP99 = one.P99
		}
		if one.Rate > 0 {
			out.Endpoints = append(out.Endpoints, one)
		}
	}
	out.Requests = &sum
}

func answeredSince(now, before *api.EndpointStats, seconds float64) feed.Endpoint {
	e := feed.Endpoint{Name: now.Name}
	for class := range now.Answers {
		n := float64(now.Answers[class]-before.Answers[class]) / seconds
		e.Rate += n
		if class == len(now.Answers)-1 {
			e.Errors = n
		}
	}
	if took := now.Took; now.Timed {
		took.Sub(before.Took)
		e.P50, e.P99 = quantile(&took, 0.5), quantile(&took, 0.99)
	}
	return e
}

// quantile is in milliseconds; nil if nothing was counted.
func quantile(h *histogram.Snapshot, q float64) *float64 {
	if h.Count() == 0 {
		return nil
	}
	ms := milliseconds(h.Quantile(q))
	return &ms
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// alerts are sentences about what an operator should look at.
func (f *figures) alerts() []string {
	list := []string{}
	for _, err := range f.s.engine.Health() {
		list = append(list, err.Error())
	}
	gate := f.s.shedding.gate.Stats()
	if refuses := gate.String(); refuses != "" {
		list = append(list, "the server is "+refuses)
	}
	return list
}

func (f *figures) refused(out *feed.Figures) {
	gate := f.s.shedding.gate.Stats()
	out.Refused = map[string]uint64{}
	for class := range admission.Class(len(gate.Refused)) {
		out.Shedding = max(out.Shedding, gate.Share[class])
		for _, n := range gate.Refused[class] {
			out.Refused[class.String()] += n
		}
	}
}

func (f *figures) queues(e *engine.Stats) feed.Queues {
	live, answers, connections := f.s.feed.Stats(), f.s.api.Stats(), f.s.http.Stats()
	return feed.Queues{SQL: e.Flush.Lag.Events, Feed: live.Behind,
		Streams: int(answers.Users.Streams + answers.Chairs.Streams), Connections: int(connections.Conns), Readers: live.Connections,
		Subscriptions: live.Subscriptions, Charges: int(e.Payment.InProgress), SnapshotAge: e.Snapshot.Age.Seconds(), SnapshotBytes: e.Snapshot.Bytes}
}

func books(e *engine.Stats) feed.Books {
	a := &e.Audit
	b := feed.Books{Violations: a.Violations, Recounts: a.Recounts, Age: a.Age.Seconds(), Yen: map[string]int{}}
	if a.Closed != nil {
		b.Closed = fmt.Sprint(a.Closed)
	}
	for account, yen := range a.Totals.Yen {
		b.Yen[account] = int(yen)
	}
	return b
}

// inStep is the number of events that a member which is heard of may lack and still count as up to date.
const inStep = 2000

func replicas(out *feed.Figures, r *engine.ReplicaStats) {
	if r == nil {
		return
	}
	out.Replicas = &feed.Replicas{All: 1 + len(r.Peers), InStep: 1, Term: r.Term}
	for _, p := range r.Peers {
		out.Peers = append(out.Peers, feed.Peer{Name: p.Name, Behind: p.Behind})
		if p.Active && p.Behind <= inStep {
			out.Replicas.InStep++
		}
	}
}
