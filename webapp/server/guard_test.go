package server

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"isuride/webapp/internal/flight"
)

// TestInternalAnswersToItsOwnNames: a browser whose page has had its name resolved to this
// machine gets nothing, and neither does a page of another site that only sends.
func TestInternalAnswersToItsOwnNames(t *testing.T) {
	h := guard("Ops.internal:8081", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "metrics") }))
	hosts := map[string]bool{"127.0.0.1": true, "127.0.0.1:8081": true, "10.0.0.7:8081": true, "[::1]:8081": true, "[::1]": true, "[fe80::1%eth0]:1": true, "localhost": true, "LOCALHOST:8081": true, "localhost.": true,
		"ops.internal": true, "OPS.internal.:80": true, "": true,
		"evil.example": false, "evil.example:8081": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "ops.internal.evil.example": false, "xlocalhost": false, "1.2.3": false, ":8081": false, "a:b:c": false, "[::1]evil": false}
	if name, err := os.Hostname(); err == nil {
		hosts[name+":8081"] = true
	}
	for host, want := range hosts {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Code == 200; got != want || !got && (w.Code != 421 || !strings.Contains(w.Body.String(), "ISURIDE_INTERNAL")) {
			t.Errorf("the host %q is answered with %d %s", host, w.Code, w.Body)
		}
	}
	for site, want := range map[string]int{"cross-site": 403, "same-origin": 200, "": 200} {
		r := httptest.NewRequest("POST", "http://127.0.0.1:8081/debug/flight", nil)
		r.Header.Set("Sec-Fetch-Site", site)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("a POST from %q is answered with %d", site, w.Code)
		}
	}
}

// TestInternalBeyondThisMachine: the log warns, with what to do.
func TestInternalBeyondThisMachine(t *testing.T) {
	for address, want := range map[string]bool{":0": true, "0.0.0.0:0": true, "[::]:0": true, "127.0.0.1:0": false, "localhost:0": false, "127.9.9.9:0": false} {
		var log strings.Builder
		i, err := serveInternal(config{internal: address}, new(flight.Recorder), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		i.close()
		if warned := strings.Contains(log.String(), "level=WARN") && strings.Contains(log.String(), "use 127.0.0.1:"); warned != want {
			t.Errorf("%s: the log says %s", address, log.String())
		}
	}
}

func TestProfileTime(t *testing.T) {
	for url, want := range map[string]time.Duration{"/metrics?seconds=99": 0, "/debug/pprof/profile": 30 * time.Second, "/debug/pprof/trace?seconds=0.5": 500 * time.Millisecond,
		"/debug/pprof/profile?seconds=-1": 0, "/debug/fgprof?seconds=3": 3 * time.Second, "/debug/log/httplog?seconds=7": 7 * time.Second, "/debug/flight?seconds=7": 0, "/debug/pprof/profile?seconds=1e99": profileLimit, "/debug/pprof/profile?seconds=x": 30 * time.Second} {
		if got := profileTime(httptest.NewRequest("GET", url, nil)); got != want {
			t.Errorf("%s: %v, want %v", url, got, want)
		}
	}
}
