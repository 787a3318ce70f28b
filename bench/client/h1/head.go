package h1

import (
	"net/http"
	"strings"
)

// HeadOf is the Head of an answer that net/http has read.
func HeadOf(status int, header http.Header) Head {
	h := Head{
		Status: status, KeepAlive: true, RetryAfter: parseSeconds([]byte(header.Get("Retry-After"))),
		EventStream: strings.Contains(header.Get("Content-Type"), eventStream),
		Encoding:    parseEncoding([]byte(header.Get("Content-Encoding"))),
	}
	for _, f := range []struct {
		name Name
		text string
	}{{SetCookie, "Set-Cookie"}, {CacheControl, "Cache-Control"}, {ETag, "Etag"}, {LastModified, "Last-Modified"}, {Expires, "Expires"}, {Vary, "Vary"}} {
		for _, value := range header[f.text] {
			h.Fields = append(h.Fields, Field{f.name, value})
		}
	}
	return h
}
