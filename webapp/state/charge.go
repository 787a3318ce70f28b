package state

import (
	"cmp"
	"slices"

	"isuride/webapp/isuride"
)

// Charge is a payment under way, and the rating that takes effect with it. A ride has at
// most one at a time; other calls that rate the same ride wait for it.
type Charge struct {
	// Set once.
	Ride       *Ride
	Token      string // the user's payment token
	Evaluation int
	seq        uint64        // number of its ChargeStarted
	done       chan struct{} // closed when the outcome is known

	// Guarded by the user's lock.
	callers int  // that began it, or wait for it
	lost    bool // its outcome could not be recorded, see loseLocked

	// Written before done is closed.
	completedAt isuride.Time
	err         error
}

// maxCallers bounds the calls that wait for one charge, which takes seconds if the
// gateway is slow. A client calls once, and again if its connection breaks.
const maxCallers = 8

// Wait returns the outcome: the time of completion, or why there was none.
func (ch *Charge) Wait() (isuride.Time, error) {
	<-ch.done
	return ch.completedAt, ch.err
}

// BeginCharge checks that the user can rate the ride now and records that the payment
// begins (S4.8 steps 1 to 5). If one is under way already, it is returned with first
// unset, and its own evaluation counts.
func (s *Store) BeginCharge(u *User, rideID string, evaluation int) (ch *Charge, first bool, err error) {
	if evaluation < 1 || evaluation > 5 {
		return nil, false, isuride.Errorf(isuride.InvalidInput, "evaluation must be from 1 to 5")
	}
	r, ok := s.rides.Load(rideID)
	if !ok || r.User != u {
		return nil, false, isuride.Errorf(isuride.NotFound, "ride %.40q does not exist", rideID)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if ch := r.charge; ch != nil && !ch.lost {
		return ch, false, ch.joinLocked()
	}
	if err := cmp.Or(s.open(), r.ratable()); err != nil {
		return nil, false, err
	}
	if u.token == "" {
		return nil, false, isuride.Errorf(isuride.WrongState, "the user has no payment method")
	}
	e := isuride.Event{Kind: isuride.ChargeStarted, Charge: &isuride.Charge{RideID: r.ID, Evaluation: evaluation}}
	if v := checkChargeLocked(r, e.Charge); v != nil {
		return nil, false, s.refuse(v)
	}
	d := s.delta()
	if lost := r.charge; lost != nil {
		d.chargeEnds(u, r.ID, lost.Evaluation) // this one takes its place, under the same key
	}
	d.chargeBegins(u, r.ID, evaluation)
	seq, err := s.record(&e, &d)
	if err != nil {
		return nil, false, err
	}
	return r.openLocked(evaluation, seq), true, nil
}

// Took reports whether a ride is the user's.
func (u *User) Took(rideID string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.ContainsFunc(u.rides, func(r *Ride) bool { return r.ID == rideID })
}

// openLocked notes the charge.
func (r *Ride) openLocked(evaluation int, seq uint64) *Charge {
	r.charge = &Charge{Ride: r, Token: r.User.token, Evaluation: evaluation, seq: seq, done: make(chan struct{}), callers: 1}
	return r.charge
}

// noteLocked notes a charge that nobody waits for: its outcome comes with the log, or recovery
// resumes it.
func (r *Ride) noteLocked(open isuride.OpenCharge) {
	r.charge = &Charge{Ride: r, Evaluation: open.Evaluation, seq: open.Seq}
}

// joinLocked counts one more caller.
func (ch *Charge) joinLocked() error {
	if ch.callers == maxCallers {
		return isuride.Errorf(isuride.Conflict, "the ride is being paid for, and %d calls wait for that already", maxCallers)
	}
	ch.callers++
	return nil
}

// ratable says why the ride cannot be rated, if so.
func (r *Ride) ratable() error {
	status := isuride.Matching
	if c := r.chair.Load(); c != nil {
		c.mu.Lock()
		status = r.status
		c.mu.Unlock()
	}
	if status != isuride.Arrived {
		return isuride.Errorf(isuride.WrongState, "ride is %v; it can be rated once it is ARRIVED", status)
	}
	return nil
}

// Complete ends the ride of a charge that the gateway has taken (S4.8, S6). The
// chair is not free until Release.
func (s *Store) Complete(ch *Charge) (isuride.Time, error) {
	r, u, c := ch.Ride, ch.Ride.User, ch.Ride.chair.Load()
	u.mu.Lock()
	defer u.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	status := s.newStatusLocked(r, isuride.Completed, max(s.opt.Now(), r.updatedAt+1, c.lastSaleLocked()+1))
	row := r.rowLocked()
	row.Evaluation, row.UpdatedAt = ch.Evaluation, status.CreatedAt
	posting, v := checkCompletionLocked(r, &row, &status)
	if v != nil {
		err := s.refuse(v)
		ch.loseLocked(err)
		return 0, err
	}
	d := s.delta()
	d.chargeEnds(u, r.ID, ch.Evaluation)
	d.completeLocked(r, &row, &status, whole)
	seq, err := s.record(&isuride.Event{Kind: isuride.RideCompleted, Ride: &row, Status: &status}, &d)
	if err != nil {
		ch.loseLocked(err)
		return 0, err
	}
	s.counts.completed.Add(1)
	s.post(u.ID, seq, &posting)
	s.sold(r, seq)
	s.applyCompletionLocked(r, &row, &status, whole)
	ch.settleLocked(row.UpdatedAt, nil)
	return row.UpdatedAt, nil
}

// Abandon ends a charge that finally failed: the ride stays ARRIVED and can be rated
// again.
func (s *Store) Abandon(ch *Charge, why error) {
	u := ch.Ride.User
	u.mu.Lock()
	defer u.mu.Unlock()
	e := isuride.Event{Kind: isuride.ChargeFailed, Charge: &isuride.Charge{RideID: ch.Ride.ID, Evaluation: ch.Evaluation}}
	d := s.delta()
	d.chargeEnds(u, ch.Ride.ID, ch.Evaluation)
	if err := s.commit(&e, &d); err != nil {
		ch.loseLocked(err)
		return
	}
	ch.settleLocked(0, why)
}

// settleLocked publishes the outcome.
func (ch *Charge) settleLocked(at isuride.Time, err error) {
	ch.completedAt, ch.err = at, err
	ch.Ride.charge = nil
	close(ch.done)
}

// loseLocked publishes that the outcome could not be recorded. As far as the log knows the
// charge is under way, so the ride keeps it: snapshots have it, and a restart tries it once
// more, under the same key. Until then a new one may take its place.
func (ch *Charge) loseLocked(err error) {
	ch.err, ch.lost = err, true
	close(ch.done)
}

// applyCompletionLocked makes all changes of a completion at once (S11, T12 and T22). The
// locks of user and chair are held.
func (s *Store) applyCompletionLocked(r *Ride, row *isuride.Ride, status *isuride.RideStatus, to parts) {
	c := r.chair.Load()
	if to.user {
		r.done, r.evaluation, r.updatedAt = true, row.Evaluation, row.UpdatedAt
		r.User.unfinished--
		r.passed.add(isuride.Completed)
		r.User.unnoticed.Store(r)
	}
	if to.chair {
		c.ride, c.resting, c.unseen = nil, true, r
		c.bookLocked(r, row)
	}
	s.applyStatusLocked(r, status, to)
	if s.walks.Load() == 0 {
		r.matching = statusRow{} // only a chair that lacks its assignment needs it, see Walk
	}
}

// bookLocked enters a completed ride into the chair's stats and sales.
func (c *Chair) bookLocked(r *Ride, row *isuride.Ride) {
	stats, sale := c.bookedLocked(r, row)
	c.stats, c.sales = stats, append(c.sales, sale)
	c.bookTwiceLocked(r, row.Evaluation)
}

// bookedLocked returns the chair's stats with a completed ride, and its entry in the sales.
func (c *Chair) bookedLocked(r *Ride, row *isuride.Ride) (Stats, Sale) {
	stats, sum := c.stats, isuride.Sales(r.Pickup, r.Destination)
	if r.passed.has(isuride.Carrying) && r.passed.has(isuride.Arrived) { // S6.3
		stats.Rides++
		stats.EvaluationSum += int32(row.Evaluation)
	}
	if n := len(c.sales); n > 0 {
		sum += c.sales[n-1].Sum
	}
	return stats, Sale{At: row.UpdatedAt, Sum: sum}
}

func (c *Chair) lastSaleLocked() isuride.Time {
	if n := len(c.sales); n > 0 {
		return c.sales[n-1].At
	}
	return 0
}
