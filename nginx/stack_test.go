// Package nginx_test checks the configuration in this folder with a real nginx between a
// client and a small upstream, both in the test. The tests are skipped if nginx is not
// installed.
package nginx_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/tools/dev/devcert/cert"
	"isuride/tools/dev/freeport"
)

// patience bounds the wait for things that normally happen at once.
const patience = time.Minute

// stack is nginx with the rendered configuration, static files in dir/static and an
// upstream on a unix socket.
type stack struct {
	dir     string
	addr    string // where clients connect, and nginx listens unless the test says otherwise
	process *os.Process
	stop    func() // cleanly, so that nginx has written its logs

	upstream http.Handler
	opened   atomic.Int32 // connections from nginx to the upstream
}

// start runs nginx in front of the upstream until the test ends. The edits, pairs of old
// and new text, change the rendered configuration.
func start(t testing.TB, upstream http.Handler, edits ...string) *stack {
	t.Helper()
	s := prepare(t, upstream)
	s.launch(t, nil, edits...)
	return s
}

// prepare does what start does, but does not run nginx.
func prepare(t testing.TB, upstream http.Handler) *stack {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed (Debian package nginx)")
	}
	s := &stack{dir: t.TempDir(), addr: freeport.Address(t), upstream: upstream}
	if err := os.Chmod(s.dir, 0o755); err != nil { // for workers that do not run as root
		t.Fatal(err)
	}
	if _, err := cert.Ensure(s.dir, []string{"localhost", "127.0.0.1"}, 24*time.Hour, time.Now()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", s.path("server.sock"))
	if err != nil {
		t.Fatal(err)
	}
	s.serveUpstream(t, l)
	return s
}

// launch runs nginx with these variables and those that every stack has.
func (s *stack) launch(t testing.TB, vars []string, edits ...string) {
	t.Helper()
	s.render(t, vars, edits)
	s.checkConfig(t)
	s.run(t)
}

// serveUpstream serves s.upstream and counts its connections.
func (s *stack) serveUpstream(t testing.TB, l net.Listener) {
	t.Helper()
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.upstream.ServeHTTP(w, r) }),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.opened.Add(1)
			}
		},
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
}

func (s *stack) path(name string) string { return filepath.Join(s.dir, name) }

// render fills in the template as the scripts do.
func (s *stack) render(t testing.TB, vars, edits []string) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	cmd := bound.Command(t, "../scripts/nginx.sh", "render")
	cmd.Env = append(os.Environ(), "NGINX_USER="+me.Username, "NGINX_RUN="+s.dir, "NGINX_LISTEN="+s.addr,
		"NGINX_CERT="+s.path(cert.CertFile), "NGINX_KEY="+s.path(cert.KeyFile),
		"NGINX_STATIC="+s.path("static"), "NGINX_UPSTREAM=unix:"+s.path("server.sock"))
	cmd.Env = append(cmd.Env, vars...) // for duplicates, the last one wins
	cmd.Stderr = os.Stderr
	config, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	config = []byte(strings.NewReplacer(edits...).Replace(string(config)))
	if err := os.WriteFile(s.path("nginx.conf"), config, 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkConfig runs nginx -t. Two of its warnings concern the user who runs the test, not
// the configuration.
func (s *stack) checkConfig(t testing.TB) {
	t.Helper()
	output, err := bound.Command(t, "nginx", "-t", "-e", "stderr", "-c", s.path("nginx.conf")).CombinedOutput()
	if err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, output)
	}
	for line := range strings.Lines(string(output)) {
		expected := strings.Contains(line, "syntax is ok") || strings.Contains(line, "test is successful") ||
			strings.Contains(line, `the "user" directive makes sense only`)
		if !expected {
			t.Errorf("nginx -t: %s", line)
		}
	}
}

// run starts nginx and returns once its sockets are listening: nginx starts its workers
// only then.
func (s *stack) run(t testing.TB) {
	t.Helper()
	cmd := bound.Command(t, "nginx", "-e", "stderr", "-c", s.path("nginx.conf"), "-g", "daemon off; error_log stderr notice;")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = cmd.Process
	var log bytes.Buffer
	lines := bufio.NewScanner(io.TeeReader(stderr, &log))
	for lines.Scan() && !strings.Contains(lines.Text(), "start worker process ") {
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() {
		}
	}()
	s.stop = sync.OnceFunc(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-drained
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("nginx: %v\n%s", err, log.String())
		}
	})
	t.Cleanup(s.stop)
}

// client returns an HTTPS client with its own connections, which come from this loopback
// address and offer the same protocols as the load generator.
func (s *stack) client(t testing.TB, from string, protocols ...string) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{
		DialContext:        dialer.DialContext,
		TLSClientConfig:    s.tlsConfig(protocols...),
		ForceAttemptHTTP2:  len(protocols) == 0,
		DisableCompression: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patience,
	}
}

// tlsConfig trusts the certificate made for the stack and nothing else.
func (s *stack) tlsConfig(protocols ...string) *tls.Config {
	roots, err := certPool(s.path(cert.CertFile))
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: protocols}
}

// reply is a fully read answer.
type reply struct {
	status int
	header http.Header
	body   string
}

func (s *stack) do(t testing.TB, c *http.Client, method, path string, header map[string]string, body io.Reader) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://"+s.addr+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{resp.StatusCode, resp.Header, string(content)}
}

func (s *stack) get(t testing.TB, c *http.Client, path string) reply {
	t.Helper()
	return s.do(t, c, http.MethodGet, path, nil, nil)
}

// workers returns the process ids of nginx's workers.
func (s *stack) workers(t testing.TB) []int {
	t.Helper()
	master := strconv.Itoa(s.process.Pid)
	content, err := os.ReadFile("/proc/" + master + "/task/" + master + "/children")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the kernel does not list children of a process")
	}
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, field := range strings.Fields(string(content)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// within fails the test if nothing arrives in time.
func within[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case v := <-c:
		return v
	case <-ctx.Done():
		t.Fatalf("no %s within %v", what, patience)
		panic("unreachable")
	}
}
