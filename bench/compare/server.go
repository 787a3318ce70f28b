package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process ends with the context, by the signal of a polite Ctrl-C, and at the latest with this
// process, however that ends. The latter holds for the thread that starts it, which main keeps.
func process(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// on is process on some of the processors only, named as for taskset; "" are all.
func on(ctx context.Context, cores, name string, args ...string) *exec.Cmd {
	if cores == "" {
		return process(ctx, name, args...)
	}
	return process(ctx, "taskset", append([]string{"-c", cores, name}, args...)...)
}

// A server is a process that listens.
type server struct {
	cmd   *exec.Cmd
	name  string
	log   string
	ended chan struct{} // closed by the goroutine that waits for the process
	err   error         // how it ended; to be read after ended
}

// startLimit is far more than a server needs to start with the data of a measurement.
const startLimit = 60 * time.Second

// listen starts cmd and returns when it accepts connections at address, as host:port. Its
// output goes to the file log. An address taken by another program is an error.
func listen(cmd *exec.Cmd, name, address, log string) (*server, error) {
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
	s := &server{cmd: cmd, name: name, log: log, ended: make(chan struct{})}
	go func() {
		s.err = cmd.Wait()
		close(s.ended)
	}()
	if err := s.await(address); err != nil {
		s.end(syscall.SIGKILL)
		return nil, err
	}
	return s, nil
}

func (s *server) await(address string) error {
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); {
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close()
		}
		select {
		case <-s.ended:
			return fmt.Errorf("%s ended: %w; see %s", s.name, s.err, s.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not listen after %v; see %s", s.name, startLimit, s.log)
}

// end ends the server, if it still runs, waits until it is gone, and reports how long that
// took.
func (s *server) end(signal os.Signal) (time.Duration, error) {
	begun := time.Now()
	s.cmd.Process.Signal(signal)
	<-s.ended
	return time.Since(begun), s.err
}

// clockTick is the unit of times in /proc; Linux has no other on the platforms of Go.
const clockTick = 10 * time.Millisecond

// cpu is the time, user and system, that the server has used so far, with all processes it
// has started and not yet collected.
func (s *server) cpu() (time.Duration, error) { return treeCPU(s.cmd.Process.Pid) }

func treeCPU(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	sum, err := cpuOf(string(stat))
	if err != nil {
		return 0, err
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0, err
	}
	for child := range strings.FieldsSeq(string(children)) {
		n, err := strconv.Atoi(child)
		if err != nil {
			return 0, err
		}
		if used, err := treeCPU(n); err == nil { // it may have ended meanwhile
			sum += used
		}
	}
	return sum, nil
}

// cpuOf reads the fields utime and stime of proc(5), which follow a name in parentheses that
// may hold anything.
func cpuOf(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("unexpected /proc/PID/stat: %q", stat)
	}
	var user, system time.Duration
	_, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system)
	return (user + system) * clockTick, err
}

// peakMemory is the most memory that the server itself has had, in bytes.
func (s *server) peakMemory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(peak, &kib); err != nil {
		return 0, fmt.Errorf("VmHWM of process %d: %w", s.cmd.Process.Pid, err)
	}
	return kib << 10, nil
}

// progress says on stderr what happens until the function it returns is called: on a terminal
// with the seconds.
func progress(what string) (done func()) {
	w := os.Stderr
	if _, err := unix.IoctlGetTermios(int(w.Fd()), unix.TCGETS); err != nil {
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
