package wire

import "isuride/webapp/isuride"

// ParseCoordinate reads the body of a position report (S4.16). A member that is
// missing or null leaves 0.
func ParseCoordinate(body []byte) (isuride.Coordinate, error) {
	var c isuride.Coordinate
	s := scanner{data: body}
	for s.member() {
		switch {
		case s.named("latitude"):
			s.int32("latitude", &c.Latitude)
		case s.named("longitude"):
			s.int32("longitude", &c.Longitude)
		default:
			s.skip()
		}
	}
	if s.err != nil {
		return isuride.Coordinate{}, s.err
	}
	return c, nil
}

// AppendRecordedAt appends the answer to a position report.
func AppendRecordedAt(dst []byte, at isuride.Time) []byte {
	dst = append(dst, `{"recorded_at":`...)
	dst = appendMilli(dst, at)
	return append(dst, '}')
}
