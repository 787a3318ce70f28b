package cluster

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// A host's disk is an overlay: reading goes to the machine's root, writing to a folder.
// Before the first boot that folder gets what makes the host a fresh instance.

// disk has the folders of an overlay.
type disk struct{ upper, work, root string }

func diskOf(h Host) disk {
	base := filepath.Join(disks, h.Name)
	return disk{filepath.Join(base, "upper"), filepath.Join(base, "work"), filepath.Join(base, "root")}
}

// Folders at the root that Debian has; others are the machine's own and hidden.
var standard = []string{"bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "media", "mnt", "opt",
	"proc", "root", "run", "sbin", "srv", "sys", "tmp", "usr", "var"}

// empty are folders that a fresh instance has nothing in. Those of systemd and rc?.d hold
// what starts by itself on the machine, timers among it.
var empty = []string{"home", "root", "media", "mnt", "opt", "srv", "tmp", "run", "var/tmp", "var/log/journal",
	"etc/systemd/system", "etc/systemd/network", "etc/systemd/nspawn", "etc/rc0.d", "etc/rc1.d", "etc/rc2.d", "etc/rc3.d", "etc/rc4.d", "etc/rc5.d",
	"etc/rc6.d", "etc/rcS.d", "etc/cron.d", "etc/sysctl.d", "etc/security/limits.d", "etc/sudoers.d", "etc/ssh"}

// Who the operator is on contest machines.
const (
	operator    = "isucon"
	operatorUID = 1100
)

