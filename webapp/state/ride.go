package state

import (
	"sync/atomic"

	"isuride/webapp/isuride"
)

// Ride is one request from creation to rating.
type Ride struct {
	// Set once.
	ID                  string
	User                *User
	Pickup, Destination isuride.Coordinate
	CreatedAt           isuride.Time
	Fare                int // discounted, fixed by the coupon used (S4.6)
	coupon              int // what that coupon is worth, 0 if there is none

	// chair is set once, by Assign.
	chair atomic.Pointer[Chair]

	// Guarded by the user's lock until a chair is assigned, by the chair's lock from
	// then on.
	status   isuride.Status
	statusAt isuride.Time // when it was entered
	passed   statusSet

	// Guarded by the user's lock.
	done       bool // completed
	evaluation int
	charge     *Charge // under way by the log, nil if none

	// Written under both locks, read under either.
	updatedAt isuride.Time
	matching  statusRow // of MATCHING, for the chair once it is assigned; forgotten with the completion
}

// parts says which of the two sides of an assigned ride an event is applied to. A command
// always means both; recovery leaves out the side that has the event already, see Walk.
type parts struct{ user, chair bool }

var whole = parts{user: true, chair: true}

// statusSet is a set of statuses, one bit each.
type statusSet uint8

func (s statusSet) has(x isuride.Status) bool { return s&(1<<x) != 0 }
func (s *statusSet) add(x isuride.Status)     { *s |= 1 << x }

// Chair returns the assigned chair, nil while there is none.
func (r *Ride) Chair() *Chair { return r.chair.Load() }

// rowLocked returns the ride's present row.
func (r *Ride) rowLocked() isuride.Ride {
	row := isuride.Ride{ID: r.ID, UserID: r.User.ID, Pickup: r.Pickup, Destination: r.Destination,
		Evaluation: r.evaluation, CreatedAt: r.CreatedAt, UpdatedAt: r.updatedAt}
	if c := r.chair.Load(); c != nil {
		row.ChairID = c.ID
	}
	return row
}

// reachedByLocked reports whether a chair's report from this place advances the ride
// (S5.1).
func (r *Ride) reachedByLocked(at isuride.Coordinate) bool {
	switch r.status {
	case isuride.Enroute:
		return at == r.Pickup
	case isuride.Carrying:
		return at == r.Destination
	}
	return false
}

// newStatusLocked returns the row of the ride's next status. Times within a ride grow,
// since they define the order (S2.2).
func (s *Store) newStatusLocked(r *Ride, status isuride.Status, now isuride.Time) isuride.RideStatus {
	at := max(now, r.statusAt+1)
	return isuride.RideStatus{ID: s.ids.next(at), RideID: r.ID, Status: status, CreatedAt: at}
}

// RequestRide creates a ride that waits for a chair, and uses up a coupon (S4.5).
func (s *Store) RequestRide(u *User, pickup, destination isuride.Coordinate) (*Ride, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.unfinished > 0 {
		return nil, isuride.Errorf(isuride.Conflict, "the user has a ride that is not completed")
	}
	now := s.opt.Now()
	if n := len(u.rides); n > 0 {
		now = max(now, u.rides[n-1].CreatedAt+1) // the newest ride is the one created last
	}
	row := isuride.Ride{ID: s.ids.next(now), UserID: u.ID, Pickup: pickup, Destination: destination, CreatedAt: now, UpdatedAt: now}
	status := isuride.RideStatus{ID: s.ids.next(now), RideID: row.ID, Status: isuride.Matching, CreatedAt: now}
	e := isuride.Event{Kind: isuride.RideRequested, Ride: &row, Status: &status}
	if i := isuride.NextCoupon(u.coupons, len(u.rides) == 0); i >= 0 {
		used := u.coupons[i]
		used.UsedBy = row.ID
		e.Coupons = []isuride.Coupon{used}
	}
	posting, v := checkRequestLocked(u, &e)
	if v != nil {
		return nil, s.refuse(v)
	}
	d := s.delta()
	d.requestLocked(u, &e)
	seq, err := s.record(&e, &d)
	if err != nil {
		return nil, err
	}
	s.counts.requested.Add(1)
	s.post(u.ID, seq, &posting)
	return s.applyRequestLocked(u, &e), nil
}

func (s *Store) applyRequestLocked(u *User, e *isuride.Event) *Ride {
	discount := 0
	for _, used := range e.Coupons {
		discount = used.Discount
		u.useCouponLocked(used.Code, used.UsedBy)
	}
	r := s.addRideLocked(u, e.Ride, discount)
	r.matching = statusRow{e.Status.ID, e.Status.CreatedAt}
	r.enterLocked(e.Status)
	u.Log.Append(Message{Ride: r, Status: r.status, At: r.statusAt, UpdatedAt: r.updatedAt, row: r.matching})
	s.regions[isuride.RegionOf(r.Pickup)].wait(r)
	return r
}

