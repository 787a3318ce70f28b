package state

import (
	"fmt"

	"isuride/webapp/isuride"
)

// Recovery replays a log onto a store that was loaded from SQL.
type Recovery struct {
	store    *Store
	position uint64 // of the last event that the loaded tables contain
	decoder  isuride.Decoder
	open     isuride.OpenCharges
}

// NewRecovery replays onto s, whose tables are at position.
func NewRecovery(s *Store, position uint64) *Recovery {
	return &Recovery{store: s, position: position, open: isuride.OpenCharges{}}
}

// Replay takes the next record of the log. Records up to the position of the tables
// matter only for charges, which have no rows. The log has checked the record's sum, so a
// record that cannot be decoded comes from another version.
func (r *Recovery) Replay(seq uint64, payload []byte) error {
	e, err := r.decoder.Decode(payload)
	if err != nil {
		return fmt.Errorf("event %d was written by another version of the server (%w): start that one once more and stop it with SIGTERM, which brings all events to the database", seq, err)
	}
	r.open.Note(seq, e)
	if seq <= r.position {
		return nil
	}
	if err := r.store.Apply(e); err != nil {
		return fmt.Errorf("event %d does not fit the database: %w", seq, err)
	}
	return nil
}

// Finish ends the recovery: every chair whose ride is over is free and listed, since
// nobody waits for an answer any more. It returns the charges that were under way, to be
// resumed, and their places in the log.
func (r *Recovery) Finish() ([]*Charge, isuride.OpenCharges) {
	s := r.store
	s.chairsByID.Range(func(_ string, c *Chair) bool {
		c.resting, c.unseen = false, nil
		s.refreshFreeLocked(c)
		return true
	})
	var charges []*Charge
	for rideID, open := range r.open {
		if ride, ok := s.rides.Load(rideID); ok && ride.status == isuride.Arrived {
			charges = append(charges, ride.openLocked(open.Evaluation))
		} else {
			delete(r.open, rideID)
		}
	}
	return charges, r.open
}

// Apply applies a recorded event. It belongs to recovery, before the store is shared:
// it takes no entity's lock. The event's rows are copied.
func (s *Store) Apply(e *isuride.Event) error {
	switch e.Kind {
	case isuride.OwnerRegistered:
		s.addOwnerLocked(e.Owner)
	case isuride.ChairRegistered:
		return with(s.ownersByID.Load, "owner", e.Chair.OwnerID, func(o *Owner) { s.addChairLocked(e.Chair, o) })
	case isuride.ChairActivityChanged:
		return with(s.chairsByID.Load, "chair", e.Chair.ID, func(c *Chair) { s.applyActivityLocked(c, e.Chair) })
	case isuride.ChairMoved:
		return s.applyMove(e)
	case isuride.UserRegistered:
		s.applyUserLocked(e, s.inviterOf(e))
	case isuride.PaymentTokenSet:
		return with(s.usersByID.Load, "user", e.Token.UserID, func(u *User) { u.token = e.Token.Token })
	case isuride.RideRequested:
		return with(s.usersByID.Load, "user", e.Ride.UserID, func(u *User) { s.applyRequestLocked(u, e) })
	case isuride.RideAssigned:
		return s.applyRecordedAssignment(e.Ride)
	case isuride.RideAdvanced:
		return s.withAssigned(e.Status.RideID, func(r *Ride) { s.applyStatusLocked(r, e.Status) })
	case isuride.RideCompleted:
		return s.withAssigned(e.Ride.ID, func(r *Ride) { s.applyCompletionLocked(r, e.Ride, e.Status) })
	case isuride.StatusDelivered:
		return s.applyDelivery(e.Status)
	}
	return nil // charges have no state of their own, see isuride.OpenCharges
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

func (s *Store) withAssigned(rideID string, apply func(*Ride)) error {
	r, ok := s.rides.Load(rideID)
	if !ok || r.chair.Load() == nil {
		return fmt.Errorf("ride %q is unknown or has no chair", rideID)
	}
	apply(r)
	return nil
}

func (s *Store) applyMove(e *isuride.Event) error {
	err := with(s.chairsByID.Load, "chair", e.Location.ChairID, func(c *Chair) { s.applyReportLocked(c, e.Location) })
	if err != nil || e.Status == nil {
		return err
	}
	return s.withAssigned(e.Status.RideID, func(r *Ride) { s.applyStatusLocked(r, e.Status) })
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

func (s *Store) applyRecordedAssignment(row *isuride.Ride) error {
	return with(s.rides.Load, "ride", row.ID, func(r *Ride) {
		if c, ok := s.chairsByID.Load(row.ChairID); ok {
			s.applyAssignmentLocked(r, c, row.UpdatedAt)
		}
	})
}

func (s *Store) applyDelivery(row *isuride.RideStatus) error {
	r, ok := s.rides.Load(row.RideID)
	if !ok {
		return fmt.Errorf("ride %q is unknown", row.RideID)
	}
	log := &r.User.Log
	if row.ChairSentAt != 0 {
		log = &r.chair.Load().Log
	}
	if !log.DeliverNext(func(m *Message) bool { return m.row.id == row.ID }) {
		return fmt.Errorf("status %q was not pending", row.ID)
	}
	return nil
}
