package state

import (
	"cmp"
	"errors"
	"fmt"

	"isuride/webapp/isuride"
	"isuride/webapp/ledger"
)

// Recovery replays a log onto a store that was loaded from SQL or restored from images.
type Recovery struct {
	store   *Store
	span    Span   // no event up to From is applied; up to To each entity says whether it lacks one
	last    uint64 // the last event that is in the store
	decoder isuride.Decoder
	open    isuride.OpenCharges
	orphans map[string][]*Ride // see Restoration
	delta   delta              // of the event that is applied
	want    Hash               // at the end of the span; zero if it is not known
	settled bool               // the hash at the end of the span was compared
}

// NewRecovery replays onto s, whose tables are at position.
func NewRecovery(s *Store, position uint64) *Recovery {
	return &Recovery{store: s, span: Span{position, position}, last: position, open: isuride.OpenCharges{}}
}

// Store returns the store that is recovered.
func (r *Recovery) Store() *Store { return r.store }

// Replay takes the next record of the log. Records up to the position of the tables
// matter only for charges, which have no rows. The log has checked the record's sum, so a
// record that cannot be decoded comes from another version.
func (r *Recovery) Replay(seq uint64, payload []byte) error {
	e, err := r.decoder.Decode(payload)
	if err != nil {
		return fmt.Errorf("event %d was written by another version of the server (%w): start that one once more and stop it with SIGTERM, which brings all events to the database", seq, err)
	}
	if seq > r.span.From && seq != r.last+1 {
		return fmt.Errorf("events %d to %d are missing", r.last+1, seq-1)
	}
	if seq > r.span.To {
		if err := r.settle(); err != nil {
			return err
		}
	}
	r.delta = r.store.delta()
	r.noteCharge(seq, e)
	if seq > r.span.From {
		r.last = seq
		if err := r.apply(seq, e); err != nil {
			return unfitting(seq, err)
		}
	}
	r.store.tally.apply(&r.delta)
	return nil
}

// unfitting says what an event is that cannot be applied.
func unfitting(seq uint64, err error) error {
	var v *Violation
	if errors.As(err, &v) {
		return fmt.Errorf("event %d contradicts the books (%w); everything up to event %d adds up, and isuride restore can bring it back", seq, v, seq-1)
	}
	return fmt.Errorf("event %d does not fit what was loaded: %w", seq, err)
}

// noteCharge follows the open charges. Their rides have them, too, as they would have live, so that
// walks of a store that is still recovered find them.
func (r *Recovery) noteCharge(seq uint64, e *isuride.Event) {
	id := ""
	switch e.Kind {
	case isuride.ChargeStarted, isuride.ChargeFailed:
		id = e.Charge.RideID
	case isuride.RideCompleted:
		id = e.Ride.ID
	default:
		return
	}
	r.open.Note(seq, e)
	ride, ok := r.store.rides.Load(id)
	if !ok {
		return
	}
	r.dropCharge(ride)
	if open, ok := r.open[id]; ok {
		r.delta.chargeBegins(ride.User, id, open.Evaluation)
		ride.noteLocked(open)
	}
}

func (r *Recovery) dropCharge(ride *Ride) {
	if ride.charge != nil {
		r.delta.chargeEnds(ride.User, ride.ID, ride.charge.Evaluation)
		ride.charge = nil
	}
}

// settle compares the hash at the end of the span with the one that is wanted.
func (r *Recovery) settle() error {
	if r.settled {
		return nil
	}
	r.settled = true
	if got := r.store.tally.sum; r.want != (Hash{}) && got != r.want {
		return fmt.Errorf("the state at event %d has the hash %v, and had %v when it was copied", r.span.To, got, r.want)
	}
	return nil
}

// Hash returns the hash of what is recovered so far, and the last event in it. It is exact from the
// end of the span on, which ok tells. So a replica can compare itself with the leader, event by
// event: Store.Hash is what the leader had at its last one.
func (r *Recovery) Hash() (last uint64, h Hash, ok bool) {
	return r.last, r.store.tally.sum, r.last >= r.span.To
}

// Skip passes a record of the log that is no event.
func (r *Recovery) Skip(seq uint64) error {
	if seq <= r.span.From {
		return nil
	}
	if seq != r.last+1 {
		return fmt.Errorf("events %d to %d are missing", r.last+1, seq-1)
	}
	if seq > r.span.To {
		if err := r.settle(); err != nil {
			return err
		}
	}
	r.last = seq
	return nil
}

