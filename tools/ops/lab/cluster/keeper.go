package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// KeepWord after the program's name makes it the keeper.
const KeepWord = "keep"

// startKeeper starts the keeper, which outlives this process, and waits until it is in its
// group.
func (l *Lab) startKeeper(ctx context.Context) error {
	log, err := os.Create(l.log())
	if err != nil {
		return err
	}
	defer log.Close()
	words := []string{"unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", l.Program, KeepWord, "-dir", l.Dir}
	if managed() {
		words = append([]string{"systemd-run", "--quiet", "--scope", "--collect", "--property=Delegate=yes", "--unit=" + l.name(), "--"}, words...)
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // its log says why
	}()
	return poll(ctx, bootLimit, "the keeper", func() (bool, error) {
		select {
		case <-ended:
			return false, fmt.Errorf("the keeper has ended; see %s", l.log())
		default:
			_, err := os.Stat(l.stateFile())
			return err == nil, nil
		}
	})
}

// keeper is the process that holds the laboratory.
type keeper struct {
	lab   *Lab
	group group

	mu    sync.Mutex
	state state
}

// Keep is the keeper's main function.
func (l *Lab) Keep(ctx context.Context) error {
	k, err := l.enter()
	if err != nil {
		return err
	}
	if err := k.connect(ctx); err != nil {
		return err
	}
	for _, h := range Machines() {
		if err := k.lab.makeDisk(h); err != nil {
			return fmt.Errorf("disk of %s: %w", h.Name, err)
		}
	}
	if err := k.lab.write(k.state); err != nil {
		return err
	}
	var all sync.WaitGroup
	for _, h := range Machines() {
		all.Go(func() { k.keep(ctx, h) })
	}
	all.Wait()
	<-ctx.Done() // hosts that are off can still be looked at
	return nil
}

// Folders of the keeper's own, in memory: they vanish with its namespace, and a file
// system of the machine may be one that cannot carry an overlay.
const (
	disks    = "/run/disks"
	networks = "/run/netns" // of ip(8)
)

// enter moves this process to its group and covers what nspawn and ip write outside of a
// host. The files of the laboratory are those in the working folder from there on,
// because their path may be covered, too.
func (l *Lab) enter() (*keeper, error) {
	g, err := l.group()
	if err != nil {
		return nil, err
	}
	if err := os.Chdir(l.Dir); err != nil {
		return nil, err
	}
	if err := g.below(keeperGroup).join(); err != nil {
		return nil, err
	}
	// Where version 1 has that place, hosts would get a mixture of both.
	const place = "/sys/fs/cgroup"
	if g.mount != place {
		if err := syscall.Mount(g.mount, place, "", syscall.MS_BIND, ""); err != nil {
			return nil, fmt.Errorf("control groups of version 2: %w", err)
		}
		g.mount = place
	}
	for folder, mode := range map[string]string{"/run": "mode=755", "/tmp": "mode=1777"} {
		if err := syscall.Mount("lab", folder, "tmpfs", 0, mode); err != nil {
			return nil, fmt.Errorf("cover %s: %w", folder, err)
		}
	}
	return &keeper{lab: &Lab{Dir: "."}, group: g, state: state{}}, nil
}

// join makes the group and moves this process there.
func (g group) join() error {
	if err := os.MkdirAll(g.dir(), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(g.dir(), "cgroup.procs"), []byte("0"), 0)
}

const bridge = "hub"

// cable is the end at the bridge of a host's connection; nspawn gives it that name.
func cable(host string) string { return "vb-" + host }

// card is the name that nspawn gives the end in the host.
const card = "host0"

// connect makes the bridge and the network of the host that does not boot.
func (k *keeper) connect(ctx context.Context) error {
	lines := []string{
		"link set lo up",
		"link add " + bridge + " type bridge forward_delay 0",
		"link set " + bridge + " up",
		"netns add " + Bench,
		"link add " + cable(Bench) + " type veth peer name " + card + " netns " + Bench,
		"link set " + cable(Bench) + " master " + bridge + " up",
		"-n " + Bench + " link set lo up",
		"-n " + Bench + " link set " + card + " up",
	}
	bench, err := find(Bench)
	for _, a := range bench.Addresses {
		lines = append(lines, "-n "+Bench+" addr add "+a.String()+" dev "+card)
	}
	for _, line := range lines {
		err = errors.Join(err, output(exec.CommandContext(ctx, "ip", strings.Fields(line)...)))
	}
	return err
}

