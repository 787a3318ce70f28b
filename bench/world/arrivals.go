package world

import (
	"math"
	"math/rand/v2"
)

// An open loop requests rides at moments that were fixed in advance, whether the server
// keeps up or not, and measures each from that moment. In the usual, closed loop a slow
// server is asked for less, and what it was not asked for never shows as a latency
// (coordinated omission).
//
// The moments are a Poisson process: people do not wait for each other. Evenly spaced
// requests would hide the queues that chance builds up at any server, and with them the
// higher percentiles. The process follows from the seed alone, so two servers are asked
// at the same moments.

// What an open loop needs, by Little's law: rate times the time for which each ride takes
// up a user or a chair.
const (
	// A ride takes its user about a second at a good server. There are users for rides of
	// ten seconds; if even these are all taken, the next rides start late, instead of
	// piling up in the server until one has waited for 30 s and ends the run.
	userSeconds = 10
	// A ride takes its chair a second at most at a good server (appendix D: 5 ticks to
	// the pickup and 16 to the destination with all speeds in equal number, and about 10
	// for everything else; less if the fast ones are preferred). A third of the chairs is
	// busy then: one that is free is near, and a server that triples every wait still has
	// enough.
	chairSeconds = 3
)

// A ride may start by lateStart after it is due without being counted: a third of a tick.
const lateStart = 10 * Millisecond

// An arrival is a ride that is wanted.
type arrival struct {
	due     Instant
	started Instant // the first request for it; 0 before
	refused Instant // by the server; 0 if not
	ride    *ride   // nil until it is created
}

// arrivals are those of an open loop.
type arrivals struct {
	rate   float64 // per second
	random *rand.Rand
	begun  Instant // beginning of the load
	ended  Instant
	next   Instant // when the next one is due
	all    []*arrival
	waited int // that found no idle user
}

func newArrivals(c Config) *arrivals {
	if c.RideRate <= 0 {
		return nil
	}
	return &arrivals{rate: c.RideRate, random: newRand(c.Seed, Entity{Index: 1})}
}

func (a *arrivals) begin(now Instant) {
	a.begun, a.next = now, now
	a.advance()
}

// advance draws the moment of the next arrival.
func (a *arrivals) advance() {
	a.next += Instant(math.Round(a.random.ExpFloat64() / a.rate * float64(Second)))
}

// add takes the next arrival out of the process.
func (a *arrivals) add() *arrival {
	n := &arrival{due: a.next}
	a.all = append(a.all, n)
	a.advance()
	return n
}

// NextArrival is the time at which Arrive must be called; false if never, which is always
// so without an open loop. It is known from the first tick on.
func (w *World) NextArrival() (at Instant, ok bool) {
	if w.arrivals == nil || w.ended || w.tick < 0 {
		return 0, false
	}
	return w.arrivals.next, true
}

// Arrive starts the rides of the open loop that are due, between ticks too.
func (w *World) Arrive(now Instant) {
	w.advance(now)
	if _, ok := w.NextArrival(); !ok {
		return
	}
	for a := w.arrivals; a.next <= w.now; {
		n := a.add()
		g := w.regions[a.random.IntN(len(w.regions))]
		if len(g.idle) == 0 {
			a.waited++
			g.waiting = append(g.waiting, n)
			continue
		}
		u := g.idle[0] // idle for longest, so that all users come to ride
		g.idle = g.idle[1:]
		u.pooled, u.arrival = false, n
		u.turn()
	}
}

// offer gives a user who has nothing to do the ride that has waited longest, or makes
// them wait for one.
func (u *user) offer() {
	if u.world.arrivals == nil || u.state != userActive || u.ride != nil || u.arrival != nil || u.pooled || u.rests {
		return
	}
	g := u.region
	if len(g.waiting) == 0 {
		g.idle = append(g.idle, u)
		u.pooled = true
		return
	}
	u.arrival = g.waiting[0]
	g.waiting = g.waiting[1:]
}

// wantsRide is for a user without one.
func (u *user) wantsRide() bool { return u.world.arrivals == nil || u.arrival != nil }
