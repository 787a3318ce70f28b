package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"isuride/bench/calibration"
)

// serverAddress is where the calibration server listens; it has no flag for it.
const serverAddress = "127.0.0.1:8080"

// command is a process that ends with the context, by the signal of a polite Ctrl-C, and at the latest with this process,
// however that ends.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// build makes bench and server anew.
func (s *settings) build(ctx context.Context) error {
	if !s.real {
		return os.MkdirAll(s.home, 0o755)
	}
	if _, err := os.Stat(filepath.Join(s.source, "go.mod")); err != nil {
		return fmt.Errorf("the source of the calibration server is not in %s; it is no part of this repository", s.source)
	}
	home, err := filepath.Abs(s.home)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	defer progress("building")()
	for name, args := range map[string][]string{
		"server": {"-C", s.source, "build", "-o", filepath.Join(home, "server"), "."},
		"bench":  {"build", "-o", filepath.Join(home, "bench"), "./bench/cmd/bench"},
	} {
		if output, err := command(ctx, "go", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("building the %s: %w: %s", name, err, output)
		}
	}
	return nil
}

// A server is a calibration server that runs.
type server struct {
	cmd   *exec.Cmd
	ended chan error
}

// startServer returns when it listens.
func (s *settings) startServer(ctx context.Context, p calibration.Policy) (*server, error) {
	l, err := net.Listen("tcp", ":8080")
	if err != nil {
		return nil, errors.New("port 8080, where the calibration server listens, is taken")
	}
	l.Close()
	log, err := os.Create(s.path(p.Name + ".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own
	v := &server{command(ctx, s.path("server"), p.Flags...), make(chan error, 1)}
	v.cmd.Stdout, v.cmd.Stderr = log, log
	if err := v.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { v.ended <- v.cmd.Wait() }()
	if err := v.await(log.Name()); err != nil {
		v.stop()
		return nil, err
	}
	return v, nil
}

// startLimit is far more than a server in memory needs to start.
const startLimit = 10 * time.Second

func (v *server) await(log string) error {
	for deadline := time.Now().Add(startLimit); ; {
		c, err := net.Dial("tcp", serverAddress)
		if err == nil {
			return c.Close()
		}
		select {
		case err := <-v.ended:
			v.ended <- err
			return fmt.Errorf("the calibration server ended: %w; see %s", err, log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the calibration server does not listen after %v; see %s", startLimit, log)
		}
	}
}

func (v *server) stop() {
	v.cmd.Process.Kill()
	<-v.ended
}

// progress says what happens until the function it returns is called: on a terminal with the seconds.
func progress(what string) (done func()) {
	if _, err := unix.IoctlGetTermios(int(os.Stderr.Fd()), unix.TCGETS); err != nil {
		fmt.Fprintln(os.Stderr, what)
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		second := time.NewTicker(time.Second)
		defer second.Stop()
		for n := 0; ; n++ {
			fmt.Fprintf(os.Stderr, "\r\x1b[K%s: %d s", what, n)
			select {
			case <-second.C:
			case <-stop:
				fmt.Fprint(os.Stderr, "\r\x1b[K")
				return
			}
		}
	}()
	return func() { close(stop); <-stopped }
}
