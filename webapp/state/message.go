package state

import (
	"isuride/webapp/isuride"
	"isuride/webapp/notify"
)

// Message is the notification of one status. All of it is fixed when the status is
// committed, so that a late stream tells what was true then (S6.3).
type Message struct {
	Ride      *Ride
	Status    isuride.Status
	Stats     Stats        // of the chair, for the user
	At        isuride.Time // of the change; 0 if loaded
	UpdatedAt isuride.Time // of the ride
	row       statusRow
}

// statusRow identifies the ride_statuses row that the message's delivery marks.
type statusRow struct {
	id string
	at isuride.Time
}

// Stats are a chair's completed rides and the sum of their evaluations (S6.3).
type Stats struct{ Rides, EvaluationSum int32 }

// Log and Stream are the notification log of a user or chair and a view of it.
type (
	Log    = notify.Log[Message]
	Stream = notify.Stream[Message]
)

// Side is one of the two recipients of a ride's statuses.
type Side uint8

const (
	ToUser Side = iota
	ToChair
)

// Delivered marks message n of the log as delivered to its recipient (S6.4, S6): for a
// stream right before it is written (package notify), for a poll right after.
func (s *Store) Delivered(log *Log, side Side, n uint64) error {
	return log.Deliver(n, func(last, m *Message) error {
		row := isuride.RideStatus{ID: m.row.id, RideID: m.Ride.ID, Status: m.Status, CreatedAt: m.row.at}
		switch now := s.opt.Now(); side {
		case ToUser:
			row.AppSentAt = now
		case ToChair:
			row.ChairSentAt = now
		}
		d := s.delta()
		d.deliver(last, m, side)
		return s.commit(&isuride.Event{Kind: isuride.StatusDelivered, Status: &row}, &d)
	})
}
