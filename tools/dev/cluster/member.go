package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// member is one server of the group, which is restarted whenever it ends.
type member struct {
	// Set once.
	name                   string
	witness                bool
	peers, clients, inside string
	socket                 string // for clients on this machine
	dir                    string
	env                    []string
	binary                 string

	apart bool // guarded by the cluster's mu; cut off from the others

	mu     sync.Mutex
	cmd    *exec.Cmd // guarded by mu; nil while it does not run
	frozen bool      // guarded by mu
}

// entry is the server in the ISURIDE_REPLICAS of one that reaches it at an address.
func (m *member) entry(peers string) string {
	text := fmt.Sprintf("%s=%s/%s", m.name, peers, m.clients)
	if m.witness {
		text += "+witness"
	}
	return text
}

const (
	// restartPause is the time from the end of a server to its next start.
	restartPause = 300 * time.Millisecond
	// stopLimit is what a server has to end in good order.
	stopLimit = 20 * time.Second
)

// keep runs the server until ctx ends.
func (m *member) keep(ctx context.Context) {
	for ctx.Err() == nil {
		if err := m.once(ctx); err != nil && ctx.Err() == nil {
			fmt.Printf("%s ended: %v; it starts again (%s)\n", m.name, err, filepath.Join(m.dir, "log"))
		}
		select {
		case <-ctx.Done():
		case <-time.After(restartPause):
		}
	}
}

// once runs the server to its end.
func (m *member) once(ctx context.Context) error {
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(m.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, m.binary)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), m.env...), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	cmd.Cancel = func() error { return m.signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopLimit
	if err := cmd.Start(); err != nil {
		return err
	}
	m.set(cmd)
	defer m.set(nil)
	return cmd.Wait()
}

func (m *member) set(cmd *exec.Cmd) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cmd, m.frozen = cmd, false
}

// signal sends a signal to the server. One that is stopped is continued first, unless it is killed.
func (m *member) signal(s syscall.Signal) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil {
		return fmt.Errorf("%s does not run", m.name)
	}
	if m.frozen && s == syscall.SIGTERM {
		_ = m.cmd.Process.Signal(syscall.SIGCONT) // it may have ended
	}
	m.frozen = s == syscall.SIGSTOP
	return m.cmd.Process.Signal(s)
}

// asker asks a server that may hang.
var asker = &http.Client{Timeout: 200 * time.Millisecond}

// leads asks the server whether requests are to go to it, and what it says of itself.
func (m *member) leads() (ok bool, says string) {
	answer, err := asker.Get("http://" + m.inside + "/healthz?leader")
	if err != nil {
		return false, "does not answer"
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10)) // what there is, is shown
	return answer.StatusCode == http.StatusOK, strings.TrimSpace(string(text))
}
