package slowlog

import (
	"bytes"
)

// Fingerprint folds a statement, fed in pieces of any size, so that all statements that
// differ in their values only look the same:
//
//	INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')   INSERT INTO t (a, b) VALUES (?+)
//	SELECT * FROM t WHERE a IN (1,2,3) -- why        SELECT * FROM t WHERE a IN (?+)
//
// It takes little memory however long the statement is, which for a batch of rows is
// megabytes. The zero value is ready.
type Fingerprint struct {
	out   []byte
	opens []int // where the parentheses that are open begin in out
	deep  int   // how many more are open
	space bool  // a space is due before the next token

	state state
	quote byte   // that ends the string
	word  []byte // that is being read
	prev  byte   // the byte before, where two make a token
	ended bool   // by a semicolon
	full  bool   // nothing more is kept
}

// state is what the next byte is part of.
type state int

const (
	between state = iota
	inWord
	inNumber
	inString
	inEscape     // behind a backslash in a string
	maybeString  // behind a quote in a string: it ends, or two quotes are one
	inIdentifier // in backquotes
	inLine       // a comment to the end of the line
	inComment
)

// Bounds of what is kept. A statement that reaches the first loses its end.
const (
	maxText  = 2048
	maxDepth = 64
	maxWord  = 256
)

// Reset begins a new statement.
func (f *Fingerprint) Reset() {
	*f = Fingerprint{out: f.out[:0], opens: f.opens[:0], word: f.word[:0]}
}

// Write reads on, up to the end of the statement.
func (f *Fingerprint) Write(p []byte) {
	for i := 0; i < len(p) && !f.ended; i++ {
		if f.state == inString { // fast path: most bytes of a batch
			for i < len(p)-1 && p[i] != f.quote && p[i] != '\\' {
				i++
			}
		}
		f.next(p[i])
	}
}

// Ended reports whether the semicolon has come that ends the statement.
func (f *Fingerprint) Ended() bool { return f.ended }

// Empty reports whether nothing but space and comments has come.
func (f *Fingerprint) Empty() bool { return len(f.out) == 0 && f.state == between }

// Text ends the statement and returns it folded; it is valid until Reset.
func (f *Fingerprint) Text() []byte {
	f.next('\n')
	if f.state == inString || f.state == inEscape { // cut off
		f.literal()
	}
	if f.full {
		return append(f.out, "..."...)
	}
	return f.out
}

// next goes one byte on.
func (f *Fingerprint) next(c byte) {
	switch f.state {
	case inString:
		switch c {
		case '\\':
			f.state = inEscape
		case f.quote:
			f.state = maybeString
		}
		return
	case inEscape:
		f.state = inString
		return
	case maybeString:
		if c == f.quote {
			f.state = inString
			return
		}
		f.literal()
		f.state = between
	case inIdentifier:
		f.word = appendBounded(f.word, c)
		if c == '`' {
			f.endWord()
		}
		return
	case inLine:
		if c == '\n' {
			f.state = between
		}
		return
	case inComment:
		if f.prev == '*' && c == '/' {
			f.state, c = between, ' '
		}
		f.prev = c
		return
	case inWord, inNumber:
		if f.more(c) {
			return
		}
	}
	f.begin(c)
}

// more goes on with a word or a number, or ends it.
func (f *Fingerprint) more(c byte) bool {
	if isWord(c) || f.state == inNumber && (c == '.' || (c == '-' || c == '+') && f.exponent()) {
		f.word = appendBounded(f.word, c)
		return true
	}
	switch {
	case f.state == inNumber:
		f.literal()
	case (c == '\'' || c == '"') && introduces(f.word): // _utf8mb4'x' is one literal
	default:
		f.endWord()
	}
	f.word, f.state = f.word[:0], between
	return false
}

// exponent reports whether the number so far ends as 1e does, before its sign.
func (f *Fingerprint) exponent() bool {
	last := f.word[len(f.word)-1]
	return (last == 'e' || last == 'E') && !bytes.HasPrefix(f.word, []byte("0x"))
}

func introduces(word []byte) bool {
	if word[0] == '_' {
		return true
	}
	return len(word) == 1 && bytes.IndexByte([]byte("xXbBnN"), word[0]) >= 0
}

