package admission

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// epoch is how long a session that is refused stays among those that are. A rider makes
	// several requests for one ride, and a share of sessions that gets all of them answered is
	// worth more than a share of requests. After it others have their turn.
	epoch = 5 * time.Second
	// patience is how long a client waits for an answer (S10.2).
	patience = 10 * time.Second
	// rest is how long nothing must have come, and nothing waited, before a gate rests.
	rest = time.Second
	// deep is the wait from which on each request is measured, as some may be older than patience.
	deep = time.Second
)

// begun stands beside the classes where shares are kept: it is class C of a session that was let in,
// see guests.
const (
	begun = classes
	kinds = classes + 1
)

// targets are the waits beyond which a class is refused. The strict ones are what a person does not
// notice, and a tenth of a second; the default ones are a third, and more than half, of what
// clients wait at all. Who has begun is refused once all others of class C are.
var targets = map[Mode][kinds]time.Duration{
	Default: {B: 6 * time.Second, begun: 4500 * time.Millisecond, C: 3 * time.Second},
	Strict:  {B: 100 * time.Millisecond, begun: 30 * time.Millisecond, C: 20 * time.Millisecond},
}

// Source is a place where waiting can be seen.
type Source struct {
	Name string
	// Low returns the least time that anything has waited there since the last call; false
	// if nothing has come by.
	Low func() (time.Duration, bool)
}

// Options of a Gate.
type Options struct {
	Mode Mode // Default or Strict
	// Sources are asked fifty times a second, besides what Waited was told.
	Sources []Source
	// Backlog, if set, says that no more is to be recorded than what class A needs.
	Backlog func() bool
	// Now is a clock that never steps back; its zero point does not matter. The default
	// is the runtime's.
	Now func() time.Duration
}

// Gate decides. A nil Gate admits everything. Its methods may be called from any goroutine, but
// Run.
type Gate struct {
	// Set once.
	opt     Options
	target  [kinds]time.Duration
	seed    maphash.Seed
	buckets *buckets
	guests  *guests
	sockets lowest

	// Atomic: written by Run each interval, read by everybody.
	pressed atomic.Bool
	backlog atomic.Bool
	shares  [kinds]atomic.Uint64 // of 2^64: a session below it is refused
	turn    atomic.Uint64        // epochs since the start, times turns
	mask    atomic.Uint64        // of the requests to measure, see Wanted
	delays  []atomic.Int64       // by source, the sockets first, in ns
	resting atomic.Bool          // Run waits for woken

	woken chan struct{}

	// Atomic.
	refused [classes][reasons]atomic.Uint64

	// Owned by Run.
	controllers [kinds]controller
	eased       time.Duration // for which it was not pressed
	quiet       time.Duration // for which nobody has come besides
}

// New returns a gate whose Run has not begun.
func New(o Options) *Gate {
	if o.Now == nil {
		began := time.Now()
		o.Now = func() time.Duration { return time.Since(began) }
	}
	g := &Gate{opt: o, target: targets[o.Mode], seed: maphash.MakeSeed(), buckets: newBuckets(), guests: new(guests), delays: make([]atomic.Int64, 1+len(o.Sources)), woken: make(chan struct{}, 1)}
	for c := range g.controllers {
		g.controllers[c].target = g.target[c]
	}
	g.mask.Store(firstMask)
	return g
}

// Run keeps the gate up to date until ctx is done. A gate that nobody runs admits everything. It
// looks fifty times a second, ten times while it is not pressed, and not at all while nobody comes:
// a look and what it wakes take some 0.2 ms of a processor.
func (g *Gate) Run(ctx context.Context) {
	pace := interval
	t := time.NewTicker(pace)
	defer t.Stop()
	for {
		woken := false
		select {
		case <-ctx.Done():
			return
		case <-g.woken:
			woken = true
		case <-t.C:
			g.look(pace)
		}
		if g.quiet >= rest {
			t.Stop()
			g.lieDown()
			continue
		}
		next := interval
		if g.eased >= calm {
			next = easyInterval
		}
		if next != pace || woken {
			t.Reset(next)
		}
		pace = next
	}
}

// lieDown has the next request wake Run: as long as a gate rests, all are shown to Decide.
func (g *Gate) lieDown() {
	g.eased, g.quiet = 0, 0
	g.resting.Store(true)
	g.pressed.Store(true)
}

// rouse ends a rest.
func (g *Gate) rouse() {
	if g.resting.CompareAndSwap(true, false) {
		g.pressed.Store(false)
		g.woken <- struct{}{}
	}
}

// Look ends an interval: what Run does fifty times a second under pressure.
func (g *Gate) Look() { g.look(interval) }

// look ends a time of that length.
func (g *Gate) look(length time.Duration) {
	low, seen, samples := g.sockets.take()
	if !seen {
		low = 0 // nothing has come: nothing waits
	}
	g.delays[0].Store(int64(low))
	for i, s := range g.opt.Sources {
		d, _ := s.Low()
		g.delays[1+i].Store(int64(d))
		low = max(low, d)
	}
	g.aim(samples, low)
	behind := g.opt.Backlog != nil && g.opt.Backlog()
	g.backlog.Store(behind)
	g.turn.Store(uint64(g.opt.Now() * turns / epoch))
	pressed := behind || low > g.target[C]/2
	for c := range g.controllers {
		k := &g.controllers[c]
		k.step(low, length)
		g.shares[c].Store(part(k.share))
		pressed = pressed || k.share > 0
	}
	g.pressed.Store(pressed)
	if g.eased += length; pressed {
		g.eased = 0
	}
	if g.quiet += length; pressed || seen {
		g.quiet = 0
	}
}

