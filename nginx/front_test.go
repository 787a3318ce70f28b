package nginx_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/tools/dev/devcert/cert"
	"isuride/tools/dev/freeport"
)

// needStream skips the test if nginx lacks its stream module, which is a separate
// package.
func needStream(t testing.TB) {
	t.Helper()
	if _, err := os.Stat("/usr/share/nginx/modules/ngx_stream_module.so"); err != nil {
		t.Skip("nginx cannot spread connections (Debian package libnginx-mod-stream)")
	}
}

// spread runs a front that also spreads raw TLS over itself and the others, as the first
// of several fronts does. Its address is that of the spread; behind is its TLS address.
func spread(t testing.TB, upstream http.Handler, others []string, edits ...string) (s *stack, behind string) {
	t.Helper()
	needStream(t)
	s = prepare(t, upstream)
	behind, s.addr = s.addr, freeport.Address(t)
	s.launch(t, []string{"NGINX_LISTEN=" + behind, "NGINX_TRUSTED=127.0.0.1", "NGINX_ACCESS_LOG=" + s.path("access.log"),
		"NGINX_SPREAD=" + s.addr, "NGINX_SPREAD_TO=" + strings.Join(append([]string{behind}, others...), ",")}, edits...)
	return s, behind
}

// sameCertificate makes the other stack's clients trust this one, too.
func (s *stack) sameCertificate(t testing.TB, as *stack) {
	t.Helper()
	for _, name := range []string{cert.CertFile, cert.KeyFile} {
		content, err := os.ReadFile(as.path(name))
		if err == nil {
			err = os.WriteFile(s.path(name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestSpreadPassesStreamsAtOnce(t *testing.T) {
	streamsPassAtOnce(t, "", func(t *testing.T, upstream http.Handler) *stack {
		s, _ := spread(t, upstream, nil)
		return s
	})
}

// Connections live for minutes, so their number must be balanced. When a front is gone,
// no connection fails.
func TestSpreadIsEven(t *testing.T) {
	var byFirst, bySecond atomic.Int32
	second := prepare(t, ok(&bySecond))
	first, _ := spread(t, ok(&byFirst), []string{second.addr})
	second.sameCertificate(t, first)
	second.launch(t, []string{"NGINX_TRUSTED=127.0.0.1"})

	connect := func() *http.Client {
		client := first.client(t, "127.0.0.1")
		if got := first.get(t, client, "/api/x"); got.status != http.StatusNoContent {
			t.Fatalf("status %d", got.status)
		}
		return client
	}
	for range 20 {
		connect()
	}
	if a, b := byFirst.Load(), bySecond.Load(); a != 10 || b != 10 {
		t.Errorf("of 20 connections the fronts have %d and %d", a, b)
	}
	second.stop()
	for range 10 {
		connect()
	}
	if a, b := byFirst.Load(), bySecond.Load(); a != 20 || b != 10 {
		t.Errorf("after the second front was gone: %d and %d", a, b)
	}
}

// Behind a spread, every client seems to come from a front, that is, from this machine.
// So nobody may call internal paths, wherever they come from and whatever they claim.
func TestInternalBehindSpread(t *testing.T) {
	var reached atomic.Int32
	s, behind := spread(t, ok(&reached), nil)
	s.internalRefused(t, s.addr, "127.0.0.1", "")
	s.internalRefused(t, s.addr, "127.0.0.2", "")
	for _, from := range []string{"127.0.0.1", "127.0.0.2"} { // trusted, and not
		s.internalRefused(t, behind, from, "PROXY TCP4 127.0.0.1 127.0.0.1 40000 443\r\n")
		s.internalRefused(t, behind, from, "PROXY TCP6 ::1 ::1 40000 443\r\n")
		s.internalRefused(t, behind, from, "PROXY UNKNOWN\r\n")
	}
	if reached.Load() != 0 {
		t.Errorf("%d requests reached the server", reached.Load())
	}
	if got, err := s.tryRaw(behind, "127.0.0.1", "", "GET /api/x HTTP/1.1\r\nHost: x\r\n\r\n"); err == nil {
		t.Errorf("without the PROXY protocol: %d %s", got.status, got.body)
	}
	if got := s.get(t, s.client(t, "127.0.0.2"), "/api/x"); got.status != http.StatusNoContent {
		t.Errorf("the rest of the API: %d", got.status)
	}
}

// logged ends nginx and returns the lines of its access log, by label.
func (s *stack) logged(t *testing.T) (lines []map[string]string) {
	t.Helper()
	s.stop()
	content, err := os.ReadFile(s.path("access.log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		fields := map[string]string{}
		for field := range strings.SplitSeq(strings.TrimSuffix(line, "\n"), "\t") {
			label, value, _ := strings.Cut(field, ":")
			fields[label] = value
		}
		lines = append(lines, fields)
	}
	return lines
}

func TestAccessLog(t *testing.T) {
	s := prepare(t, echo)
	s.launch(t, []string{"NGINX_ACCESS_LOG=" + s.path("access.log")},
		"worker_processes     auto", "worker_processes 1") // each worker writes its buffer when it exits
	client := s.client(t, "127.0.0.3")
	began := time.Now().Truncate(time.Second)
	body := s.do(t, client, http.MethodPost, "/api/owner/sales?a=b", map[string]string{"X-Forwarded-For": "192.0.2.1"}, strings.NewReader("{}")).body
	s.get(t, client, "/api/internal/matching")
	s.raw(t, s.addr, "127.0.0.3", "", "GET /api/x?\ta\\\x01 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	lines := s.logged(t)
	if len(lines) != 3 {
		t.Fatalf("%d lines for 3 requests: %v", len(lines), lines)
	}
	first, second, third := lines[0], lines[1], lines[2]
	want := map[string]string{"method": "POST", "uri": "/api/owner/sales?a=b", "status": "202",
		"size": fmt.Sprint(len(body)), "host": "127.0.0.3", "conn": second["conn"]}
	for label, value := range want {
		if first[label] != value {
			t.Errorf("%s is %q, want %q", label, first[label], value)
		}
	}
	if at, err := time.Parse(time.RFC3339, first["time"]); err != nil || at.Before(began) || at.After(time.Now()) {
		t.Errorf("time is %q: %v", first["time"], err)
	}
	for _, label := range []string{"reqtime", "apptime"} {
		var seconds float64
		if _, err := fmt.Sscanf(first[label], "%f", &seconds); err != nil || seconds < 0 || seconds > patience.Seconds() {
			t.Errorf("%s is %q", label, first[label])
		}
	}
	if second["status"] != "403" || second["apptime"] != "-" {
		t.Errorf("a request that nginx answers by itself: %v", second)
	}
	if third["conn"] == first["conn"] || len(third) != len(first) {
		t.Errorf("a request with a tab: %v", third)
	}
}

// Only the fronts are trusted to state the client's address.
func TestClientAddressBehindSpread(t *testing.T) {
	s, behind := spread(t, echo, nil)
	s.get(t, s.client(t, "127.0.0.3"), "/api/spread")
	const request = " HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n"
	s.raw(t, behind, "127.0.0.1", "PROXY TCP4 203.0.113.9 127.0.0.1 40000 443\r\n", "GET /api/front"+request)
	s.raw(t, behind, "127.0.0.2", "PROXY TCP4 203.0.113.9 127.0.0.1 40000 443\r\n", "GET /api/stranger"+request)
	got := map[string]string{}
	for _, line := range s.logged(t) {
		got[line["uri"]] = line["host"]
	}
	want := map[string]string{"/api/spread": "127.0.0.3", "/api/front": "203.0.113.9", "/api/stranger": "127.0.0.2"}
	if !maps.Equal(got, want) {
		t.Errorf("the clients are %v, want %v", got, want)
	}
}

// Slow clients are cut off; a stream that is silent for as long is not.
func TestSlowClientsAreCutOff(t *testing.T) {
	t.Run("one front", func(t *testing.T) {
		slowClientsAreCutOff(t, func(upstream http.Handler, edits ...string) *stack { return start(t, upstream, edits...) })
	})
	t.Run("behind the spread", func(t *testing.T) {
		slowClientsAreCutOff(t, func(upstream http.Handler, edits ...string) *stack {
			s, _ := spread(t, upstream, nil, edits...)
			return s
		})
	})
}

func slowClientsAreCutOff(t *testing.T, start func(upstream http.Handler, edits ...string) *stack) {
	events := make(chan string)
	flooded := make(chan error, 1)
	s := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		control.Flush()
		if r.URL.Path == "/api/chair/notification" { // to a client that does not read
			flooded <- flood(w)
			return
		}
		fmt.Fprintf(w, "data: %s\n\n", <-events)
	}), "client_header_timeout     10s", "client_header_timeout 3s", "client_body_timeout       10s", "client_body_timeout 1s",
		"send_timeout              10s", "send_timeout 1s")
	resp, err := s.client(t, "127.0.0.1").Get("https://" + s.addr + "/api/app/notification")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	slow := map[string]*tls.Conn{}
	for name, part := range map[string]string{
		"nothing": "",
		"head":    "GET /api/x HTTP/1.1\r\nHost: localhost\r\nX",
		"body":    "POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n123",
	} {
		slow[name] = s.dial(t)
		io.WriteString(slow[name], part)
	}
	io.WriteString(s.dial(t), "GET /api/chair/notification HTTP/1.1\r\nHost: localhost\r\n\r\n")
	for name, conn := range slow {
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: still connected after %v", name, patience)
		}
	}
	if err := within(t, flooded, "end of a client that does not read"); err == nil {
		t.Error("a client that does not read took everything")
	}

	events <- "late"
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "data: late\n\n" {
		t.Errorf("the idle stream brought %q, %v", body, err)
	}
}

// flood writes more than all the buffers along the way can hold.
func flood(w io.Writer) error {
	chunk := make([]byte, 1<<20)
	for range 256 {
		if _, err := w.Write(chunk); err != nil {
			return err
		}
	}
	return nil
}

// dial opens a TLS connection that lasts until the end of the test.
func (s *stack) dial(t *testing.T) *tls.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", s.addr, s.tlsConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// When the workers run out of connections, the longest-idle ones make room.
func TestIdleClientsMakeRoom(t *testing.T) {
	var served atomic.Int32
	s := start(t, ok(&served), "worker_connections 50000", "worker_connections 40", "worker_processes     auto", "worker_processes 1")
	var first *tls.Conn
	for n := range 60 {
		conn := s.dial(t)
		if first == nil {
			first = conn
		}
		fmt.Fprint(conn, "GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != http.StatusNoContent {
			t.Fatalf("client %d of 60 with room for 40: %v", n, err)
		}
	}
	if _, err := io.Copy(io.Discard, first); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the longest-idle client was kept")
	}
}

// Values that nginx would misread, or only half a spread, are refused.
func TestRenderRefuses(t *testing.T) {
	good := []string{"NGINX_USER=x", "NGINX_RUN=/x", "NGINX_LISTEN=443", "NGINX_CERT=/c", "NGINX_KEY=/k", "NGINX_STATIC=/s", "NGINX_UPSTREAM=unix:/u"}
	render := func(vars ...string) (string, error) {
		cmd := bound.Command(t, "../scripts/nginx.sh", "render")
		cmd.Env = append(append([]string{"PATH=" + os.Getenv("PATH")}, good...), vars...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		_, err := cmd.Output()
		return stderr.String(), err
	}
	for vars, complaint := range map[string]string{
		"NGINX_USER=":                      "NGINX_USER must be set",
		"NGINX_SPREAD=443":                 "NGINX_SPREAD_TO must be set",
		"NGINX_SPREAD_TO=a:1":              "NGINX_SPREAD must be set",
		"NGINX_TRUSTED=10.0.0.1; }":        "NGINX_TRUSTED contains a character",
		"NGINX_HTTP2=yes":                  "NGINX_HTTP2 is yes",
		"NGINX_ACCESS_LOG=/a b":            "NGINX_ACCESS_LOG contains a character",
		"NGINX_STATIC=/${NGINX_KEY}":       "NGINX_STATIC contains a character",
		"NGINX_SPREAD_TO=a:1,b:1\ninclude": "NGINX_SPREAD must be set",
	} {
		if message, err := render(vars); err == nil || !strings.Contains(message, complaint) {
			t.Errorf("%s: %v, %q, want %q", vars, err, message, complaint)
		}
	}
	if message, err := render("NGINX_ACCESS_LOG=off"); err != nil || message != "" {
		t.Errorf("without a log: %v, %q", err, message)
	}
}
