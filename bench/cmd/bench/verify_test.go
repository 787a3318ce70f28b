package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"isuride/bench/verify"
	"isuride/tools/dev/bound"
)

// TestRepositoryServer checks that the server of this repository keeps every rule, with
// both transports of notifications, and over HTTP/2, which is taken where it is offered.
func TestRepositoryServer(t *testing.T) {
	program := buildServer(t)
	for name, environment := range map[string][]string{
		"sse": {"ISURIDE_NOTIFICATION=sse"}, "polling": {"ISURIDE_NOTIFICATION=polling"}, "http2": overHTTP2(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time is spent waiting
			target := startServer(t, program, environment...)
			if name == "http2" {
				target = strings.Replace(target, "http", "https", 1)
				speaksHTTP2(t, target)
			}
			for _, x := range alwaysBroken(t, target) {
				t.Errorf("%s, %s: %s\n%s", x.Rule, x.Outcome, x.Got, strings.Join(x.Exchange, "\n"))
			}
		})
	}
}

// alwaysBroken checks all rules, up to three times, and returns those that were never kept: many have to do with real time,
// which a busy machine may exceed once.
func alwaysBroken(t *testing.T, target string) (broken []verify.Result) {
	t.Helper()
	kept := map[string]bool{}
	for range 3 {
		r, err := verify.Run(context.Background(), verify.Options{Target: target})
		if err != nil {
			t.Fatal(err)
		}
		broken = nil
		for _, x := range r.Results {
			switch {
			case x.Outcome == verify.OK:
				kept[x.Rule] = true
			case x.Outcome != verify.Skip && !kept[x.Rule]:
				broken = append(broken, x)
			}
		}
		if len(broken) == 0 {
			break
		}
		t.Logf("%d rules are broken, the first: %s: %s", len(broken), broken[0].Rule, broken[0].Got)
	}
	if len(kept) < 200 {
		t.Errorf("only %d rules were kept", len(kept))
	}
	return broken
}

// overHTTP2 is the environment of a server that listens for TLS alone, and offers HTTP/2.
func overHTTP2(t *testing.T) []string {
	t.Helper()
	folder := t.TempDir()
	if out, err := bound.Command(t, "go", "run", "isuride/tools/dev/devcert", "-out", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return []string{"ISURIDE_HTTP2=on", "ISURIDE_LISTEN=,", "ISURIDE_TLS_LISTEN=127.0.0.1:0",
		"ISURIDE_TLS_CERT=" + filepath.Join(folder, "cert.pem"), "ISURIDE_TLS_KEY=" + filepath.Join(folder, "key.pem")}
}

func speaksHTTP2(t *testing.T, url string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Errorf("the server speaks %s", resp.Proto)
	}
}

// buildServer builds the server. The bench must not import it, so go test would not
// notice a change and show a cached result. Reading the sources makes the result depend
// on them.
func buildServer(t *testing.T) string {
	t.Helper()
	for _, folder := range []string{"webapp", "sql"} {
		err := filepath.WalkDir(filepath.Join("..", "..", "..", folder), func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(t.TempDir(), "isuride")
	if out, err := bound.Command(t, "go", "build", "-o", program, "isuride/webapp/cmd/isuride").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// startServer runs the server on fresh data for one test and returns its URL.
func startServer(t *testing.T, program string, environment ...string) string {
	t.Helper()
	url, cmd := launchServer(t, program, t.TempDir(), environment...)
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	return url
}

// launchServer starts the server on the data in a folder. The caller ends it.
func launchServer(t *testing.T, program, data string, environment ...string) (url string, cmd *exec.Cmd) {
	t.Helper()
	cmd = bound.Command(t, program)
	cmd.Env = append([]string{"ISURIDE_LISTEN=127.0.0.1:0", "ISURIDE_DATA=" + data}, environment...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "msg=listening address="); ok {
			go io.Copy(io.Discard, log)
			return "http://" + address, cmd
		}
		t.Log(lines.Text())
	}
	t.Fatal("the server ended before it listened")
	return "", nil
}

// TestVerifyCommand checks a server that knows no path at all.
func TestVerifyCommand(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	file := filepath.Join(t.TempDir(), "report.json")
	status, text := capture(t, &os.Stdout, func() int {
		return dispatch(context.Background(), []string{"verify", "-target", server.URL, "-json", file})
	})
	if status != exitFailed || !strings.HasSuffix(text, "\nFAIL\n") || !strings.Contains(text, "        > POST /api/initialize") {
		t.Errorf("status %d, says\n%s", status, text)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r verify.Report
	if err := json.Unmarshal(b, &r); err != nil || r.Passed || r.Target != server.URL {
		t.Errorf("%v, passed %v, target %q", err, r.Passed, r.Target)
	}
	if lines := strings.Count(text, "\nFAIL  "); r.Counts[verify.Fail] == 0 || lines < r.Counts[verify.Fail]-1 {
		t.Errorf("%d rules are broken, %d lines say so", r.Counts[verify.Fail], lines)
	}
}

// TestVerifySettings checks that bad settings are refused before the server is asked
// anything.
func TestVerifySettings(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") }))
	defer server.Close()
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	for name, c := range map[string]struct {
		args []string
		text string
	}{
		"unknown flag":      {[]string{"-n", "3"}, "not defined: -n"},
		"argument":          {[]string{"http://localhost"}, "unexpected argument"},
		"no scheme":         {[]string{"-target", "localhost:8080"}, "--target"},
		"bad addr":          {[]string{"-addr", "localhost"}, "ip:port"},
		"nobody there":      {[]string{"-target", "http://127.0.0.1:1"}, "nobody can be reached"},
		"bad payment port":  {[]string{"-payment-bind-port", "65536"}, "--payment-bind-port"},
		"bad payment URL":   {[]string{"-payment-url", "localhost", "-payment-bind-port", "1"}, "--payment-url"},
		"URL without port":  {[]string{"-payment-url", "http://localhost"}, "needs --payment-bind-port"},
		"port taken":        {[]string{"-addr", server.Listener.Addr().String(), "-payment-bind-port", port}, "address already in use"},
		"JSON in no folder": {[]string{"-json", "/nonexistent/x.json"}, "--json /nonexistent/x.json: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			status, text := capture(t, &os.Stderr, func() int {
				return dispatch(context.Background(), append([]string{"verify"}, c.args...))
			})
			if status != exitUsage || !strings.Contains(text, c.text) || strings.Count(text, "\n") != 1 {
				t.Errorf("status %d, says %q, want %q", status, text, c.text)
			}
		})
	}
}
