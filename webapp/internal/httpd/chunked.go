package httpd

// maxChunkLine bounds the line of a chunk's size with its extensions, in bytes.
const maxChunkLine = 256

// parseChunks decodes what has arrived of a chunked body. Decoded bytes move down to the
// end of the body so far, hence never past the parse position.
func (r *request) parseChunks(b []byte, lim limits) (int, fault) {
	for r.stage != complete {
		more, f := r.chunkStep(b, lim)
		if f.found() || more {
			return 0, f
		}
		// Framing may double the body; beyond it somebody sends bytes one by one to keep
		// us busy.
		if r.pos-r.head > 2*lim.body+lim.header {
			return 0, fault{413, "request body too large"}
		}
	}
	return r.pos, fault{}
}

func (r *request) chunkStep(b []byte, lim limits) (more bool, f fault) {
	switch r.stage {
	case atChunkSize:
		return r.chunkSize(b, lim)
	case atChunkData:
		return r.chunkData(b)
	default:
		return r.trailerLine(b, lim)
	}
}

func (r *request) chunkSize(b []byte, lim limits) (more bool, f fault) {
	line, st := r.line(b, r.pos+maxChunkLine)
	if st != lineFound {
		return st == lineShort, st.fault(400, "chunk line too long")
	}
	n, ok := parseChunkSize(line.of(b), lim.body+1)
	switch {
	case !ok:
		return false, fault{400, "malformed chunk size"}
	case n > lim.body-int(r.body.to-r.body.from):
		return false, fault{413, "request body too large"}
	case n == 0:
		r.stage, r.trailer = atTrailer, r.pos
	default:
		r.stage, r.chunkLeft = atChunkData, n
	}
	return false, fault{}
}

// parseChunkSize reads the hexadecimal size, cut at limit. Extensions mean nothing to us:
// they are checked and skipped.
func parseChunkSize(line []byte, limit int) (n int, ok bool) {
	i := 0
	for ; i < len(line); i++ {
		d, isHex := hexDigit(line[i])
		if !isHex {
			break
		}
		n = min(16*n+d, limit)
	}
	if i == 0 {
		return 0, false
	}
	return n, isChunkExt(line[i:])
}

// isChunkExt checks extensions by the grammar of RFC 9112 7.1.1: a semicolon and a name
// each, perhaps with a value, and white space around semicolons and equals signs only.
func isChunkExt(b []byte) bool {
	for len(b) > 0 {
		b = trimLeft(b)
		if len(b) == 0 || b[0] != ';' {
			return false
		}
		b = trimLeft(b[1:])
		n := tokenLen(b)
		if n == 0 {
			return false
		}
		b = b[n:]
		if rest := trimLeft(b); len(rest) > 0 && rest[0] == '=' {
			rest = trimLeft(rest[1:])
			if n = max(tokenLen(rest), quotedLen(rest)); n == 0 {
				return false
			}
			b = rest[n:]
		}
	}
	return true
}

// chunkData takes the chunk's bytes and the line end after them.
func (r *request) chunkData(b []byte) (more bool, f fault) {
	n := min(r.chunkLeft, len(b)-r.pos)
	copy(b[r.body.to:], b[r.pos:r.pos+n])
	r.body.to += uint32(n)
	r.pos += n
	r.chunkLeft -= n
	if r.chunkLeft > 0 || len(b)-r.pos < 2 {
		return true, fault{}
	}
	if b[r.pos] != '\r' || b[r.pos+1] != '\n' {
		return false, fault{400, "chunk longer than its size"}
	}
	r.pos += 2
	r.stage = atChunkSize
	return false, fault{}
}

// trailerLine checks and drops a trailer field. Nothing here uses one, and merging them
// into the header fields would let them overrule checked ones.
func (r *request) trailerLine(b []byte, lim limits) (more bool, f fault) {
	line, st := r.line(b, r.trailer+lim.header)
	if st != lineFound {
		return st == lineShort, st.fault(431, "trailer too large")
	}
	if line.from == line.to {
		r.stage = complete
		return false, fault{}
	}
	_, f = parseField(b, line)
	return false, f
}
