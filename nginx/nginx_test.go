package nginx_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func certPool(path string) (*x509.CertPool, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, errors.New("no certificate in " + path)
	}
	return pool, nil
}

// echo answers with the request it received.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, "%s %s %s host=%s connection=%s %s", r.Method, r.RequestURI, r.Proto, r.Host, r.Header.Get("Connection"), body)
})

// ok answers 204 and counts the requests.
func ok(count *atomic.Int32) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		w.WriteHeader(http.StatusNoContent)
	})
}

func TestTLS(t *testing.T) {
	s := start(t, echo)
	config := s.tlsConfig("h2", "http/1.1")
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for n, resumed := range []bool{false, true} {
		conn, err := tls.Dial("tcp", s.addr, config)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /api/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		io.Copy(io.Discard, conn) // the ticket for the next connection arrives with the answer
		state := conn.ConnectionState()
		conn.Close()
		if state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != "http/1.1" || state.DidResume != resumed {
			t.Errorf("connection %d: version %x, protocol %q, resumed %v", n, state.Version, state.NegotiatedProtocol, state.DidResume)
		}
		if _, ok := state.PeerCertificates[0].PublicKey.(*ecdsa.PublicKey); !ok {
			t.Errorf("the certificate has a %T", state.PeerCertificates[0].PublicKey)
		}
	}
	config = s.tlsConfig()
	config.MaxVersion = tls.VersionTLS12
	if conn, err := tls.Dial("tcp", s.addr, config); err == nil {
		conn.Close()
		t.Error("a client with TLS 1.2 got a connection")
	}
}

// TestHTTP2: it is offered if the setting says so, requests reach the server as over
// HTTP/1.1, and streams share a connection without waiting for anything.
func TestHTTP2(t *testing.T) {
	withHTTP2 := func(t *testing.T, upstream http.Handler) *stack {
		s := prepare(t, upstream)
		s.launch(t, []string{"NGINX_HTTP2=on"})
		return s
	}
	s := withHTTP2(t, echo)
	for _, protocol := range []string{"h2", "http/1.1"} {
		conn, err := tls.Dial("tcp", s.addr, s.tlsConfig(protocol))
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != protocol {
			t.Errorf("%s is not offered, but %q", protocol, got)
		}
		conn.Close()
	}
	streamsPassAtOnce(t, "data: null\n\n", withHTTP2)
}

func TestRequestArrivesAsSent(t *testing.T) {
	s := start(t, echo)
	got := s.do(t, s.client(t, "127.0.0.1"), http.MethodPost, "/api/owner/sales?", map[string]string{"Host": "xiv.isucon.net"}, strings.NewReader(`{"a":1}`))
	want := `POST /api/owner/sales? HTTP/1.1 host=xiv.isucon.net connection= {"a":1}`
	if got.status != http.StatusAccepted || got.body != want {
		t.Errorf("got %d %s, want 202 %s", got.status, got.body, want)
	}
	for _, name := range []string{"Etag", "Last-Modified", "Cache-Control", "Expires", "Content-Encoding"} {
		if got.header.Get(name) != "" {
			t.Errorf("an API answer has %s: %s (S4.0)", name, got.header.Get(name))
		}
	}
	if server := got.header.Get("Server"); server != "nginx" {
		t.Errorf("the version is shown to strangers: %q", server)
	}
}

// Each event must reach the client before the upstream sends the next one.
func TestStreamsPassAtOnce(t *testing.T) {
	streamsPassAtOnce(t, "", func(t *testing.T, upstream http.Handler) *stack { return start(t, upstream) })
}

