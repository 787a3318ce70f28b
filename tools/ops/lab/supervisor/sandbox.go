package supervisor

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"isuride/tools/ops/lab/unit"
)

// sandbox is what a process may not do, as far as it decides whether a service works: a
// file that it cannot write, a folder that it cannot see, a right that it does not have.
type sandbox struct {
	unit.Sandbox
	Own []string // the service's own folders, which stay writable
}

// newSandbox is nil for a service without any.
func (v *service) newSandbox(s *unit.Service) *sandbox {
	if s.Sandbox.System == unit.Unprotected && s.Sandbox.Home == unit.Unprotected && !s.Sandbox.PrivateTmp &&
		!s.Sandbox.NoNewPrivileges && !s.Sandbox.NoCapabilities {
		return nil
	}
	b := &sandbox{Sandbox: s.Sandbox}
	for _, d := range v.directories(s) {
		b.Own = append(b.Own, d.paths()...)
	}
	return b
}

// enter changes this thread, and so the program that it runs next.
func (b *sandbox) enter() error {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := b.mount(); err != nil {
		return err
	}
	if b.NoCapabilities {
		for c := uintptr(0); unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0) == nil; c++ { // up to the kernel's last
		}
	}
	if b.NoNewPrivileges {
		return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	return nil
}

func (b *sandbox) mount() error {
	if b.System == unit.Strict {
		if err := freeze(); err != nil {
			return err
		}
	}
	for _, folder := range b.readOnly() {
		if err := cover(folder, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
			return err
		}
	}
	for _, folder := range b.writable() {
		if err := cover(folder, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}); err != nil {
			return err
		}
	}
	if b.PrivateTmp {
		if err := empty([]string{"/tmp", "/var/tmp"}, 0, "mode=1777"); err != nil {
			return err
		}
	}
	if b.Home == unit.Protected {
		return empty(homes, unix.MS_RDONLY, "mode=000")
	}
	return nil
}

// empty hides what folders hold.
func empty(folders []string, flags uintptr, options string) error {
	for _, folder := range folders {
		if err := unix.Mount("empty", folder, "tmpfs", flags|unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
	}
	return nil
}

var homes = []string{"/home", "/root"}

func (b *sandbox) readOnly() []string {
	var folders []string
	switch b.System {
	case unit.Protected:
		folders = []string{"/usr", "/boot"}
	case unit.Full:
		folders = []string{"/usr", "/boot", "/etc"}
	}
	if b.Home == unit.ReadOnly {
		folders = append(folders, homes...)
	}
	return folders
}

func (b *sandbox) writable() []string {
	folders := b.Own
	for _, path := range b.Writable {
		optional := strings.HasPrefix(path, "-")
		path = strings.TrimLeft(path, "-+")
		if _, err := os.Stat(path); err == nil || !optional {
			folders = append(folders, path)
		}
	}
	return folders
}

// cover puts a mount over a folder and gives it other attributes than those around it.
func cover(folder string, attr *unix.MountAttr) error {
	if err := unix.Mount(folder, folder, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, folder, unix.AT_RECURSIVE, attr); err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	return nil
}

// freeze makes all mounts read-only but those of devices and of the kernel.
func freeze() error {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		target := strings.Fields(lines.Text())[4]
		if slices.Contains([]string{"dev", "proc", "sys"}, strings.Split(filepath.Clean(target), "/")[1]) {
			continue
		}
		err := unix.MountSetattr(unix.AT_FDCWD, target, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) { // hidden below another mount
			return fmt.Errorf("%s: %w", target, err)
		}
	}
	return nil
}
