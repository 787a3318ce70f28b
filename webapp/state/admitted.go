package state

// What admitted work is, for those who refuse other work before it takes a lock.

// Busy reports whether the chair has a ride that is not completed, or had one a moment ago. It
// takes no lock.
func (c *Chair) Busy() bool { return c.busy.Load() }

// HasRide reports whether a ride is the user's, completed or not. It takes no lock.
func (s *Store) HasRide(u *User, rideID string) bool {
	r, ok := s.rides.Load(rideID)
	return ok && r.User == u
}
