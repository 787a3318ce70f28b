package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/paymentmock/gateway"
)

// process is a server of its own for one test, with its data and a payment gateway.
type process struct {
	t          *testing.T // nil in a benchmark
	tb         testing.TB // the same, or the benchmark
	url        string
	inside     string // URL of the internal listener
	env        []string
	flags      []string
	gateway    *gateway.Gateway
	gatewayURL string

	cmd    *exec.Cmd
	exited chan error
	output *outputLog
}

// dialects runs a test on both databases, each with a data folder of its own.
func dialects(t *testing.T, test func(t *testing.T, p *process)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newProcess(t))
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		c := mysql.Config(t)
		test(t, newProcess(t, "ISUCON_DB_HOST="+c.Host, fmt.Sprintf("ISUCON_DB_PORT=%d", c.Port),
			"ISUCON_DB_USER="+c.User, "ISUCON_DB_PASSWORD="+c.Password, "ISUCON_DB_NAME="+c.Name))
	})
}

// newProcess prepares a server; start starts it. The environment is the test's alone.
func newProcess(t testing.TB, env ...string) *process {
	t.Helper()
	p := &process{tb: t, gateway: gateway.New(gateway.Options{})}
	if p.t, _ = t.(*testing.T); p.t != nil {
		env = append([]string{"ISURIDE_INTERNAL=127.0.0.1:0"}, env...)
	}
	srv := httptest.NewServer(p.gateway)
	t.Cleanup(srv.Close)
	p.gatewayURL = srv.URL
	p.env = append([]string{asServer + "=1", "ISURIDE_DATA=" + t.TempDir(), "ISURIDE_LISTEN=127.0.0.1:0",
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	t.Cleanup(p.kill)
	return p
}

// contestDump is the contest's initial data. Without it the test is skipped.
func contestDump(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../../../shared/data/official-initial-data.sql.gz")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Skip("needs the contest's dump, which is not part of the repository: ", err)
	}
	return path
}

// startLimit is generous: on a busy machine a database may take its time.
const startLimit = time.Minute

// start starts the server, or starts it again, and waits until it listens.
func (p *process) start() {
	p.tb.Helper()
	if err := p.tryStart(); err != nil {
		p.tb.Fatal(err)
	}
}

func (p *process) tryStart() error {
	if err := p.launch(); err != nil {
		return err
	}
	return p.listening()
}

// listening waits until a server that was launched listens, or has ended.
func (p *process) listening() error {
	select {
	case address := <-p.output.listening:
		p.url = "http://" + address
		p.inside = p.output.inside()
		return nil
	case err := <-p.exited:
		p.exited <- err
		return fmt.Errorf("the server ended (%w):\n%s", err, p.output)
	case <-time.After(startLimit):
		return fmt.Errorf("the server does not listen after %v:\n%s", startLimit, p.output)
	}
}

// launch starts the server without waiting for anything.
func (p *process) launch() error {
	p.output = &outputLog{listening: make(chan string, 1)}
	p.cmd = exec.Command(os.Args[0], p.flags...)
	p.cmd.Env = p.env
	p.cmd.Stderr = p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.exited = make(chan error, 1)
	go func(exited chan error, wait func() error) { exited <- wait() }(p.exited, p.cmd.Wait)
	return nil
}

// kill ends the server like a crash.
func (p *process) kill() {
	if p.cmd != nil && p.cmd.Process != nil {
		p.cmd.Process.Kill()
		<-p.exited
		p.cmd = nil
	}
}

// stop ends the server in good order.
func (p *process) stop() {
	p.tb.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.exited:
		p.cmd = nil
		if err != nil {
			p.tb.Fatalf("the server did not end well (%v):\n%s", err, p.output)
		}
	case <-time.After(startLimit):
		p.tb.Fatalf("the server does not end:\n%s", p.output)
	}
}

// outputLog keeps what the server writes and finds where it listens.
type outputLog struct {
	listening chan string

	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

var (
	listeningLine = regexp.MustCompile(`msg"?[=:]"?listening"?[ ,]"?address"?[=:]"?([^\s"]+)`)
	internalsLine = regexp.MustCompile(`msg="serving internals" address=(\S+)`)
)

func (l *outputLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	if m := listeningLine.FindSubmatch(b); m != nil {
		select {
		case l.listening <- string(m[1]):
		default:
		}
	}
	return len(b), nil
}

// inside is the URL of the internal listener, "" if there is none.
func (l *outputLog) inside() string {
	if m := internalsLine.FindStringSubmatch(l.String()); m != nil {
		return "http://" + m[1]
	}
	return ""
}

func (l *outputLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