// streamsPassAtOnce begins streams with a greeting: over HTTP/2, nginx keeps a head until
// something comes after it, which from our server is at once.
func streamsPassAtOnce(t *testing.T, greeting string, start func(t *testing.T, upstream http.Handler) *stack) {
	for _, path := range []string{"/api/app/notification", "/api/chair/notification", "/api/feed"} {
		t.Run(path, func(t *testing.T) {
			events := make(chan string)
			left := make(chan struct{})
			s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(left)
				w.Header().Set("Content-Type", "text/event-stream")
				io.WriteString(w, greeting)
				http.NewResponseController(w).Flush()
				for {
					select {
					case event := <-events:
						fmt.Fprintf(w, "data: %s\n\n", event)
						http.NewResponseController(w).Flush()
					case <-r.Context().Done():
						return
					}
				}
			}))
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.addr+path, nil)
			r.Header.Set("Accept-Encoding", "gzip, deflate, br")
			resp, err := s.client(t, "127.0.0.1").Do(r) // returns with the header, before any event
			if err != nil {
				t.Fatal(err)
			}
			if resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Content-Encoding") != "" || resp.ContentLength >= 0 {
				t.Errorf("header %v, length %d", resp.Header, resp.ContentLength)
			}
			lines := bufio.NewReader(resp.Body)
			if b, err := lines.Peek(len(greeting)); string(b) != greeting || err != nil {
				t.Fatalf("the stream begins with %q (%v)", b, err)
			}
			lines.Discard(len(greeting))
			for n := range 20 {
				event := fmt.Sprint(n, strings.Repeat("x", n*100))
				events <- event
				line, err := lines.ReadString('\n')
				blank, err2 := lines.ReadString('\n')
				if line != "data: "+event+"\n" || blank != "\n" || err != nil || err2 != nil {
					t.Fatalf("event %d arrived as %q %q (%v, %v)", n, line, blank, err, err2)
				}
			}
			resp.Body.Close()
			within(t, left, "end of the stream at the upstream after the client left")
		})
	}
}

const (
	page   = "<!doctype html><title>ISURIDE</title>"
	script = "console.log('ISURIDE')"
	image  = "<svg/>"
)

// writeStatic creates a small front end. The precompressed script differs from the plain
// one, so that a test can tell which was sent.
func (s *stack) writeStatic(t *testing.T) {
	t.Helper()
	var compressed bytes.Buffer
	z := gzip.NewWriter(&compressed)
	io.WriteString(z, script+" // precompressed")
	z.Close()
	for name, content := range map[string]string{
		"index.html":          page,
		"favicon.ico":         "icon",
		"images/town.svg":     image,
		"assets/root-1.js":    script,
		"assets/root-1.js.gz": compressed.String(),
	} {
		path := filepath.Join(s.path("static"), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStaticFiles(t *testing.T) {
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s reached the server", r.URL)
	}))
	s.writeStatic(t)
	const day, year = "public, max-age=86400", "public, max-age=31536000"
	client := s.client(t, "127.0.0.1")
	for _, test := range []struct{ path, body, contentType, cache string }{
		{"/", page, "text/html", day},
		{"/index.html", page, "text/html", day},
		{"/client", page, "text/html", day},
		{"/client/", page, "text/html", day},
		{"/client/register?a=b", page, "text/html", day},
		{"/owner", page, "text/html", day},
		{"/simulator", page, "text/html", day},
		{"/images", page, "text/html", day},
		{"/images/", page, "text/html", day},
		{"/assets", page, "text/html", day},
		{"/assets/", page, "text/html", day},
		{"/assets/missing.js", page, "text/html", day},
		{"/favicon.ico", "icon", "image/x-icon", day},
		{"/images/town.svg", image, "image/svg+xml", day},
		{"/assets/root-1.js", script, "text/javascript", year},
		{"/metrics", page, "text/html", day},
		{"/debug/pprof/", page, "text/html", day},
	} {
		got := s.get(t, client, test.path)
		checkPageHeaders(t, test.path, got.header)
		cache := strings.Join(got.header.Values("Cache-Control"), " and ")
		if got.status != http.StatusOK || got.body != test.body || got.header.Get("Content-Type") != test.contentType || cache != test.cache {
			t.Errorf("%s: %d %q %s, %s\nwant 200 %q %s, %s", test.path, got.status, got.body, got.header.Get("Content-Type"), cache,
				test.body, test.contentType, test.cache)
		}
	}
}

