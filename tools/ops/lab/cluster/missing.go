package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// needs are programs and the packages that have them.
var needs = [][2]string{
	{"ip", "iproute2"}, {"nsenter", "util-linux"}, {"unshare", "util-linux"},
	{"systemd-nspawn", "systemd-container"}, {"/lib/systemd/systemd", "systemd"}, {"/lib/systemd/systemd-networkd", "systemd"}, {"dbus-daemon", "dbus"},
	{"ssh", "openssh-client"}, {"ssh-keygen", "openssh-client"}, {"/usr/sbin/sshd", "openssh-server"}, {"sudo", "sudo"},
	{"/usr/sbin/nginx", "nginx"}, {"/usr/sbin/mariadbd", "mariadb-server"},
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
		if !present(need[0]) && !slices.Contains(packages, need[1]) {
			packages = append(packages, need[1])
		}
	}
	if len(packages) > 0 {
		return fmt.Errorf("missing; apt-get install --no-install-recommends %s", strings.Join(packages, " "))
	}
	for _, try := range []func() error{oneDisk, mayGroup, mayContain} {
		if err := try(); err != nil {
			return err
		}
	}
	return nil
}

// oneDisk checks that the machine's root has the rest of the system on it: an overlay does
// not show what is mounted below it.
func oneDisk() error {
	var root, part syscall.Stat_t
	if err := syscall.Stat("/", &root); err != nil {
		return err
	}
	for _, folder := range []string{"/usr", "/etc", "/var", "/var/lib"} {
		if err := syscall.Stat(folder, &part); err != nil {
			return err
		}
		if part.Dev != root.Dev {
			return fmt.Errorf("%s is not on the file system of /, over which hosts are laid", folder)
		}
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

// mayGroup tries whether control groups can be made.
func mayGroup() error {
	mount, err := groups()
	if err != nil {
		return err
	}
	try, err := os.MkdirTemp(mount, "isuride-lab-try-")
	if err != nil {
		return fmt.Errorf("control groups cannot be made on this machine: %w", err)
	}
	return os.Remove(try)
}

// mayContain tries what containers often forbid and small kernels do not have.
func mayContain() error {
	for _, try := range []struct{ what, line string }{
		{"namespaces", "true"},
		{"mounts", "mount -t tmpfs try /mnt"},
		{"an overlay over its root", "mount -t tmpfs try /mnt && cd /mnt && mkdir up work root && mount -t overlay -o lowerdir=/,upperdir=up,workdir=work try root"},
		{"bridges", "ip link add try type bridge"},
		{"virtual cables", "ip link add try type veth peer name try2"},
	} {
		out, err := exec.Command("unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "sh", "-c", try.line).CombinedOutput()
		if err != nil {
			return fmt.Errorf("this machine does not allow %s: %s", try.what, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
