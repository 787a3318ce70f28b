// Package ltsv reads the access log that our nginx writes: one request a line, fields
// separated by tabs, each a label, a colon and a value.
//
// What it leaves to others: files, and what to count.
package ltsv

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// Access is one request. The slices are parts of the line.
type Access struct {
	Method, URI []byte
	Status      int    // 0 to 999; 0 if the client left before there was one, 9 of HTTP/0.9
	Size        uint64 // bytes sent to the client
	Request     uint64 // microseconds from the request's first byte to the answer's last
	App         uint64 // microseconds that the server took, all attempts together
	HasApp      bool   // nginx did not answer by itself
}

// Fields that every line has.
const (
	hasMethod = 1 << iota
	hasURI
	hasStatus
	hasSize
	hasRequest
	hasAll = hasMethod | hasURI | hasStatus | hasSize | hasRequest
)

// Parse reads a line without its end. Fields may come in any order, with others among
// them.
func (a *Access) Parse(line []byte) error {
	*a = Access{}
	seen := 0
	for len(line) > 0 {
		var field []byte
		field, line, _ = bytes.Cut(line, []byte{'\t'})
		label, value, ok := bytes.Cut(field, []byte{':'})
		if !ok {
			return fmt.Errorf("%.40q has no colon", field)
		}
		which, err := a.set(label, value)
		if err != nil {
			return fmt.Errorf("%s: %w", label, err)
		}
		seen |= which
	}
	if seen != hasAll {
		return errors.New("a field is missing")
	}
	return nil
}

// set takes a field, and says which one it was.
func (a *Access) set(label, value []byte) (which int, err error) {
	switch string(label) {
	case "method":
		a.Method, which = value, hasMethod
	case "uri":
		a.URI, which = value, hasURI
	case "status":
		which = hasStatus
		a.Status, err = parseStatus(value)
	case "size":
		which = hasSize
		a.Size, err = parseInteger(value)
	case "reqtime":
		which = hasRequest
		a.Request, err = Microseconds(value)
	case "apptime":
		a.App, a.HasApp, err = parseAttempts(value)
	}
	return which, err
}

var errNumber = errors.New("not a number")

// parseStatus reads the three digits that nginx writes.
func parseStatus(b []byte) (int, error) {
	n, err := parseInteger(b)
	if err == nil && len(b) != 3 {
		return 0, errors.New("not an HTTP status")
	}
	return int(n), err
}

func parseInteger(b []byte) (uint64, error) {
	n := uint64(0)
	for _, c := range b {
		if c < '0' || c > '9' || n > math.MaxInt64/100 {
			return 0, errNumber
		}
		n = 10*n + uint64(c-'0')
	}
	if len(b) == 0 {
		return 0, errNumber
	}
	return n, nil
}

// maxSeconds, 30 years, is more than any request takes; sums of many stay in range.
const maxSeconds = 1e9

// Microseconds reads a decimal number of seconds. Digits behind the sixth are dropped.
func Microseconds(b []byte) (uint64, error) {
	whole, fraction, _ := bytes.Cut(b, []byte{'.'})
	n, err := parseInteger(whole)
	if err != nil || n > maxSeconds {
		return 0, errNumber
	}
	unit := uint64(1_000_000)
	n *= unit
	for _, c := range fraction {
		if c < '0' || c > '9' {
			return 0, errNumber
		}
		unit /= 10
		n += uint64(c-'0') * unit
	}
	return n, nil
}

// parseAttempts adds the times that nginx waited for a server: none is "-"; several are
// separated by commas, or by colons after an internal redirect.
func parseAttempts(b []byte) (sum uint64, any bool, err error) {
	for len(b) > 0 {
		end := bytes.IndexAny(b, ",: ")
		part := b
		b = nil
		if end >= 0 {
			part, b = part[:end], part[end+1:]
		}
		if len(part) == 0 || string(part) == "-" {
			continue
		}
		n, err := Microseconds(part)
		if err != nil {
			return 0, false, err
		}
		sum, any = sum+n, true
	}
	return sum, any, nil
}

// AppendEndpoint appends method and path, without the query string and with ids folded,
// so that all requests to one endpoint have one name.
func (a *Access) AppendEndpoint(b []byte) []byte {
	path, _, _ := bytes.Cut(a.URI, []byte{'?'})
	b = append(append(b, a.Method...), ' ')
	if bytes.HasPrefix(path, []byte("/assets/")) {
		return append(b, "/assets/*"...)
	}
	for first := true; ; first = false {
		segment, rest, more := bytes.Cut(path, []byte{'/'})
		if !first {
			b = append(b, '/')
		}
		if isID(segment) {
			segment = []byte("{id}")
		}
		b = append(b, segment...)
		if !more {
			return b
		}
		path = rest
	}
}

const (
	ulidLength = 26
	uuidLength = 36
)

// isID knows ULIDs, UUIDs and numbers.
func isID(segment []byte) bool {
	digits, letters, hyphens := 0, 0, 0
	for _, c := range segment {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
			letters++
		case c == '-':
			hyphens++
		default:
			return false
		}
	}
	switch {
	case digits == len(segment):
		return digits > 0
	case len(segment) == ulidLength:
		return hyphens == 0 && segment[0] >= '0' && segment[0] <= '7'
	case len(segment) == uuidLength:
		return hyphens == 4 && segment[8] == '-' && segment[13] == '-' && segment[18] == '-' && segment[23] == '-'
	}
	return false
}