func (l *Lab) makeDisk(h Host) error {
	d := diskOf(h)
	for _, dir := range []string{d.upper, d.work, d.root} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	steps := []func() error{
		d.hideForeign,
		d.emptyFolders,
		func() error { return d.system(h) },
		func() error { return d.sshd(l, h) },
		func() error { return d.operator(l) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	layers := fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", d.upper, d.work)
	if err := syscall.Mount("disk", d.root, "overlay", 0, layers); err != nil {
		return fmt.Errorf("overlay: %w", err)
	}
	return nil
}

// hideForeign puts whiteouts, the overlay's word for "deleted", at the root.
func (d disk) hideForeign() error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.Contains(standard, e.Name()) {
			if err := d.whiteout(e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d disk) whiteout(name string) error {
	return syscall.Mknod(filepath.Join(d.upper, name), syscall.S_IFCHR, 0)
}

// emptyFolders makes folders opaque, which hides what the lower ones have.
func (d disk) emptyFolders() error {
	for _, name := range empty {
		if err := d.folder(name); err != nil {
			return err
		}
		if err := syscall.Setxattr(filepath.Join(d.upper, name), "trusted.overlay.opaque", []byte("y"), 0); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// folder makes one, and those above it, as the machine has them.
func (d disk) folder(name string) error {
	path := ""
	for part := range strings.SplitSeq(name, "/") {
		path = filepath.Join(path, part)
		ours := filepath.Join(d.upper, path)
		if err := os.Mkdir(ours, 0o755); err != nil {
			if errors.Is(err, os.ErrExist) {
				continue
			}
			return err
		}
		info, err := os.Stat(filepath.Join("/", path))
		if err != nil {
			continue
		}
		st := info.Sys().(*syscall.Stat_t)
		if err := os.Chown(ours, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
		if err := syscall.Chmod(ours, st.Mode&0o7777); err != nil {
			return err
		}
	}
	return nil
}

func (d disk) put(name, text string, mode os.FileMode) error {
	if err := d.folder(filepath.Dir(name)); err != nil {
		return err
	}
	file := filepath.Join(d.upper, name)
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		return err
	}
	return os.Chmod(file, mode)
}

func (d disk) system(h Host) error {
	var id [16]byte
	rand.Read(id[:])
	network := "[Match]\nName=" + card + "\n[Network]\nLinkLocalAddressing=no\n"
	for _, a := range h.Addresses {
		network += "Address=" + a.String() + "\n"
	}
	for name, text := range map[string]string{
		"etc/hostname":                   h.Name + "\n",
		"etc/hosts":                      "127.0.0.1 localhost\n127.0.1.1 " + h.Name + "\n::1 localhost\n",
		"etc/resolv.conf":                "", // there is no name server to wait for
		"etc/machine-id":                 fmt.Sprintf("%x\n", id),
		"etc/fstab":                      "", // the machine's disks are not the host's
		"etc/systemd/network/10.network": network,
	} {
		if err := d.put(name, text, 0o644); err != nil {
			return err
		}
	}
	// The console is the keeper's log, which nobody can log in to.
	return errors.Join(os.Symlink("/dev/null", filepath.Join(d.upper, "etc/systemd/system/console-getty.service")),
		d.enable("multi-user.target", "systemd-networkd.service"), d.enable("network-online.target", "systemd-networkd-wait-online.service"))
}

// enable does what systemctl does with a unit of the machine.
func (d disk) enable(target, unit string) error {
	wants := filepath.Join("etc/systemd/system", target+".wants")
	if err := d.folder(wants); err != nil {
		return err
	}
	return os.Symlink("/lib/systemd/system/"+unit, filepath.Join(d.upper, wants, unit))
}

const sshdConfig = `HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
UsePAM no
MaxStartups 100
Subsystem sftp /usr/lib/openssh/sftp-server
`

func (d disk) sshd(l *Lab, h Host) error {
	if err := d.put("etc/ssh/sshd_config", sshdConfig, 0o644); err != nil {
		return err
	}
	key, err := os.ReadFile(l.file("key-" + h.Name))
	if err != nil {
		return err
	}
	if err := d.put("etc/ssh/ssh_host_ed25519_key", string(key), 0o600); err != nil {
		return err
	}
	return d.enable("multi-user.target", "ssh.service")
}

// operator makes the account that ssh comes to, with all rights by sudo.
func (d disk) operator(l *Lab) error {
	id := strconv.Itoa(operatorUID)
	for file, line := range map[string]string{
		"etc/passwd":  operator + ":x:" + id + ":" + id + "::/home/" + operator + ":/bin/bash",
		"etc/group":   operator + ":x:" + id + ":",
		"etc/shadow":  operator + ":*:19000:0:99999:7:::",
		"etc/gshadow": operator + ":!::",
	} {
		if err := d.account(file, line); err != nil {
			return err
		}
	}
	if err := d.put("etc/sudoers.d/"+operator, operator+" ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440); err != nil {
		return err
	}
	public, err := os.ReadFile(l.file("key.pub"))
	if err != nil {
		return err
	}
	home := "home/" + operator
	if err := d.put(home+"/.ssh/authorized_keys", string(public), 0o600); err != nil {
		return err
	}
	for _, name := range []string{home, home + "/.ssh", home + "/.ssh/authorized_keys"} {
		if err := os.Chown(filepath.Join(d.upper, name), operatorUID, operatorUID); err != nil {
			return err
		}
	}
	return os.Chmod(filepath.Join(d.upper, home, ".ssh"), 0o700)
}

// account copies a file of accounts with the operator's line instead of any it has.
func (d disk) account(name, line string) error {
	text, err := os.ReadFile(filepath.Join("/", name))
	if err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join("/", name))
	if err != nil {
		return err
	}
	var lines []string
	for old := range strings.Lines(string(text)) {
		if !strings.HasPrefix(old, operator+":") {
			lines = append(lines, strings.TrimSuffix(old, "\n"))
		}
	}
	if err := d.put(name, strings.Join(append(lines, line), "\n")+"\n", info.Mode().Perm()); err != nil {
		return err
	}
	st := info.Sys().(*syscall.Stat_t)
	return os.Chown(filepath.Join(d.upper, name), int(st.Uid), int(st.Gid))
}
