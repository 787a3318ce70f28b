package cluster

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"isuride/tools/ops/lab/journal"
	"isuride/tools/ops/lab/supervisor"
	"isuride/tools/ops/lab/systemctl"
)

// Descriptors that the keeper gives to a host's first process.
const (
	gateFD  = 3
	readyFD = 4
)

// Where the stand-ins meet, in a host.
const (
	Socket  = "/run/systemd/private"
	Journal = "/var/log/journal"
)

// begin waits for the network, sets its addresses, and returns where to say that the boot
// is through.
func (l *Lab) begin(ctx context.Context, name string) (Host, *os.File, error) {
	h, err := find(name)
	if err != nil {
		return h, nil, err
	}
	syscall.CloseOnExec(gateFD)
	syscall.CloseOnExec(readyFD)
	if _, err := bufio.NewReader(os.NewFile(gateFD, "gate")).ReadString('\n'); err != nil {
		return h, nil, fmt.Errorf("the keeper has ended")
	}
	commands := [][]string{{"link", "set", "lo", "up"}}
	for _, a := range h.Addresses {
		commands = append(commands, []string{"addr", "add", a.String(), "dev", "eth0"})
	}
	for _, args := range append(commands, []string{"link", "set", "eth0", "up"}) {
		if err := ip(ctx, 0, args...); err != nil {
			return h, nil, err
		}
	}
	return h, os.NewFile(readyFD, "ready"), nil
}

// Hold is the main function of the process that holds a network for a host without PID 1
// of its own. It does not return by itself.
func (l *Lab) Hold(ctx context.Context, name string) error {
	_, ready, err := l.begin(ctx, name)
	if err != nil {
		return err
	}
	fmt.Fprintln(ready, "ready")
	<-ctx.Done()
	return nil
}

// Init is the main function of a host's PID 1. It returns the exit status.
func (l *Lab) Init(name string) int {
	ctx := context.Background()
	h, ready, err := l.begin(ctx, name)
	if err == nil {
		err = l.enter(h)
	}
	if err != nil {
		fmt.Printf("%s: %v\n", name, err)
		return 1
	}
	status, err := serve(ctx, ready)
	if err != nil {
		fmt.Printf("%s: %v\n", name, err)
	}
	return status
}

// enter makes the host's disk the root and mounts what every system has.
func (l *Lab) enter(h Host) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	d := l.disk(h)
	layers := fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", d.upper, d.work)
	if err := syscall.Mount("disk", d.root, "overlay", 0, layers); err != nil {
		return fmt.Errorf("mount the disk: %w", err)
	}
	if err := mountAll(d.root); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(h.Name)); err != nil {
		return err
	}
	if err := os.Chdir(d.root); err != nil {
		return err
	}
	if err := syscall.PivotRoot(".", "."); err != nil { // puts the old root on top
		return fmt.Errorf("change the root: %w", err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return err
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	return guardKernel()
}

// mountAll fills /dev, /proc and so on.
func mountAll(root string) error {
	for _, m := range []struct {
		target, kind string
		flags        uintptr
		options      string
	}{
		{"proc", "proc", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, ""},
		{"sys", "sysfs", syscall.MS_RDONLY | syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, ""},
		{"run", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV, "mode=755"},
		{"tmp", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV, "mode=1777"},
		{"dev", "tmpfs", syscall.MS_NOSUID, "mode=755"},
		{"dev/shm", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV, "mode=1777"},
		{"dev/pts", "devpts", syscall.MS_NOSUID | syscall.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"},
	} {
		target := filepath.Join(root, m.target)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount(m.kind, target, m.kind, m.flags, m.options); err != nil {
			return fmt.Errorf("mount /%s: %w", m.target, err)
		}
	}
	return devices(filepath.Join(root, "dev"))
}

// devices are bound from the machine: a container may not make nodes.
func devices(dev string) error {
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		file := filepath.Join(dev, name)
		if err := os.WriteFile(file, nil, 0o666); err != nil {
			return err
		}
		if err := syscall.Mount("/dev/"+name, file, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("/dev/%s: %w", name, err)
		}
	}
	for name, target := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	return nil
}

// guardKernel keeps settings of the kernel that all hosts share from being changed here:
// those of vm and fs become copies, which take any value and have no effect, and the rest
// is read-only. Settings below net are each host's own. Each boot has an id of its own.
func guardKernel() error {
	const settings = "/proc/sys"
	for _, copied := range []string{"vm", "fs"} {
		if err := copySettings(filepath.Join(settings, copied)); err != nil {
			return err
		}
	}
	id := "/run/boot_id"
	if err := os.WriteFile(id, []byte(newUUID()), 0o444); err != nil {
		return err
	}
	bind := func(from, to string) error { return syscall.Mount(from, to, "", syscall.MS_BIND|syscall.MS_REC, "") }
	if err := bind(settings, settings); err != nil {
		return err
	}
	if err := bind(settings+"/net", settings+"/net"); err != nil {
		return err
	}
	if err := bind(id, settings+"/kernel/random/boot_id"); err != nil {
		return err
	}
	return syscall.Mount("", settings, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x\n", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// copySettings covers a folder of settings with files of the same contents.
func copySettings(folder string) error {
	values := map[string][]byte{}
	err := filepath.WalkDir(folder, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, _ := os.ReadFile(file) // those that can only be written are empty
		values[file] = text
		return nil
	})
	if err != nil {
		return err
	}
	if err := syscall.Mount("settings", folder, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, "mode=755"); err != nil {
		return err
	}
	for file, text := range values {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// shutdownLimit is how long services have when the host goes down.
const shutdownLimit = 90 * time.Second

// serve is PID 1 from there on: it boots, answers systemctl, and returns the exit status
// when somebody asks for a reboot.
func serve(ctx context.Context, ready *os.File) (int, error) {
	j, err := journal.Open(Journal)
	if err != nil {
		return 1, err
	}
	if err := os.MkdirAll(filepath.Dir(Socket), 0o755); err != nil {
		return 1, err
	}
	if err := os.MkdirAll("/run/lock", 0o1777); err != nil {
		return 1, err
	}
	// What packages want below /run; without the program, nothing does. Nobody else waits
	// for children yet.
	_ = exec.Command("systemd-tmpfiles", "--create", "--prefix=/run").Run()
	s := supervisor.New(supervisor.Config{
		Units:   []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"},
		Runtime: "/run", State: "/var/lib", Cache: "/var/cache", Logs: "/var/log",
		Journal: j,
		Helper:  []string{"/" + Systemctl},
	})
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: Socket, Net: "unix"})
	if err != nil {
		return 1, err
	}
	if err := os.Chmod(Socket, 0o666); err != nil { // questions are everybody's
		return 1, err
	}
	asked := make(chan systemctl.Power, 1)
	answers := &systemctl.Server{Supervisor: s, Journal: Journal, Booted: make(chan struct{})}
	go answers.Serve(ctx, l, func(p systemctl.Power) {
		select {
		case asked <- p:
		default: // it goes down already
		}
	})
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	if err := s.Boot(ctx); err != nil {
		j.Add("lab", "lab[1]", err.Error())
	}
	close(answers.Booted)
	fmt.Fprintln(ready, "ready")
	power := <-asked
	ctx, cancel := context.WithTimeout(ctx, shutdownLimit)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		j.Add("lab", "lab[1]", err.Error())
	}
	if power == systemctl.Reboot {
		return StatusReboot, nil
	}
	return 0, nil
}
