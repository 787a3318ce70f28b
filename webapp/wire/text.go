package wire

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"isuride/webapp/isuride"
)

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Each byte that is not valid UTF-8 becomes
// U+FFFD, as encoding/json has it; U+2028 and U+2029 stay as they are, JSON allows it.
//
// Fast path: nothing in s needs an escape, one copy. Off it, character by character.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	if isPlain(s) {
		dst = append(dst, s...)
	} else {
		dst = appendEscaped(dst, s)
	}
	return append(dst, '"')
}

// isPlain reports whether s can be in a JSON string as it is. It looks at eight bytes at
// a time, which halves the cost of a user notification's strings.
func isPlain(s string) bool {
	b := []byte(s) // not copied: nothing writes to it
	var all uint64
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		if special(w) {
			return false
		}
		all |= w
	}
	for _, c := range b {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
		all |= uint64(c)
	}
	return all&tops == 0 || utf8.ValidString(s)
}

// Constants that repeat a byte over a word.
const (
	ones = 0x01_01_01_01_01_01_01_01
	tops = 0x80 * ones
)

// special reports whether one of the eight bytes in w needs an escape: it is below a
// blank, a quote or a backslash. Subtracting from a byte more than it holds sets its top
// bit; bytes beyond ASCII, which had it before, are masked out.
func special(w uint64) bool {
	control := w - ' '*ones
	quote := (w ^ '"'*ones) - ones
	backslash := (w ^ '\\'*ones) - ones
	return (control|quote|backslash)&^w&tops != 0
}

func appendEscaped(dst []byte, s string) []byte {
	for _, r := range s { // broken UTF-8 comes out as U+FFFD, byte by byte
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&0xf])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }

// appendMilli appends a time in its JSON form (S1.3).
func appendMilli(dst []byte, t isuride.Time) []byte { return strconv.AppendInt(dst, t.Milli(), 10) }

// appendCoordinate appends exactly two members: clients refuse any other (trap T3).
func appendCoordinate(dst []byte, c isuride.Coordinate) []byte {
	dst = append(dst, `{"latitude":`...)
	dst = strconv.AppendInt(dst, int64(c.Latitude), 10)
	dst = append(dst, `,"longitude":`...)
	dst = strconv.AppendInt(dst, int64(c.Longitude), 10)
	return append(dst, '}')
}
