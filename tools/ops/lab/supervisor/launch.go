package supervisor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// launch is what has to be done between fork and exec. Go cannot run code there, so a
// program in between, which calls Launch, gets this over a socket and does it.
type launch struct {
	Args, Env  []string
	Dir        string
	UMask      int
	Soft, Hard uint64 // limit of open files
	Sandbox    *sandbox

	ChangeUser bool // to what follows
	UID, GID   int
	Groups     []int
	Ambient    []int // capabilities that the user gets, of those that this machine has
}

// launchFD is the socket: the launch comes in, a complaint goes out, and the exec closes
// it.
const launchFD = 3

// Launch turns this process into what the socket says. It only returns by exit.
func Launch() {
	runtime.LockOSThread() // capabilities belong to a thread
	syscall.CloseOnExec(launchFD)
	socket := os.NewFile(launchFD, "launch")
	var l launch
	text, err := io.ReadAll(socket)
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	if err == nil {
		err = l.exec()
	}
	fmt.Fprint(socket, err)
	os.Exit(exitExec)
}

// exitExec is what systemd uses when a program cannot be run.
const exitExec = 203

func (l *launch) exec() error {
	if err := l.limit(); err != nil {
		return fmt.Errorf("limit open files: %w", err)
	}
	if l.Sandbox != nil {
		if err := l.Sandbox.enter(); err != nil {
			return fmt.Errorf("set up the sandbox: %w", err)
		}
	}
	syscall.Umask(l.UMask)
	if l.ChangeUser {
		if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("keep capabilities: %w", err)
		}
		if err := syscall.Setgroups(l.Groups); err != nil {
			return fmt.Errorf("set groups: %w", err)
		}
		if err := syscall.Setgid(l.GID); err != nil {
			return fmt.Errorf("set group: %w", err)
		}
		if err := syscall.Setuid(l.UID); err != nil {
			return fmt.Errorf("set user: %w", err)
		}
		if err := l.raise(); err != nil {
			return fmt.Errorf("set capabilities: %w", err)
		}
	}
	if err := os.Chdir(l.Dir); err != nil {
		return fmt.Errorf("change folder: %w", err)
	}
	path, err := lookPath(l.Args[0])
	if err != nil {
		return err
	}
	return fmt.Errorf("run %s: %w", path, syscall.Exec(path, l.Args, l.Env))
}

// raise leaves the new user the ambient capabilities, which survive the exec, and no other.
func (l *launch) raise() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var has, wants [2]unix.CapUserData // 32 capabilities each
	if err := unix.Capget(&header, &has[0]); err != nil {
		return err
	}
	for _, c := range l.Ambient {
		wants[c/32].Permitted |= has[c/32].Permitted & (1 << (c % 32))
	}
	for i := range wants {
		wants[i].Effective, wants[i].Inheritable = wants[i].Permitted, wants[i].Permitted
	}
	if err := unix.Capset(&header, &wants[0]); err != nil {
		return err
	}
	for _, c := range l.Ambient {
		if wants[c/32].Permitted&(1<<(c%32)) == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(c), 0, 0); err != nil {
			return err
		}
	}
	return nil
}

// limit sets what is allowed: without CAP_SYS_RESOURCE, which containers lack, no more
// than the present hard limit.
func (l *launch) limit() error {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		return err
	}
	want := syscall.Rlimit{Cur: l.Soft, Max: l.Hard}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want) == nil {
		return nil
	}
	want = syscall.Rlimit{Cur: min(l.Soft, now.Max), Max: min(l.Hard, now.Max)}
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want)
}

// lookPath finds a command that is no path in systemd's fixed folders.
func lookPath(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	for _, folder := range []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		file := filepath.Join(folder, name)
		if info, err := os.Stat(file); err == nil && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("run %s: not found", name)
}

// run starts the process; out gets what it writes. The error is about what comes before
// the program's own work.
func (l *launch) run(r *reaper, helper []string, out *os.File) (*process, error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "launch"), os.NewFile(uintptr(pair[1]), "launch")
	defer ours.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		theirs.Close()
		return nil, err
	}
	defer null.Close()
	p, err := r.start(helper[0], helper, &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{launchVariable + "=1"},
		Files: []uintptr{null.Fd(), out.Fd(), out.Fd(), theirs.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	theirs.Close()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	if _, err := ours.Write(text); err != nil {
		return p, err
	}
	if err := syscall.Shutdown(pair[0], syscall.SHUT_WR); err != nil {
		return p, err
	}
	complaint, _ := io.ReadAll(ours)
	if len(bytes.TrimSpace(complaint)) > 0 {
		return p, fmt.Errorf("%s", complaint)
	}
	return p, nil
}

// launchVariable marks a process that shall call Launch first of all.
const launchVariable = "LAB_LAUNCH"

// IsLaunch tells whether this process was started to become a service.
func IsLaunch() bool { return os.Getenv(launchVariable) != "" }
