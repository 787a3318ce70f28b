package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/devcert/cert"
)

// patience bounds waits for something that happens at once when all is well.
const patience = 20 * time.Second

// TestRealNginx reads what a real nginx with our configuration writes about good and bad
// requests.
func TestRealNginx(t *testing.T) {
	log, address, stop := startNginx(t)
	for _, path := range []string{"/api/app/rides?a=\"\\", "/api/app/rides", "/api/chair/rides/01JDFEDF00B09BNMV8MP0RB34G/status", "/assets/index.js", "/\xff"} {
		exchange(t, address, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	}
	for _, raw := range []string{"nonsense\r\n\r\n", "GET /old\r\n", "GET /bad HTTP/1.1\r\nContent-Length: x\r\n\r\n"} {
		exchange(t, address, raw)
	}
	stop() // writes what it has kept back

	got, complaints := output(t, "", log)
	if complaints != "" {
		t.Errorf("complaints: %s", complaints)
	}
	for _, want := range []string{"2 GET /api/app/rides", "1 GET /api/chair/rides/{id}/status", "1 GET /assets/*", "8 total"} {
		count, name, _ := strings.Cut(want, " ")
		if !regexp.MustCompile(`(?m)^` + count + ` .* ` + regexp.QuoteMeta(name) + `$`).MatchString(got) {
			t.Errorf("the table lacks %q:\n%s", want, got)
		}
	}
}

// exchange sends bytes and waits for the end of whatever comes back.
func exchange(t *testing.T, address, raw string) {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 1024); err == nil; {
		_, err = conn.Read(b)
	}
	if os.IsTimeout(err) {
		t.Fatalf("%q: nginx does not close the connection", raw)
	}
}

// startNginx runs one with the rendered template until it is stopped, in front of a
// server that answers everything.
func startNginx(t *testing.T) (log, address string, stop func()) {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed (Debian package nginx)")
	}
	dir, err := os.MkdirTemp("", "accesslog") // short: sockets have paths of 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // for workers that do not run as root
		t.Fatal(err)
	}
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") }))
	upstream.Listener.Close()
	if upstream.Listener, err = net.Listen("unix", filepath.Join(dir, "server.sock")); err != nil {
		t.Fatal(err)
	}
	upstream.Start()
	t.Cleanup(upstream.Close)
	address, log = freeAddress(t), filepath.Join(dir, "access.log")
	return log, address, runNginx(t, dir, address, render(t, dir, address, log))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// render writes the configuration, with a certificate.
func render(t *testing.T, dir, address, log string) (config string) {
	t.Helper()
	if _, err := cert.Ensure(dir, []string{"localhost", "127.0.0.1"}, 24*time.Hour, time.Now()); err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("../../../scripts/nginx.sh", "render")
	cmd.Env = append(os.Environ(), "NGINX_USER="+me.Username, "NGINX_RUN="+dir, "NGINX_LISTEN="+address,
		"NGINX_CERT="+filepath.Join(dir, cert.CertFile), "NGINX_KEY="+filepath.Join(dir, cert.KeyFile),
		"NGINX_STATIC="+filepath.Join(dir, "static"), "NGINX_UPSTREAM=unix:"+filepath.Join(dir, "server.sock"), "NGINX_ACCESS_LOG="+log)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	config = filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return config
}

// runNginx returns when it accepts connections.
func runNginx(t *testing.T, dir, address, config string) (stop func()) {
	t.Helper()
	cmd := exec.Command("nginx", "-e", filepath.Join(dir, "error.log"), "-c", config, "-g", "daemon off;")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cmd.Process.Signal(syscall.SIGQUIT)
			cmd.Wait()
		}
	}
	t.Cleanup(stop)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return stop
		}
		if time.Now().After(deadline) {
			errors, _ := os.ReadFile(filepath.Join(dir, "error.log")) // none is as good as an empty one
			t.Fatalf("nginx does not listen\n%s", errors)
		}
	}
}