// checkPageHeaders: browsers must not guess types; only pages of the same host may frame
// a page, and other hosts do not learn where a user comes from.
func checkPageHeaders(t *testing.T, path string, header http.Header) {
	t.Helper()
	want := map[string]string{"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "", "Referrer-Policy": ""}
	if header.Get("Content-Type") == "text/html" {
		want["Content-Security-Policy"], want["Referrer-Policy"] = "frame-ancestors 'self'", "same-origin"
	}
	for name, value := range want {
		if got := strings.Join(header.Values(name), " and "); got != value {
			t.Errorf("%s comes with %s: %q, want %q", path, name, got, value)
		}
	}
}

func TestPrecompressedFiles(t *testing.T) {
	s := start(t, http.NotFoundHandler())
	s.writeStatic(t)
	client := s.client(t, "127.0.0.1")
	got := s.do(t, client, http.MethodGet, "/assets/root-1.js", map[string]string{"Accept-Encoding": "gzip, deflate, br"}, nil)
	z, err := gzip.NewReader(strings.NewReader(got.body))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil || string(body) != script+" // precompressed" ||
		got.header.Get("Content-Encoding") != "gzip" || got.header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("got %q, %v, header %v", body, err, got.header)
	}
	got = s.do(t, client, http.MethodGet, "/images/town.svg", map[string]string{"Accept-Encoding": "gzip"}, nil)
	if got.body != image || got.header.Get("Content-Encoding") != "" {
		t.Errorf("a file without a precompressed twin: %q, header %v", got.body, got.header)
	}
}

func TestStaticFilesAreRevalidated(t *testing.T) {
	s := start(t, http.NotFoundHandler())
	s.writeStatic(t)
	client := s.client(t, "127.0.0.1")
	etag := s.get(t, client, "/client").header.Get("Etag")
	got := s.do(t, client, http.MethodGet, "/client", map[string]string{"If-None-Match": etag}, nil)
	if etag == "" || got.status != http.StatusNotModified {
		t.Errorf("tag %q, then status %d", etag, got.status)
	}
}

