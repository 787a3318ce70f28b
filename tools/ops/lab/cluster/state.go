package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// state is what the keeper writes down for the other programs.
type state struct {
	Keeper process
	Hosts  map[string]hostState
}

// hostState is about a host's PID 1, or the process that holds its network.
type hostState struct {
	process
	Boots int
	Ready bool
	Off   string // why it does not run any more
}

// process is named so that no later one with its pid is meant.
type process struct {
	PID   int
	Start string // field 22 of /proc/PID/stat
}

func identify(pid int) process { return process{pid, startTime(pid)} }

// startTime is "" for a process that is gone, also if nobody has collected it yet.
func startTime(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

func (p process) alive() bool { return p.PID != 0 && p.Start != "" && startTime(p.PID) == p.Start }

func (p process) signal(s syscall.Signal) error {
	if !p.alive() {
		return os.ErrProcessDone
	}
	return syscall.Kill(p.PID, s)
}

func (l *Lab) stateFile() string { return filepath.Join(l.Dir, "state.json") }

func (l *Lab) read() (*state, error) {
	text, err := os.ReadFile(l.stateFile())
	if err != nil {
		return nil, err
	}
	s := new(state)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s: %w", l.stateFile(), err)
	}
	return s, nil
}

func (l *Lab) write(s *state) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	next := l.stateFile() + ".new"
	if err := os.WriteFile(next, text, 0o644); err != nil {
		return err
	}
	return os.Rename(next, l.stateFile())
}
