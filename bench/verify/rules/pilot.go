package rules

import (
	"net/http"
	"sync/atomic"
	"time"

	"isuride/bench/verify/probe"
)

const (
	// matchLimit is how long a ride may wait (S7.2).
	matchLimit = 30 * time.Second
	// patience is how long the server's own matcher is waited for.
	patience = 3 * time.Second
	// helpPause is the time between two calls that trigger matching.
	helpPause = 100 * time.Millisecond
	// lost is how many chairs may be sent to rides left waiting by other scenarios or by
	// the initial data.
	lost = 20
)

// A pilot knows how this server matches. The stock server has no loop of its own and
// relies on calls of GET /api/internal/matching (S7.1). The run makes them if nothing
// happens otherwise.
type pilot struct {
	helped atomic.Bool // calls are necessary
	failed atomic.Bool // even calls were in vain
}

// limit is shorter once rides are known to go unmatched.
func (p *pilot) limit() time.Duration {
	if p.failed.Load() {
		return patience
	}
	return matchLimit
}

// match waits until a chair is sent to the ride: c, or a new one if c is nil or is sent
// to another ride.
func (r *ride) match(c *chair) *chair {
	for range lost {
		if c == nil {
			c = r.t.owner().working(fastModel, r.from.Plus(1, 1))
		}
		next := c.nextRide()
		r.t.need(next != "", words("no chair was notified of a ride within %s", r.t.pilot.limit()), c.stream)
		if next == r.id {
			r.chair = c
			return c
		}
		c.retire()
		c = nil
	}
	r.t.stop("chairs are sent to other rides only")
	return nil
}

// nextRide waits until the chair is notified of a new ride; "" if it is not.
func (c *chair) nextRide() string {
	id := ""
	notified := func() bool {
		for _, m := range c.stream.Received() {
			if m.Status == probe.Matching && !c.knownRide[m.RideID] {
				id = m.RideID
				return true
			}
		}
		return false
	}
	if c.awaitMatch(notified) {
		c.knownRide[id] = true
	}
	return id
}

func (c *chair) awaitMatch(notified func() bool) bool {
	p, end := &c.t.pilot, time.Now().Add(c.t.pilot.limit())
	if !p.helped.Load() && c.stream.Await(patience, notified) {
		return true
	}
	for time.Now().Before(end) && c.t.Context.Err() == nil {
		w := c.t.help()
		if c.stream.Await(helpPause, notified) {
			p.helped.Store(p.helped.Load() || w.Fine())
			return true
		}
	}
	p.failed.Store(true)
	return false
}

// help asks for one matching round.
func (t *trial) help() *probe.Answer {
	return t.Anonymous().Call(t.Context, http.MethodGet, probe.MatchingPath, nil)
}
