package h1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"isuride/tools/dev/allocs"
)

// answer is what a whole input amounts to.
type answer struct {
	head Head
	body string
}

// readAll feeds input in pieces of the given size and takes the first answer.
func readAll(input []byte, piece int) (answer, error) {
	var r Reader
	var body, pending []byte
	for len(input) > 0 {
		k := min(piece, len(input))
		pending = append(pending, input[:k]...)
		input = input[k:]
		done, rest, err := step(&r, pending, &body)
		if err != nil || done {
			return answer{r.Head, string(body)}, err
		}
		pending = slices.Clone(rest)
	}
	err := r.Finish()
	return answer{r.Head, string(body)}, err
}

func step(r *Reader, p []byte, body *[]byte) (done bool, rest []byte, err error) {
	for {
		n, m, part, err := r.Next(p)
		if err != nil {
			return false, nil, err
		}
		if part == BodyPart {
			*body = append(*body, p[n-m:n]...)
		}
		p = p[n:]
		switch part {
		case EndPart:
			return true, p, nil
		case More:
			return false, p, nil
		}
	}
}

func TestReader(t *testing.T) {
	for _, c := range []struct {
		name, input string
		want        answer
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", answer{Head{Status: 200, KeepAlive: true}, "hello"}},
		{"no reason", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", answer{Head{Status: 404, KeepAlive: true}, ""}},
		{"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", answer{Head{Status: 200, KeepAlive: true}, "x"}},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nwiki\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
			answer{Head{Status: 200, KeepAlive: true}, "wiki0123456789"}},
		{"until closed", "HTTP/1.1 200 OK\r\n\r\nall of it", answer{Head{Status: 200}, "all of it"}},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", answer{Head{Status: 200}, "x"}},
		{"HTTP/1.0 kept", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", answer{Head{Status: 200, KeepAlive: true}, "x"}},
		{"close", "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 1\r\n\r\nx", answer{Head{Status: 200}, "x"}},
		{"no content", "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", answer{Head{Status: 204, KeepAlive: true}, ""}},
		{"not modified", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
			answer{Head{Status: 304, KeepAlive: true, Fields: []Field{{ETag, `"a"`}}}, ""}},
		{"refused", "HTTP/1.1 503 Service Unavailable\r\nretry-after: 3\r\nContent-Length: 0\r\n\r\n", answer{Head{Status: 503, KeepAlive: true, RetryAfter: 3}, ""}},
		{"refused until a date", "HTTP/1.1 503 Service Unavailable\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n", answer{Head{Status: 503, KeepAlive: true}, ""}},
		{"informational", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nETag: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
			answer{Head{Status: 200, KeepAlive: true}, "ok"}},
		{"fields", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nset-cookie: a=b; Path=/\r\nVARY: Accept-Encoding\r\nContent-Type: text/event-stream;charset=utf-8\r\n" +
			"Content-Encoding: br\r\nSet-Cookie: c=d\r\n\r\n",
			answer{Head{Status: 200, KeepAlive: true, EventStream: true, Encoding: Brotli,
				Fields: []Field{{SetCookie, "a=b; Path=/"}, {Vary, "Accept-Encoding"}, {SetCookie, "c=d"}}}, ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, piece := range []int{1, 2, 3, 7, 1 << 20} {
				got, err := readAll([]byte(c.input), piece)
				if err != nil {
					t.Fatalf("pieces of %d: %v", piece, err)
				}
				if got.body != c.want.body || got.head.Status != c.want.head.Status || got.head.RetryAfter != c.want.head.RetryAfter || got.head.KeepAlive != c.want.head.KeepAlive ||
					got.head.EventStream != c.want.head.EventStream || got.head.Encoding != c.want.head.Encoding ||
					!slices.Equal(got.head.Fields, c.want.head.Fields) {
					t.Errorf("pieces of %d: got %+v, want %+v", piece, got, c.want)
				}
			}
		})
	}
}

func TestReaderRefuses(t *testing.T) {
	for _, c := range []struct {
		name, input string
		want        error
	}{
		{"nothing", "", ErrNoAnswer},
		{"half a status line", "HTTP/1.1 2", ErrEarlyEnd},
		{"half a header", "HTTP/1.1 200 OK\r\nA: b\r\n", ErrEarlyEnd},
		{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", ErrEarlyEnd},
		{"half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", ErrEarlyEnd},
		{"missing last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", ErrEarlyEnd},
		{"another protocol", "SSH-2.0-OpenSSH_9.2p1 Debian\r\n", ErrMalformed},
		{"HTTP/2 in clear", "HTTP/2.0 200 OK\r\n\r\n", ErrMalformed},
		{"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", ErrMalformed},
		{"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", ErrMalformed},
		{"no colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", ErrMalformed},
		{"space in name", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", ErrMalformed},
		{"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ErrMalformed},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", ErrMalformed},
		{"unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", ErrMalformed},
		{"bad chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", ErrMalformed},
		{"chunk longer than said", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", ErrMalformed},
		{"endless line", strings.Repeat("x", maxLine+1), ErrTooLarge},
		{"endless header", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 1100), ErrTooLarge},
		{"endless 1xx", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 10), ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, piece := range []int{3, 1 << 20} {
				if _, err := readAll([]byte(c.input), piece); !errors.Is(err, c.want) {
					t.Errorf("pieces of %d: got %v, want %v", piece, err, c.want)
				}
			}
		})
	}
}

// TestReaderKeepsRest checks that the bytes of a second answer are not lost.
func TestReaderKeepsRest(t *testing.T) {
	var r Reader
	var body []byte
	done, rest, err := step(&r, []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 201"), &body)
	if err != nil || !done || string(body) != "ab" || string(rest) != "HTTP/1.1 201" {
		t.Errorf("done %v, body %q, rest %q, error %v", done, body, rest, err)
	}
}

func TestReaderAllocatesNothing(t *testing.T) {
	input := []byte("HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello")
	var r Reader
	if n := allocs.PerRun(100, func() {
		r.Reset()
		for p, part := input, More; part != EndPart; {
			var k int
			k, _, part, _ = r.Next(p)
			p = p[k:]
		}
	}); n != 0 {
		t.Errorf("%v allocations for an ordinary answer", n)
	}
}

// FuzzReader checks that the pieces in which the input comes make no difference, and
// compares with net/http: what is accepted here is accepted there with the same meaning.
func FuzzReader(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), 3)
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nwiki\r\n0\r\nX: y\r\n\r\n"), 5)
	f.Add([]byte("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nabc"), 1)
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 OK\r\nSet-Cookie: a=b\r\n\r\n"), 1)
	f.Add([]byte("HTTP/1.1 304 OK\nETag: \"x\"\nVary: Accept\n\n"), 9)
	f.Fuzz(func(t *testing.T, input []byte, piece int) {
		whole, err := readAll(input, 1<<20)
		parts, perr := readAll(input, max(piece%64, 1))
		if (err == nil) != (perr == nil) || err == nil && (whole.body != parts.body || whole.head.Status != parts.head.Status) {
			t.Fatalf("whole: %+v, %v; in pieces: %+v, %v", whole, err, parts, perr)
		}
		if err != nil {
			return
		}
		compare(t, input, whole)
	})
}

func compare(t *testing.T, input []byte, got answer) {
	br := bufio.NewReader(bytes.NewReader(input))
	req := &http.Request{Method: http.MethodGet}
	resp, err := http.ReadResponse(br, req)
	for err == nil && resp.StatusCode < 200 && resp.StatusCode >= 100 && resp.StatusCode != 101 {
		resp, err = http.ReadResponse(br, req)
	}
	if err != nil {
		t.Fatalf("accepted as %+v, but net/http says %v", got, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("accepted as %+v, but net/http says %v", got, err)
	}
	if resp.StatusCode != got.head.Status || string(body) != got.body {
		t.Fatalf("got %+v, net/http %d %q", got, resp.StatusCode, body)
	}
	if got.head.Field(ETag) != resp.Header.Get("ETag") {
		t.Fatalf("ETag %q, net/http %q", got.head.Field(ETag), resp.Header.Get("ETag"))
	}
}
