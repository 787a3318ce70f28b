package httpd

import (
	"bytes"
	"math"
)

// headLine parses one line of the head; the empty line ends it.
func (r *request) headLine(b []byte, line span, lim limits) fault {
	if r.stage == atRequestLine {
		r.stage = atField
		return r.requestLine(b, line)
	}
	if line.from == line.to {
		return r.endHead(lim)
	}
	if r.count == maxFields {
		return fault{431, "too many header fields"}
	}
	f, bad := parseField(b, line)
	if bad.found() {
		return bad
	}
	r.fields[r.count] = f
	r.count++
	return r.known(f.name.of(b), f.value.of(b))
}

func (r *request) requestLine(b []byte, s span) fault {
	line := s.of(b)
	sp := bytes.IndexByte(line, ' ')
	if sp < 1 || !isToken(line[:sp]) {
		return fault{400, "malformed request line"}
	}
	end := bytes.LastIndexByte(line, ' ')
	if end <= sp {
		return fault{400, "malformed request line"}
	}
	if f := r.version(line[end+1:]); f.found() {
		return f
	}
	from := int(s.from)
	r.method = spanOf(from, from+sp)
	if !r.target(b, from+sp+1, from+end) {
		return fault{400, "malformed request target"}
	}
	return fault{}
}

func (r *request) version(v []byte) fault {
	if len(v) != len("HTTP/1.1") || string(v[:5]) != "HTTP/" || !isDigit(v[5]) || v[6] != '.' || !isDigit(v[7]) {
		return fault{400, "malformed request line"}
	}
	if v[5] != '1' {
		return fault{505, "HTTP version not supported"}
	}
	r.minor = min(v[7]-'0', 1) // a later 1.x is answered like 1.1 (RFC 9110 2.5)
	return fault{}
}

// target splits b[from:to] into path and query: origin-form, absolute-form, and the
// asterisk of OPTIONS. The authority of the absolute-form is checked and dropped, there
// is only one site here.
func (r *request) target(b []byte, from, to int) bool {
	t := b[from:to]
	if len(t) == 0 || !isVisible(t) {
		return false
	}
	if string(t) == "*" {
		r.path = spanOf(from, to)
		return string(r.method.of(b)) == "OPTIONS"
	}
	if t[0] != '/' {
		return r.absolute(b, from, to)
	}
	r.split(b, from, to)
	return true
}

func (r *request) absolute(b []byte, from, to int) bool {
	scheme := bytes.Index(b[from:to], []byte("://"))
	if scheme < 1 || !isScheme(b[from:from+scheme]) {
		return false
	}
	host := from + scheme + len("://")
	n := bytes.IndexAny(b[host:to], "/?")
	if n < 0 {
		n = to - host
	}
	if n == 0 || !isHost(b[host:host+n]) {
		return false
	}
	r.split(b, host+n, to)
	if r.path.from == r.path.to {
		r.path = spanOf(host-1, host) // no path means "/": the last slash of "://" will do
	}
	return true
}

func (r *request) split(b []byte, from, to int) {
	r.path, r.query = spanOf(from, to), spanOf(to, to)
	if q := bytes.IndexByte(b[from:to], '?'); q >= 0 {
		r.path, r.query = spanOf(from, from+q), spanOf(from+q+1, to)
	}
}

// parseField splits a header line. A line that begins with white space, the continuation
// of a folded one, fails as a field name.
func parseField(b []byte, s span) (field, fault) {
	line := s.of(b)
	colon := tokenLen(line)
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return field{}, fault{400, "malformed header field name"}
	}
	from, to := colon+1, len(line)
	for from < to && isBlank(line[from]) {
		from++
	}
	for from < to && isBlank(line[to-1]) {
		to--
	}
	if !isFieldValue(line[from:to]) {
		return field{}, fault{400, "malformed header field value"}
	}
	base := int(s.from)
	return field{spanOf(base, base+colon), spanOf(base+from, base+to)}, fault{}
}

// known takes note of the fields that the protocol itself needs. The length of the name
// tells most others apart.
func (r *request) known(name, value []byte) fault {
	switch len(name) {
	case len("host"):
		if equalFold(name, "host") {
			r.hosts++
			if !isHost(value) {
				return fault{400, "malformed Host"}
			}
		}
	case len("expect"):
		if equalFold(name, "expect") {
			return r.expectation(value)
		}
	case len("connection"):
		if equalFold(name, "connection") {
			r.connection(value)
		}
	case len("authorization"):
		if r.grant == 0 && equalFold(name, "authorization") {
			r.grant = r.count
		}
	case len("content-length"):
		if equalFold(name, "content-length") {
			return r.contentLength(value)
		}
	case len("transfer-encoding"):
		if equalFold(name, "transfer-encoding") {
			return r.transferEncoding(value)
		}
	}
	return fault{}
}

func (r *request) expectation(value []byte) fault {
	for len(value) > 0 {
		var member []byte
		member, value, _ = bytes.Cut(value, []byte(","))
		member = trimBlank(member)
		switch {
		case len(member) == 0: // means nothing (RFC 9110 5.6.1)
		case equalFold(member, "100-continue"):
			r.expect = true
		default:
			return fault{417, "unknown expectation"}
		}
	}
	return fault{}
}

func (r *request) connection(value []byte) {
	for len(value) > 0 {
		var option []byte
		option, value, _ = bytes.Cut(value, []byte(","))
		option = trimBlank(option)
		r.close = r.close || equalFold(option, "close")
		r.keep = r.keep || equalFold(option, "keep-alive")
	}
}

// contentLength takes equal repetitions, which RFC 9112 6.3 allows, and refuses different
// ones. A number too large to be stored is a body that is too large.
func (r *request) contentLength(value []byte) fault {
	if len(value) == 0 {
		return fault{400, "malformed Content-Length"}
	}
	n := 0
	for _, d := range value {
		if !isDigit(d) {
			return fault{400, "malformed Content-Length"}
		}
		n = min(10*n+int(d-'0'), math.MaxInt32)
	}
	if r.length >= 0 && r.length != n {
		return fault{400, "contradicting Content-Length"}
	}
	r.length = n
	return fault{}
}

func (r *request) transferEncoding(value []byte) fault {
	if r.chunked {
		return fault{400, "repeated Transfer-Encoding"}
	}
	if !equalFold(value, "chunked") {
		return fault{501, "transfer encoding not supported"}
	}
	r.chunked = true
	return fault{}
}

// endHead checks what only the whole head tells.
func (r *request) endHead(lim limits) fault {
	r.head = r.pos
	r.stage = atBody
	switch {
	case r.hosts > 1, r.hosts == 0 && r.minor == 1:
		return fault{400, "exactly one Host is required"}
	case r.chunked && r.length >= 0:
		return fault{400, "both Content-Length and Transfer-Encoding"}
	case r.chunked && r.minor == 0:
		return fault{400, "Transfer-Encoding in HTTP/1.0"}
	case r.length > lim.body:
		return fault{413, "request body too large"}
	case r.chunked:
		r.stage = atChunkSize
		r.body = spanOf(r.head, r.head)
	}
	return fault{}
}
