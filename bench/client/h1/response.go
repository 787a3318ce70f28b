// Package h1 is the client side of HTTP/1.1 as bytes: it appends requests to a buffer and
// cuts answers out of a stream of input, without doing any I/O itself, so that it serves
// plain sockets and TLS, events and tests alike.
//
// It accepts what net/http accepts and refuses what net/http refuses, as that is what the
// official bench uses (its rare liberties, such as folded header lines, are refused).
// Connections, limits of time, retries, cookies and caching belong to others.
package h1

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// Errors of a malformed answer. They are wrapped with what was found.
var (
	ErrMalformed = errors.New("malformed HTTP answer")
	ErrTooLarge  = errors.New("HTTP header too large")
	// ErrEarlyEnd is the end of the input in the middle of an answer.
	ErrEarlyEnd = errors.New("connection closed in the middle of an answer")
	// ErrNoAnswer is the end of the input before the first byte of an answer.
	ErrNoAnswer = errors.New("connection closed without an answer")
)

const (
	maxLine = 64 << 10
	maxHead = 1 << 20 // 1 MiB, as net/http's default for a server; enough for anything but an attack
	maxInfo = 5       // 1xx answers before the real one, as net/http
)

// A Name is one of the header fields that are kept as text.
type Name uint8

const (
	SetCookie Name = iota + 1
	CacheControl
	ETag
	LastModified
	Expires
	Vary
)

// A Field is a header field kept as text.
type Field struct {
	Name  Name
	Value string
}

// Encoding is a content coding.
type Encoding uint8

const (
	Identity Encoding = iota // also an unknown coding: the body is passed on as it came
	Gzip
	Deflate
	Brotli
)

// A Head holds what matters of an answer's status line and header.
type Head struct {
	Status      int
	KeepAlive   bool // the connection can be used again after this answer
	RetryAfter  int  // seconds; 0 without the field, or if it has a date
	EventStream bool // Content-Type contains text/event-stream
	Encoding    Encoding
	Fields      []Field // in order of arrival; nil for the usual API answer
}

// Field is the first field of that name, empty if there is none.
func (h *Head) Field(n Name) string {
	for _, f := range h.Fields {
		if f.Name == n {
			return f.Value
		}
	}
	return ""
}

// A Part says what Reader.Next has found.
type Part uint8

const (
	// More: nothing is certain without more input. The unconsumed rest must be given
	// again in front of it.
	More Part = iota
	// HeadPart: Reader.Head is complete.
	HeadPart
	// BodyPart: the data is a piece of the body.
	BodyPart
	// EndPart: the answer is complete.
	EndPart
)

type state uint8

const (
	statusLine state = iota
	headerLine
	bodyStart
	fixedBody
	openBody // until the connection ends
	chunkSize
	chunkData
	chunkEnd
	trailerLine
	ended
)

// A Reader cuts one answer after the other out of a stream of input. The zero value is
// ready for the first.
type Reader struct {
	Head Head

	state   state
	begun   bool // some byte of the answer has come
	http10  bool
	chunked bool
	sized   bool  // Content-Length was given
	left    int64 // bytes of the body or of the chunk still to come
	head    int   // bytes of the header so far
	info    int   // 1xx answers so far
}

// Reset prepares for the next answer on the same connection.
func (r *Reader) Reset() { *r = Reader{} }

// Begun reports whether any byte of the answer has been seen.
func (r *Reader) Begun() bool { return r.begun }

// Next consumes n bytes from the front of p. For BodyPart they end with the piece of the
// body, whose length is m.
func (r *Reader) Next(p []byte) (n, m int, part Part, err error) {
	r.begun = r.begun || len(p) > 0
	for {
		switch r.state {
		case fixedBody, chunkData, openBody:
			return r.data(p, n)
		case bodyStart:
			if !r.startBody() {
				r.state = ended
			}
			return n, 0, HeadPart, nil
		case ended:
			return n, 0, EndPart, nil
		}
		line, size, err := cutLine(p[n:])
		if err != nil {
			return n, 0, More, err
		}
		if size == 0 {
			return n, 0, More, nil
		}
		n += size
		if err := r.line(line, size); err != nil {
			return n, 0, More, err
		}
	}
}

// cutLine returns the first line of p without its end, and its size with it, 0 if it is
// not complete.
func cutLine(p []byte) (line []byte, size int, err error) {
	i := bytes.IndexByte(p, '\n')
	if i > maxLine || i < 0 && len(p) > maxLine {
		return nil, 0, ErrTooLarge
	}
	if i < 0 {
		return nil, 0, nil
	}
	line = p[:i]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, i + 1, nil
}

