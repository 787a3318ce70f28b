package flush

import "isuride/webapp/isuride"

// charges are the payments whose outcome the log does not tell yet, by ride: the number
// of the ChargeStarted. It has no row in SQL, so that a restarted server can only learn
// of it from the log.
type charges map[string]uint64

// note follows the log, see state.Recovery for the other reader of these events.
func (c charges) note(seq uint64, e *isuride.Event) {
	switch e.Kind {
	case isuride.ChargeStarted:
		c[e.Charge.RideID] = seq
	case isuride.ChargeFailed:
		delete(c, e.Charge.RideID)
	case isuride.RideCompleted:
		delete(c, e.Ride.ID)
	}
}

// releasable is the last event up to position that no open charge needs.
func (c charges) releasable(position uint64) uint64 {
	for _, seq := range c {
		position = min(position, seq-1)
	}
	return position
}
