package isuride

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Moment is a place in the log that somebody names: a position, which is the number of an
// event, or a time. The zero value names none.
type Moment struct {
	Position uint64
	Time     Time // if it is not 0, the position means nothing
}

// momentForms are the forms of a time, the second one that of SQL. Without a zone it is
// UTC, as all that we print.
var momentForms = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999", "2006-01-02T15:04:05.999999", "2006-01-02 15:04", "2006-01-02"}

// ParseMoment reads a position or a time.
func ParseMoment(text string) (Moment, error) {
	if n, err := strconv.ParseUint(text, 10, 63); err == nil {
		return Moment{Position: n}, nil
	}
	for _, form := range momentForms {
		if t, err := time.Parse(form, strings.TrimSpace(text)); err == nil {
			return Moment{Time: TimeOf(t)}, nil
		}
	}
	return Moment{}, fmt.Errorf("%q is neither a position, as 4711, nor a time, as 2026-11-29T09:51:04.123Z", text)
}

// String returns what ParseMoment reads.
func (m Moment) String() string {
	if m.Time != 0 {
		return m.Time.String()
	}
	return strconv.FormatUint(m.Position, 10)
}

// Reached reports whether an event is at the moment or after it. Of an event without a
// time it is not known, so it is false.
func (m Moment) Reached(seq uint64, e *Event) bool {
	if m.Time != 0 {
		at := e.At()
		return at != 0 && at >= m.Time
	}
	return seq >= m.Position
}

// Passed reports whether an event is after the moment, with the same reservation.
func (m Moment) Passed(seq uint64, e *Event) bool {
	if m.Time != 0 {
		return e.At() > m.Time
	}
	return seq > m.Position
}

// String returns the time to the microsecond, in UTC.
func (t Time) String() string { return t.Std().Format("2006-01-02T15:04:05.000000Z") }

// At returns when the event took place, by its own rows; 0 if they do not say, as those of
// charges. Times of neighbouring events may be out of order by as much as two requests
// overlap, or the clock was set back.
func (e *Event) At() Time {
	switch e.Kind {
	case OwnerRegistered:
		return e.Owner.CreatedAt
	case ChairRegistered, ChairActivityChanged:
		return e.Chair.UpdatedAt
	case ChairMoved:
		return e.Location.CreatedAt
	case UserRegistered:
		return e.User.CreatedAt
	case PaymentTokenSet:
		return e.Token.CreatedAt
	case RideRequested, RideAssigned:
		return e.Ride.UpdatedAt
	case RideAdvanced, RideCompleted:
		return e.Status.CreatedAt
	case StatusDelivered:
		return max(e.Status.AppSentAt, e.Status.ChairSentAt)
	case StateHashed:
		return e.Hash.At
	case Initialized:
		return e.Begin.At
	}
	return 0
}
