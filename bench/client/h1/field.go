package h1

import (
	"bytes"
	"strconv"
	"strings"
)

// eventStream is part of the Content-Type of a notification stream (B9.2).
const eventStream = "text/event-stream"

// parseField reads one header line. Fields that are not needed cost a comparison of
// lengths.
func (r *Reader) parseField(line []byte) error {
	if !isField(line) {
		return malformed("header line", line)
	}
	name, value, _ := bytes.Cut(line, []byte{':'})
	value = bytes.Trim(value, " \t")
	switch len(name) {
	case len("etag"):
		r.keep(ETag, name, "etag", value)
		r.keep(Vary, name, "vary", value)
	case len("expires"):
		r.keep(Expires, name, "expires", value)
	case len("set-cookie"):
		if equalFold(name, "connection") {
			r.parseConnection(value)
		}
		r.keep(SetCookie, name, "set-cookie", value)
	case len("retry-after"):
		if equalFold(name, "retry-after") {
			r.Head.RetryAfter = parseSeconds(value)
		}
	case len("content-type"):
		if equalFold(name, "content-type") {
			r.Head.EventStream = bytes.Contains(value, []byte(eventStream))
		}
	case len("cache-control"):
		r.keep(CacheControl, name, "cache-control", value)
		r.keep(LastModified, name, "last-modified", value)
	case len("content-length"):
		if equalFold(name, "content-length") {
			return r.parseLength(value)
		}
	case len("content-encoding"):
		if equalFold(name, "content-encoding") {
			r.Head.Encoding = parseEncoding(value)
		}
	case len("transfer-encoding"):
		if equalFold(name, "transfer-encoding") {
			return r.parseTransfer(value)
		}
	}
	return nil
}

// parseSeconds reads a number of seconds, 0 for anything else.
func parseSeconds(value []byte) int {
	n, err := strconv.ParseUint(string(value), 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// isField reports whether a line is a name, a colon and a value.
func isField(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	return colon > 0 && isToken(line[:colon]) && isText(line[colon+1:])
}

func (r *Reader) keep(n Name, name []byte, want string, value []byte) {
	if equalFold(name, want) {
		r.Head.Fields = append(r.Head.Fields, Field{n, string(value)})
	}
}

func (r *Reader) parseConnection(value []byte) {
	for option := range bytes.SplitSeq(value, []byte{','}) {
		option = bytes.Trim(option, " \t")
		if equalFold(option, "close") {
			r.Head.KeepAlive = false
			return
		}
		if r.http10 && equalFold(option, "keep-alive") {
			r.Head.KeepAlive = true
		}
	}
}

// parseLength refuses what would let two readers disagree about the end of the body.
func (r *Reader) parseLength(value []byte) error {
	n, ok := decimal(value)
	if !ok || r.sized && n != r.left {
		return malformed("Content-Length", value)
	}
	r.sized, r.left = true, n
	return nil
}

// parseTransfer knows chunked only, which wins over a length. HTTP/1.0 has no such field.
func (r *Reader) parseTransfer(value []byte) error {
	if r.http10 {
		return nil
	}
	if !equalFold(value, "chunked") || r.chunked {
		return malformed("Transfer-Encoding", value)
	}
	r.chunked = true
	return nil
}

func parseEncoding(value []byte) Encoding {
	switch {
	case equalFold(value, "gzip"):
		return Gzip
	case equalFold(value, "deflate"):
		return Deflate
	case equalFold(value, "br"):
		return Brotli
	}
	return Identity
}

// equalFold compares with a name in lower case, ignoring the case of ASCII letters.
func equalFold(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// isToken reports whether every byte may be part of a field name (RFC 9110, 5.6.2).
func isToken(p []byte) bool {
	for _, c := range p {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// isText reports whether a field value is free of control characters.
func isText(p []byte) bool {
	for _, c := range p {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