func TestServerAnswersWithoutStaticFiles(t *testing.T) {
	s := start(t, echo)
	for _, path := range []string{"/", "/client"} {
		if got := s.get(t, s.client(t, "127.0.0.1"), path); got.status != http.StatusAccepted {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

// Only the exact address 127.0.0.1 is allowed, so to nginx 127.0.0.2 is a stranger,
// although it also connects over loopback.
func TestInternalFromThisMachineOnly(t *testing.T) {
	var reached atomic.Int32
	s := start(t, ok(&reached))
	if got := s.get(t, s.client(t, "127.0.0.1"), "/api/internal/matching"); got.status != http.StatusNoContent {
		t.Errorf("from 127.0.0.1: %d %s", got.status, got.body)
	}
	reached.Store(0)
	s.internalRefused(t, s.addr, "127.0.0.2", "")
	if reached.Load() != 0 {
		t.Errorf("%d requests of a stranger reached the server", reached.Load())
	}
	stranger := s.client(t, "127.0.0.2")
	if got := s.get(t, stranger, "/api/app/rides"); got.status != http.StatusNoContent {
		t.Errorf("the rest of the API from 127.0.0.2: %d", got.status)
	}
}

// internalRefused requests an internal path in all spellings, on connections from this
// loopback address that begin with the preamble.
func (s *stack) internalRefused(t *testing.T, addr, from, preamble string) {
	t.Helper()
	for _, target := range []string{
		"/api/internal/matching", "/api//internal/matching", "/api/./internal/matching", "//api/internal/matching",
		"/api/app/../internal/matching", "/api/%69nternal/matching", "/api/internal%2fmatching", "/api/internal/",
		"/api/internal/matching?x=/api/app/rides", "/api/internal/matching#", "/x/../api/internal/matching",
		"/api/internal/metrics", "https://localhost/api/internal/matching", "http://127.0.0.1:8080/api/internal/matching",
	} {
		got := s.raw(t, addr, from, preamble, "GET "+target+" HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: 127.0.0.1\r\n"+
			"X-Real-IP: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\nConnection: close\r\n\r\n")
		if want := `{"message":"this path is only available on its own machine"}`; got.status != http.StatusForbidden || got.body != want ||
			got.header.Get("Content-Type") != "application/json;charset=utf-8" {
			t.Errorf("%s from %s: %d %s", target, from, got.status, got.body)
		}
	}
}

// raw sends a request verbatim, over TLS after a preamble in the clear.
func (s *stack) raw(t *testing.T, addr, from, preamble, request string) reply {
	t.Helper()
	resp, err := s.tryRaw(addr, from, preamble, request)
	if err != nil {
		t.Fatalf("%q from %s: %v", request, from, err)
	}
	return resp
}

func (s *stack) tryRaw(addr, from, preamble, request string) (reply, error) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	plain, err := dialer.Dial("tcp", addr)
	if err != nil {
		return reply{}, err
	}
	defer plain.Close()
	plain.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(plain, preamble); err != nil {
		return reply{}, err
	}
	conn := tls.Client(plain, s.tlsConfig())
	if _, err := io.WriteString(conn, request); err != nil {
		return reply{}, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return reply{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(body)}, err
}

func TestConnectionsToTheServerAreKept(t *testing.T) {
	t.Run("unix socket", func(t *testing.T) { connectionsAreKept(t, (*stack).onSocket) })
	t.Run("TCP", func(t *testing.T) { connectionsAreKept(t, (*stack).onTCP) })
}

// onSocket makes nginx use a unix socket to the upstream, as when both are on one host.
func (s *stack) onSocket(testing.TB) []string { return nil }

// onTCP makes nginx use TCP to the upstream, as when it is on another host.
func (s *stack) onTCP(t testing.TB) []string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.serveUpstream(t, l)
	return []string{"NGINX_UPSTREAM=" + l.Addr().String()}
}

func connectionsAreKept(t *testing.T, upstream func(*stack, testing.TB) []string) {
	var served atomic.Int32
	s := prepare(t, ok(&served))
	s.launch(t, upstream(s, t))
	for range 50 {
		s.get(t, s.client(t, "127.0.0.1"), "/api/x") // each on its own connection
	}
	if opened, workers := int(s.opened.Load()), len(s.workers(t)); served.Load() != 50 || opened > workers {
		t.Errorf("%d connections to the server for %d requests through %d workers", opened, served.Load(), workers)
	}
}

// A chair sends more than nginx's default of 1000 requests in half a minute (appendix B).
func TestClientConnectionOutlivesThousandRequests(t *testing.T) {
	var served atomic.Int32
	s := start(t, ok(&served))
	conn, err := tls.Dial("tcp", s.addr, s.tlsConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for n := range 1500 {
		fmt.Fprintf(conn, "GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
		resp, err := http.ReadResponse(answers, nil)
		if err != nil || resp.Close {
			t.Fatalf("request %d: %v", n, err)
		}
	}
	if opened, workers := int(s.opened.Load()), len(s.workers(t)); opened > workers {
		t.Errorf("%d connections to the server through %d workers", opened, workers)
	}
}

func TestBodyLimit(t *testing.T) {
	const limit = 512 << 10
	var served atomic.Int32
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	}))
	client := s.client(t, "127.0.0.1")
	if got := s.do(t, client, http.MethodPost, "/api/x", nil, bytes.NewReader(make([]byte, limit))); got.body != fmt.Sprint(limit) {
		t.Errorf("512 KB: %d %s", got.status, got.body)
	}
	conn, err := tls.Dial("tcp", s.addr, s.tlsConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", limit+1)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusRequestEntityTooLarge || string(body) != `{"message":"the request body is larger than 512 KB"}` || served.Load() != 1 {
		t.Errorf("512 KB and a byte: %d %s, served %d", resp.StatusCode, body, served.Load())
	}
}

func TestServerAway(t *testing.T) {
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }))
	got := s.get(t, s.client(t, "127.0.0.1"), "/api/x")
	if got.status != http.StatusBadGateway || got.body != `{"message":"the server cannot be reached"}` {
		t.Errorf("the server dropped the connection: %d %s", got.status, got.body)
	}
	if err := os.Remove(s.path("server.sock")); err != nil {
		t.Fatal(err)
	}
	got = s.get(t, s.client(t, "127.0.0.1"), "/api/x")
	if got.status != http.StatusBadGateway || got.body != `{"message":"the server cannot be reached"}` {
		t.Errorf("the server is not listening: %d %s", got.status, got.body)
	}
}

// 20,000 clients cost a worker up to two descriptors each.
func TestWorkerLimits(t *testing.T) {
	const want = 65536
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Max < want {
		t.Skipf("this machine grants %d open files", limit.Max)
	}
	s := start(t, http.NotFoundHandler())
	for _, pid := range s.workers(t) {
		limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(limits)) {
			if strings.HasPrefix(line, "Max open files") && strings.Fields(line)[3] != fmt.Sprint(want) {
				t.Errorf("worker %d: %s", pid, line)
			}
		}
	}
}
