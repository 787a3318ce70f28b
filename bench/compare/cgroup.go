package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// quotaPeriod is the time in which a share of a processor is handed out. The kernel's default,
// 100 ms, would have a server that is held to a third stand still for 70 ms at a time, which no
// slow machine does.
const quotaPeriod = 10 * time.Millisecond

// A cgroup holds a process to a share of a processor.
type cgroup struct {
	dir string
	two bool // version 2
}

// cgroupRoots are where the controller of CPU time is, with version 1 and 2.
var cgroupRoots = []struct {
	dir, probe string
	two        bool
}{
	{"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", false},
	{"/sys/fs/cgroup/cpu,cpuacct", "cpu.cfs_quota_us", false},
	{"/sys/fs/cgroup", "cpu.max", true},
}

// newCgroup makes a group without a limit.
func newCgroup() (*cgroup, error) {
	var errs []error
	for _, root := range cgroupRoots {
		g := &cgroup{filepath.Join(root.dir, "isuride-overload-"+strconv.Itoa(os.Getpid())), root.two}
		if root.two {
			os.WriteFile(filepath.Join(root.dir, "cgroup.subtree_control"), []byte("+cpu"), 0o644) // else the probe fails
		}
		err := os.Mkdir(g.dir, 0o755)
		if err == nil {
			if _, err = os.Stat(filepath.Join(g.dir, root.probe)); err == nil {
				return g, nil
			}
			err = errors.Join(err, os.Remove(g.dir))
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("no control group of this machine can limit the CPU, which takes root and a writable /sys/fs/cgroup: %w", errors.Join(errs...))
}

// add puts a process with all its threads into the group.
func (g *cgroup) add(pid int) error { return g.write("cgroup.procs", strconv.Itoa(pid)) }

// limit sets the share of a processor, 0 for all.
func (g *cgroup) limit(share float64) error {
	quota := strconv.Itoa(int(share * float64(quotaPeriod.Microseconds())))
	period := strconv.Itoa(int(quotaPeriod.Microseconds()))
	switch {
	case g.two && share == 0:
		return g.write("cpu.max", "max")
	case g.two:
		return g.write("cpu.max", quota+" "+period)
	case share == 0:
		return g.write("cpu.cfs_quota_us", "-1")
	}
	return errors.Join(g.write("cpu.cfs_period_us", period), g.write("cpu.cfs_quota_us", quota))
}

func (g *cgroup) write(name, value string) error {
	return os.WriteFile(filepath.Join(g.dir, name), []byte(value), 0o644)
}

// remove removes the group when its processes have ended.
func (g *cgroup) remove() error { return os.Remove(g.dir) }