// Finish ends the recovery at the end of the log: every chair whose ride is over is free
// and listed, since nobody waits for an answer any more. It returns the charges that were
// under way, to be resumed, and their places in the log.
func (r *Recovery) Finish(end uint64) ([]*Charge, isuride.OpenCharges, error) {
	switch {
	case r.last < max(end, r.span.To):
		return nil, nil, fmt.Errorf("events %d to %d are missing", r.last+1, max(end, r.span.To))
	case len(r.orphans) > 0:
		return nil, nil, fmt.Errorf("%d chairs are missing", len(r.orphans))
	}
	if err := r.settle(); err != nil {
		return nil, nil, err
	}
	s := r.store
	s.chairsByID.Range(func(_ string, c *Chair) bool {
		c.resting, c.unseen = false, nil
		s.refreshFreeLocked(c)
		return true
	})
	s.usersByID.Range(func(_ string, u *User) bool { u.before = len(u.rides); return true })
	r.delta = r.store.delta()
	var charges []*Charge
	for rideID, open := range r.open {
		if ride, ok := s.rides.Load(rideID); ok && ride.status == isuride.Arrived {
			charges = append(charges, ride.openLocked(open.Evaluation, open.Seq))
		} else {
			if ok {
				r.dropCharge(ride)
			}
			delete(r.open, rideID)
		}
	}
	s.tally.apply(&r.delta)
	return charges, r.open, nil
}

// lacks reports whether an event of the user is not in it yet.
func (u *User) lacks(seq uint64) bool { return seq > u.reflects }

// lacks is the same for a chair.
func (c *Chair) lacks(seq uint64) bool { return seq > c.reflects }

// apply applies a recorded event to those of its entities that lack it. It takes no
// entity's lock. The event's rows are copied.
func (r *Recovery) apply(seq uint64, e *isuride.Event) error {
	s := r.store
	switch e.Kind {
	case isuride.OwnerRegistered:
		if _, there := s.ownersByID.Load(e.Owner.ID); !there {
			r.delta.owner(e.Owner)
			s.addOwnerLocked(e.Owner, r.delta.born())
		}
	case isuride.ChairRegistered:
		return with(s.ownersByID.Load, "owner", e.Chair.OwnerID, func(o *Owner) { r.registerChair(e.Chair, o) })
	case isuride.ChairActivityChanged:
		return with(s.chairsByID.Load, "chair", e.Chair.ID, func(c *Chair) {
			if c.lacks(seq) {
				r.delta.activityLocked(c, e.Chair)
				s.applyActivityLocked(c, e.Chair)
			}
		})
	case isuride.ChairMoved:
		return r.move(seq, e)
	case isuride.UserRegistered:
		return r.registerUser(seq, e)
	case isuride.PaymentTokenSet:
		return with(s.usersByID.Load, "user", e.Token.UserID, func(u *User) {
			if u.lacks(seq) {
				r.delta.tokenLocked(u, e.Token.Token)
				u.token = e.Token.Token
			}
		})
	case isuride.RideRequested:
		return r.request(seq, e)
	case isuride.RideAssigned:
		return r.assign(seq, e.Ride)
	case isuride.RideAdvanced:
		return r.advance(seq, e)
	case isuride.ChargeStarted:
		return r.charge(seq, e.Charge)
	case isuride.RideCompleted:
		return r.complete(seq, e)
	case isuride.StatusDelivered:
		return r.deliver(seq, e.Status)
	}
	return nil // a charge that failed has no state of its own, see isuride.OpenCharges
}

// with looks an entity up by id and hands it over.
func with[T any](load func(string) (T, bool), kind, id string, apply func(T)) error {
	entity, ok := load(id)
	if !ok {
		return fmt.Errorf("%s %q is unknown", kind, id)
	}
	apply(entity)
	return nil
}

// withAssigned hands over a ride that has a chair, with the sides that lack the event.
func (r *Recovery) withAssigned(seq uint64, rideID string, apply func(*Ride, parts) *Violation) error {
	ride, ok := r.store.rides.Load(rideID)
	if !ok || ride.chair.Load() == nil {
		return fmt.Errorf("ride %q is unknown or has no chair", rideID)
	}
	return found(apply(ride, parts{user: ride.User.lacks(seq), chair: ride.chair.Load().lacks(seq)}))
}

// found is the error of a violation, if there is one.
func found(v *Violation) error {
	if v == nil {
		return nil
	}
	return v
}

// registerChair adds a chair, which rides may have waited for.
func (r *Recovery) registerChair(row *isuride.Chair, o *Owner) {
	if _, there := r.store.chairsByID.Load(row.ID); there {
		return
	}
	r.delta.chair(row)
	c := r.store.addChairLocked(row, o, r.delta.born())
	for _, ride := range r.orphans[row.ID] {
		ride.chair.Store(c)
	}
	delete(r.orphans, row.ID)
}

func (r *Recovery) registerUser(seq uint64, e *isuride.Event) error {
	s, inviter := r.store, r.store.inviterOf(e)
	_, there := s.usersByID.Load(e.User.ID)
	if !there && (inviter == nil || inviter.lacks(seq)) {
		if _, v := checkRegistrationLocked(e, inviter); v != nil {
			return v
		}
	}
	if inviter != nil && !inviter.lacks(seq) {
		inviter = nil
	}
	posting, v := grants(e, func(c *isuride.Coupon) bool {
		return !there && c.UserID == e.User.ID || inviter != nil && c.UserID == inviter.ID
	})
	if v != nil {
		return v
	}
	s.books.Post(0, seq, &posting)
	if inviter != nil {
		r.delta.rewardLocked(inviter, e.Coupons)
	}
	if !there {
		r.delta.user(e.User, e.Coupons)
		s.applyUserLocked(e, inviter, r.delta.born())
	} else if inviter != nil {
		inviter.rewardLocked(e.Coupons)
	}
	return nil
}

