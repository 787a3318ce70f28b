package httpd

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"testing"
)

var fuzzLimits = limits{header: 4096, body: 4096}

// parseWhole is the parser given everything at once, on a copy.
func parseWhole(data []byte) (r *request, b []byte, n int, f fault) {
	r, b = new(request), bytes.Clone(data)
	r.reset()
	n, f = r.parse(b, fuzzLimits)
	return r, b, n, f
}

// parseBytewise is the parser given one byte more at a time.
func parseBytewise(data []byte) (r *request, b []byte, n int, f fault) {
	r, b = new(request), bytes.Clone(data)
	r.reset()
	for i := 1; i <= len(b) && n == 0 && !f.found(); i++ {
		n, f = r.parse(b[:i], fuzzLimits)
	}
	return r, b, n, f
}

// FuzzRequest holds the parser against its plain twin, net/http: where both accept a
// request they agree on its method, target, fields, body and end. It also checks that the
// way the bytes arrive makes no difference.
func FuzzRequest(f *testing.F) {
	for _, x := range exchanges {
		f.Add([]byte(x.in))
	}
	f.Add([]byte(positionReport))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, b, n, bad := parseWhole(data)
		compareBytewise(t, data, r, b, n, bad)
		if n == 0 || bad.found() {
			return
		}
		compareStandard(t, data, r, b, n)
	})
}

func compareBytewise(t *testing.T, data []byte, r *request, b []byte, n int, bad fault) {
	r2, b2, n2, bad2 := parseBytewise(data)
	if n != n2 || bad != bad2 {
		t.Fatalf("whole: %d, %v; byte by byte: %d, %v", n, bad, n2, bad2)
	}
	if n == 0 {
		return
	}
	if r.method != r2.method || r.path != r2.path || r.query != r2.query || r.count != r2.count ||
		!bytes.Equal(r.body.of(b), r2.body.of(b2)) || r.keepAlive() != r2.keepAlive() {
		t.Fatalf("whole:        %+v\nbyte by byte: %+v", r, r2)
	}
}

func compareStandard(t *testing.T, data []byte, r *request, b []byte, n int) {
	in := bytes.NewReader(data)
	buffered := bufio.NewReader(in)
	req, err := http.ReadRequest(buffered)
	if err != nil {
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	if rest := buffered.Buffered() + in.Len(); rest != len(data)-n {
		t.Fatalf("%d bytes are left, net/http leaves %d", len(data)-n, rest)
	}
	if got := string(r.method.of(b)); got != req.Method {
		t.Fatalf("method %q, net/http %q", got, req.Method)
	}
	if !bytes.Equal(r.body.of(b), body) {
		t.Fatalf("body %q, net/http %q", r.body.of(b), body)
	}
	if req.Close == r.keepAlive() {
		t.Fatalf("keep-alive %t, net/http close %t", r.keepAlive(), req.Close)
	}
	compareTarget(t, string(r.path.of(b)), string(r.query.of(b)), req)
	compareFields(t, r, b, req)
}

func compareTarget(t *testing.T, path, query string, req *http.Request) {
	u, err := url.ParseRequestURI(req.RequestURI)
	if err != nil {
		t.Fatalf("net/http took the target %q: %v", req.RequestURI, err)
	}
	if u.RawQuery != query {
		t.Fatalf("query %q, net/http %q", query, u.RawQuery)
	}
	if unescaped, err := url.PathUnescape(path); err != nil || unescaped != u.Path && (u.Path != "" || path != "/") {
		t.Fatalf("path %q (%v), net/http %q", path, err, u.Path)
	}
}

func compareFields(t *testing.T, r *request, b []byte, req *http.Request) {
	got := http.Header{}
	for _, f := range r.fields[:r.count] {
		got.Add(string(f.name.of(b)), string(f.value.of(b)))
	}
	// net/http takes Host and the fields of framing out of its header, and makes
	// Cache-Control of Pragma.
	for name, values := range req.Header {
		if name == "Cache-Control" && len(got[name]) == 0 && got.Get("Pragma") != "" {
			continue
		}
		if len(values) != len(got[name]) && name != "Content-Length" {
			t.Fatalf("%s: %q, net/http %q", name, got[name], values)
		}
		for i, v := range values {
			if got[name][i] != textproto.TrimString(v) {
				t.Fatalf("%s: %q, net/http %q", name, got[name], values)
			}
		}
	}
	if hosts := got["Host"]; len(hosts) == 1 && req.URL.Host == "" && hosts[0] != req.Host {
		t.Fatalf("Host %q, net/http %q", hosts, req.Host)
	}
}
