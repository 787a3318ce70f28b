package httpd

// Buffer sizes in bytes. A request of the load has about 450; most answers have less than
// 1 KiB.
const (
	readSize  = 4 << 10
	writeSize = 4 << 10
	// maxPooled is the largest buffer that goes back to the pool.
	maxPooled = 64 << 10
)

// readBuffer holds received bytes: b[start:end] is not yet served.
type readBuffer struct {
	b          []byte
	start, end int
}

func (r *readBuffer) pending() []byte { return r.b[r.start:r.end] }

func (r *readBuffer) empty() bool { return r.start == r.end }

// skip drops n bytes in front.
func (r *readBuffer) skip(n int) {
	r.start += n
	if r.start == r.end {
		r.start, r.end = 0, 0
	}
}

// space returns where the next bytes go. It moves pending bytes down, or doubles the
// buffer, when the end is reached.
func (r *readBuffer) space() []byte {
	if r.end == len(r.b) {
		b := r.b
		if r.start == 0 {
			b = make([]byte, 2*len(r.b))
		}
		r.end = copy(b, r.pending())
		r.b, r.start = b, 0
	}
	return r.b[r.end:]
}

// add appends bytes that did not come from the socket.
func (r *readBuffer) add(p []byte) {
	for len(p) > 0 {
		n := copy(r.space(), p)
		r.end += n
		p = p[n:]
	}
}

func (r *readBuffer) addString(p string) {
	for len(p) > 0 {
		n := copy(r.space(), p)
		r.end += n
		p = p[n:]
	}
}

// recycle empties the buffer for another connection.
func (r *readBuffer) recycle() {
	r.start, r.end = 0, 0
	if len(r.b) > maxPooled {
		r.b = make([]byte, readSize)
	}
}

// skipLineEnds drops an empty line in front of a request, which old clients send after a
// body (RFC 9112 2.2), and reports whether there was one.
func (r *readBuffer) skipLineEnds() bool {
	p := r.pending()
	if len(p) < 2 || p[0] != '\r' || p[1] != '\n' {
		return false
	}
	r.skip(2)
	return true
}
