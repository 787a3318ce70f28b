package world

import (
	"fmt"
	"math/rand/v2"
)

// TickLength is one step of simulated time (B2.1).
const TickLength = 30 * Millisecond

const ticksPerHour = 60 // B2.1

// earlyUsers is the percentage of users' turns that come before the chairs' turns of the
// same tick. The official tool starts the tasks of all chairs first, but they run
// concurrently, and some users overtake. It shows in the ticks between a chair's arrival
// at the pickup and its departure (appendix D): the shorter of the two intervals has 28 %
// to 32 % with immediate answers, of which about 7 % are due to notifications read in the
// tick that caused them, and 35 % with 40 ms per call, where those do not occur.
const earlyUsers = 25

// A Config holds what may differ from run to run.
type Config struct {
	Seed uint64
	// PageVisits turns on the loading of static files (B4.5). Without it every visit
	// succeeds at once.
	PageVisits bool
	// Chairs and Users are those there from the beginning, if more than the official
	// number (B1.5); see Population.
	Chairs, Users int
	// RideRate makes an open loop: so many rides a second are requested, whatever becomes
	// of them, and no user comes, no owner buys a chair or leaves. With 0, users request
	// one ride after the other and the city grows with its reputation.
	RideRate float64
	// Refusals has everybody in an open loop obey a server that refuses a call since it is overloaded: a
	// ride refused before it is created is lost, and its user rests as long as asked
	// for; what makes users, chairs and owners is repeated then. Otherwise a refusal is an error like any other.
	// Whatever belongs to a ride that was created must not be refused in any case.
	Refusals bool
	// Patient users order whether they are shown a chair or not, unlike the official ones, who look again (B4.3).
	Patient bool
	// Missed, if not nil, tells whether an owner whose hour has come gets his turn too late for it (B6.3).
	Missed func() bool
}

// A World is the simulation of one run. Its methods must not be called concurrently.
//
// A driver first calls Populate and delivers events until Populated. During the load it
// calls, every TickLength, TickChairs and then TickUsers, and delivers the events of the
// clients whenever they come, between those two as well; after each tick it looks at
// Fatal. EndLoad ends the load; events may still be delivered after it, because a ride
// whose evaluation succeeds then still counts in full (B1.8). All times handed in are
// readings of one clock.
type World struct {
	config  Config
	clients Clients

	userSteps  []step[*user]
	chairSteps []step[*chair]
	ownerSteps []step[*owner]

	random       *rand.Rand
	usernameBase int

	now     Instant
	started Instant // of the load
	tick    int     // the T of B2; -1 before the load
	phase   phase
	ended   bool // the load is over

	regions []*region
	owners  []*owner
	chairs  []*chair
	users   []*user

	chairsByID   map[string]*chair
	ridesByID    map[string]*ride
	usersByToken map[string]*user
	rides        []*ride

	empty    *grid // chairs that may take a ride (B5.3)
	chairSet runSets
	userSet  runSets
	dueUsers runSet // only used inside earlyTurns
	busy     int    // turns under way

	matchingDeadlines fifo[matchingDeadline]
	missingChecks     fifo[missingCheck]
	nearbyAnswers     int      // checked so far
	retries           []*chair // waiting to send their position again, unordered
	resting           []rest   // unordered

	population population
	arrivals   *arrivals // nil without an open loop
	errors     *ErrorLog
	stats      Stats
}

// runSets are the entities of a kind with a turn in this tick and in the next.
type runSets struct{ current, next runSet }

// advance makes the next tick the current one, whose set is empty by then.
func (s *runSets) advance() { s.current, s.next = s.next, s.current }

// phase says which turns of the tick are still to come.
type phase uint8

const (
	phaseChairs phase = iota // early users and chairs are having their turns
	phaseGap                 // chairs have had theirs, most users not
	phaseRest                // everyone has had a turn
)

// New returns a world before its population.
func New(config Config, clients Clients) *World {
	w := &World{
		config:       config,
		clients:      clients,
		userSteps:    userSteps(),
		chairSteps:   chairSteps(),
		ownerSteps:   ownerSteps(),
		random:       newRand(config.Seed, Entity{}),
		tick:         -1,
		phase:        phaseRest,
		regions:      newRegions(),
		chairsByID:   map[string]*chair{},
		ridesByID:    map[string]*ride{},
		usersByToken: map[string]*user{},
		empty:        newGrid(),
		errors:       newErrorLog(),
		arrivals:     newArrivals(config),
	}
	w.usernameBase = w.random.IntN(usernameNumbers)
	return w
}

// advance takes over the driver's clock. Time does not run backwards, even if events were
// stamped on several threads.
func (w *World) advance(now Instant) { w.now = max(w.now, now) }

