package wire

import "isuride/webapp/isuride"

// ParseRideStatus reads the body of a chair's request to advance a ride (S4.18).
// A status that is missing, null or not one of the six names is 0 and no error: what
// the ride and the chair allow is judged first, and by others.
func ParseRideStatus(body []byte) (isuride.Status, error) {
	var status isuride.Status
	s := scanner{data: body}
	for s.member() {
		if s.named("status") {
			s.status("status", &status)
		} else {
			s.skip()
		}
	}
	if s.err != nil {
		return 0, s.err
	}
	return status, nil
}
