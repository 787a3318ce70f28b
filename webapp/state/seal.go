package state

import (
	"errors"
	"fmt"

	"isuride/webapp/isuride"
)

// Seal is the hash of the state at the place of an announcement: a StateHashed event. The next one
// carries it.
//
// So the replicas compare their states exactly, without stopping anything. Who applies the log one
// event after the other knows its own hash at the place of each announcement by itself; the leader
// learns it in the moment in which the log gives the announcement its number (Recorded). It cannot
// be in the announcement itself, whose bytes are fixed before. Rejected: the hash at an earlier
// position, of which a follower would have to remember as many as there may be events between the
// reading and the announcement; and the leader as a follower of its own log, with a second state.
type Seal struct {
	Position uint64 // of the announcement, 0 if there was none
	Hash     Hash
}

// ErrDiverged says that a state differs from the one that the leader had after the same events.
// It must not serve, nor lead.
var ErrDiverged = errors.New("the state differs from the leader's")

// Announce records e, a StateHashed event, with the hash at the place of the one before, by any
// leader. Position and all of the hash are filled in. One call at a time.
func (s *Store) Announce(e *isuride.Event) (seq uint64, err error) {
	var last Seal
	s.opt.Log.Hold(func(uint64) { last = s.tally.sealed })
	e.Hash.Position, e.Hash.Form, e.Hash.Hi, e.Hash.Lo = last.Position, HashForm, last.Hash.Hi, last.Hash.Lo
	d := s.delta()
	d.seals = true
	return s.record(e, &d)
}

// seal compares an announcement with the state at the one before, and notes the state at this one.
func (r *Recovery) seal(seq uint64, h *isuride.StateHash) error {
	t := &r.store.tally
	want, own := Seal{h.Position, Hash{h.Hi, h.Lo}}, t.sealed
	t.sealed = Seal{}
	if seq >= r.span.To {
		t.sealed = Seal{seq, t.sum}
	}
	if own.Position > 0 && own.Position == want.Position && h.Form == HashForm && own.Hash != want.Hash {
		return fmt.Errorf("%w: at event %d it has the hash %v, the leader's had %v", ErrDiverged, own.Position, own.Hash, want.Hash)
	}
	return nil
}