func (s *Store) inviterOf(e *isuride.Event) *User {
	for _, c := range e.Coupons {
		if c.UserID != e.User.ID {
			u, _ := s.usersByID.Load(c.UserID)
			return u
		}
	}
	return nil
}

func (r *Recovery) move(seq uint64, e *isuride.Event) error {
	err := with(r.store.chairsByID.Load, "chair", e.Location.ChairID, func(c *Chair) {
		if c.lacks(seq) {
			r.delta.reportLocked(c, e.Location)
			r.store.applyReportLocked(c, e.Location)
		}
	})
	if err != nil || e.Status == nil {
		return err
	}
	return r.advance(seq, e)
}

// advance applies the new status of an assigned ride. As the functions below it checks what
// the command had to check, if neither side of the ride has the event yet.
func (r *Recovery) advance(seq uint64, e *isuride.Event) error {
	return r.withAssigned(seq, e.Status.RideID, func(ride *Ride, to parts) (v *Violation) {
		if to == whole {
			v = checkAdvanceLocked(ride, e.Status, e.Location)
		}
		if v == nil {
			r.delta.advanceLocked(ride, e.Status, to)
			r.store.applyStatusLocked(ride, e.Status, to)
		}
		return v
	})
}

func (r *Recovery) request(seq uint64, e *isuride.Event) error {
	s := r.store
	u, ok := s.usersByID.Load(e.Ride.UserID)
	switch {
	case !ok:
		return fmt.Errorf("user %q is unknown", e.Ride.UserID)
	case !u.lacks(seq):
		return nil
	}
	posting, v := checkRequestLocked(u, e)
	if v == nil {
		s.post(u.ID, seq, &posting)
		r.delta.requestLocked(u, e)
		s.applyRequestLocked(u, e)
	}
	return found(v)
}

func (r *Recovery) charge(seq uint64, charge *isuride.Charge) error {
	if ride, ok := r.store.rides.Load(charge.RideID); ok && ride.User.lacks(seq) {
		return found(checkChargeLocked(ride, charge))
	}
	return nil
}

func (r *Recovery) complete(seq uint64, e *isuride.Event) error {
	s := r.store
	return r.withAssigned(seq, e.Ride.ID, func(ride *Ride, to parts) *Violation {
		check := func() (ledger.Posting, *Violation) { return settlement(ride) }
		if to == whole {
			check = func() (ledger.Posting, *Violation) { return checkCompletionLocked(ride, e.Ride, e.Status) }
		}
		posting, v := check()
		if v != nil {
			return v
		}
		if to.user {
			s.post(ride.User.ID, seq, &posting)
		}
		if to.chair {
			s.sold(ride, seq)
		}
		r.delta.completeLocked(ride, e.Ride, e.Status, to)
		s.applyCompletionLocked(ride, e.Ride, e.Status, to)
		return nil
	})
}

func (r *Recovery) assign(seq uint64, row *isuride.Ride) error {
	var v *Violation
	err := with(r.store.rides.Load, "ride", row.ID, func(ride *Ride) {
		c, ok := r.store.chairsByID.Load(row.ChairID)
		if !ok {
			return
		}
		to := parts{user: ride.User.lacks(seq), chair: c.lacks(seq)}
		if to == whole {
			v = checkAssignmentLocked(ride, c, row)
		}
		if v == nil {
			r.delta.assignLocked(ride, c, row.UpdatedAt, to)
			r.store.applyAssignmentLocked(ride, c, row.UpdatedAt, to)
		}
	})
	return cmp.Or(err, found(v))
}

func (r *Recovery) deliver(seq uint64, row *isuride.RideStatus) error {
	ride, ok := r.store.rides.Load(row.RideID)
	if !ok {
		return fmt.Errorf("ride %q is unknown", row.RideID)
	}
	log, side, lacks := &ride.User.Log, ToUser, ride.User.lacks(seq)
	if row.ChairSentAt != 0 {
		c := ride.chair.Load()
		if c == nil {
			return fmt.Errorf("ride %q has no chair", row.RideID)
		}
		log, side, lacks = &c.Log, ToChair, c.lacks(seq)
	}
	if lacks && !log.DeliverNext(func(last, m *Message) bool { return r.matches(row, last, m, side) }) {
		return fmt.Errorf("status %q was not pending", row.ID)
	}
	return nil
}

func (r *Recovery) matches(row *isuride.RideStatus, last, pending *Message, side Side) bool {
	if pending.row.id != row.ID {
		return false
	}
	r.delta.deliver(last, pending, side)
	return true
}
