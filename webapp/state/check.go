package state

import (
	"errors"
	"fmt"

	"isuride/webapp/isuride"
)

// Check compares the indexes with the tables and reports every contradiction. It is
// for tests, on a store that nobody changes meanwhile.
func (s *Store) Check() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	s.checkChairs(fail)
	s.checkUsers(fail)
	s.checkWaiting(fail)
	return errors.Join(errs...)
}

type failFunc func(format string, args ...any)

func (s *Store) checkChairs(fail failFunc) {
	entries := map[*Chair]*FreeChair{}
	for i := range s.regions {
		for f := range s.regions[i].free.all() {
			if entries[f.Chair] != nil {
				fail("chair %s is free twice", f.ID)
			}
			entries[f.Chair] = f
		}
	}
	s.chairsByID.Range(func(_ string, c *Chair) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		entry := entries[c]
		if want := c.active && c.track.Reported != 0 && c.ride == nil && !c.resting; (entry != nil) != want {
			fail("chair %s is free: %v, want %v", c.ID, entry != nil, want)
		}
		if want := (FreeChair{c, c.track.At, c.unseen == nil}); entry != nil && *entry != want {
			fail("chair %s is free as %+v, want %+v", c.ID, *entry, want)
		}
		if r := c.ride; r != nil && (r.chair.Load() != c || r.status == isuride.Completed) {
			fail("chair %s holds ride %s, which is not its own or completed", c.ID, r.ID)
		}
		return true
	})
}

func (s *Store) checkUsers(fail failFunc) {
	s.usersByID.Range(func(_ string, u *User) bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		unfinished := 0
		for _, r := range u.rides {
			if !r.done {
				unfinished++
			}
			if r.User != u {
				fail("ride %s is in the history of user %s", r.ID, u.ID)
			}
		}
		if unfinished != u.unfinished {
			fail("user %s counts %d unfinished rides, has %d", u.ID, u.unfinished, unfinished)
		}
		used := map[string]bool{}
		for _, c := range u.coupons {
			if c.UsedBy != "" && used[c.UsedBy] {
				fail("ride %s used two coupons", c.UsedBy)
			}
			used[c.UsedBy] = true
		}
		return true
	})
}

func (s *Store) checkWaiting(fail failFunc) {
	waiting := map[*Ride]bool{}
	for i := range s.regions {
		for _, r := range s.regions[i].Waiting(nil) {
			waiting[r] = true
		}
	}
	s.rides.Range(func(_ string, r *Ride) bool {
		if want := r.chair.Load() == nil; waiting[r] != want {
			fail("ride %s waits: %v, want %v", r.ID, waiting[r], want)
		}
		return true
	})
}
