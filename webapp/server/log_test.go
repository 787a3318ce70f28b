package server_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/webapp/servertest"
)

// writesTo starts the server with a pipe for its log, and waits until it listens. What is
// read until then goes into the output.
func writesTo(p *servertest.Process, r, w *os.File) {
	p.T.Helper()
	if err := p.LaunchTo(w); err != nil {
		p.T.Fatal(err)
	}
	w.Close()
	buffer := make([]byte, 4096)
	for !strings.Contains(p.Output.String(), "msg=listening") {
		n, err := r.Read(buffer)
		if err != nil {
			p.T.Fatal(err, p.Output)
		}
		p.Output.Write(buffer[:n])
	}
	if err := p.Listening(); err != nil {
		p.T.Fatal(err)
	}
}

// taken reports whether the name of an owner is taken.
func taken(p *servertest.Process, name string) bool {
	return p.Anonymous().Call("POST", "/api/owner/owners", servertest.Object{"name": name}).Status == 409
}

// TestReaderOfTheLogLeaves: neither a reader that leaves nor HUP ends the server, and TERM
// is an orderly stop: without a journal's promise, that alone brings the row into the
// database.
func TestReaderOfTheLogLeaves(t *testing.T) {
	t.Parallel()
	p := servertest.New(t, "ISURIDE_DURABILITY=none")
	p.Bare()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	writesTo(p, r, w)
	r.Close()
	p.Initialize() // which logs
	p.Cmd.Process.Signal(syscall.SIGHUP)
	p.Owner("kept")
	p.Stop()
	p.Start()
	if !taken(p, "kept") {
		t.Error("what was accepted is lost by a stop")
	}
}

// TestReaderOfTheLogSleeps: a pipe that is not emptied fills up, and the server goes on.
func TestReaderOfTheLogSleeps(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.Bare()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, w.Fd(), 1031 /* F_SETPIPE_SZ */, 4096); errno != 0 {
		t.Skip("the pipe cannot be made small: ", errno)
	}
	syscall.SetNonblock(int(w.Fd()), false)
	writesTo(p, r, w)
	for range 40 { // a line is 100 bytes or more
		p.Initialize()
	}
	p.Owner("kept")
	p.Stop()
}

// TestClosedOutputs: a server that is started without standard files must not mistake the
// database for its log.
func TestClosedOutputs(t *testing.T) {
	t.Parallel()
	p := servertest.New(t, "ISURIDE_INITIAL_DATA=/nowhere")
	cmd := bound.Command(t, "sh", "-c", `exec "$0" <&- >&- 2>&-`, os.Args[0])
	cmd.Env = p.Env
	if err := cmd.Run(); exitCode(err) != 1 {
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

func mustSay(l *servertest.OutputLog, t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(l.String(), text) {
		t.Errorf("the log does not say %q:\n%s", text, l)
	}
}
