package nginx_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/tools/dev/devcert/cert"
	"isuride/tools/dev/freeport"
)

// site is this project's server, with or without nginx in front.
type site struct {
	front    *stack // its upstream is not used
	server   *os.Process
	tcp      string // addresses of the server
	tls      string
	internal string
	url      string // where clients connect
}

// newSite chooses addresses; it does not start anything.
func newSite(t testing.TB) *site {
	t.Helper()
	return &site{front: prepare(t, http.NotFoundHandler()), tcp: freeport.Address(t), tls: freeport.Address(t), internal: freeport.Address(t)}
}

// buildServer builds the program.
func buildServer(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "isuride")
	if output, err := bound.Command(t, "go", "build", "-o", path, "isuride/webapp/cmd/isuride").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return path
}

// serve runs the server until the end of the test and returns once it is listening.
func (s *site) serve(t testing.TB, program string) {
	t.Helper()
	cmd := bound.Command(t, program)
	cmd.Env = append(os.Environ(), "ISURIDE_DATA="+s.front.path("data"), "ISURIDE_INITIAL_DATA=../sql/2-master-data.sql",
		"ISURIDE_LISTEN="+s.tcp+",unix:"+s.socket(), "ISURIDE_TLS_LISTEN="+s.tls, "ISURIDE_INTERNAL="+s.internal,
		"ISURIDE_TLS_CERT="+s.front.path(cert.CertFile), "ISURIDE_TLS_KEY="+s.front.path(cert.KeyFile))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.server = cmd.Process
	var log bytes.Buffer
	lines := bufio.NewScanner(io.TeeReader(stderr, &log))
	for n := 0; n < 3; {
		if !lines.Scan() {
			t.Fatalf("the server is not listening: %v\n%s", lines.Err(), log.String())
		}
		if strings.Contains(lines.Text(), "msg=listening") {
			n++
		}
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		io.Copy(io.Discard, stderr)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-drained
		cmd.Wait()
	})
}

func (s *site) socket() string { return s.front.path("isuride.sock") }

// nginx runs nginx with these additional variables.
func (s *site) nginx(t testing.TB, vars ...string) { s.nginxEdited(t, vars, nil) }

func (s *site) nginxEdited(t testing.TB, vars, edits []string) {
	t.Helper()
	s.front.launch(t, append([]string{"NGINX_UPSTREAM=unix:" + s.socket()}, vars...), edits...)
	s.url = "https://" + s.front.addr
}

// spread makes nginx spread connections (to itself), as the first of several fronts does.
func (s *site) spread(t testing.TB) {
	t.Helper()
	needStream(t)
	behind := s.front.addr
	s.front.addr = freeport.Address(t)
	s.nginx(t, "NGINX_LISTEN="+behind, "NGINX_TRUSTED=127.0.0.1", "NGINX_SPREAD="+s.front.addr, "NGINX_SPREAD_TO="+behind)
}
