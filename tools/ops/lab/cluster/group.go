package cluster

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// group is a control group of version 2, as the place where it is mounted and its path
// below that.
type group struct{ mount, path string }

// group returns the one of the laboratory. Its name depends on the folder alone, so that
// what a crash has left is found again. Where systemd manages the machine, it is a scope
// that systemd has delegated; otherwise root may simply make groups.
func (l *Lab) group() (group, error) {
	mount, err := groups()
	name := l.name()
	if managed() {
		name = filepath.Join("system.slice", name+".scope")
	}
	return group{mount, name}, err
}

func (l *Lab) name() string {
	sum := sha256.Sum256([]byte(l.Dir))
	return fmt.Sprintf("isuride-lab-%x", sum[:4])
}

// managed says whether systemd manages the machine, as sd_booted(3) does.
func managed() bool {
	info, err := os.Stat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// groups finds where control groups of version 2 are mounted.
func groups() (string, error) {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 2 && fields[2] == "cgroup2" {
			return fields[1], nil
		}
	}
	return "", errors.New("control groups of version 2 are not mounted (cgroup2)")
}

func (g group) dir() string             { return filepath.Join(g.mount, g.path) }
func (g group) below(name string) group { return group{g.mount, filepath.Join(g.path, name)} }

// keeperGroup is beside the groups of the hosts, which have their names.
const keeperGroup = "keeper"

// keeper returns the keeper's pid, or 0 if it does not run.
func (l *Lab) keeper() int {
	g, err := l.group()
	if pids := g.below(keeperGroup).processes(); err == nil && len(pids) > 0 {
		return pids[0]
	}
	return 0
}

// first returns the pid, as seen from here, of a host's first process; 0 if it has none.
// nspawn moves the system to a group of its own, in which systemd has one for itself.
func (l *Lab) first(name string) int {
	g, _ := l.group()
	for _, pid := range g.below(name + "/payload/init.scope").processes() {
		if leads(pid) {
			return pid
		}
	}
	return 0
}

// leads says whether the process is the first of its namespace; what systemd starts is in
// its group, too, for a moment.
func leads(pid int) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, line, _ := strings.Cut(string(text), "\nNSpid:")
	line, _, _ = strings.Cut(line, "\n")
	return strings.HasSuffix(line, "\t1")
}

func (g group) processes() []int {
	text, _ := os.ReadFile(filepath.Join(g.dir(), "cgroup.procs"))
	var all []int
	for word := range strings.FieldsSeq(string(text)) {
		if pid, err := strconv.Atoi(word); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// populated says whether there is a process in the group or below it.
func (g group) populated() bool {
	text, _ := os.ReadFile(filepath.Join(g.dir(), "cgroup.events"))
	return strings.Contains(string(text), "populated 1")
}

// remove removes a group without processes, and those below it.
func (g group) remove() error {
	var dirs []string
	err := filepath.WalkDir(g.dir(), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	for _, dir := range slices.Backward(dirs) {
		err = errors.Join(err, os.Remove(dir))
	}
	if errors.Is(err, os.ErrNotExist) { // systemd removes a scope by itself
		return nil
	}
	return err
}
