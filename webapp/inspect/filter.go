package inspect

import "isuride/webapp/isuride"

// filter chooses the events that concern one ride, user or chair. Without one it chooses
// all.
type filter struct {
	ride, user, chair string
	ref               isuride.ChairRef // of the chair
	rides             map[string]bool  // of the user or the chair, by id
}

func newFilter(o Options) filter {
	f := filter{ride: o.Ride, user: o.User, chair: o.Chair, ref: isuride.RefTo(o.Chair), rides: map[string]bool{}}
	if f.ride != "" {
		f.rides[f.ride] = true
	}
	return f
}

// all reports whether nothing is filtered.
func (f *filter) all() bool { return f.ride == "" && !f.learns() }

// learns reports whether the filter has to see all events before it can choose.
func (f *filter) learns() bool { return f.user != "" || f.chair != "" }

// learn notes an event's ride if it is one of the user's or the chair's.
func (f *filter) learn(e *isuride.Event) {
	if r := e.Ride; r != nil && (f.user != "" && r.UserID == f.user || f.chair != "" && r.ChairID == f.chair) {
		f.rides[r.ID] = true
	}
}

func (f *filter) match(e *isuride.Event) bool {
	switch {
	case f.all(), f.matchRide(e):
		return true
	case f.user != "":
		return f.matchUser(e)
	case f.chair != "":
		return f.matchChair(e)
	}
	return false
}

func (f *filter) matchRide(e *isuride.Event) bool {
	return e.Ride != nil && f.rides[e.Ride.ID] || e.Status != nil && f.rides[e.Status.RideID] || e.Charge != nil && f.rides[e.Charge.RideID]
}

func (f *filter) matchUser(e *isuride.Event) bool {
	if e.User != nil && e.User.ID == f.user || e.Token != nil && e.Token.UserID == f.user {
		return true
	}
	for i := range e.Coupons {
		if e.Coupons[i].UserID == f.user {
			return true
		}
	}
	return false
}

// matchChair also finds the rides that the chair has lost.
func (f *filter) matchChair(e *isuride.Event) bool {
	if e.Chair != nil && e.Chair.ID == f.chair || e.Location != nil && e.Location.ChairID == f.chair {
		return true
	}
	if e.Why == nil || f.ref.ID() == "" {
		return false
	}
	for i := range e.Why.Lost {
		if e.Why.Lost[i].Chair == f.ref {
			return true
		}
	}
	return false
}