// part returns a share of 2^64.
func part(share float64) uint64 {
	if share >= 1 {
		return math.MaxUint64
	}
	return uint64(share*(1<<32)) << 32
}

// Pressed reports whether requests are to be shown to Decide at all.
//
// Fast path: one load of what is written fifty times a second.
func (g *Gate) Pressed() bool { return g != nil && g.pressed.Load() }

// Request is what Decide needs to know.
type Request struct {
	Class   Class
	Session uint64        // see Session
	Writes  bool          // adds to what must be written
	Waited  time.Duration // if that was measured, else 0
}

// Decide says whether a request is to be refused, and counts it then. All requests of a session,
// of any class, draw on its budget: a client that claims class A by sending more of
// it than a ride can need is found out here.
func (g *Gate) Decide(r Request) Reason {
	why := g.decide(r)
	if why != Admitted {
		g.refused[r.Class][why].Add(1)
	}
	return why
}

func (g *Gate) decide(r Request) Reason {
	switch {
	case !g.Pressed():
		return Admitted
	case g.resting.Load():
		g.rouse()
		return Admitted
	case r.Class == C && r.Waited > patience:
		return Stale
	case !g.buckets.take(r.Session, g.opt.Now()):
		return Rate
	case r.Class == A:
		return Admitted
	case r.Writes && g.backlog.Load():
		return Backlog
	case r.Class == C:
		return g.decideC(r.Session)
	case g.place(r.Session) < g.shares[r.Class].Load():
		return Wait
	}
	return Admitted
}

// decideC is for class C, in which it counts whether a session has begun.
func (g *Gate) decideC(session uint64) Reason {
	now, share := g.opt.Now(), g.shares[C].Load()
	if share > 0 && g.guests.has(session, now) {
		if g.place(session) < g.shares[begun].Load() {
			return Wait
		}
		return Admitted
	}
	if g.place(session) < share {
		return Wait
	}
	if share > 0 {
		g.guests.add(session, now)
	}
	return Admitted
}

// Begins tells of the token of an account that was just registered: its session goes on with what was
// admitted for a connection.
func (g *Gate) Begins(token string) {
	if g.Pressed() {
		g.guests.add(maphash.String(g.seed, token), g.opt.Now())
	}
}

// turns is the number of groups of sessions whose epochs begin one after the other, so that
// not all change places at once.
const turns = 16

// place is where a session stands in its epoch, of 2^64. Class B and C use the same, so that who is
// admitted with one is admitted with the other.
func (g *Gate) place(session uint64) uint64 {
	return mix(session ^ mix((g.turn.Load()+session%turns)/turns))
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Session returns the number of a session, from what nobody else has: its token. Outsiders
// cannot tell which other sessions have a number near it.
func (g *Gate) Session(token []byte) uint64 { return maphash.Bytes(g.seed, token) }

// Connection is Session for those who have none: the number of their connection.
func (g *Gate) Connection(serial uint64) uint64 { return maphash.Comparable(g.seed, serial) }

// RetryAfter is the number of seconds, 1 to 3, after which a session should come back. They differ,
// so that a herd does not return in step.
func (g *Gate) RetryAfter(session uint64) int { return int(1 + mix(session+g.turn.Load())%3) }

// Stats are a gate's figures.
type Stats struct {
	Mode    Mode
	Refused [classes][reasons]uint64
	Share   [classes]float64 // of the sessions, refused now
	Backlog bool
	Delay   map[string]time.Duration // by source: the least wait of the last interval
}

// SocketSource is the name of what Waited was told.
const SocketSource = "sockets"

// Stats reads the figures. Those of a nil Gate say Off.
func (g *Gate) Stats() Stats {
	if g == nil {
		return Stats{Mode: Off}
	}
	s := Stats{Mode: g.opt.Mode, Backlog: g.backlog.Load(), Delay: map[string]time.Duration{SocketSource: time.Duration(g.delays[0].Load())}}
	for i, from := range g.opt.Sources {
		s.Delay[from.Name] = time.Duration(g.delays[1+i].Load())
	}
	for c := range classes {
		s.Share[c] = float64(g.shares[c].Load()) / (1 << 64)
		for r := range reasons {
			s.Refused[c][r] = g.refused[c][r].Load()
		}
	}
	return s
}

// String says in a few words what is refused, for people.
func (s *Stats) String() string {
	var parts []string
	for _, c := range []Class{C, B} {
		if share := s.Share[c]; share > 0 {
			parts = append(parts, fmt.Sprintf("%.0f %% of class %v", 100*share, c))
		}
	}
	if s.Backlog {
		parts = append(parts, "changes of class B and C, as the database is behind")
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("refusing %s; requests wait for %v", strings.Join(parts, ", "), s.longest().Round(time.Millisecond))
}

func (s *Stats) longest() (d time.Duration) {
	for _, of := range s.Delay {
		d = max(d, of)
	}
	return d
}