// data passes on a piece of the body.
func (r *Reader) data(p []byte, n int) (int, int, Part, error) {
	rest := p[n:]
	if len(rest) == 0 {
		return n, 0, More, nil
	}
	if r.state == openBody {
		return len(p), len(rest), BodyPart, nil
	}
	m := int(min(int64(len(rest)), r.left))
	r.left -= int64(m)
	if r.left == 0 {
		if r.state == fixedBody {
			r.state = ended
		} else {
			r.state = chunkEnd
		}
	}
	return n + m, m, BodyPart, nil
}

// startBody chooses how the body ends; false if there is none.
func (r *Reader) startBody() bool {
	switch s := r.Head.Status; {
	case s < 200, s == 204, s == 304:
		return false
	case r.chunked:
		r.state = chunkSize
	case !r.sized:
		r.state = openBody
		r.Head.KeepAlive = false
	case r.left == 0:
		return false
	default:
		r.state = fixedBody
	}
	return true
}

// line handles a complete line of the header or of the chunked coding.
func (r *Reader) line(line []byte, size int) error {
	switch r.state {
	case statusLine:
		r.head += size
		return r.parseStatus(line)
	case headerLine:
		if r.head += size; r.head > maxHead {
			return ErrTooLarge
		}
		if len(line) > 0 {
			return r.parseField(line)
		}
		return r.endHead()
	}
	if size-len(line) != len("\r\n") { // net/http allows the bare line feed in the header only
		return malformed("line end in chunked coding", line)
	}
	return r.chunkLine(line, size)
}

func (r *Reader) chunkLine(line []byte, size int) error {
	switch {
	case r.state == chunkSize:
		return r.parseChunkSize(line)
	case r.state == trailerLine:
		return r.trailer(line, size)
	case len(line) != 0:
		return malformed("chunk end", line)
	}
	r.state = chunkSize
	return nil
}

// trailer takes a field after the last chunk. Its meaning does not matter here.
func (r *Reader) trailer(line []byte, size int) error {
	if r.head += size; r.head > maxHead {
		return ErrTooLarge
	}
	if len(line) == 0 {
		r.state = ended
		return nil
	}
	if !isField(line) {
		return malformed("trailer", line)
	}
	return nil
}

// endHead begins the body, or waits for the real answer after an informational one.
func (r *Reader) endHead() error {
	s := r.Head.Status
	if s >= 200 || s == 101 {
		r.Head.KeepAlive = r.Head.KeepAlive && s != 101
		r.state = bodyStart
		return nil
	}
	if r.info++; r.info > maxInfo {
		return fmt.Errorf("%w: too many 1xx answers", ErrMalformed)
	}
	*r = Reader{info: r.info, head: r.head, begun: true}
	return nil
}

// parseStatus reads "HTTP/1.1 200 OK".
func (r *Reader) parseStatus(line []byte) error {
	const proto = "HTTP/1.1 200"
	if len(line) < len(proto) || string(line[:7]) != proto[:7] || line[8] != ' ' ||
		len(line) > len(proto) && line[len(proto)] != ' ' {
		return malformed("status line", line)
	}
	r.http10 = line[7] == '0'
	if !r.http10 && line[7] != '1' {
		return malformed("version", line)
	}
	status, ok := decimal(line[9:12])
	if !ok || status < 100 {
		return malformed("status", line)
	}
	r.Head.Status = int(status)
	r.Head.KeepAlive = !r.http10
	r.state = headerLine
	return nil
}

func (r *Reader) parseChunkSize(line []byte) error {
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		line = line[:i]
	}
	line = bytes.Trim(line, " \t")
	if len(line) == 0 || len(line) > 15 {
		return malformed("chunk size", line)
	}
	n := int64(0)
	for _, c := range line {
		d := hexDigit(c)
		if d < 0 {
			return malformed("chunk size", line)
		}
		n = n<<4 | int64(d)
	}
	r.left = n
	r.state = chunkData
	if n == 0 {
		r.state = trailerLine
	}
	return nil
}

// Finish ends the input, after everything given to Next. It returns nil if that completes
// the answer.
func (r *Reader) Finish() error {
	switch {
	case r.state == openBody || r.state == ended:
		r.state = ended
		return nil
	case !r.begun:
		return ErrNoAnswer
	}
	return ErrEarlyEnd
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// decimal reads a number of digits only.
func decimal(p []byte) (int64, bool) {
	n := int64(0)
	for _, c := range p {
		if c < '0' || c > '9' || n > (math.MaxInt64-9)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(p) > 0
}

func malformed(what string, line []byte) error {
	const most = 60
	return fmt.Errorf("%w: %s %q", ErrMalformed, what, line[:min(len(line), most)])
}
