package gateway

import "net/http"

// Fault is one way a POST can go wrong. "Before" means that nothing is registered,
// "After" that the payment is registered and only its answer is spoilt.
type Fault int

const (
	FaultNone        Fault = iota
	FaultErrorBefore       // 500, 502 or 504
	FaultErrorAfter        // 500, 502 or 504
	FaultConflict          // 409, as if a request with the same key were in process
	FaultHangBefore        // no answer until the client leaves
	FaultHangAfter         // no answer until the client leaves
	FaultDropBefore        // the connection is closed without an answer
	FaultDropAfter         // the connection is closed without an answer
)

// FaultInfo describes a fault for a command line.
type FaultInfo struct {
	Fault  Fault
	Name   string
	Effect string
}

// Faults lists every fault.
func Faults() []FaultInfo {
	return []FaultInfo{
		{FaultErrorBefore, "error-before", "answered 500, 502 or 504, not registered"},
		{FaultErrorAfter, "error-after", "answered 500, 502 or 504, but registered"},
		{FaultConflict, "conflict", "answered 409, not registered"},
		{FaultHangBefore, "hang-before", "never answered, not registered"},
		{FaultHangAfter, "hang-after", "never answered, but registered"},
		{FaultDropBefore, "drop-before", "connection closed, not registered"},
		{FaultDropAfter, "drop-after", "connection closed, but registered"},
	}
}

// registers reports whether the payment is made despite the fault.
func (f Fault) registers() bool {
	switch f {
	case FaultNone, FaultErrorAfter, FaultHangAfter, FaultDropAfter:
		return true
	}
	return false
}

// spoil gives the answer that the fault asks for; it is not called with FaultNone. It
// returns the status, or 0 when the client got none.
func (f Fault) spoil(w http.ResponseWriter, r *http.Request, errorStatus int) int {
	switch f {
	case FaultErrorBefore, FaultErrorAfter:
		w.WriteHeader(errorStatus)
		return errorStatus
	case FaultConflict:
		w.WriteHeader(http.StatusConflict)
		return http.StatusConflict
	case FaultHangBefore, FaultHangAfter:
		<-r.Context().Done()
	}
	return 0
}
