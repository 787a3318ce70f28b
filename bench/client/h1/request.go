package h1

import "strconv"

// A Template holds what all requests to one server have in common (B13.2).
type Template struct {
	host string // "Host: ...\r\nUser-Agent: ...\r\n"
}

// NewTemplate makes the template for a server, named as in the URL.
func NewTemplate(host string) Template {
	return Template{host: " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: " + UserAgent + "\r\n"}
}

// The header fields of every request (B13.2).
const (
	UserAgent       = "isucandar"
	Accept          = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	AcceptEncoding  = "gzip, deflate, br"
	JSONContentType = "application/json; charset=utf-8"
)

const acceptLines = "Accept: " + Accept + "\r\nAccept-Encoding: " + AcceptEncoding + "\r\nConnection: keep-alive\r\n"

// A Request holds what differs from request to request.
type Request struct {
	Post            bool // GET otherwise
	Target          string
	Cookie          string // the Cookie field, empty for none
	IfNoneMatch     string // empty for none
	IfModifiedSince string // empty for none
	Body            []byte // JSON, only with Post
}

// AppendRequest appends the bytes of q to dst.
func (t *Template) AppendRequest(dst []byte, q *Request) []byte {
	method := "GET "
	if q.Post {
		method = "POST "
	}
	dst = append(dst, method...)
	dst = append(dst, q.Target...)
	dst = append(dst, t.host...)
	if q.Post {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(q.Body)), 10)
		dst = append(dst, "\r\n"+acceptLines+"Content-Type: "+JSONContentType+"\r\n"...)
	} else {
		dst = append(dst, acceptLines...)
	}
	dst = appendField(dst, "Cookie: ", q.Cookie)
	dst = appendField(dst, "If-Modified-Since: ", q.IfModifiedSince)
	dst = appendField(dst, "If-None-Match: ", q.IfNoneMatch)
	dst = append(dst, '\r', '\n')
	return append(dst, q.Body...)
}

func appendField(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, name...)
	dst = append(dst, value...)
	return append(dst, '\r', '\n')
}
