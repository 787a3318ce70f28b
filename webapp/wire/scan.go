package wire

import (
	"bytes"
	"math"
	"unicode/utf8"

	"isuride/webapp/isuride"
)

// scanner walks over the members of one JSON object:
//
//	for s.member() {
//		exactly one of s.int32, s.status or s.skip
//	}
//
// It accepts and refuses what encoding/json does (version 1, into a struct): names
// match without regard to case and after undoing escapes, the last of several equal
// members wins, null changes nothing, unknown members are checked and ignored, nothing
// but white space may follow. A body that is just null is an object without members.
//
// Fast path: plain names and numbers. Off it, names with escapes or other case are
// undone on the stack, and skipping a member costs a stack frame of 1.3 KiB.
type scanner struct {
	data []byte
	pos  int
	name []byte // the current member's name, between its quotes, escapes not undone
	in   bool   // the object has begun
	err  error  // the first error; sticks
}

// maxDepth is how deep containers may nest, the same as in encoding/json.
const maxDepth = 10_000

// maxEscaped is the most bytes that one character of a name takes in a body: \u0061.
const maxEscaped = 6

// longestWord is the length of the longest name or value that is ever compared.
const longestWord = len("longitude")

// member moves to the value of the next member; false at the end or after an error.
func (s *scanner) member() bool {
	switch {
	case s.err != nil:
		return false
	case !s.in:
		return s.open()
	case s.peek() == ',':
		s.pos++
		return s.key()
	}
	return s.close()
}

func (s *scanner) open() bool {
	switch s.peek() {
	case '{':
	case 'n':
		s.literal("null")
		return s.end()
	default:
		s.fail("request body must be a JSON object")
		return false
	}
	s.in = true
	s.pos++
	if s.peek() == '}' {
		return s.close()
	}
	return s.key()
}

func (s *scanner) close() bool {
	s.expect('}')
	return s.end()
}

// end insists that nothing follows. It is false, for member to return.
func (s *scanner) end() bool {
	s.peek()
	if s.pos < len(s.data) {
		s.malformed()
	}
	return false
}

// key reads a name and its colon.
func (s *scanner) key() bool {
	if s.peek() != '"' {
		s.malformed()
		return false
	}
	s.name = s.text()
	s.expect(':')
	s.peek()
	return s.err == nil
}

// named tells whether the current member is the one of that name, which is lower-case
// ASCII and at most longestWord bytes.
func (s *scanner) named(name string) bool {
	return string(s.name) == name || s.alike(name)
}

// alike is the slow half of named. Folding case can make a letter longer (ſ for s), but
// never longer than its escape.
func (s *scanner) alike(name string) bool {
	if len(s.name) < len(name) || len(s.name) > maxEscaped*len(name) {
		return false
	}
	var buf [maxEscaped * longestWord]byte
	return bytes.EqualFold(appendUnescaped(buf[:0], s.name), []byte(name))
}

// int32 reads an integer into v.
func (s *scanner) int32(name string, v *int32) {
	if s.null() {
		return
	}
	negative := s.accept('-')
	n, ok := s.digits()
	if negative {
		n = -n
	}
	if !ok || n < math.MinInt32 || n > math.MaxInt32 {
		s.fail(name + " must be an integer of 32 bits")
		return
	}
	*v = int32(n)
}

// digits reads a whole number without sign. False: there is none, it has a superfluous
// zero in front, a fraction, an exponent, or is far beyond 32 bits.
func (s *scanner) digits() (n int64, ok bool) {
	start := s.pos
	for ; s.pos < len(s.data) && isDigit(s.data[s.pos]); s.pos++ {
		if n > math.MaxInt32 {
			return 0, false
		}
		n = n*10 + int64(s.data[s.pos]-'0')
	}
	size := s.pos - start
	if size == 0 || size > 1 && s.data[start] == '0' {
		return 0, false
	}
	if s.pos < len(s.data) {
		c := s.data[s.pos]
		return n, c != '.' && c != 'e' && c != 'E'
	}
	return n, true
}

// status reads the name of a status into v, 0 if it is none.
func (s *scanner) status(name string, v *isuride.Status) {
	if s.null() {
		return
	}
	if s.peek() != '"' {
		s.fail(name + " must be a string")
		return
	}
	text := s.text()
	if len(text) > maxEscaped*longestWord {
		*v = 0
		return
	}
	var buf [maxEscaped * longestWord]byte
	*v = isuride.ParseStatus(appendUnescaped(buf[:0], text))
}

// null consumes a null, if there is one.
func (s *scanner) null() bool {
	if s.peek() != 'n' {
		return false
	}
	s.literal("null")
	return true
}

// skip consumes a value of any shape.
func (s *scanner) skip() {
	var outer nesting
	for s.err == nil {
		if s.opens(&outer) {
			continue
		}
		if s.closes(&outer) {
			return
		}
	}
}

