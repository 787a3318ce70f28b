package state

import (
	"sync/atomic"

	"isuride/webapp/isuride"
)

// delta is what one event changes of the hash. It is computed before the event is recorded, under
// the locks under which that happens, and takes effect with the record (tally).
//
// It is kept by sides, as events are applied (parts): recovery adds the sides that lack the event.
type delta struct {
	sum   Hash
	late  Hash   // the part of it that concerns what the count of round has visited
	round uint32 // of the last count that had begun
}

// mark is in each entity that a count visits: the last count that has, or in whose time the entity
// was made. It is guarded by the entity's locks as a whole: who holds one of those under which an
// event of the entity is recorded may read it, who holds all may write (see Walk).
type mark struct{ round uint32 }

// delta begins the difference of an event. The locks of what it changes are held.
func (s *Store) delta() delta { return delta{round: s.tally.round.Load()} }

// swap replaces a fact of the entity.
func (d *delta) swap(of *mark, before, after Hash) {
	change := after.minus(before)
	d.sum = d.sum.plus(change)
	if of.round == d.round {
		d.late = d.late.plus(change)
	}
}

func (d *delta) add(of *mark, fact Hash)  { d.swap(of, Hash{}, fact) }
func (d *delta) drop(of *mark, fact Hash) { d.swap(of, fact, Hash{}) }

// born returns the mark of a new entity: a count under way need not look at it.
func (d *delta) born() mark { return mark{d.round} }

func (d *delta) owner(o *isuride.Owner) {
	of := d.born()
	d.add(&of, ownerFact(o))
}

func (d *delta) chair(c *isuride.Chair) {
	of := d.born()
	d.add(&of, chairFact(c))
	d.add(&of, activityFact(c.ID, c.IsActive, c.UpdatedAt))
}

func (d *delta) activityLocked(c *Chair, row *isuride.Chair) {
	d.swap(&c.mark, activityFact(c.ID, c.active, c.updatedAt), activityFact(c.ID, row.IsActive, row.UpdatedAt))
}

func (d *delta) reportLocked(c *Chair, l *isuride.ChairLocation) {
	after := c.track
	after.Add(l.Coordinate, l.CreatedAt)
	d.swap(&c.mark, trackFact(c.key, &c.track), trackFact(c.key, &after))
}

func (d *delta) user(u *isuride.User, granted []isuride.Coupon) {
	of := d.born()
	d.add(&of, userFact(u))
	d.grant(&of, u.ID, granted)
}

// grant adds those of the coupons that are the user's.
func (d *delta) grant(of *mark, userID string, granted []isuride.Coupon) {
	for i := range granted {
		if granted[i].UserID == userID {
			d.add(of, couponFact(&granted[i]))
		}
	}
}

func (d *delta) rewardLocked(inviter *User, granted []isuride.Coupon) {
	d.swap(&inviter.mark, invitedFact(inviter.ID, inviter.invited), invitedFact(inviter.ID, inviter.invited+1))
	d.grant(&inviter.mark, inviter.ID, granted)
}

func (d *delta) tokenLocked(u *User, token string) {
	d.swap(&u.mark, tokenFact(u.ID, u.token), tokenFact(u.ID, token))
}

func (d *delta) requestLocked(u *User, e *isuride.Event) {
	discount := 0
	for i := range e.Coupons {
		discount = e.Coupons[i].Discount
		d.useCoupon(u, &e.Coupons[i])
	}
	row, first := e.Ride, statusRow{e.Status.ID, e.Status.CreatedAt}
	d.add(&u.mark, rideFact(row, isuride.DiscountedFare(row.Pickup, row.Destination, discount)))
	now := moment{updatedAt: row.UpdatedAt, matching: first}
	now.enter(e.Status)
	d.add(&u.mark, statusFact(row.ID, &now))
	d.add(&u.mark, messageFact(factPending, messageKey(ToUser, u.key, row.ID, e.Status.Status, first)))
}

func (d *delta) useCoupon(u *User, used *isuride.Coupon) {
	for i := range u.coupons {
		if c := u.coupons[i]; c.Code == used.Code {
			before := couponFact(&c)
			c.UsedBy = used.UsedBy
			d.swap(&u.mark, before, couponFact(&c))
		}
	}
}

