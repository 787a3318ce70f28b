package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func TestProfiles(t *testing.T) {
	var log bytes.Buffer
	if err := serveProfiles("127.0.0.1:0", slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	_, address, _ := strings.Cut(strings.TrimSpace(log.String()), "address=")
	for path, want := range map[string]string{"": "goroutine", "goroutine?debug=1": "goroutine profile: total", "mutex?debug=1": "--- mutex:"} {
		resp, err := http.Get("http://" + address + "/debug/pprof/" + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%q: %v, status %d, %.200s", path, err, resp.StatusCode, body)
		}
	}
	if err := serveProfiles(address, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("an address taken is no error")
	}
}
