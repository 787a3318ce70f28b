package answer

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrBad is an answer without the form of B13.4. It is wrapped with what is wrong.
var ErrBad = errors.New("undecodable answer")

// maxDepth bounds the nesting of what is skipped.
const maxDepth = 200

// reader pulls values out of a JSON text. After the first error every method returns its
// zero value and loops over members end, so that callers need to look at err only once.
//
// Strings without escapes are cut out of one copy of the text, made when the first is
// wanted.
type reader struct {
	in   []byte
	pos  int
	copy string
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format+" at byte %d", append(append([]any{ErrBad}, args...), r.pos)...)
		r.pos = len(r.in)
	}
}

// peek is the first byte of the next token, 0 at the end.
func (r *reader) peek() byte {
	for r.pos < len(r.in) {
		switch c := r.in[r.pos]; c {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

// begin enters an object or a list; false if it is empty.
func (r *reader) begin(open, end byte) bool {
	if r.peek() != open {
		r.fail("want %q", open)
		return false
	}
	r.pos++
	if r.peek() == end {
		r.pos++
		return false
	}
	return r.err == nil
}

// more goes on to the next member or item; false if there is none.
func (r *reader) more(end byte) bool {
	switch r.peek() {
	case ',':
		r.pos++
		return r.err == nil
	case end:
		r.pos++
	default:
		r.fail("want ',' or %q", end)
	}
	return false
}

// key is the name of a member. It is valid until the next call.
func (r *reader) key() []byte {
	a, b, escaped := r.quoted()
	name := r.in[a:b]
	if escaped {
		name = unescape(name)
	}
	if r.peek() != ':' {
		r.fail("want ':'")
		return nil
	}
	r.pos++
	return name
}

// text is a string.
func (r *reader) text() string {
	a, b, escaped := r.quoted()
	if escaped {
		return string(unescape(r.in[a:b]))
	}
	if a == b {
		return ""
	}
	if r.copy == "" {
		r.copy = string(r.in)
	}
	return r.copy[a:b]
}

// quoted skips a string and returns where its content is.
func (r *reader) quoted() (a, b int, escaped bool) {
	if r.peek() != '"' {
		r.fail("want a string")
		return 0, 0, false
	}
	a = r.pos + 1
	for i := a; i < len(r.in); i++ {
		switch c := r.in[i]; {
		case c == '"':
			r.pos = i + 1
			return a, i, escaped
		case c == '\\':
			escaped = true
			n := escapeLength(r.in[i:])
			if n == 0 {
				r.pos = i
				r.fail("bad escape")
				return 0, 0, false
			}
			i += n - 1
		case c < ' ':
			r.pos = i
			r.fail("control character in a string")
			return 0, 0, false
		}
	}
	r.pos = len(r.in)
	r.fail("string without an end")
	return 0, 0, false
}

// escapeLength is the length of the escape at the front of p, 0 if it is none.
func escapeLength(p []byte) int {
	if len(p) < 2 {
		return 0
	}
	switch p[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(p) >= 6 && hex4(p[2:6]) >= 0 {
			return 6
		}
	}
	return 0
}

func hex4(p []byte) rune {
	n, err := strconv.ParseUint(string(p[:4]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

// unescape resolves escapes that quoted has checked.
func unescape(p []byte) []byte {
	out := make([]byte, 0, len(p))
	for i := 0; i < len(p); {
		if p[i] != '\\' {
			out = append(out, p[i])
			i++
			continue
		}
		n := escapeLength(p[i:])
		if n == 2 {
			out = append(out, unescaped(p[i+1]))
			i += 2
			continue
		}
		c := hex4(p[i+2:])
		i += 6
		if utf16.IsSurrogate(c) {
			low := rune(-1)
			if escapeLength(p[i:]) == 6 {
				low = hex4(p[i+2:])
			}
			if c = utf16.DecodeRune(c, low); c != utf8.RuneError {
				i += 6
			}
		}
		out = utf8.AppendRune(out, c)
	}
	return out
}

func unescaped(c byte) byte {
	switch c {
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
	}
	return c
}

// integer is a number without fraction and exponent (B13.4).
func (r *reader) integer() int64 {
	r.peek()
	start := r.pos
	token, whole := r.number()
	if r.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(token), 10, 64)
	if !whole || err != nil {
		r.pos = start
		r.fail("want an integer")
		return 0
	}
	return n
}

// float is any number.
func (r *reader) float() float64 {
	token, _ := r.number()
	if r.err != nil {
		return 0
	}
	f, err := strconv.ParseFloat(string(token), 64)
	if err != nil {
		r.fail("number out of range")
		return 0
	}
	return f
}

// number skips a number and returns it, and whether it is written without fraction and
// exponent.
func (r *reader) number() (token []byte, whole bool) {
	r.peek()
	start, p, i := r.pos, r.in, r.pos
	digits := func() bool {
		from := i
		for i < len(p) && '0' <= p[i] && p[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(p) && p[i] == '-' {
		i++
	}
	zero := i < len(p) && p[i] == '0'
	first := i
	ok := digits() && !(zero && i > first+1)
	whole = true
	if ok && i < len(p) && p[i] == '.' {
		i, whole = i+1, false
		ok = digits()
	}
	if ok && i < len(p) && (p[i] == 'e' || p[i] == 'E') {
		i, whole = i+1, false
		if i < len(p) && (p[i] == '+' || p[i] == '-') {
			i++
		}
		ok = digits()
	}
	if !ok {
		r.fail("want a number")
		return nil, false
	}
	r.pos = i
	return p[start:i], whole
}

// boolean is true or false.
func (r *reader) boolean() bool {
	if r.peek() == 't' {
		r.literal("true")
		return r.err == nil
	}
	r.literal("false")
	return false
}

// null skips a null if it comes next.
func (r *reader) null() bool {
	if r.peek() != 'n' {
		return false
	}
	r.literal("null")
	return r.err == nil
}

func (r *reader) literal(word string) {
	if len(r.in)-r.pos < len(word) || string(r.in[r.pos:r.pos+len(word)]) != word {
		r.fail("want %s", word)
		return
	}
	r.pos += len(word)
}

// skip passes over one value of any kind.
func (r *reader) skip() { r.skipNested(0) }

func (r *reader) skipNested(depth int) {
	if depth > maxDepth {
		r.fail("nested too deeply")
		return
	}
	switch r.peek() {
	case '{':
		for ok := r.begin('{', '}'); ok; ok = r.more('}') {
			r.key()
			r.skipNested(depth + 1)
		}
	case '[':
		for ok := r.begin('[', ']'); ok; ok = r.more(']') {
			r.skipNested(depth + 1)
		}
	case '"':
		r.quoted()
	case 't', 'f':
		r.boolean()
	case 'n':
		r.null()
	default:
		r.number()
	}
}

// raw passes over one value and returns its text.
func (r *reader) raw() []byte {
	r.peek()
	start := r.pos
	r.skip()
	if r.err != nil {
		return nil
	}
	return r.in[start:r.pos]
}

// need fails unless every bit of seen is set that belongs to a name.
func (r *reader) need(seen uint, names ...string) {
	for i, name := range names {
		if seen&(1<<i) == 0 {
			r.fail("no member %q in what ends", name)
			return
		}
	}
}

// clamp32 keeps a coordinate within 32 bits. What lies beyond is wrong anyway and stays
// so.
func clamp32(n int64) int32 { return int32(max(math.MinInt32, min(n, math.MaxInt32))) }
