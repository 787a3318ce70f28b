package httpd

import "bytes"

// maxFields bounds the header fields of a request; browsers send about 20.
const maxFields = 100

// fault is the reason to refuse a request; status 0 means that nothing is wrong.
type fault struct {
	status  int
	message string
}

func (f fault) found() bool { return f.status != 0 }

// span is a piece of a request, as offsets from the request's first byte. It stays valid
// when the buffer moves.
type span struct{ from, to uint32 }

func spanOf(from, to int) span { return span{uint32(from), uint32(to)} }

func (s span) of(b []byte) []byte { return b[s.from:s.to:s.to] }

type field struct{ name, value span }

// stage is the part of a request that is expected next.
type stage uint8

const (
	atRequestLine stage = iota
	atField
	atBody // of declared length, or none
	atChunkSize
	atChunkData
	atTrailer
	complete
)

// request parses one request. It can be interrupted at any byte: parse is called again
// with more bytes and goes on where it stopped.
//
// What it refuses beyond the grammar is what lets two parsers disagree about where a
// request ends: bare CR and LF, folded lines, space around field names, contradicting
// lengths (RFC 9112 2.2, 5.1, 5.2, 6.3).
type request struct {
	stage   stage
	pos     int // everything before it has been parsed
	scanned int // no line end lies between pos and here

	method, path, query span
	minor               byte // HTTP/1.minor
	fields              [maxFields]field
	count               int // of valid fields

	hosts   int
	length  int  // declared Content-Length, -1 without one
	chunked bool // Transfer-Encoding: chunked
	close   bool // Connection: close
	keep    bool // Connection: keep-alive
	expect  bool // Expect: 100-continue
	grant   int  // which field is Authorization, from 1; 0 if none is

	asked   bool // Options.Admit was asked
	refused bool // and said no

	head      int // length of the head, empty line included
	body      span
	chunkLeft int // bytes of the current chunk that have not arrived
	trailer   int // where the trailer fields begin
}

// reset prepares for the next request. The fields keep their old content, count says what
// is valid.
func (r *request) reset() {
	r.stage, r.pos, r.scanned = atRequestLine, 0, 0
	r.method, r.path, r.query = span{}, span{}, span{}
	r.minor, r.count = 1, 0
	r.hosts, r.length, r.grant = 0, -1, 0
	r.chunked, r.close, r.keep, r.expect = false, false, false, false
	r.asked, r.refused = false, false
	r.head, r.body, r.chunkLeft, r.trailer = 0, span{}, 0, 0
}

// keepAlive reports whether the client wants the connection kept.
func (r *request) keepAlive() bool {
	return !r.close && (r.minor == 1 || r.keep)
}

// limits bound a request, in bytes.
type limits struct{ header, body int }

// parse takes all bytes of the request received so far, possibly followed by other
// requests, and returns its length once it is complete, or 0 when more bytes are needed.
// A chunked body is decoded in place.
func (r *request) parse(b []byte, lim limits) (int, fault) {
	if r.stage == atRequestLine && len(b) == 1 && b[0] == '\r' {
		return 0, fault{} // perhaps half of an empty line, which the caller drops unparsed
	}
	for r.stage < atBody {
		line, st := r.line(b, lim.header)
		if st != lineFound {
			return 0, st.fault(431, "request head too large")
		}
		if f := r.headLine(b, line, lim); f.found() {
			return 0, f
		}
	}
	if r.chunked {
		return r.parseChunks(b, lim)
	}
	end := r.head + max(r.length, 0)
	if len(b) < end {
		return 0, fault{}
	}
	r.stage, r.body = complete, spanOf(r.head, end)
	return end, fault{}
}

// lineState is the result of a search for a line end.
type lineState uint8

const (
	lineFound lineState = iota
	lineShort           // more bytes are needed
	lineLong            // beyond its limit
	lineBare            // ends in LF without CR
)

// fault translates a line that was not found; a long one has the given status.
func (s lineState) fault(status int, message string) fault {
	switch s {
	case lineLong:
		return fault{status, message}
	case lineBare:
		return fault{400, "line ends without carriage return"}
	}
	return fault{}
}

// line cuts the line at pos, without its line end, which must lie before limit.
func (r *request) line(b []byte, limit int) (span, lineState) {
	from := max(r.scanned, r.pos)
	i := bytes.IndexByte(b[from:], '\n')
	if i < 0 {
		r.scanned = len(b)
		if len(b) >= limit {
			return span{}, lineLong
		}
		return span{}, lineShort
	}
	end := from + i
	if end >= limit {
		return span{}, lineLong
	}
	if end == r.pos || b[end-1] != '\r' {
		return span{}, lineBare
	}
	s := spanOf(r.pos, end-1)
	r.pos = end + 1
	return s, lineFound
}
