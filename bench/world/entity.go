package world

import (
	"fmt"
	"math/rand/v2"
)

// An entity is the common part of users, chairs and owners.
type entity struct {
	Entity
	world    *World
	random   *rand.Rand
	id       string // given by the server
	timeline timeline
}

func newEntity(w *World, kind EntityKind, index int) entity {
	e := Entity{Kind: kind, Index: int32(index)}
	return entity{Entity: e, world: w, random: newRand(w.config.Seed, e)}
}

// note adds a moment to the entity's timeline.
func (e *entity) note(text string, r *ride, s Status) {
	e.timeline.note(moment{at: e.world.now, tick: int32(e.world.tick), text: text, ride: r, status: s})
}

// callFailed counts a failed call, unless the failure was the bench's own.
func (e *entity) callFailed(code Code, call string, f *Failure) {
	e.note(call+" failed", nil, StatusUnknown)
	if f.Kind == FailureBench {
		e.world.errors.addBenchFault(fmt.Errorf("%v: %s: %w", e.Entity, call, f))
		return
	}
	e.world.complain(e, code, "%s: %v", call, f)
}
