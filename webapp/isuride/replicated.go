package isuride

// StateHash is what every replica's state must sum up to at a position of the log.
type StateHash struct {
	At       Time   // by the leader's clock
	Position uint64 // the last event that is in the sum
	Form     uint64 // of the sum; sums of different forms cannot be compared
	Hi, Lo   uint64 // the sum
	// Released is the last event that nobody needs to bring the shared database up to date.
	Released uint64
}

// Beginning is what a generation begins with.
type Beginning struct {
	At         Time
	Generation uint64
	// PaymentServer replaces that of the data set, unless it is "".
	PaymentServer string
	// Data is a checksum of the data set, which every replica has to have for itself.
	Data string
}

// KindOf returns the kind of an event in the form of the journal, 0 for no bytes.
func KindOf(payload []byte) Kind {
	if len(payload) == 0 {
		return 0
	}
	return Kind(payload[0] &^ laterVersion)
}
