// Package model is a correct ISURIDE server in memory for runs in virtual time. It keeps
// every rule of the server in the simplest possible way. Its matching policies and
// latencies are those of B appendix D, so that a World can be compared with the official
// benchmarker, and others can be tried.
//
// It leaves time to package virtual. HTTP, storage and the refusal of wrong requests, of
// which a World makes none, do not exist here.
package model

import (
	"fmt"
	"math/rand/v2"

	"isuride/bench/payment"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// A Config sets the behaviour of the server.
type Config struct {
	Seed     uint64
	Matcher  Matcher
	Interval world.Instant // between rounds of matching
	Polling  bool          // notifications by polling instead of SSE
	Delay    world.Instant // before every call is handled, notifications excepted
}

// freedPause is how long a chair stays unlisted and unmatched after an evaluation
// (B appendix D).
const freedPause = 60 * world.Millisecond

// A Server is the model server. It runs entirely on the virtual loop.
type Server struct {
	config Config
	loop   *virtual.Loop
	core   *payment.Core
	random *rand.Rand

	chairs  []*chair
	waiting []*ride // without a chair, oldest first
	rides   map[string]*ride
	users   map[string]*user // by invitation code
	owners  map[string]*owner
	serial  int
}

// New returns the server in the form that virtual.Run wants.
func New(c Config) func(*virtual.Loop, *payment.Core) world.Clients {
	return func(loop *virtual.Loop, core *payment.Core) world.Clients {
		s := &Server{
			config: c, loop: loop, core: core, random: rand.New(rand.NewPCG(c.Seed, 0x6d6f64656c)),
			rides: map[string]*ride{}, users: map[string]*user{}, owners: map[string]*owner{},
		}
		loop.After(c.Interval, s)
		return s
	}
}

// Run is one round of matching.
func (s *Server) Run(world.Instant) {
	s.match()
	s.loop.After(s.config.Interval, s)
}

// newID returns a unique identifier. They sort by time.
func (s *Server) newID(prefix string) string {
	s.serial++
	return fmt.Sprintf("%s%08d", prefix, s.serial)
}

// Latency of one way between bench and server, in microseconds: a minimum and a random
// part. In the official runs both shared a machine.
const (
	hopMin  = 150
	hopRest = 1000
)

func (s *Server) hop() world.Instant { return hopMin + world.Instant(s.random.IntN(hopRest)) }

// A user is one as the server knows them.
type user struct {
	id, name, code, token string
	coupons               []int // discounts in order of use
	rides                 []*ride
	stream                stream
}

// A chair is one as the server knows it.
type chair struct {
	id, name, model string
	speed           int
	owner           *owner
	active, placed  bool
	position        world.Point
	travelled       int
	updatedAt       world.Millis
	registeredAt    world.Millis
	ride            *ride // the unfinished one
	freeAt          world.Instant
	rides, ratings  int // completed, and the sum of their ratings
	stream          stream
}

// An owner is one as the server knows them.
type owner struct {
	id, name  string
	chairs    []*chair
	completed []*ride // in order of completion
}

// A ride is one as the server knows it.
type ride struct {
	id                     string
	user                   *user
	chair                  *chair // nil while it waits
	pickup, destination    world.Point
	discount, rating       int
	status                 world.Status
	createdAt, completedAt world.Millis
	requestedAt            world.Instant
}

func distance(a, b world.Point) int {
	dx, dy := int(a.X-b.X), int(a.Y-b.Y)
	return max(dx, -dx) + max(dy, -dy)
}

func (r *ride) sales() int { return 500 + 100*distance(r.pickup, r.destination) }
func (r *ride) fare() int  { return 500 + max(100*distance(r.pickup, r.destination)-r.discount, 0) }

// set changes the status and notifies both sides.
func (r *ride) set(s world.Status) {
	r.status = s
	r.notifyUser()
	r.notifyChair()
}

func (r *ride) notifyUser() {
	n := &world.UserNotification{
		RideID: r.id, Pickup: r.pickup, Destination: r.destination, Fare: r.fare(), Status: r.status,
	}
	if c := r.chair; c != nil {
		n.HasChair = true
		n.Chair = world.NotifiedChair{ID: c.id, Name: c.name, Model: c.model, TotalRides: c.rides}
		if c.rides > 0 {
			n.Chair.EvaluationAvg = float64(c.ratings) / float64(c.rides)
		}
	}
	r.user.stream.push(n)
}

func (r *ride) notifyChair() {
	r.chair.stream.push(&world.ChairNotification{
		RideID: r.id, UserID: r.user.id, UserName: r.user.name,
		Pickup: r.pickup, Destination: r.destination, Status: r.status,
	})
}
