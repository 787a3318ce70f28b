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
	// patience is how long the server's own matcher has before it is helped.
	patience = 3 * time.Second
	// helpPause is between two calls that help.
	helpPause = 100 * time.Millisecond
	// lost is how many chairs may go to rides that other scenarios, or the initial data,
	// left without one.
	lost = 20
)

// A pilot knows how rides get chairs here. The stock server has no loop of its own:
// somebody outside calls GET /api/internal/matching (S7.1). If nothing happens by itself,
// the run does that.
type pilot struct {
	helped atomic.Bool // calls are needed
	failed atomic.Bool // even they did not help
}

// limit is shorter once it is known that nobody is matched.
func (p *pilot) limit() time.Duration {
	if p.failed.Load() {
		return patience
	}
	return matchLimit
}

// match waits until a chair was told of the ride: c, or a new one if c is nil or is sent
// to another ride.
func (r *ride) match(c *chair) *chair {
	for range lost {
		if c == nil {
			c = r.t.owner().working(fastModel, r.from.Plus(1, 1))
		}
		told := c.nextRide()
		r.t.need(told != "", words("no chair was told of a ride within %s", r.t.pilot.limit()), c.stream)
		if told == r.id {
			r.chair = c
			return c
		}
		c.retire()
		c = nil
	}
	r.t.stop("chairs are sent to other rides only")
	return nil
}

// nextRide waits until the chair is told of a ride that it did not know; empty if it is
// not.
func (c *chair) nextRide() string {
	id := ""
	told := func() bool {
		for _, m := range c.stream.Received() {
			if m.Status == probe.Matching && !c.knownRide[m.RideID] {
				id = m.RideID
				return true
			}
		}
		return false
	}
	if c.awaitMatch(told) {
		c.knownRide[id] = true
	}
	return id
}

func (c *chair) awaitMatch(told func() bool) bool {
	p, end := &c.t.pilot, time.Now().Add(c.t.pilot.limit())
	if !p.helped.Load() && c.stream.Await(patience, told) {
		return true
	}
	for time.Now().Before(end) && c.t.Context.Err() == nil {
		w := c.t.help()
		if c.stream.Await(helpPause, told) {
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
