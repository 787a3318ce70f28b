package servertest

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/tools/dev/devcert/cert"
	"isuride/tools/dev/paymentmock/gateway"
	"isuride/webapp/sqlstore"
)

// Process is a server of its own for one test, with its data and a payment gateway.
type Process struct {
	T          *testing.T // nil in a benchmark
	TB         testing.TB // the same, or the benchmark
	URL        string
	Inside     string // URL of the internal listener
	Env        []string
	Flags      []string
	Under      []string        // a program, with its arguments, that the server runs under; mostly none
	Node       string          // its name in a group
	Witness    bool            // it keeps only the log of its group
	Data       string          // folder
	DB         sqlstore.Config // where the tables are
	HTTP2      bool            // it is talked to over TLS and HTTP/2
	Gateway    *gateway.Gateway
	GatewayURL string

	Cmd    *exec.Cmd
	Output *OutputLog
	exited chan error
	test   testing.TB // whose server it is, while TB may be a part of that
}

// New prepares a server; Start starts it. Of the test's own environment only PATH and HOME
// are passed on.
func New(t testing.TB, env ...string) *Process {
	t.Helper()
	data := t.TempDir()
	p := &Process{TB: t, test: t, Gateway: gateway.New(gateway.Options{}), Data: data,
		DB: sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(data, "isuride.db")}}
	if p.T, _ = t.(*testing.T); p.T != nil {
		env = append([]string{"ISURIDE_INTERNAL=127.0.0.1:0"}, env...)
	}
	srv := httptest.NewServer(p.Gateway)
	t.Cleanup(srv.Close)
	p.GatewayURL = srv.URL
	p.Env = append([]string{AsServer + "=1", "ISURIDE_DATA=" + data, "ISURIDE_LISTEN=127.0.0.1:0",
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() && p.Output != nil {
			t.Logf("the server %q last said:\n%s", p.Node, p.Output.end())
		}
	})
	return p
}

// UseMySQL points the server at a database.
func (p *Process) UseMySQL(c sqlstore.Config) {
	p.DB = c
	p.Env = append(p.Env, "ISUCON_DB_HOST="+c.Host, fmt.Sprintf("ISUCON_DB_PORT=%d", c.Port),
		"ISUCON_DB_USER="+c.User, "ISUCON_DB_PASSWORD="+c.Password, "ISUCON_DB_NAME="+c.Name)
}

// UseHTTP2 has the server listen for TLS alone, and offer HTTP/2, which the clients take.
func (p *Process) UseHTTP2() {
	folder := filepath.Join(p.Data, "cert")
	if _, err := cert.Ensure(folder, []string{"127.0.0.1"}, time.Hour, time.Now()); err != nil {
		p.TB.Fatal(err)
	}
	p.HTTP2 = true
	p.Env = append(p.Env, "ISURIDE_HTTP2=on", "ISURIDE_LISTEN=,", "ISURIDE_TLS_LISTEN=127.0.0.1:0",
		"ISURIDE_TLS_CERT="+filepath.Join(folder, cert.CertFile), "ISURIDE_TLS_KEY="+filepath.Join(folder, cert.KeyFile))
}

// Bare has the server begin with master data alone, without accounts, rides and positions,
// so that a start and an initialize take no time.
func (p *Process) Bare() {
	p.Env = append(p.Env, "ISURIDE_INITIAL_DATA=../../sql/2-master-data.sql")
}

// startLimit is generous: on a busy machine a database may take its time.
const startLimit = 3 * time.Minute

// Start starts the server, or starts it again, and waits until it listens.
func (p *Process) Start() {
	p.TB.Helper()
	if err := p.TryStart(); err != nil {
		p.TB.Fatal(err)
	}
}

// TryStart is Start for servers that may end.
func (p *Process) TryStart() error {
	if err := p.Launch(); err != nil {
		return err
	}
	return p.Listening()
}

