package model

import (
	"math/rand/v2"

	"isuride/bench/world"
)

// A Matcher gives waiting rides to free chairs.
type Matcher interface {
	// Match returns pairs of indexes, with each ride and each chair at most once. Rides
	// come in order of creation.
	Match(now world.Instant, rides []WaitingRide, chairs []FreeChair, random *rand.Rand) []Pair
}

// A WaitingRide has no chair yet.
type WaitingRide struct {
	Pickup, Destination world.Point
	Since               world.Instant
}

// A FreeChair can take a ride.
type FreeChair struct {
	Position world.Point
	Speed    int
}

// A Pair is a match, by index.
type Pair struct{ Ride, Chair int }

// Nearest is the policy "nearest" of appendix D: the oldest rides first, each to the
// chair in reach that would finish it soonest, at most Cap of them a round. 0 means all.
type Nearest struct{ Cap int }

// reach keeps matches inside a region.
const reach = 200

// Match implements Matcher.
func (p Nearest) Match(_ world.Instant, rides []WaitingRide, chairs []FreeChair, _ *rand.Rand) []Pair {
	var pairs []Pair
	taken := make([]bool, len(chairs))
	for i, r := range rides {
		if p.Cap > 0 && len(pairs) == p.Cap {
			break
		}
		if c := nearest(r, chairs, taken); c >= 0 {
			taken[c] = true
			pairs = append(pairs, Pair{i, c})
		}
	}
	return pairs
}

// nearest returns the best chair for the ride that is not taken, or -1.
func nearest(r WaitingRide, chairs []FreeChair, taken []bool) int {
	best, bestCost := -1, 0
	trip := distance(r.Pickup, r.Destination)
	for i, c := range chairs {
		d := distance(c.Position, r.Pickup)
		if taken[i] || d > reach {
			continue
		}
		if cost := (10*d + trip) / c.Speed; best < 0 || cost < bestCost {
			best, bestCost = i, cost
		}
	}
	return best
}

// Random is the policy "random" of appendix D: once a round, the oldest ride to any chair
// of either region.
type Random struct{}

// Match implements Matcher.
func (Random) Match(_ world.Instant, rides []WaitingRide, chairs []FreeChair, random *rand.Rand) []Pair {
	if len(rides) == 0 || len(chairs) == 0 {
		return nil
	}
	return []Pair{{0, random.IntN(len(chairs))}}
}

// free reports whether the chair can be listed and, once its stream has sent everything,
// matched.
func (c *chair) free(now world.Instant) bool {
	return c.active && c.placed && c.ride == nil && now > c.freeAt
}

// match plays one round.
func (s *Server) match() {
	if len(s.waiting) == 0 {
		return
	}
	now := s.loop.Now()
	var free []*chair
	var chairs []FreeChair
	for _, c := range s.chairs {
		if c.free(now) && c.stream.idle() {
			free = append(free, c)
			chairs = append(chairs, FreeChair{c.position, c.speed})
		}
	}
	rides := make([]WaitingRide, len(s.waiting))
	for i, r := range s.waiting {
		rides[i] = WaitingRide{r.pickup, r.destination, r.requestedAt}
	}
	for _, p := range s.config.Matcher.Match(now, rides, chairs, s.random) {
		s.assign(s.waiting[p.Ride], free[p.Chair])
		s.waiting[p.Ride] = nil
	}
	s.forgetMatched()
}

func (s *Server) assign(r *ride, c *chair) {
	r.chair, c.ride = c, r
	r.notifyChair()
}

// forgetMatched closes the gaps that a round left.
func (s *Server) forgetMatched() {
	rest := s.waiting[:0]
	for _, r := range s.waiting {
		if r != nil {
			rest = append(rest, r)
		}
	}
	s.waiting = rest
}
