package state

import (
	"sync/atomic"
	"time"

	"isuride/webapp/isuride"
)

// Counts are the events of rides since the store was opened; those that recovery repeats
// are not counted again.
type Counts struct{ Requested, Matched, Completed uint64 }

// Add adds the counts of another store.
func (c *Counts) Add(o Counts) {
	c.Requested += o.Requested
	c.Matched += o.Matched
	c.Completed += o.Completed
}

// counts are the Counts while they grow.
type counts struct{ requested, matched, completed atomic.Uint64 }

// Overview is a count of everything that there is now. Rides and chairs move on while
// they are counted, so that one may be missing, or be seen twice.
type Overview struct {
	Users int

	// Rides that are not completed: without a chair; with one that is not there yet; with
	// one that waits for its rider; on the way; arrived and not yet rated.
	Waiting, Matched, Pickup, Carrying, Arrived int
	// OldestWait is the age of the oldest ride without a chair.
	OldestWait time.Duration

	// Chairs: free for a ride; with a ride, or not yet released from the last one; and
	// all others.
	Free, Busy, Inactive int
}

// Counts reads the counts.
func (s *Store) Counts() Counts {
	c := &s.counts
	return Counts{Requested: c.requested.Load(), Matched: c.matched.Load(), Completed: c.completed.Load()}
}

// Overview counts. It walks the chairs, one lock at a time: some 100 ns each.
func (s *Store) Overview() (o Overview) {
	o.Users = s.usersByToken.Size()
	now := s.opt.Now()
	for i := range s.regions {
		n, oldest := s.regions[i].waits()
		o.Waiting += n
		if n > 0 {
			o.OldestWait = max(o.OldestWait, now.Sub(oldest))
		}
	}
	s.chairsByID.Range(func(_ string, c *Chair) bool {
		o.add(c)
		return true
	})
	return o
}

func (o *Overview) add(c *Chair) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.slot != noSlot:
		o.Free++
	case c.ride != nil || c.resting:
		o.Busy++
	default:
		o.Inactive++
	}
	if c.ride == nil {
		return
	}
	switch c.ride.status {
	case isuride.Matching, isuride.Enroute:
		o.Matched++
	case isuride.Pickup:
		o.Pickup++
	case isuride.Carrying:
		o.Carrying++
	case isuride.Arrived:
		o.Arrived++
	}
}

// waits returns the number of rides without a chair, and since when the oldest waits.
func (r *Region) waits() (n int, oldest isuride.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ride := range r.waiting {
		if ride.chair.Load() != nil {
			continue
		}
		if n == 0 || ride.CreatedAt < oldest {
			oldest = ride.CreatedAt
		}
		n++
	}
	return n, oldest
}
