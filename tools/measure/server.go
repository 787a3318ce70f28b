package measure

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Command is a process that ends with the context, by the signal of a polite Ctrl-C, and at the latest with this process,
// however that ends. The latter holds for the thread that starts it, which Main keeps.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// A Server is a process that listens.
type Server struct {
	cmd   *exec.Cmd
	name  string
	log   string
	ended chan error
}

// startLimit is far more than a server needs to start with the data of a measurement.
const startLimit = 60 * time.Second

// Listen starts cmd and returns when it accepts connections at address, as host:port. Its output goes to the file log.
// An address taken by another program is an error.
func Listen(cmd *exec.Cmd, name, address, log string) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s, where %s is to listen: %w", address, name, err)
	}
	l.Close()
	output, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer output.Close() // the process has its own
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Server{cmd, name, log, make(chan error, 1)}
	go func() { s.ended <- cmd.Wait() }()
	if err := s.await(address); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

func (s *Server) await(address string) error {
	for deadline := time.Now().Add(startLimit); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case err := <-s.ended:
			s.ended <- err
			return fmt.Errorf("%s ended: %w; see %s", s.name, err, s.log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not listen after %v; see %s", s.name, startLimit, s.log)
		}
	}
}

// Kill ends the server at once, if it still runs, and waits until it is gone.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	s.ended <- <-s.ended
}

// Stop ends the server in good order and reports how long that took.
func (s *Server) Stop(signal os.Signal) (time.Duration, error) {
	begun := time.Now()
	s.cmd.Process.Signal(signal)
	err := <-s.ended
	s.ended <- err
	return time.Since(begun), err
}

// Progress says on w what happens until the function it returns is called: on a terminal with the seconds.
func Progress(w io.Writer, what string) (done func()) {
	if f, ok := w.(*os.File); !ok || !isTerminal(f) {
		fmt.Fprintln(w, what)
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		second := time.NewTicker(time.Second)
		defer second.Stop()
		for n := 0; ; n++ {
			fmt.Fprintf(w, "\r\x1b[K%s: %d s", what, n)
			select {
			case <-second.C:
			case <-stop:
				fmt.Fprint(w, "\r\x1b[K")
				return
			}
		}
	}()
	return func() { close(stop); <-stopped }
}
