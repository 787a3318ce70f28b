package cluster

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Words after the program's name that make it one of the laboratory's own processes.
const (
	KeepWord = "keep"
	HoldWord = "hold"
	InitWord = "init"
)

// startKeeper starts the keeper in namespaces of its own. It outlives this process.
func (l *Lab) startKeeper() error {
	log, err := os.Create(l.log())
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(l.Program, KeepWord, "-dir", l.Dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("make namespaces: %w", err)
	}
	s := &state{Keeper: identify(cmd.Process.Pid), Hosts: map[string]hostState{}}
	if err := l.write(s); err != nil {
		return err
	}
	go cmd.Wait() // collects it if it ends early
	return nil
}

// keeper is the process that holds the laboratory.
type keeper struct {
	lab *Lab

	mu    sync.Mutex
	state *state
}

// Keep is the keeper's main function. It returns when SIGTERM comes.
func (l *Lab) Keep() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	k := &keeper{lab: l, state: &state{Keeper: identify(os.Getpid()), Hosts: map[string]hostState{}}}
	if err := k.prepare(ctx); err != nil {
		return err
	}
	var all sync.WaitGroup
	for _, h := range Hosts() {
		all.Go(func() {
			// The kernel ends a child with the thread that started it: this one stays as long as
			// the goroutine does.
			runtime.LockOSThread()
			k.keep(ctx, h)
		})
	}
	all.Wait()
	return nil
}

func (k *keeper) prepare(ctx context.Context) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// Disks are in memory: they vanish with the namespace, and a file system of the machine
	// may be one that cannot carry an overlay.
	if err := syscall.Mount("disks", k.lab.disks(), "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount disks: %w", err)
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"link", "add", bridge, "type", "bridge", "forward_delay", "0"},
		{"link", "set", bridge, "up"},
	} {
		if err := ip(ctx, 0, args...); err != nil {
			return err
		}
	}
	for _, h := range Hosts() {
		if !h.Machine {
			continue
		}
		if err := k.lab.makeDisk(h); err != nil {
			return fmt.Errorf("disk of %s: %w", h.Name, err)
		}
	}
	return nil
}

const bridge = "hub"

// keep boots a host again and again until it is switched off or ctx ends.
func (k *keeper) keep(ctx context.Context, h Host) {
	for ctx.Err() == nil {
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
	s := k.state.Hosts[h.Name]
	change(&s)
	k.state.Hosts[h.Name] = s
	if err := k.lab.write(k.state); err != nil {
		fmt.Println(err)
	}
}

// StatusReboot is the exit status of a PID 1 that wants to boot again.
const StatusReboot = 64

// boot runs a host until its first process ends, and returns why it shall stay off, or
// nothing.
func (k *keeper) boot(ctx context.Context, h Host) (off string) {
	cmd, gate, ready, err := k.start(ctx, h)
	if err != nil {
		return err.Error()
	}
	defer gate.Close()
	go func() {
		defer ready.Close()
		if line, _ := bufio.NewReader(ready).ReadString('\n'); line != "" {
			k.update(h, func(s *hostState) { s.Ready = true })
		}
	}()
	k.update(h, func(s *hostState) { s.process, s.Boots = identify(cmd.Process.Pid), s.Boots+1 })
	if err := k.plug(ctx, h, cmd.Process.Pid); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return err.Error()
	}
	fmt.Fprintln(gate, "go")
	err = cmd.Wait()
	if ctx.Err() != nil {
		return "the laboratory ends"
	}
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() && status.Signal() == syscall.SIGKILL || status.Exited() && status.ExitStatus() == StatusReboot {
		return ""
	}
	return fmt.Sprintf("its first process ended: %v", cmd.ProcessState)
}

// start makes the host's first process. It waits for a line in gate, and writes one to
// ready when the boot is through.
func (k *keeper) start(ctx context.Context, h Host) (cmd *exec.Cmd, gate, ready *os.File, err error) {
	waits, gate, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	defer waits.Close()
	ready, tells, err := os.Pipe()
	if err != nil {
		gate.Close()
		return nil, nil, nil, err
	}
	defer tells.Close()
	word, flags := HoldWord, syscall.CLONE_NEWNET
	if h.Machine {
		word = InitWord
		flags |= syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC
	}
	cmd = exec.CommandContext(ctx, k.lab.Program, word, "-dir", k.lab.Dir, "-host", h.Name)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{waits, tells}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: uintptr(flags), Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		gate.Close()
		ready.Close()
		return nil, nil, nil, fmt.Errorf("make namespaces: %w", err)
	}
	return cmd, gate, ready, nil
}

// plug connects the network of a process to the bridge. The cable of an earlier boot may
// be there still, because the kernel clears networks away in its own time.
func (k *keeper) plug(ctx context.Context, h Host, pid int) error {
	_ = ip(ctx, 0, "link", "del", h.Name)
	if err := ip(ctx, 0, "link", "add", h.Name, "type", "veth", "peer", "name", "eth0", "address", cardAddress(h), "netns", fmt.Sprint(pid)); err != nil {
		return err
	}
	return ip(ctx, 0, "link", "set", h.Name, "master", bridge, "up")
}

// cardAddress is the host's MAC address, which is the same after a reboot: the others
// would not find it for half a minute.
func cardAddress(h Host) string {
	a := h.Addresses[0].Addr().As4()
	return net.HardwareAddr(append([]byte{2, 0}, a[:]...)).String() // 2: locally administered
}
