// Package cluster makes the hosts of the laboratory out of one Linux machine: namespaces
// with addresses of their own on a bridge of their own, a root of their own over the
// machine's files, and a PID 1.
//
// One process, the keeper, holds all of it. It lives in network and mount namespaces of
// its own, and the hosts end when it does, so that nothing can be left behind on the
// machine, however the keeper ends. Hosts are for trying things out, not for shutting
// anybody in.
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

// Host is one of the laboratory.
type Host struct {
	Name      string
	Addresses []netip.Prefix
	Machine   bool // it has its own root and PID 1; otherwise only a network
}

// Hosts are those that there are: three for the roles, and the one that load comes from,
// with several addresses, because that many clients need more ports than one has.
func Hosts() []Host {
	all := []Host{
		{Name: "s1", Addresses: addresses(1, 1), Machine: true},
		{Name: "s2", Addresses: addresses(2, 2), Machine: true},
		{Name: "s3", Addresses: addresses(3, 3), Machine: true},
	}
	return append(all, Host{Name: Bench, Addresses: addresses(10, 17)})
}

// Bench is the host without a root of its own, where the operator sits.
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
	Program string // of package main: it is the keeper, PID 1, systemctl and so on
}

// Files for ssh and fleet, made by Up.
func (l *Lab) SSHConfig() string  { return filepath.Join(l.Dir, "ssh_config") }
func (l *Lab) HostsFile() string  { return filepath.Join(l.Dir, "hosts") }     // the roles on three hosts
func (l *Lab) OneHost() string    { return filepath.Join(l.Dir, "hosts-one") } // all of them on s1
func (l *Lab) OneHostTLS() string { return filepath.Join(l.Dir, "hosts-tls") } // the same without nginx
func (l *Lab) log() string        { return filepath.Join(l.Dir, "keeper.log") }
func (l *Lab) disks() string      { return filepath.Join(l.Dir, "disks") }

// needs are programs and the packages that have them.
var needs = [][2]string{
	{"ip", "iproute2"}, {"nsenter", "util-linux"}, {"unshare", "util-linux"}, {"ssh", "openssh-client"}, {"ssh-keygen", "openssh-client"},
	{"/usr/sbin/sshd", "openssh-server"}, {"sudo", "sudo"}, {"/usr/sbin/nginx", "nginx"}, {"/usr/sbin/mariadbd", "mariadb-server"},
	{"/usr/lib/nginx/modules/ngx_stream_module.so", "libnginx-mod-stream"}, {"curl", "curl"},
}

// Missing says in one sentence why there can be no laboratory on this machine, or
// nothing.
func Missing() error {
	if os.Geteuid() != 0 {
		return errors.New("the laboratory makes namespaces and mounts, which takes root")
	}
	var packages []string
	for _, need := range needs {
		if !present(need[0]) {
			packages = append(packages, need[1])
		}
	}
	if len(packages) > 0 {
		return fmt.Errorf("missing; apt-get install --no-install-recommends %s", strings.Join(packages, " "))
	}
	return mayUnshare()
}

// mayUnshare tries what containers often forbid.
func mayUnshare() error {
	out, err := exec.Command("unshare", "--mount", "--net", "--pid", "--fork", "mount", "-t", "tmpfs", "try", "/mnt").CombinedOutput()
	if err != nil {
		return fmt.Errorf("this machine allows no namespaces or mounts: %s", strings.TrimSpace(string(out)))
	}
	return nil
}

func present(program string) bool {
	if filepath.IsAbs(program) {
		_, err := os.Stat(program)
		return err == nil
	}
	_, err := exec.LookPath(program)
	return err == nil
}

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
	if err := os.MkdirAll(l.disks(), 0o755); err != nil {
		return err
	}
	if err := l.writeAccess(); err != nil {
		return err
	}
	if err := l.startKeeper(); err != nil {
		return err
	}
	for _, h := range Hosts() {
		if err := l.awaitBoot(ctx, h, 1); err != nil {
			return err
		}
	}
	return nil
}

