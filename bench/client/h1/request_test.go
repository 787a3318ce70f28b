package h1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

func TestAppendRequest(t *testing.T) {
	tmpl := NewTemplate("example.test:8080")
	for _, c := range []struct {
		name string
		q    Request
		want string
	}{
		{"GET", Request{Target: "/api/owner/sales?", Cookie: "owner_session=x"},
			"GET /api/owner/sales? HTTP/1.1\r\nHost: example.test:8080\r\nUser-Agent: isucandar\r\n" +
				"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n" +
				"Cookie: owner_session=x\r\n\r\n"},
		{"conditional GET", Request{Target: "/a.js", IfNoneMatch: `"e"`, IfModifiedSince: "Mon, 01 Jan 2024 00:00:00 GMT"},
			"GET /a.js HTTP/1.1\r\nHost: example.test:8080\r\nUser-Agent: isucandar\r\n" +
				"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n" +
				"If-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT\r\nIf-None-Match: \"e\"\r\n\r\n"},
		{"POST", Request{Post: true, Target: "/api/chair/activity", Body: []byte(`{"is_active":true}`)},
			"POST /api/chair/activity HTTP/1.1\r\nHost: example.test:8080\r\nUser-Agent: isucandar\r\nContent-Length: 18\r\n" +
				"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n" +
				"Content-Type: application/json; charset=utf-8\r\n\r\n{\"is_active\":true}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := tmpl.AppendRequest(nil, &c.q)
			if string(got) != c.want {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
			req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(got)))
			if err != nil {
				t.Fatal(err)
			}
			if body, _ := io.ReadAll(req.Body); !bytes.Equal(body, c.q.Body) {
				t.Errorf("body %q", body)
			}
		})
	}
}