func (u *User) useCouponLocked(code, rideID string) {
	for i := range u.coupons {
		if u.coupons[i].Code == code {
			u.coupons[i].UsedBy = rideID
			u.used += u.coupons[i].Discount
		}
	}
}

// addRideLocked makes the ride known.
func (s *Store) addRideLocked(u *User, row *isuride.Ride, discount int) *Ride {
	r := &Ride{ID: row.ID, User: u, Pickup: row.Pickup, Destination: row.Destination, CreatedAt: row.CreatedAt,
		Fare: isuride.DiscountedFare(row.Pickup, row.Destination, discount), coupon: discount, updatedAt: row.UpdatedAt}
	u.rides = append(u.rides, r)
	u.unfinished++
	s.rides.Store(r.ID, r)
	return r
}

func (r *Ride) enterLocked(row *isuride.RideStatus) {
	r.status, r.statusAt = row.Status, row.CreatedAt
	r.passed.add(row.Status)
}

// Assign gives the ride to the chair, and records why if that is known. It reports false
// if either has been taken, or the chair has left, since the caller looked (S7.1).
func (s *Store) Assign(r *Ride, c *Chair, why *isuride.Why) (bool, error) {
	r.User.mu.Lock()
	defer r.User.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.chair.Load() != nil || c.slot == noSlot {
		return false, nil
	}
	row := r.rowLocked()
	row.ChairID, row.UpdatedAt = c.ID, max(s.opt.Now(), r.updatedAt+1)
	if v := checkAssignmentLocked(r, c, &row); v != nil {
		s.Violate(v)
		return false, nil // matching goes on for all others
	}
	d := s.delta()
	d.assignLocked(r, c, row.UpdatedAt, whole)
	if err := s.commit(&isuride.Event{Kind: isuride.RideAssigned, Ride: &row, Why: why}, &d); err != nil {
		return false, err
	}
	s.counts.matched.Add(1)
	s.applyAssignmentLocked(r, c, row.UpdatedAt, whole)
	return true, nil
}

func (s *Store) applyAssignmentLocked(r *Ride, c *Chair, at isuride.Time, to parts) {
	if to.user {
		r.updatedAt = at
		r.chair.Store(c)
	}
	if !to.chair {
		return
	}
	c.ride, c.unseen = r, nil
	s.refreshFreeLocked(c)
	c.Log.Append(Message{Ride: r, Status: isuride.Matching, At: at, UpdatedAt: at, row: r.matching})
}

// Advance sets the status that a chair asks for: ENROUTE or CARRYING (S4.18).
// Repeating the current one is harmless and changes nothing.
func (s *Store) Advance(c *Chair, rideID string, to isuride.Status) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.ride
	if r == nil || r.ID != rideID {
		return s.notHeldBy(c, rideID)
	}
	if to != isuride.Enroute && to != isuride.Carrying {
		return isuride.Errorf(isuride.InvalidInput, "status must be ENROUTE or CARRYING")
	}
	if r.status == to {
		return nil
	}
	if r.status.Next() != to {
		return isuride.Errorf(isuride.WrongState, "ride is %v, so it cannot become %v", r.status, to)
	}
	status := s.newStatusLocked(r, to, s.opt.Now())
	if v := checkAdvanceLocked(r, &status, nil); v != nil {
		return s.refuse(v)
	}
	d := s.delta()
	d.advanceLocked(r, &status, whole)
	if err := s.commit(&isuride.Event{Kind: isuride.RideAdvanced, Status: &status}, &d); err != nil {
		return err
	}
	s.applyStatusLocked(r, &status, whole)
	return nil
}

func (s *Store) notHeldBy(c *Chair, rideID string) error {
	r, ok := s.rides.Load(rideID)
	switch {
	case !ok:
		return isuride.Errorf(isuride.NotFound, "ride %.40q does not exist", rideID)
	case r.chair.Load() != c:
		return isuride.Errorf(isuride.WrongState, "ride %.40q is not assigned to this chair", rideID)
	}
	return isuride.Errorf(isuride.WrongState, "ride %.40q is completed", rideID)
}

// applyStatusLocked enters a status of an assigned ride and notifies both sides. The
// chair's lock is held, not the user's.
func (s *Store) applyStatusLocked(r *Ride, row *isuride.RideStatus, to parts) {
	c := r.chair.Load()
	m := Message{Ride: r, Status: row.Status, Stats: c.stats, At: row.CreatedAt, UpdatedAt: r.updatedAt, row: statusRow{row.ID, row.CreatedAt}}
	if to.user {
		r.enterLocked(row)
		r.User.Log.Append(m)
	}
	if to.chair {
		c.Log.Append(m)
	}
}

// CompletedRide is a ride in its user's history.
type CompletedRide struct {
	*Ride
	Chair       *Chair
	Evaluation  int
	CompletedAt isuride.Time
}
