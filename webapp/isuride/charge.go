package isuride

// Charge is a payment under way: the fare of the ride, and the evaluation that completes
// the ride once the gateway has taken it.
type Charge struct {
	RideID     string
	Evaluation int
}

// OpenCharges are the payments whose outcome the log does not hold yet, by ride. They
// have no rows in SQL: a restarted server learns of them from the log alone.
type OpenCharges map[string]OpenCharge

// OpenCharge is one of them.
type OpenCharge struct {
	Seq        uint64 // number of its ChargeStarted
	Evaluation int
}

// Note follows the log by one event.
func (c OpenCharges) Note(seq uint64, e *Event) {
	switch e.Kind {
	case ChargeStarted:
		c[e.Charge.RideID] = OpenCharge{seq, e.Charge.Evaluation}
	case ChargeFailed:
		delete(c, e.Charge.RideID)
	case RideCompleted:
		delete(c, e.Ride.ID)
	}
}

// Releasable returns the last event up to position that no open charge needs.
func (c OpenCharges) Releasable(position uint64) uint64 {
	for _, open := range c {
		position = min(position, open.Seq-1)
	}
	return position
}
