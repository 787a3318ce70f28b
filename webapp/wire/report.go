package wire

import (
	"math"

	"isuride/webapp/isuride"
)

// ParseCoordinate reads the body of a position report in the form that clients write:
// {"latitude":1,"longitude":-2}, without blanks. ok is false for any other body, right or
// wrong, which is left to encoding/json.
func ParseCoordinate(body []byte) (c isuride.Coordinate, ok bool) {
	s := scanner{body, true}
	s.skip(`{"latitude":`)
	c.Latitude = s.int32()
	s.skip(`,"longitude":`)
	c.Longitude = s.int32()
	s.skip("}")
	if !s.ok || len(s.rest) > 0 {
		return isuride.Coordinate{}, false
	}
	return c, true
}

// scanner consumes a text from its front. ok turns false, for good, when something else
// comes than is asked for.
type scanner struct {
	rest []byte
	ok   bool
}

func (s *scanner) skip(text string) {
	if len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		s.ok = false
		return
	}
	s.rest = s.rest[len(text):]
}

// int32 consumes an integer, in JSON's form.
func (s *scanner) int32() int32 {
	negative := len(s.rest) > 0 && s.rest[0] == '-'
	if negative {
		s.rest = s.rest[1:]
	}
	n, size := int64(0), 0
	for ; size < len(s.rest) && '0' <= s.rest[size] && s.rest[size] <= '9' && n <= math.MaxInt32; size++ {
		n = n*10 + int64(s.rest[size]-'0')
	}
	s.ok = s.ok && size > 0 && (size == 1 || s.rest[0] != '0')
	s.rest = s.rest[size:]
	if negative {
		n = -n
	}
	s.ok = s.ok && n == int64(int32(n))
	return int32(n)
}

// AppendRecordedAt appends the answer to a position report.
func AppendRecordedAt(dst []byte, at isuride.Time) []byte {
	dst = append(dst, `{"recorded_at":`...)
	dst = appendMilli(dst, at)
	return append(dst, '}')
}
