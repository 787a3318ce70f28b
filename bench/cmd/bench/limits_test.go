package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestTooFewFiles checks that too low a limit of open files is found before the server is
// asked.
func TestTooFewFiles(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") }))
	t.Cleanup(server.Close)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := syscall.Rlimit{Cur: 500, Max: limit.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) })
	status, text := capture(t, &os.Stderr, func() int {
		return dispatch(context.Background(), []string{"--skip-data-check", "--target", server.URL, "--history", none, "--html", none})
	})
	if want := "only 500 files may be open at once and the run may need 4000"; status != exitUsage || !strings.Contains(text, want) || strings.Count(text, "\n") != 1 {
		t.Errorf("status %d, says %q, want %q", status, text, want)
	}
}