// opens consumes a scalar or the beginning of a container; true when a value of that
// container follows.
func (s *scanner) opens(outer *nesting) bool {
	switch c := s.peek(); c {
	case '{', '[':
		s.pos++
		if !outer.push(c == '{') {
			s.fail("request body is nested too deep")
			return false
		}
		if s.peek() == c+2 { // the closing bracket of either kind
			return false
		}
		return c == '[' || s.key()
	default:
		s.scalar(c)
		return false
	}
}

// closes consumes what may follow a value; true when nothing is open any more, false
// when another value follows or after an error.
func (s *scanner) closes(outer *nesting) bool {
	for s.err == nil && outer.depth > 0 {
		if s.peek() == ',' {
			s.pos++
			if outer.object() {
				s.key()
			}
			return false
		}
		if outer.object() {
			s.expect('}')
		} else {
			s.expect(']')
		}
		outer.depth--
	}
	return true
}

func (s *scanner) scalar(c byte) {
	switch {
	case c == '"':
		s.text()
	case c == '-' || isDigit(c):
		s.number()
	case c == 't':
		s.literal("true")
	case c == 'f':
		s.literal("false")
	default:
		s.literal("null")
	}
}

// number consumes a number of any form.
func (s *scanner) number() {
	s.accept('-')
	if !s.accept('0') {
		s.someDigits()
	}
	if s.accept('.') {
		s.someDigits()
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('-') {
			s.accept('+')
		}
		s.someDigits()
	}
}

func (s *scanner) someDigits() {
	start := s.pos
	for s.pos < len(s.data) && isDigit(s.data[s.pos]) {
		s.pos++
	}
	if s.pos == start {
		s.malformed()
	}
}

// text consumes a string and returns what stands between its quotes. Escapes are
// checked but not undone; invalid UTF-8 is legal.
func (s *scanner) text() []byte {
	start := s.pos + 1
	for i := start; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			return s.data[start:i]
		case c == '\\':
			size := escapeSize(s.data[i:])
			if size == 0 {
				s.pos = i
				s.malformed()
				return nil
			}
			i += size - 1
		case c < ' ':
			s.pos = i
			s.malformed()
			return nil
		}
	}
	s.pos = len(s.data)
	s.malformed()
	return nil
}

func (s *scanner) literal(word string) {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		s.malformed()
		return
	}
	s.pos += len(word)
}

// peek skips white space and returns the byte that follows without consuming it; 0,
// which is legal nowhere, at the end.
func (s *scanner) peek() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// accept consumes c if it is next, white space not skipped.
func (s *scanner) accept(c byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// expect consumes c after white space, or fails.
func (s *scanner) expect(c byte) {
	if s.peek() != c {
		s.malformed()
		return
	}
	s.pos++
}

func (s *scanner) fail(message string) {
	if s.err == nil {
		s.err = isuride.Errorf(isuride.InvalidInput, "%s", message)
	}
}

func (s *scanner) malformed() {
	switch {
	case s.err != nil:
	case s.pos >= len(s.data):
		s.fail("request body is not JSON: it ends early")
	default:
		s.err = isuride.Errorf(isuride.InvalidInput, "request body is not JSON: byte %d is out of place", s.pos+1)
	}
}

// nesting remembers the containers that are open inside a member, one bit each: set
// for an object.
type nesting struct {
	objects [(maxDepth + 63) / 64]uint64
	depth   int
}

// push is false when the container would be nested too deep; the outermost object of
// the body counts as well.
func (n *nesting) push(object bool) bool {
	if n.depth+1 >= maxDepth {
		return false
	}
	word, bit := &n.objects[n.depth/64], uint64(1)<<(n.depth%64)
	*word &^= bit
	if object {
		*word |= bit
	}
	n.depth++
	return true
}

// object tells whether the innermost container is one.
func (n *nesting) object() bool {
	top := n.depth - 1
	return n.objects[top/64]>>(top%64)&1 == 1
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// escapeSize is the length of the escape at the front of b, 0 if it is not a legal one.
func escapeSize(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return maxEscaped
		}
	}
	return 0
}

// hex4 is the value of the four hex digits at the front of b.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendUnescaped undoes the escapes of a string that text has checked. Halves of
// surrogate pairs become U+FFFD each: no word of ours has any.
func appendUnescaped(dst, text []byte) []byte {
	for len(text) > 0 {
		if text[0] != '\\' {
			dst, text = append(dst, text[0]), text[1:]
			continue
		}
		r := unescaped(text)
		dst, text = utf8.AppendRune(dst, r), text[escapeSize(text):]
	}
	return dst
}

func unescaped(escape []byte) rune {
	switch c := escape[1]; c {
	case 'u':
		r, _ := hex4(escape[2:])
		return r
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	default:
		return rune(c)
	}
}
