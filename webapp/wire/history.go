package wire

import "isuride/webapp/isuride"

// HistoryRide is a completed ride in the history of its user (S4.4).
type HistoryRide struct {
	ID                                         string
	Pickup, Destination                        isuride.Coordinate
	Fare                                       int // yen, discounted
	ChairID, ChairOwner, ChairName, ChairModel string
	Evaluation                                 int
	RequestedAt, CompletedAt                   isuride.Time
}

// The history, like the list of chairs nearby, is built in pieces:
//
//	dst = AppendHistoryOpen(dst)
//	for each ride { dst = AppendHistoryRide(dst, ride) }
//	dst = AppendHistoryClose(dst)

// AppendHistoryOpen begins the answer.
func AppendHistoryOpen(dst []byte) []byte { return append(dst, `{"rides":[`...) }

// AppendHistoryRide appends a ride to a list that AppendHistoryOpen began.
func AppendHistoryRide(dst []byte, r *HistoryRide) []byte {
	if dst[len(dst)-1] != '[' {
		dst = append(dst, ',')
	}
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, r.ID)
	dst = appendRoute(dst, r.Pickup, r.Destination)
	dst = append(dst, `,"fare":`...)
	dst = appendInt(dst, r.Fare)
	dst = append(dst, `,"chair":{"id":`...)
	dst = appendString(dst, r.ChairID)
	dst = append(dst, `,"owner":`...)
	dst = appendString(dst, r.ChairOwner)
	dst = append(dst, `,"name":`...)
	dst = appendString(dst, r.ChairName)
	dst = append(dst, `,"model":`...)
	dst = appendString(dst, r.ChairModel)
	dst = append(dst, `},"evaluation":`...)
	dst = appendInt(dst, r.Evaluation)
	dst = append(dst, `,"requested_at":`...)
	dst = appendMilli(dst, r.RequestedAt)
	dst = append(dst, `,"completed_at":`...)
	dst = appendMilli(dst, r.CompletedAt)
	return append(dst, '}')
}

// AppendHistoryClose ends the answer.
func AppendHistoryClose(dst []byte) []byte { return append(dst, `]}`...) }
