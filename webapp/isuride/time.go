package isuride

import "time"

// Time is a UTC instant in microseconds since the Unix epoch: the precision of
// DATETIME(6), so that a value is the same in memory, in the journal and in SQL (S11,
// T20). The zero value means SQL NULL; no real row is that old.
type Time int64

// TimeOf truncates t to microseconds.
func TimeOf(t time.Time) Time { return Time(t.UnixMicro()) }

// Milli returns the form of a timestamp in JSON: milliseconds, floored (S1.3).
func (t Time) Milli() int64 { return floorDiv(int64(t), 1000) }

// Std converts to the standard library's type, in UTC.
func (t Time) Std() time.Time { return time.UnixMicro(int64(t)).UTC() }

// Sub returns t-u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Microsecond }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
