package supervisor

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// reaper collects all children of this process: those that services started, and, since
// this is PID 1 of its host, everything that lost its parent. Nobody else in the process
// may wait for children.
type reaper struct {
	died  chan os.Signal // closed by close
	ended chan struct{}  // closed when nothing is collected any more

	mu    sync.Mutex
	known map[int]*process
}

// process is a child whose end matters.
type process struct {
	pid    int
	ended  chan struct{} // closed by the reaper
	status syscall.WaitStatus
}

func newReaper() *reaper {
	r := &reaper{known: map[int]*process{}, ended: make(chan struct{})}
	r.died = make(chan os.Signal, 1) // one is enough: each signal collects all
	signal.Notify(r.died, syscall.SIGCHLD)
	go func() {
		defer close(r.ended)
		for range r.died {
			r.collect()
		}
	}()
	return r
}

func (r *reaper) close() {
	signal.Stop(r.died)
	close(r.died)
	<-r.ended
}

func (r *reaper) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if p := r.known[pid]; p != nil {
			delete(r.known, pid)
			p.status = status
			close(p.ended)
		}
	}
}

// start makes a process; it cannot be collected before it is known.
func (r *reaper) start(path string, args []string, attr *syscall.ProcAttr) (*process, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(path, args, attr)
	if err != nil {
		return nil, err
	}
	return r.know(pid), nil
}

// adopt makes a process known that another one has left to us.
func (r *reaper) adopt(pid int) (*process, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.known[pid]; p != nil {
		return p, nil
	}
	s, err := readStat(pid)
	if err != nil {
		return nil, fmt.Errorf("process %d is gone", pid)
	}
	if s.parent != os.Getpid() {
		return nil, fmt.Errorf("process %d belongs to process %d", pid, s.parent)
	}
	return r.know(pid), nil
}

func (r *reaper) know(pid int) *process {
	p := &process{pid: pid, ended: make(chan struct{})}
	r.known[pid] = p
	return p
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// stat is a part of /proc/PID/stat.
type stat struct {
	state           byte
	parent, session int
}

func readStat(pid int) (s stat, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	rest := string(text[strings.LastIndexByte(string(text), ')')+1:]) // the name before may hold anything
	var group int
	_, err = fmt.Sscanf(rest, " %c %d %d %d", &s.state, &s.parent, &group, &s.session)
	return s, err
}

// pids lists all processes.
func pids() []int {
	entries, _ := os.ReadDir("/proc")
	var all []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, pid)
		}
	}
	return all
}
