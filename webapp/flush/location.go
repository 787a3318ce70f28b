package flush

import (
	"encoding/binary"

	"github.com/oklog/ulid/v2"

	"isuride/webapp/isuride"
)

// locationID names the row of a position report, which the event leaves without a name:
// a ULID of the report's time and the event's number. So a replay writes the same row
// again instead of another one, and ids grow with time, as everywhere in the data set.
func locationID(seq uint64, at isuride.Time) string {
	const timeShift = 16 // the time is in the upper 48 of the first 64 bits
	var id ulid.ULID
	binary.BigEndian.PutUint64(id[:8], uint64(at.Milli())<<timeShift)
	binary.BigEndian.PutUint64(id[8:], seq)
	return id.String()
}
