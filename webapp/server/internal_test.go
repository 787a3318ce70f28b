package server_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/webapp/servertest"
)

// TestInternals: operators see what the public listener does not show.
func TestInternals(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := servertest.New(t, "ISURIDE_HTTPLOG="+log, "ISURIDE_SLOWLOG="+log)
	p.Bare()
	p.Start()
	p.Well()
	page := p.Anonymous().Call("GET", "/", nil).Body
	for path, want := range map[string]string{
		"/metrics":                        "isuride_generation 1",
		"/healthz":                        "the server is well",
		"/debug/pprof/":                   "goroutine",
		"/debug/pprof/mutex?debug=1":      "--- mutex:",
		"/debug/pprof/trace?seconds=0.01": "go 1.",
		// What pprotein fetches; profiles are compressed.
		"/debug/pprof/profile?seconds=1": "\x1f\x8b",
		"/debug/fgprof?seconds=1":        "\x1f\x8b",
		"/debug/log/httplog?seconds=0":   "",
		"/debug/log/slowlog?seconds=0":   "",
	} {
		if status, body := p.Operator("GET", path); status != 200 || !bytes.Contains(body, []byte(want)) {
			t.Errorf("%s: %d, %.200q, want %q", path, status, body, want)
		}
		if r := p.Anonymous().Call("GET", path, nil); r.Status != 200 || !bytes.Equal(r.Body, page) {
			t.Errorf("%s in public: %d, %.200q, want the page", path, r.Status, r.Body)
		}
	}
	if status, body := p.Operator("POST", "/snapshot"); status != 200 || !bytes.Contains(body, []byte(".snapshot: ")) {
		t.Errorf("a snapshot: %d %s", status, body)
	}
	if status, _ := p.Operator("GET", "/snapshot"); status != 405 {
		t.Errorf("a snapshot that nobody asked for: %d", status)
	}
	if status, _ := p.Operator("GET", "/api/app/notification"); status != 404 {
		t.Errorf("the API on the internal listener: %d", status)
	}
}

// TestFlight: the flight recorder can be switched on and read.
func TestFlight(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.Bare()
	p.Start()
	if status, body := p.Operator("GET", "/debug/flight"); status != 503 || !strings.Contains(string(body), "curl -X POST") {
		t.Errorf("before the beginning: %d %s", status, body)
	}
	p.Operator("POST", "/debug/flight")
	p.Anonymous().Call("GET", "/", nil)
	if status, body := p.Operator("GET", "/debug/flight"); status != 200 || !bytes.HasPrefix(body, []byte("go 1.")) || !bytes.Contains(body, []byte("httpd.(*conn).serve")) {
		t.Errorf("%d, %.20q..., %d bytes", status, body, len(body))
	}
}

// TestSlowRequest: a request that takes longer than it may leaves a trace and a line.
func TestSlowRequest(t *testing.T) {
	t.Parallel()
	p := servertest.New(t, "ISURIDE_SLOW=1ns", "ISURIDE_LOG=json")
	p.Bare()
	p.Start()
	p.Anonymous().Call("GET", "/", nil) // files may take long
	p.Anonymous().Call("GET", "/api/owner/sales", nil)
	p.Says(`"msg":"a request was slow","request":"1-2","endpoint":"GET /api/owner/sales"`)
	_, rest, _ := strings.Cut(p.Output.String(), `"trace":"`)
	path, _, _ := strings.Cut(rest, `"`)
	if trace, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(trace, []byte("go 1.")) {
		t.Errorf("%q holds %.20q (%v)", path, trace, err)
	}
}
