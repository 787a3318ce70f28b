package httpd

import (
	"io"
	"strconv"
)

const (
	// headRoom is kept free in front of a body so that the head can be put there and both
	// leave in one write; ours have about 150 bytes.
	headRoom = 512
	// maxCopied is the largest body that is copied after its head. From about here on a
	// second element of writev costs less.
	maxCopied = 8 << 10
	// recordSize is what a record of TLS holds. Each is a write, and a read of the client.
	recordSize = 16 << 10
)

// streamHead opens an event stream. X-Accel-Buffering keeps nginx from holding events
// back (S6.1).
const streamHead = "HTTP/1.1 200 OK\r\n" +
	"Content-Type: text/event-stream\r\n" +
	"Cache-Control: no-store\r\n" +
	"X-Accel-Buffering: no\r\n" +
	"Connection: close\r\n"

// upgradeHead, with a protocol after it, ends what HTTP has to say on a connection.
const upgradeHead = "HTTP/1.1 101 Switching Protocols\r\n" +
	"Connection: Upgrade\r\n" +
	"Upgrade: "

// response is the answer a handler builds.
type response struct {
	status int
	head   string // lines made beforehand
	lines  []byte // lines added one by one
	body   []byte
	shared bool // the body is nobody's memory in particular
	drop   bool // there is no answer
	last   bool // the connection ends with it
	after  func(error)
	open   func(*Stream)
	talk   func(io.Reader) // of an upgraded connection, else nil
	to     string          // the protocol of that

	out  []byte // headRoom, then the body under construction
	text []byte // the whole head
}

func (r *response) init() {
	r.out = make([]byte, writeSize)
	r.lines = make([]byte, 0, headRoom)
	r.text = make([]byte, 0, headRoom)
	r.reset()
}

// reset forgets everything but the buffers.
func (r *response) reset() {
	r.status, r.head, r.lines, r.body, r.shared = 200, "", r.lines[:0], nil, false
	r.after, r.open, r.talk, r.to, r.drop, r.last = nil, nil, nil, "", false, false
}

// recycle lets go of what the pool must not keep.
func (r *response) recycle() {
	r.reset()
	if len(r.out) > maxPooled {
		r.out = make([]byte, writeSize)
	}
}

func (r *response) room(size int) []byte {
	if headRoom+size > len(r.out) {
		r.out = make([]byte, headRoom+size)
	}
	return r.out[headRoom:headRoom]
}

// pack returns the answer in one piece where it can, else in two: head and body, or, if it
// goes out in records, what fills the first one and the rest.
func (r *response) pack(req *request, head, keep, records bool) (first, second []byte) {
	r.appendHead(req.minor, keep)
	body := r.body
	if head || bodyless(r.status) {
		body = nil
	}
	if len(body) > 0 && !r.inPlace(body) {
		switch {
		case len(body) <= maxCopied:
		case records && len(r.text) <= headRoom:
			n := min(len(body), recordSize-len(r.text))
			body, second = body[:n], body[n:]
		default:
			return r.text, body
		}
		body = append(r.room(len(body)), body...)
	}
	at := headRoom - len(r.text)
	if at < 0 {
		return r.text, body
	}
	copy(r.out[at:], r.text)
	return r.out[at : headRoom+len(body)], second
}

// inPlace reports whether the body is in out already.
func (r *response) inPlace(body []byte) bool {
	return &body[0] == &r.out[headRoom]
}

func (r *response) appendHead(minor byte, keep bool) {
	b := r.text[:0]
	switch {
	case r.talk != nil:
		b = append(append(append(b, upgradeHead...), r.to...), "\r\n"...)
	case r.open != nil:
		b = append(b, streamHead...)
	default:
		b = appendStatusLine(b, r.status)
		if !bodyless(r.status) {
			b = append(b, "Content-Length: "...)
			b = strconv.AppendInt(b, int64(len(r.body)), 10)
			b = append(b, "\r\n"...)
		}
		b = append(b, connectionLine(minor, keep)...)
	}
	b = append(b, r.head...)
	b = append(b, r.lines...)
	r.text = append(b, "\r\n"...)
}

// connectionLine says what differs from the default of the client's version.
func connectionLine(minor byte, keep bool) string {
	switch {
	case !keep:
		return "Connection: close\r\n"
	case minor == 0:
		return "Connection: keep-alive\r\n"
	}
	return ""
}