func (d *delta) assignLocked(r *Ride, c *Chair, at isuride.Time, to parts) {
	if to.user {
		now := r.momentLocked()
		before := statusFact(r.ID, &now)
		now.chairID, now.updatedAt = c.ID, at
		d.swap(&r.User.mark, before, statusFact(r.ID, &now))
	}
	if to.chair {
		d.add(&c.mark, heldFact(c.ID, r.ID))
		d.add(&c.mark, messageFact(factPending, messageKey(ToChair, c.key, r.ID, isuride.Matching, r.matching)))
	}
}

func (d *delta) advanceLocked(r *Ride, row *isuride.RideStatus, to parts) {
	if to.user {
		now := r.momentLocked()
		before := statusFact(r.ID, &now)
		now.enter(row)
		d.swap(&r.User.mark, before, statusFact(r.ID, &now))
	}
	d.notify(r, row, to)
}

func (d *delta) notify(r *Ride, row *isuride.RideStatus, to parts) {
	of := statusRow{row.ID, row.CreatedAt}
	if to.user {
		d.add(&r.User.mark, messageFact(factPending, messageKey(ToUser, r.User.key, r.ID, row.Status, of)))
	}
	if to.chair {
		c := r.chair.Load()
		d.add(&c.mark, messageFact(factPending, messageKey(ToChair, c.key, r.ID, row.Status, of)))
	}
}

func (d *delta) completeLocked(r *Ride, row *isuride.Ride, status *isuride.RideStatus, to parts) {
	if to.user {
		now := r.momentLocked()
		before := statusFact(r.ID, &now)
		now.enter(status)
		now.done, now.evaluation, now.updatedAt = true, row.Evaluation, row.UpdatedAt
		d.swap(&r.User.mark, before, statusFact(r.ID, &now))
	}
	if to.chair {
		c := r.chair.Load()
		d.drop(&c.mark, heldFact(c.ID, r.ID))
		stats, sale := c.bookedLocked(r, row)
		d.swap(&c.mark, statsFact(c.ID, c.stats), statsFact(c.ID, stats))
		d.add(&c.mark, saleFact(c.ID, len(c.sales), sale))
	}
	d.notify(r, status, to)
}

// charge adds an open charge, or one that is over with its sign turned.
func (d *delta) chargeBegins(u *User, rideID string, evaluation int) {
	d.add(&u.mark, chargeFact(rideID, evaluation))
}

func (d *delta) chargeEnds(u *User, rideID string, evaluation int) {
	d.drop(&u.mark, chargeFact(rideID, evaluation))
}

// deliver moves a recipient's delivered mark from one message, nil if there is none, to the next.
func (d *delta) deliver(last, next *Message, to Side) {
	of, recipient := next.recipient(to)
	if last != nil {
		d.drop(of, messageFact(factDelivered, last.key(to, recipient)))
	}
	key := next.key(to, recipient)
	d.swap(of, messageFact(factPending, key), messageFact(factDelivered, key))
}

func (m *Message) recipient(side Side) (*mark, uint64) {
	if side == ToUser {
		return &m.Ride.User.mark, m.Ride.User.key
	}
	c := m.Ride.chair.Load()
	return &c.mark, c.key
}

func (m *Message) key(to Side, recipient uint64) uint64 {
	return messageKey(to, recipient, m.Ride.ID, m.Status, m.row)
}

// momentLocked returns what may change of the ride.
func (r *Ride) momentLocked() moment {
	m := moment{status: r.status, statusAt: r.statusAt, passed: r.passed, done: r.done, evaluation: r.evaluation, updatedAt: r.updatedAt, matching: r.matching}
	if c := r.chair.Load(); c != nil {
		m.chairID = c.ID
	}
	return m
}

func (m *moment) enter(row *isuride.RideStatus) {
	m.status, m.statusAt = row.Status, row.CreatedAt
	m.passed.add(row.Status)
}

// tally is the hash of a store. Its sums are changed by the log, in the order of the records, while
// no other can be added (EventLog), so that no lock is needed and the hash at a position is exact.
type tally struct {
	round    atomic.Uint32 // of the last count that has begun; stored while nothing can be recorded
	counting atomic.Bool   // a count is under way
	sum      Hash
	late     Hash // what changed since the beginning of the count in what it has visited
}

// apply adds what an event changes.
func (t *tally) apply(d *delta) {
	t.sum = t.sum.plus(d.sum)
	if d.round == t.round.Load() { // else the count has begun since, and cannot have visited what is locked
		t.late = t.late.plus(d.late)
	}
}

// draft is an event on its way into the log.
type draft struct {
	payload []byte
	tally   *tally
	delta   delta
}

// Recorded is called by the log, see EventLog.
func (r *draft) Recorded(uint64) { r.tally.apply(&r.delta) }
