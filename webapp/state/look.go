package state

import "isuride/webapp/isuride"

// Walks over a part of the store, with the promises of Walk for what they visit: an image
// has what the events up to its position have made of the entity, and whatever the walk
// does not find is made by an event after Span.From.

// WalkOpen is Walk without the rides that are completed: it costs what there are of accounts
// and chairs, not what they have done.
func (s *Store) WalkOpen(visit func(*Image) error) (Span, error) {
	return s.walk(visit, true, (*walker).all)
}

// WalkUser visits one user. It reports false if there is none of that id.
func (s *Store) WalkUser(id string, visit func(*Image) error) (Span, bool, error) {
	u, ok := s.usersByID.Load(id)
	if !ok {
		return Span{}, false, nil
	}
	span, err := s.walk(visit, false, func(w *walker) { w.hand(w.takeUser(u)) })
	return span, true, err
}

// WalkOwner visits one owner and its chairs. It reports false if there is none of that id.
func (s *Store) WalkOwner(id string, visit func(*Image) error) (Span, bool, error) {
	o, ok := s.ownersByID.Load(id)
	if !ok {
		return Span{}, false, nil
	}
	span, err := s.walk(visit, false, func(w *walker) { w.owner(o) })
	return span, true, err
}

// WalkChair visits one chair, and the user of the ride that it has then, without completed
// rides. It reports false if there is no chair of that id.
func (s *Store) WalkChair(id string, visit func(*Image) error) (Span, bool, error) {
	c, ok := s.chairsByID.Load(id)
	if !ok {
		return Span{}, false, nil
	}
	span, err := s.walk(visit, true, func(w *walker) {
		i := w.takeChair(c)
		rideID := i.Chair.RideID
		if w.hand(i) && rideID != "" {
			r, _ := s.rides.Load(rideID)
			w.hand(w.takeUser(r.User))
		}
	})
	return span, true, err
}

// RideByID finds a ride.
func (s *Store) RideByID(id string) (*Ride, bool) { return s.rides.Load(id) }

// ChairByID finds a chair.
func (s *Store) ChairByID(id string) (*Chair, bool) { return s.chairsByID.Load(id) }

// SpeedOf returns the speed of a model's chairs, in distance units per tick (S2.3).
func (s *Store) SpeedOf(model string) int {
	if speed, ok := s.models[model]; ok {
		return speed
	}
	return isuride.UnknownModelSpeed
}