// TickChairs begins the next tick and gives the chairs their turns (B2.2).
func (w *World) TickChairs(now Instant) {
	w.advance(now)
	if w.tick < 0 {
		w.begin()
	}
	if w.busy > 0 && w.tick >= 0 {
		w.stats.TimedOutTicks++
	}
	w.tick++
	w.phase = phaseChairs
	w.runTimers()
	if w.tick%ticksPerHour == ticksPerHour-1 {
		w.grow()
	}
	w.userSet.advance()
	w.earlyTurns()
	w.chairSet.advance()
	w.chairSet.current.take(func(i int32) { w.chairs[i].turn() })
	w.phase = phaseGap
}

// begin begins the load.
func (w *World) begin() {
	w.started = w.now
	if w.arrivals != nil {
		w.arrivals.begin(w.now)
	}
}

// earlyTurns gives some users their turn ahead of the chairs; the others keep theirs for
// TickUsers.
func (w *World) earlyTurns() {
	w.userSet.current, w.dueUsers = w.dueUsers, w.userSet.current
	w.dueUsers.take(func(i int32) {
		if w.random.IntN(100) < earlyUsers {
			w.users[i].turn()
		} else {
			w.userSet.current.add(i)
		}
	})
}

// TickUsers gives the users and then the owners their turns. A user to whom something was
// delivered since TickChairs takes part.
func (w *World) TickUsers(now Instant) {
	w.advance(now)
	w.phase = phaseRest
	w.userSet.current.take(func(i int32) { w.users[i].turn() })
	for _, o := range w.owners {
		o.turn()
	}
}

// wakeUser gives u a turn at the next opportunity.
func (w *World) wakeUser(u *user) {
	if w.phase == phaseGap && int(u.lastTurn) != w.tick {
		w.userSet.current.add(u.Index)
		return
	}
	w.userSet.next.add(u.Index)
}

// wakeChair gives c a turn in the next tick.
func (w *World) wakeChair(c *chair) { w.chairSet.next.add(c.Index) }

// Deliver hands in the answer to a call or a notification.
func (w *World) Deliver(now Instant, e Event) {
	w.advance(now)
	switch e.To.Kind {
	case KindUser:
		w.users[e.To.Index].deliver(e)
	case KindChair:
		w.chairs[e.To.Index].deliver(e)
	case KindOwner:
		w.owners[e.To.Index].deliver(e)
	default:
		panic("BUG: event for nobody")
	}
}

// EndLoad ends the load. From here on errors are not looked at (B1.7).
func (w *World) EndLoad(now Instant) {
	w.Arrive(now)
	w.ended = true
	if w.arrivals != nil {
		w.arrivals.ended = w.now
	}
}

// Fatal is the condition that must end the load now, or nil (B1.7).
func (w *World) Fatal() error { return w.errors.Fatal() }

// Errors is the error log of the run.
func (w *World) Errors() *ErrorLog { return w.errors }

// runTimers does what has become due. All waits of the World are so long that looking
// once a tick is enough.
func (w *World) runTimers() {
	for w.matchingDeadlines.due(w.now) {
		d := w.matchingDeadlines.pop()
		w.wakeUser(d.user)
	}
	for w.missingChecks.due(w.now) {
		w.finishMissingCheck(w.missingChecks.pop())
	}
	waiting := w.retries[:0]
	for _, c := range w.retries {
		if c.retryAt <= w.now {
			c.resume()
		} else {
			waiting = append(waiting, c)
		}
	}
	w.retries = waiting
	w.endRests()
}

// complain counts an error of an entity (B12.1). Nothing is counted any more once the end
// is decided.
func (w *World) complain(e *entity, code Code, format string, args ...any) {
	if w.ended || w.Fatal() != nil {
		return
	}
	w.errors.add(w.complaint(e, code, format, args...), func() []string { return e.timeline.lines(w.started) })
}

func (w *World) complaint(e *entity, code Code, format string, args ...any) Complaint {
	return Complaint{Code: code, At: w.now, Tick: w.tick, Entity: e.Entity, Text: fmt.Sprintf(format, args...)}
}

// VerifyPayment judges a payment which the payment service has just processed (B11.4).
// known reports whether the token belongs to a user of this run; a payment that is wrong
// for a known user ends the run.
func (w *World) VerifyPayment(now Instant, token string, amount int) (known bool) {
	w.advance(now)
	u := w.usersByToken[token]
	if u == nil {
		return false
	}
	switch r := u.ride; {
	case r == nil:
		w.wrongPayment(u, "%d paid without a ride", amount)
	case r.paid:
		w.wrongPayment(u, "ride %s paid twice", r.id)
	default:
		r.paid, r.paidAt = true, w.now
		u.note("paid", r, StatusUnknown)
		if amount != r.fare() {
			w.wrongPayment(u, "%d paid for ride %s, its fare is %d", amount, r.id, r.fare())
		}
	}
	return true
}

func (w *World) wrongPayment(u *user, format string, args ...any) {
	if w.ended || w.Fatal() != nil {
		return
	}
	c := w.complaint(&u.entity, CodePayment, format, args...)
	w.errors.addPayment(c, func() []string { return u.timeline.lines(w.started) })
}
