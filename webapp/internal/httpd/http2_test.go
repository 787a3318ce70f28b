package httpd

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func serve2(t *testing.T, h Handler, o Options) (*Server, string) {
	t.Helper()
	l := listen(t, "tcp")
	return serve(t, secure2(t, l), h, o), l.Addr().String()
}

// TestMultiStandardClient has net/http talk over HTTP/2, one request after the other and
// many at a time, all on one connection.
func TestMultiStandardClient(t *testing.T) {
	srv, addr := serve2(t, echo, Options{})
	tr, a := transport(t), target{addr, true}
	talk(t, tr, a)
	var wg sync.WaitGroup
	large := strings.Repeat("y", 300_000)
	for i := range 50 {
		wg.Go(func() {
			req, _ := http.NewRequest("POST", a.url(fmt.Sprint("/", i)), strings.NewReader(large[:i*1000]))
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil || resp.ProtoMajor != 2 || !bytes.Contains(got, []byte(large[:i*1000])) {
				t.Errorf("HTTP/%d, %d bytes, %v", resp.ProtoMajor, len(got), err)
			}
		})
	}
	wg.Wait()
	if st := srv.Stats(); st.Conns != 1 || st.Requests != 71 {
		t.Errorf("%+v", st)
	}
}

// TestMultiIsAskedFor: without being told to, the server offers HTTP/1.1 alone.
func TestMultiIsAskedFor(t *testing.T) {
	l := listen(t, "tcp")
	serve(t, secure(t, l), echo, Options{})
	resp, err := transport(t).RoundTrip(must(http.NewRequest("GET", target{l.Addr().String(), true}.url("/"), nil)))
	if err != nil || resp.ProtoMajor != 1 {
		t.Errorf("%v, %v", resp, err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
