package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// writesTo starts the server with a pipe for its log, and waits until it listens. What is
// read until then goes into the output.
func (p *process) writesTo(r, w *os.File) {
	p.t.Helper()
	p.output = &outputLog{listening: make(chan string, 1)}
	p.cmd = exec.Command(os.Args[0], p.flags...)
	p.cmd.Env, p.cmd.Stderr = p.env, w
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	w.Close()
	p.exited = make(chan error, 1)
	go func(exited chan error, wait func() error) { exited <- wait() }(p.exited, p.cmd.Wait)
	buffer := make([]byte, 4096)
	for !bytes.Contains([]byte(p.output.String()), []byte("msg=listening")) {
		n, err := r.Read(buffer)
		if err != nil {
			p.t.Fatal(err, p.output)
		}
		p.output.Write(buffer[:n])
	}
	if err := p.listening(); err != nil {
		p.t.Fatal(err)
	}
}

// taken tells if the name of an owner is taken.
func (p *process) taken(name string) bool {
	return p.anonymous().call("POST", "/api/owner/owners", object{"name": name}).status == 409
}

// TestReaderOfTheLogLeaves: neither a reader that leaves nor HUP ends the server, and TERM
// is an orderly stop: without a journal's promise, that alone brings the row into the
// database.
func TestReaderOfTheLogLeaves(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "ISURIDE_DURABILITY=none")
	p.bare()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.writesTo(r, w)
	r.Close()
	p.initialize() // which logs
	p.cmd.Process.Signal(syscall.SIGHUP)
	p.owner("kept")
	p.stop()
	p.start()
	if !p.taken("kept") {
		t.Error("what was accepted is lost by a stop")
	}
}

// TestReaderOfTheLogSleeps: a pipe that nobody empties fills up, and the server goes on.
func TestReaderOfTheLogSleeps(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.bare()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, w.Fd(), 1031 /* F_SETPIPE_SZ */, 4096); errno != 0 {
		t.Skip("the pipe cannot be made small: ", errno)
	}
	syscall.SetNonblock(int(w.Fd()), false)
	p.writesTo(r, w)
	for range 40 { // a line is 100 bytes or more
		p.initialize()
	}
	p.owner("kept")
	p.stop()
}

// TestClosedOutputs: a server that is started without standard files must not mistake the
// database for its log.
func TestClosedOutputs(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "ISURIDE_INITIAL_DATA=/nowhere")
	cmd := exec.Command("sh", "-c", `exec "$0" <&- >&- 2>&-`, os.Args[0])
	cmd.Env = p.env
	if err := cmd.Run(); exitCode(err) != exitFailed {
		t.Error(err)
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// TestStopWhileStarting: TERM ends a server that waits for its database in good order.
func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.useMySQL(nobody)
	if err := p.launch(); err != nil {
		t.Fatal(err)
	}
	p.says("waiting for the database")
	p.stop()
	p.output.mustSay(t, "stopping before the start was complete")
}

func (l *outputLog) mustSay(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(l.String(), text) {
		t.Errorf("the log does not say %q:\n%s", text, l)
	}
}

// TestSecondSignal: the first signal asks for an orderly stop, the second ends it.
func TestSecondSignal(t *testing.T) {
	again := make(chan struct{})
	ctx := untilSignal(func() { close(again) })
	for _, told := range []<-chan struct{}{ctx.Done(), again} {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-told
	}
}
