package httpd

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// ctxOf is a Ctx with a parsed request.
func ctxOf(t *testing.T, raw string) *Ctx {
	t.Helper()
	c := newCtx()
	n, f := c.req.parse([]byte(raw), limits{header: 16 << 10, body: 1 << 20})
	if n != len(raw) {
		t.Fatalf("request not taken: %d, %v", n, f)
	}
	c.msg = []byte(raw)
	return c
}

func TestHeader(t *testing.T) {
	c := ctxOf(t, lines("GET / HTTP/1.1", "Host: x", "X-One: 1", "x-one: 2", "Empty:"))
	for _, tc := range []struct {
		name string
		want []byte
	}{
		{"x-ONE", []byte("1")}, {"host", []byte("x")}, {"Empty", []byte{}}, {"X-On", nil}, {"", nil},
	} {
		if got := c.Header(tc.name); !bytes.Equal(got, tc.want) || (got == nil) != (tc.want == nil) {
			t.Errorf("Header(%q) = %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestAuthorization(t *testing.T) {
	for _, tc := range []struct {
		fields []string
		want   []byte
	}{
		{nil, nil},
		{[]string{"Cache-Control: Bearer x"}, nil}, // as long a name
		{[]string{"authorization: Bearer x"}, []byte("Bearer x")},
		{[]string{"A: 1", "AUTHORIZATION:"}, []byte{}},
		{[]string{"Authorization: one", "A: 1", "Authorization: two"}, []byte("one")},
	} {
		c := ctxOf(t, lines(append([]string{"GET / HTTP/1.1", "Host: x"}, tc.fields...)...))
		if got := c.Authorization(); !bytes.Equal(got, tc.want) || (got == nil) != (tc.want == nil) {
			t.Errorf("of %q: %q, want %q", tc.fields, got, tc.want)
		}
		c.req.reset()
		if got := c.Authorization(); got != nil {
			t.Errorf("the next request has %q", got)
		}
	}
}

func TestHeaderList(t *testing.T) {
	c := ctxOf(t, lines("GET / HTTP/1.1", "Host: x", "A: 1", "B: 2", "a: 3, 4", "Empty:", "A: 5"))
	for name, want := range map[string]string{"A": "1, 3, 4, 5", "b": "2", "Empty": ""} {
		if got := c.HeaderList(name); got == nil || string(got) != want {
			t.Errorf("HeaderList(%q) = %q, want %q", name, got, want)
		}
	}
	if got := c.HeaderList("C"); got != nil || string(c.Header("B")) != "2" {
		t.Errorf("a field that is not there: %q", got)
	}
}

func TestCookie(t *testing.T) {
	for _, tc := range []struct {
		cookie string
		want   []byte
	}{
		{"s=v", []byte("v")},
		{"a=b; s=v; c=d", []byte("v")},
		{"a=b;s=v", []byte("v")},
		{"a=b;  s=v ; c", []byte("v")},
		{"s=v; s=w", []byte("v")},
		{"s=a=b", []byte("a=b")},
		{`s="v"`, []byte("v")},
		{`s="`, []byte(`"`)},
		{"s=", []byte{}},
		{"a=b; s=; c=d", []byte{}},
		{"s", nil},
		{"S=v", nil},
		{"xs=v", nil},
		{"ss=v", nil},
		{"a=s=v", nil},
		{";;", nil},
		{"", nil},
		{"a=b\r\nCookie: s=v", []byte("v")},
	} {
		c := ctxOf(t, lines("GET / HTTP/1.1", "Host: x", "Cookie: "+tc.cookie))
		if got := c.Cookie("s"); !bytes.Equal(got, tc.want) || (got == nil) != (tc.want == nil) {
			t.Errorf("cookie %q: %q, want %q", tc.cookie, got, tc.want)
		}
	}
}

func TestSetHeaderRefusesLineBreaks(t *testing.T) {
	defer func() {
		if v := recover(); v == nil || !strings.HasPrefix(v.(string), "BUG:") {
			t.Errorf("recovered %v", v)
		}
	}()
	newCtx().SetHeader("Set-Cookie", "s=1\r\nX: y")
}

// TestBodies sends bodies of all sizes around the borders between the ways of sending
// them, with short and long heads, several times over one connection.
func TestBodies(t *testing.T) {
	text := make([]byte, 2*writePiece+1)
	rng := rand.NewChaCha8([32]byte{1})
	rng.Read(text)
	handler := func(c *Ctx) {
		size, _ := strconv.Atoi(string(c.Header("Size")))
		long, _ := strconv.Atoi(string(c.Header("Long")))
		c.SetHeader("Long", strings.Repeat("x", long))
		switch string(c.Path()) {
		case "/hinted":
			c.SetBody(append(c.Out(size), text[:size]...))
		case "/grown":
			c.SetBody(append(c.Out(0), text[:size]...))
		case "/shifted":
			c.SetBody(append(c.Out(size + 1)[1:1], text[:size]...))
		case "/foreign":
			c.SetBody(text[:size])
		}
	}
	inAllModes(t, handler, Options{}, func(t *testing.T, _ *Server, a target) {
		tr := transport(t)
		for _, size := range []int{0, 1, writeSize - headRoom, writeSize - headRoom + 1, maxCopied, maxCopied + 1,
			maxPooled, maxPooled + 1, writePiece, writePiece + 1, len(text)} {
			for _, long := range []int{1, headRoom, 2 * headRoom} {
				for _, path := range []string{"/hinted", "/grown", "/shifted", "/foreign"} {
					checkBody(t, tr, a.url(path), long, text[:size])
				}
			}
		}
	})
}

// TestBodyStaysInPlace checks that a body built on Out, of any size, is not copied and
// leaves with its head in one piece.
func TestBodyStaysInPlace(t *testing.T) {
	for _, size := range []int{1, writeSize - headRoom, maxCopied + 1, maxPooled + 1} {
		c := newCtx()
		body := append(c.Out(size), make([]byte, size)...)
		c.SetBody(body)
		first, second := c.res.pack(&c.req, false, true, false)
		if second != nil || &first[len(first)-1] != &body[size-1] {
			t.Errorf("%d bytes: %d and %d sent, in place: %t", size, len(first), len(second), &first[len(first)-1] == &body[size-1])
		}
	}
}

// TestLargeForeignBodyIsNotCopied checks the same for a body built elsewhere.
func TestLargeForeignBodyIsNotCopied(t *testing.T) {
	c := newCtx()
	body := make([]byte, maxCopied+1)
	c.SetBody(body)
	if _, second := c.res.pack(&c.req, false, true, false); len(second) != len(body) || &second[0] != &body[0] {
		t.Error("copied")
	}
}

func checkBody(t *testing.T, tr http.RoundTripper, url string, long int, want []byte) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Size", fmt.Sprint(len(want)))
	req.Header.Set("Long", fmt.Sprint(long))
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(got, want) || len(resp.Header.Get("Long")) != long {
		t.Fatalf("%s, %d bytes of body, %d of header: got %d bytes, %v", url, len(want), long, len(got), err)
	}
}
