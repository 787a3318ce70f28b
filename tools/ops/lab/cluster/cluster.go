// Package cluster makes the hosts of the laboratory out of one Linux machine: containers
// of systemd-nspawn in which the real systemd boots, each with a root of its own laid
// over the machine's files, on a network of their own.
//
// One process, the keeper, holds all of it. It is the first process of a process
// namespace and has a mount and a network namespace of its own, so the kernel ends
// everything with it, however the keeper ends. All processes are in one control group,
// which is how the keeper and the hosts are found. Hosts are for trying things out, not
// for confining anybody.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Host is a place on the laboratory's network.
type Host struct {
	Name      string
	Addresses []netip.Prefix
	Machine   bool // it boots a system; otherwise it is only a network
}

// Hosts lists three for the roles, and the one that load comes from, with several
// addresses, because that many clients need more ports than one has.
func Hosts() []Host {
	return append(Machines(), Host{Name: Bench, Addresses: addresses(10, 17)})
}

// Machines lists the hosts that boot.
func Machines() []Host {
	return []Host{
		{Name: "s1", Addresses: addresses(1, 1), Machine: true},
		{Name: "s2", Addresses: addresses(2, 2), Machine: true},
		{Name: "s3", Addresses: addresses(3, 3), Machine: true},
	}
}

// Bench is the host that is only a network, where the operator sits.
const Bench = "bench"

func addresses(from, to byte) []netip.Prefix {
	var all []netip.Prefix
	for n := from; n <= to; n++ {
		all = append(all, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, 0, n}), 24))
	}
	return all
}

func find(name string) (Host, error) {
	for _, h := range Hosts() {
		if h.Name == name {
			return h, nil
		}
	}
	return Host{}, fmt.Errorf("there is no host %q", name)
}

// Lab is a laboratory whose files are in Dir.
type Lab struct {
	Dir     string // absolute
	Program string // of package main, which is also the keeper's
}

// Files for ssh and fleet, made by Up.
func (l *Lab) SSHConfig() string  { return l.file("ssh_config") }
func (l *Lab) HostsFile() string  { return l.file("hosts") }       // the roles on three hosts
func (l *Lab) Group() string      { return l.file("hosts-group") } // the same three as a group of replicas
func (l *Lab) OneHost() string    { return l.file("hosts-one") }   // all of them on s1
func (l *Lab) OneHostTLS() string { return l.file("hosts-tls") }   // the same without nginx
func (l *Lab) log() string        { return l.file("keeper.log") }

func (l *Lab) console(host string) string { return l.file(host + ".console") } // of its latest boot

func (l *Lab) file(name string) string { return filepath.Join(l.Dir, name) }

// bootLimit is generous: many hosts on few cores, perhaps under the race detector.
const bootLimit = 2 * time.Minute