// Down ends the hosts and everything in them. What they wrote is lost; the keeper's log
// and what tests have put beside it stay.
func (l *Lab) Down(ctx context.Context) error {
	s, err := l.read()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := s.Keeper.signal(signal); err != nil {
			break // it is gone
		}
		if l.awaitEnd(ctx, s) == nil {
			break
		}
	}
	if err := l.awaitEnd(ctx, s); err != nil {
		return err
	}
	return os.Remove(l.stateFile())
}

// awaitEnd waits until the keeper and the processes it held are gone.
func (l *Lab) awaitEnd(ctx context.Context, s *state) error {
	return poll(ctx, 10*time.Second, "the end of the laboratory", func() (bool, error) {
		if s.Keeper.alive() {
			return false, nil
		}
		for _, h := range s.Hosts {
			if h.alive() {
				return false, nil
			}
		}
		return true, nil
	})
}

// pollEvery is how often files and processes that send no event are looked at.
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
func (l *Lab) awaitBoot(ctx context.Context, h Host, boots int) error {
	return poll(ctx, bootLimit, h.Name+" to boot; see "+l.log(), func() (bool, error) {
		s, err := l.read()
		if errors.Is(err, os.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !s.Keeper.alive() {
			return false, fmt.Errorf("the keeper has ended; see %s", l.log())
		}
		host := s.Hosts[h.Name]
		if host.Off != "" {
			return false, fmt.Errorf("%s is off: %s; see %s", h.Name, host.Off, l.log())
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
	s, err := l.read()
	if err != nil {
		return nil, fmt.Errorf("the laboratory is not up: %w", err)
	}
	host := s.Hosts[name]
	if !host.alive() {
		return nil, fmt.Errorf("%s does not run", name)
	}
	enter := []string{"--target", strconv.Itoa(host.PID), "--net"}
	if h.Machine {
		enter = append(enter, "--mount", "--uts", "--ipc", "--pid", "--", "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"HOME=/root", "USER=root", "LANG=C.UTF-8", "TERM=dumb")
	} else {
		enter = append(enter, "--")
	}
	return exec.CommandContext(ctx, "nsenter", append(enter, args...)...), nil
}

// Reboot kills all processes of a host at once, as a lost supply of power does, and
// waits until it has booted again. Its disk stays.
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
	before := s.Hosts[name]
	if err := before.signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return l.awaitBoot(ctx, h, before.Boots+1)
}

// Cut takes a host's network away, and Join gives it back. A boot joins, too.
func (l *Lab) Cut(ctx context.Context, name string) error  { return l.link(ctx, name, "down") }
func (l *Lab) Join(ctx context.Context, name string) error { return l.link(ctx, name, "up") }

func (l *Lab) link(ctx context.Context, name, way string) error {
	if _, err := find(name); err != nil {
		return err
	}
	s, err := l.read()
	if err != nil {
		return err
	}
	return ip(ctx, s.Keeper.PID, "link", "set", name, way)
}

// Status prints a line per host.
func (l *Lab) Status(w io.Writer) error {
	s, err := l.read()
	if errors.Is(err, os.ErrNotExist) {
		fmt.Fprintln(w, "the laboratory is down")
		return nil
	}
	if err != nil {
		return err
	}
	for _, h := range Hosts() {
		host, word := s.Hosts[h.Name], "off"
		switch {
		case host.alive() && host.Ready:
			word = "up"
		case host.alive():
			word = "booting"
		case host.Off != "":
			word = "off: " + host.Off
		}
		fmt.Fprintf(w, "%-6s %-12s pid %-7d boots %d  %s\n", h.Name, h.Addresses[0].Addr(), host.PID, host.Boots, word)
	}
	return nil
}

// ip runs the program ip in the network of a process; 0 is this one.
func ip(ctx context.Context, pid int, args ...string) error {
	command := append([]string{"ip"}, args...)
	if pid != 0 {
		command = append([]string{"nsenter", "--target", strconv.Itoa(pid), "--net", "--"}, command...)
	}
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %s", strings.Join(args, " "), strings.TrimSpace(string(out)))
	}
	return nil
}
