package api

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"isuride/webapp/internal/histogram"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/state"
)

// endpoint is a handler with what it has answered.
type endpoint struct {
	name    string // method and path
	handle  handler
	latency latencyClass
	leased  bool // the answer may be as old as a lease, see engine.Generation.Barrier
	repeat  bool // a request may be sent to the next leader when one is lost that has had it
	stale   bool // there is an answer without a leader, with its age
	duty    duty

	// Both cores count at once, so that the counters of one endpoint share no cache line
	// with what others write or what everybody reads.
	_       [64]byte
	answers [classes]atomic.Uint64
	took    histogram.Histogram
	_       [64]byte
}

// latencyClass says what an endpoint's latency depends on.
type latencyClass uint8

const (
	own       latencyClass = iota // on the server alone; a slow answer is worth a look
	external                      // on the payment gateway, a database that is refilled, a client's line
	unbounded                     // on nothing: the answer has no end, or the request no meaning
)

// classes are those of statuses, from 2xx on.
const classes = 4

// Names of what is answered besides the endpoints: the front end's files, and requests
// for no endpoint, with the wrong method, or that were none.
const (
	staticName = "static"
	otherName  = "other"
)

// Observe counts an answer. It is the Observe option of the HTTP server.
//
// Fast path: three atomic additions for each request.
func (a *API) Observe(ctx *httpd.Ctx, took time.Duration) {
	e, ok := ctx.Tag().(*endpoint)
	if !ok {
		e = a.other
	}
	e.answers[min(max(ctx.Status()/100-2, 0), classes-1)].Add(1)
	if e.latency == unbounded {
		return
	}
	e.took.Observe(took)
	if took >= a.opt.Slow && e.latency == own {
		a.opt.OnSlow(ctx.ID(), e.name, took)
	}
}

// Stats are the figures of an API.
type Stats struct {
	Endpoints     []EndpointStats // by name
	Users, Chairs RecipientStats
}

// EndpointStats are the answers of one endpoint.
type EndpointStats struct {
	Name    string
	Answers [classes]uint64 // with a status of 2xx, 3xx, 4xx, 5xx
	// Timed says that the answers have an end; Took is how long that took, from the
	// complete request to the answer's last byte in the socket.
	Timed bool
	Took  histogram.Snapshot
}

// Stats reads the figures.
func (a *API) Stats() Stats {
	s := Stats{Users: a.recipients[state.ToUser].stats(), Chairs: a.recipients[state.ToChair].stats()}
	s.Endpoints = append(s.Endpoints, a.static.stats(), a.other.stats())
	for _, r := range a.routes {
		for _, e := range r.endpoints {
			s.Endpoints = append(s.Endpoints, e.stats())
		}
	}
	slices.SortFunc(s.Endpoints, func(x, y EndpointStats) int { return strings.Compare(x.Name, y.Name) })
	return s
}

func (e *endpoint) stats() EndpointStats {
	s := EndpointStats{Name: e.name, Timed: e.latency != unbounded, Took: e.took.Snapshot()}
	for i := range e.answers {
		s.Answers[i] = e.answers[i].Load()
	}
	return s
}