// Up makes the hosts and returns when all have booted. What an earlier laboratory in the
// folder has left ends first.
func (l *Lab) Up(ctx context.Context) error {
	if err := Missing(); err != nil {
		return err
	}
	if err := l.Down(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(l.Dir, 0o755); err != nil {
		return err
	}
	if err := l.writeAccess(); err != nil {
		return err
	}
	if err := l.startKeeper(ctx); err != nil {
		return err
	}
	for _, h := range Machines() {
		if err := l.awaitBoot(ctx, h.Name, 1); err != nil {
			return err
		}
	}
	return nil
}

// Down ends the hosts and everything in them. What they wrote is lost; the keeper's log
// and what tests have put beside it stay.
func (l *Lab) Down(ctx context.Context) error {
	group, err := l.group()
	if err != nil {
		return nil // without control groups there has never been a laboratory
	}
	if pid := l.keeper(); pid != 0 {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end the keeper: %w", err)
		}
	}
	// systemd notices the end of a scope later, and refuses a new one of that name until then.
	scope := filepath.Join("/run/systemd/transient", l.name()+".scope")
	err = poll(ctx, time.Minute, "the end of the laboratory", func() (bool, error) { return !group.populated() && !present(scope), nil })
	if err != nil {
		return err
	}
	if err := group.remove(); err != nil {
		return err
	}
	if err := os.Remove(l.stateFile()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// pollEvery is the interval between looks at files and processes that send no event.
const pollEvery = 20 * time.Millisecond

func poll(ctx context.Context, limit time.Duration, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("waited %v for %s", limit, what))
	defer cancel()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// awaitBoot waits until the host has booted that many times.
func (l *Lab) awaitBoot(ctx context.Context, name string, boots int) error {
	return poll(ctx, bootLimit, name+" to boot; see "+l.console(name), func() (bool, error) {
		s, err := l.read()
		if err != nil {
			return false, err
		}
		if l.keeper() == 0 {
			return false, fmt.Errorf("the keeper has ended; see %s", l.log())
		}
		host := s[name]
		if host.Off != "" {
			return false, fmt.Errorf("%s is off: %s; see %s", name, host.Off, l.console(name))
		}
		return host.Ready && host.Boots >= boots, nil
	})
}

// Exec makes a command that runs as root in a host.
func (l *Lab) Exec(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	h, err := find(name)
	if err != nil {
		return nil, err
	}
	keeper := l.keeper()
	if keeper == 0 {
		return nil, errors.New("the laboratory is not up")
	}
	enter := []string{fmt.Sprintf("--net=/proc/%d/root%s/%s", keeper, networks, name), "--"}
	if h.Machine {
		first := l.first(name)
		if first == 0 {
			return nil, fmt.Errorf("%s does not run", name)
		}
		enter = []string{"--target", strconv.Itoa(first), "--all", "--", "env", "-i",
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root", "LANG=C.UTF-8", "TERM=dumb"}
	}
	return exec.CommandContext(ctx, "nsenter", append(enter, args...)...), nil
}

// Reboot kills all processes of a host at once, as a power failure does, and waits until
// it has booted again. Its disk stays.
func (l *Lab) Reboot(ctx context.Context, name string) error {
	h, err := find(name)
	if err != nil {
		return err
	}
	if !h.Machine {
		return fmt.Errorf("%s has nothing to boot", name)
	}
	s, err := l.read()
	if err != nil {
		return err
	}
	first := l.first(name)
	if first == 0 {
		return fmt.Errorf("%s does not run", name)
	}
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return l.awaitBoot(ctx, name, s[name].Boots+1)
}

// Cut disconnects a host's network, and Join connects it again. A boot connects it, too.
func (l *Lab) Cut(ctx context.Context, name string) error  { return l.link(ctx, name, "down") }
func (l *Lab) Join(ctx context.Context, name string) error { return l.link(ctx, name, "up") }

func (l *Lab) link(ctx context.Context, name, way string) error {
	if _, err := find(name); err != nil {
		return err
	}
	keeper := l.keeper()
	if keeper == 0 {
		return errors.New("the laboratory is not up")
	}
	return output(exec.CommandContext(ctx, "nsenter", "--target", strconv.Itoa(keeper), "--net", "--", "ip", "link", "set", cable(name), way))
}

// Status prints a line per host.
func (l *Lab) Status(w io.Writer) error {
	if l.keeper() == 0 {
		fmt.Fprintln(w, "the laboratory is down")
		return nil
	}
	s, err := l.read()
	if err != nil {
		return err
	}
	for _, h := range Hosts() {
		host, word := s[h.Name], "booting"
		switch {
		case host.Off != "":
			word = "off: " + host.Off
		case host.Ready || !h.Machine:
			word = "up"
		}
		fmt.Fprintf(w, "%-6s %-12s boots %d  %s\n", h.Name, h.Addresses[0].Addr(), host.Boots, word)
	}
	return nil
}

// output runs a command of which only the complaint is of interest.
func output(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