// keep boots a host again and again until it is switched off.
func (k *keeper) keep(ctx context.Context, h Host) {
	// The kernel ends a child with the thread that started it: this one stays as long as the
	// goroutine does.
	runtime.LockOSThread()
	for {
		off := k.boot(ctx, h)
		k.update(h, func(s *hostState) { s.Ready, s.Off = false, off })
		if off != "" {
			fmt.Printf("%s is off: %s\n", h.Name, off)
			return
		}
	}
}

func (k *keeper) update(h Host, change func(*hostState)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.state[h.Name]
	change(&s)
	k.state[h.Name] = s
	if err := k.lab.write(k.state); err != nil {
		fmt.Println(err)
	}
}

// statusReboot is nspawn's exit status if the system asked for a reboot and --keep-unit
// leaves that to its caller.
const statusReboot = 133

// boot runs a host until its first process ends, and returns why it stays off, or
// nothing.
func (k *keeper) boot(ctx context.Context, h Host) (off string) {
	g, err := k.fresh(h)
	if err != nil {
		return err.Error()
	}
	defer g.Close()
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "@lab-" + h.Name, Net: "unixgram"})
	if err != nil {
		return err.Error()
	}
	defer ready.Close()
	console, err := os.Create(k.lab.console(h.Name))
	if err != nil {
		return err.Error()
	}
	defer console.Close()
	k.update(h, func(s *hostState) { s.Boots++ })
	cmd := exec.CommandContext(ctx, "systemd-nspawn", "--boot", "--notify-ready=yes", "--quiet", "--settings=no", "--register=no", "--keep-unit",
		"--directory="+diskOf(h).root, "--machine="+h.Name, "--network-bridge="+bridge, "--resolv-conf=off", "--timezone=off", "--link-journal=no",
		"--console=read-only", "--capability=CAP_IPC_LOCK") // which Debian's MariaDB asks for
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TERM=dumb", "NOTIFY_SOCKET=" + ready.LocalAddr().String()}
	var complaint bytes.Buffer // of nspawn itself
	cmd.Stdout, cmd.Stderr = console, &complaint
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(g.Fd())}
	if err := cmd.Start(); err != nil {
		return fmt.Sprintf("nspawn: %v", err)
	}
	booted := make(chan bool)
	go func() {
		ok := awaitReady(ready)
		if ok {
			k.update(h, func(s *hostState) { s.Ready = true })
		}
		booted <- ok
	}()
	_ = cmd.Wait()
	ready.Close()
	// A booted system that was killed has lost its power, and gets it back.
	switch up, status := <-booted, cmd.ProcessState.ExitCode(); {
	case status == 0:
		return "somebody has switched it off"
	case !up && status != statusReboot:
		return fmt.Sprintf("it does not boot: nspawn: %v: %s", cmd.ProcessState, bytes.TrimSpace(complaint.Bytes()))
	}
	return ""
}

// fresh prepares a boot: a group without remains, and no cable of an earlier boot, which
// the kernel removes in its own time.
func (k *keeper) fresh(h Host) (*os.File, error) {
	_ = exec.Command("ip", "link", "del", cable(h.Name)).Run()
	g := k.group.below(h.Name)
	if err := g.remove(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(g.dir(), 0o755); err != nil {
		return nil, err
	}
	return os.Open(g.dir())
}

// awaitReady reads what nspawn says, see sd_notify(3), until the system has booted. It
// returns false if the socket is closed before that.
func awaitReady(socket *net.UnixConn) bool {
	buffer := make([]byte, 4096)
	for {
		n, err := socket.Read(buffer)
		if err != nil {
			return false
		}
		if slices.Contains(strings.Split(string(buffer[:n]), "\n"), "READY=1") {
			return true
		}
	}
}
