package isuride

// Status is one of the six states of a ride (S5.1). Their order is the only
// order in which a ride passes through them.
type Status uint8

const (
	Matching Status = iota + 1
	Enroute
	Pickup
	Carrying
	Arrived
	Completed
)

var statusNames = [...]string{"", "MATCHING", "ENROUTE", "PICKUP", "CARRYING", "ARRIVED", "COMPLETED"}

// String returns the name used in JSON and SQL.
func (s Status) String() string {
	if int(s) >= len(statusNames) {
		return "UNKNOWN"
	}
	return statusNames[s]
}

// ParseStatus is the inverse of String; 0 means an unknown name.
func ParseStatus[T string | []byte](name T) Status {
	for s := Matching; s <= Completed; s++ {
		if string(name) == statusNames[s] {
			return s
		}
	}
	return 0
}

// Next returns the status that follows s; 0 after Completed.
func (s Status) Next() Status {
	if s == 0 || s >= Completed {
		return 0
	}
	return s + 1
}