// Listening waits until a server that was launched listens, or has ended.
func (p *Process) Listening() error {
	select {
	case address := <-p.Output.Listening:
		url := "http://" + address
		if p.HTTP2 {
			url = "https://" + address
		}
		if p.URL != url { // clients may be reading it
			p.URL = url
		}
		p.Inside = p.Output.Inside()
		return nil
	case err := <-p.exited:
		p.exited <- err
		return fmt.Errorf("the server ended (%w):\n%s", err, p.Output)
	case <-time.After(startLimit):
		return fmt.Errorf("the server does not listen after %v:\n%s", startLimit, p.Output)
	}
}

// Launch starts the server without waiting for anything.
func (p *Process) Launch() error { return p.LaunchTo(nil) }

// LaunchTo is Launch with another file for the server's log.
func (p *Process) LaunchTo(log *os.File) error {
	p.Output = &OutputLog{Listening: make(chan string, 1)}
	line := slices.Concat(p.Under, []string{os.Args[0]}, p.Flags)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env, cmd.Stderr = p.Env, p.Output
	if log != nil {
		cmd.Stderr = log
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.Cmd = cmd
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	late := p.limit(cmd)
	go func() {
		err := cmd.Wait()
		late.Stop()
		exited <- err
	}()
	p.exited = exited
	return nil
}

// limit ends the server if its test hangs: then all that the test may wait for fails, and the log shows
// what the server's goroutines do.
func (p *Process) limit(cmd *exec.Cmd) *time.Timer {
	limit := bound.Limit(p.test)
	return time.AfterFunc(limit, func() {
		p.test.Errorf("the server %q still runs after %v: its test hangs, or the time of its package is over", p.Node, limit)
		_ = cmd.Process.Signal(syscall.SIGABRT) // it may end just now
		time.Sleep(time.Second)                 // for it to say where it is, if it can
		_ = cmd.Process.Kill()
	})
}

// Kill ends the server with SIGKILL.
func (p *Process) Kill() {
	if p.Cmd != nil && p.Cmd.Process != nil {
		p.Cmd.Process.Kill()
		<-p.exited
		p.Cmd = nil
	}
}

// Stop ends the server with SIGTERM; its exit status must be 0.
func (p *Process) Stop() {
	p.TB.Helper()
	p.Cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.exited:
		p.Cmd = nil
		if err != nil {
			p.TB.Fatalf("the server did not end well (%v):\n%s", err, p.Output)
		}
	case <-time.After(startLimit):
		p.TB.Fatalf("the server does not end:\n%s", p.Output)
	}
}

// Ended says that a server that was started has ended by itself.
func (p *Process) Ended() bool {
	select {
	case err := <-p.exited:
		p.exited <- err // for Kill
		return true
	default:
		return false
	}
}

// Says returns once the server has logged a text.
func (p *Process) Says(text string) {
	p.T.Helper()
	Eventually(p.T, func() error {
		if log := p.Output.String(); !strings.Contains(log, text) {
			return fmt.Errorf("the log does not say %q:\n%s", text, log)
		}
		return nil
	})
}

// OutputLog keeps what the server writes and finds where it listens.
type OutputLog struct {
	Listening chan string

	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

var (
	listeningLine = regexp.MustCompile(`msg"?[=:]"?listening"?[ ,]"?address"?[=:]"?([^\s"]+)`)
	internalsLine = regexp.MustCompile(`msg="serving internals" address=(\S+)`)
)

func (l *OutputLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	if m := listeningLine.FindSubmatch(b); m != nil {
		select {
		case l.Listening <- string(m[1]):
		default:
		}
	}
	return len(b), nil
}

// Inside is the URL of the internal listener, "" if there is none.
func (l *OutputLog) Inside() string {
	if m := internalsLine.FindStringSubmatch(l.String()); m != nil {
		return "http://" + m[1]
	}
	return ""
}

// end is the last part of a log, which is long enough for the stacks of a server.
func (l *OutputLog) end() string {
	const most = 100_000
	text := l.String()
	return text[max(0, len(text)-most):]
}

func (l *OutputLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
