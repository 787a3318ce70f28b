package watch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stand puts programs in front of those of the machine.
func stand(t *testing.T, programs map[string]string) {
	dir := t.TempDir()
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// probed runs the script on this machine until n frames have come.
func probed(t *testing.T, metrics string, n int) (got []frame) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := &frames{each: func(f frame) {
		if got = append(got, f); len(got) == n {
			stop()
		}
	}}
	cmd := exec.CommandContext(ctx, "bash", "-c", "set -euo pipefail\n"+settings(metrics)+probe)
	var complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &complaint
	if err := cmd.Run(); len(got) < n {
		t.Fatalf("%v: %s", err, &complaint)
	}
	if complaint.Len() > 0 {
		t.Errorf("the script complains: %s", &complaint)
	}
	return got[:n]
}

func TestProbe(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed; on hosts, setup installs it")
	}
	stand(t, map[string]string{
		"sleep":      ":", // a frame right after the other
		"readlink":   "echo releases/r7",
		"sudo":       `shift; exec "$@"`,
		"journalctl": `printf 'level=INFO msg=a\nlevel=ERROR msg=b\nlevel=ERROR msg=c\n@@end\nlevel=INFO msg=d\n'`,
	})
	scrapes := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if scrapes++; scrapes == 3 {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, strings.TrimPrefix(metrics(1000, 50), "\n")+"# TYPE isuride_log_errors_total counter\nisuride_log_errors_total "+[]string{"", "0", "5", "", "5"}[min(scrapes, 4)]+"\n")
	}))
	defer server.Close()

	frames := probed(t, server.Listener.Addr().String(), 4)
	for i, f := range frames {
		s, err := parseSample(f)
		if err != nil || s.uptime == 0 || s.cpus == 0 || s.memory == 0 || s.available == 0 {
			t.Errorf("frame %d: %v, %+v", i, err, s)
		}
		if f["release"] != "releases/r7" {
			t.Errorf("frame %d: the release is %q", i, f["release"])
		}
		_, err = parseScrape(strings.TrimSpace(f["metrics"]) + "\n")
		if err != nil {
			t.Errorf("frame %d: %v", i, err)
		}
	}
	for i, want := range []string{"", "level=ERROR msg=c", "", "level=ERROR msg=c"} {
		if got := strings.TrimSpace(frames[i]["error"]); got != want {
			t.Errorf("frame %d: the error is %q, want %q", i, got, want)
		}
	}
	if strings.TrimSpace(frames[2]["metrics"]) != "" {
		t.Errorf("an answer of 503 is no scrape: %q", frames[2]["metrics"])
	}
}

// TestProbeWithoutServer runs without curl and other programs that a host may lack.
func TestProbeWithoutServer(t *testing.T) {
	stand(t, map[string]string{"sleep": ":", "curl": "exit 127", "sudo": "exit 1"})
	for _, f := range probed(t, "", 2) {
		if _, err := parseSample(f); err != nil {
			t.Error(err)
		}
	}
}

// TestProbeEnds has a reader that goes away, as when the session breaks.
func TestProbeEnds(t *testing.T) {
	stand(t, map[string]string{"sleep": ":"})
	cmd := exec.CommandContext(t.Context(), "bash", "-c", settings("")+probe)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	io.CopyN(io.Discard, out, 10)
	out.Close()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Errorf("the script ended with %v; a broken pipe should have ended it", err)
	}
}
