package main

import (
	"math/rand/v2"
	"time"
)

// region is a distance that only chairs of the ride's own region are within.
const region = 200

// match is one round.
func (s *server) match() {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Now()
	free := []*chair{}
	for _, c := range s.fleet {
		if c.free(at) && len(c.stream.queue) == 0 {
			free = append(free, c)
		}
	}
	if s.policy == "one" {
		if len(s.waiting) > 0 && len(free) > 0 {
			s.waiting[0].assign(free[rand.IntN(len(free))])
			s.waiting = s.waiting[1:]
		}
		return
	}
	rest, made := s.waiting[:0], 0
	for _, r := range s.waiting {
		best := r.best(free)
		if best < 0 || made >= s.limit {
			rest = append(rest, r)
			continue
		}
		made++
		r.assign(free[best])
		free[best] = nil
	}
	s.waiting = rest
}

// best is the index of the chair that would finish first, pickup counted tenfold; -1 without
// one in the region.
func (r *ride) best(free []*chair) int {
	best, least := -1, 1<<30
	for i, c := range free {
		if c == nil {
			continue
		}
		way := c.at.distance(r.pickup)
		if way > region {
			continue
		}
		if cost := (way*10 + r.pickup.distance(r.to)) / c.speed; cost < least {
			best, least = i, cost
		}
	}
	return best
}

func (r *ride) assign(c *chair) {
	r.chair, c.ride = c, r
	r.notifyChair()
}