// begin looks at the first byte of whatever comes.
func (f *Fingerprint) begin(c byte) {
	prev := f.prev
	f.prev = c
	switch {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		f.space, f.prev = true, ' '
	case c == '\'' || c == '"':
		f.state, f.quote = inString, c
	case c == '`':
		f.state, f.word = inIdentifier, append(f.word[:0], c)
	case c >= '0' && c <= '9':
		f.state, f.word = inNumber, append(f.word[:0], c)
	case isWord(c):
		f.state, f.word = inWord, append(f.word[:0], c)
	case c == '#':
		f.state = inLine
	case c == '-' && prev == '-':
		f.drop('-')
		f.state = inLine
	case c == '*' && prev == '/':
		f.drop('/')
		f.state, f.prev = inComment, ' '
	case c == ';':
		f.ended = true
	case c == '?':
		f.literal()
	default:
		f.sign(c)
	}
}

// drop takes back a byte that was the first of a comment.
func (f *Fingerprint) drop(c byte) {
	if f.full {
		return
	}
	f.out = bytes.TrimRight(bytes.TrimSuffix(f.out, []byte{c}), " ")
	f.space = true
}

// isWord knows the bytes of names, all of UTF-8 among them.
func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c == '@' || c >= 0x80
}

func appendBounded(b []byte, c byte) []byte {
	if len(b) < maxWord {
		return append(b, c)
	}
	return b
}

// endWord writes the word, unless it is a value.
func (f *Fingerprint) endWord() {
	f.state = between
	for _, value := range [...]string{"NULL", "DEFAULT", "TRUE", "FALSE"} {
		if bytes.EqualFold(f.word, []byte(value)) && f.inList() {
			f.word = f.word[:0]
			f.literal()
			return
		}
	}
	f.token(f.word)
	f.word = f.word[:0]
}

// inList reports whether the next token is the first or a further one of a list: NULL is
// a value there, and part of the grammar elsewhere.
func (f *Fingerprint) inList() bool { return endsWith(f.out, "(") || endsWith(f.out, ",") }

// literal writes a value: one of a list is the whole list.
func (f *Fingerprint) literal() {
	if f.full {
		return
	}
	f.dropSign()
	switch {
	case endsWith(f.out, "?,"):
		f.out = append(f.out[:len(f.out)-1], '+')
	case endsWith(f.out, "?+,"):
		f.out = f.out[:len(f.out)-1]
	default:
		f.token([]byte("?"))
		return
	}
	f.space = false
}

// dropSign takes back a sign that is not an operator, since nothing stands before it that
// it could work on.
func (f *Fingerprint) dropSign() {
	if !endsWith(f.out, "-") && !endsWith(f.out, "+") || endsWith(f.out, "?+") {
		return
	}
	before := bytes.TrimRight(f.out[:len(f.out)-1], " ")
	if len(before) == 0 || bytes.IndexByte([]byte("(,=<>*/+-%"), before[len(before)-1]) >= 0 {
		f.space = len(before) < len(f.out)-1
		f.out = before
	}
}

// token writes what is not folded.
func (f *Fingerprint) token(t []byte) {
	if f.space && len(f.out) > 0 && !endsWith(f.out, "(") {
		f.put(' ')
	}
	f.space = false
	for _, c := range t {
		f.put(c)
	}
}

func (f *Fingerprint) put(c byte) {
	if f.full = f.full || len(f.out) == maxText; !f.full {
		f.out = append(f.out, c)
	}
}

// sign writes punctuation: a space follows a comma, none stands before it or inside of
// parentheses.
func (f *Fingerprint) sign(c byte) {
	if f.full {
		return
	}
	switch c {
	case '(':
		f.token([]byte{'('})
		if len(f.opens) < maxDepth {
			f.opens = append(f.opens, len(f.out)-1)
		} else {
			f.deep++
		}
	case ')':
		f.space = false
		f.put(')')
		f.close()
	case ',':
		f.space = false
		f.put(',')
		f.space = true
	default:
		f.token([]byte{c})
	}
}

// close folds what the parenthesis has ended: a list of one value looks like a longer
// one, and a list after the same list is one with it.
func (f *Fingerprint) close() {
	if f.deep > 0 {
		f.deep--
		return
	}
	if len(f.opens) == 0 || f.full {
		return
	}
	open := f.opens[len(f.opens)-1]
	f.opens = f.opens[:len(f.opens)-1]
	if string(f.out[open:]) == "(?)" {
		f.out = append(f.out[:open], "(?+)"...)
	}
	list := f.out[open:]
	if before, ok := bytes.CutSuffix(f.out[:open], []byte(", ")); ok && bytes.HasSuffix(before, list) {
		f.out = before
	}
}

func endsWith(b []byte, s string) bool { return len(b) >= len(s) && string(b[len(b)-len(s):]) == s }
