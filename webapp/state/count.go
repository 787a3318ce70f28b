package state

import (
	"errors"
	"fmt"
)

// Count is the outcome of a full count.
type Count struct {
	Span
	Sum     Hash // of the state at Span.To, by its events
	Counted Hash // of the same, by a full count
}

// Err says whether the two differ: then memory is not what the events have made of it.
func (c Count) Err() error {
	if c.Sum == c.Counted {
		return nil
	}
	return fmt.Errorf("the state in memory is not what its events have made of it: at event %d a full count has the hash %v, the events %v",
		c.To, c.Counted, c.Sum)
}

// ErrCounting says that another count is under way.
var ErrCounting = errors.New("another count of the state is under way")

// Hash returns the hash of the state at a position: that of the last event.
func (s *Store) Hash() (last uint64, h Hash) {
	s.opt.Log.Hold(func(seq uint64) { last, h = seq, s.tally.sum })
	return last, h
}

// Count is a Walk that counts all facts, while the store goes on, and compares. Only one count can
// be under way, else it returns ErrCounting.
//
// The goal is a full count of the state at one position, although each entity is visited at
// another one:
//
//  1. Each event of an entity after its visit adds its difference to tally.late, too: mark tells
//     the visit to those who hold one of the entity's locks, and is set while all are held.
//  2. An entity that is made after the beginning is late from the first event on and not counted
//     when the walk finds it. So it does not matter whether it does.
//  3. The beginning and the end are moments of the log. An event that was prepared before the
//     beginning and recorded after it is not late: its locks have been held since, so that nothing
//     of it was visited.
//
// So what is counted and what came late add up to the state at the end.
//
// Rejected: stopping the verbs for the time of the count, and a hash kept in each entity, which
// could be compared alone: a ride's status and a delivered mark change under other locks than the
// rest of their user.
func (s *Store) Count(visit func(*Image) error) (Count, error) {
	if !s.tally.counting.CompareAndSwap(false, true) {
		return Count{}, ErrCounting
	}
	defer s.tally.counting.Store(false)
	w := walker{Store: s, visit: visit, position: s.opt.Log.Appended, count: &counter{}}
	span, err := w.walk((*walker).all)
	return Count{span, w.count.sum, w.count.counted}, err
}

// counter counts what a walk visits.
type counter struct {
	round   uint32
	fresh   bool // what is visited is older than the count
	counted Hash
	sum     Hash // at the end
}

// meet marks an entity as visited; all its locks are held.
func (c *counter) meet(m *mark) {
	if c != nil {
		c.pass(*m)
		m.round = c.round
	}
}

// pass is meet for what never changes.
func (c *counter) pass(m mark) {
	if c != nil {
		c.fresh = m.round != c.round
	}
}

func (c *counter) add(i *Image) {
	if c.fresh {
		c.counted = c.counted.plus(i.hash())
	}
}

// begin returns the position at which the walk begins.
func (w *walker) begin() (from uint64) {
	if w.count == nil {
		return w.position()
	}
	w.opt.Log.Hold(func(last uint64) {
		from, w.count.round, w.tally.late = last, w.tally.round.Add(1), Hash{}
	})
	return from
}

// end returns the position at which it ends.
func (w *walker) end() (to uint64) {
	if w.count == nil {
		return w.position()
	}
	w.opt.Log.Hold(func(last uint64) {
		to, w.count.sum = last, w.tally.sum
		w.count.counted = w.count.counted.plus(w.tally.late)
	})
	return to
}

// recount returns the hash of a store that is not shared yet.
func (s *Store) recount() (h Hash) {
	w := walker{Store: s, visit: func(i *Image) error { h = h.plus(i.hash()); return nil }, position: func() uint64 { return 0 }}
	w.all()
	return h
}
