package cluster

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/bound"
)

// newLab makes hosts; other tests share the machine, so the limit is generous.
func newLab(t *testing.T) (context.Context, *Lab) {
	t.Helper()
	if err := Missing(); err != nil {
		t.Skip(err)
	}
	program := filepath.Join(t.TempDir(), "lab")
	build := bound.Command(t, "go", "build", "-o", program, "..")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	l := &Lab{Dir: t.TempDir(), Program: program}
	if err := l.Up(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return ctx, l
}

func run(t *testing.T, ctx context.Context, l *Lab, host string, args ...string) (string, error) {
	t.Helper()
	cmd, err := l.Exec(ctx, host, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestHosts(t *testing.T) {
	ctx, l := newLab(t)
	ssh := func(host, line string, more ...string) (string, error) {
		return run(t, ctx, l, Bench, append(append([]string{"ssh", "-F", l.SSHConfig()}, more...), host, line)...)
	}
	must := func(out string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return out
	}
	for _, host := range []string{"s1", "s2", "s3"} {
		if got := must(ssh(host, "hostname; whoami; sudo -n whoami; systemctl is-active ssh; systemctl is-system-running")); got != host+"\nisucon\nroot\nactive\nrunning" {
			t.Errorf("%s answers %q; what fails: %s", host, got, must(ssh(host, "systemctl --failed --no-legend")))
		}
	}

	// The disk outlives a loss of power; processes and what is below /run do not.
	before := must(ssh("s1", "sudo systemctl enable nginx 2>&1; echo kept | sudo tee /root/kept /run/lost >/dev/null; cat /proc/sys/kernel/random/boot_id"))
	if err := l.Reboot(ctx, "s1"); err != nil {
		t.Fatal(err)
	}
	after := must(ssh("s1", "sudo cat /root/kept; test ! -e /run/lost; systemctl is-active nginx; cat /proc/sys/kernel/random/boot_id"))
	if !strings.HasPrefix(after, "kept\nactive\n") || strings.HasSuffix(after, before) {
		t.Errorf("after the reboot: %q, before: %q", after, before)
	}

	// A host's network has settings of its own; the rest of the kernel's are not the host's.
	const shared = "/proc/sys/net/core/somaxconn"
	own, err := os.ReadFile(shared)
	if err != nil {
		t.Fatal(err)
	}
	must(ssh("s1", "sudo sysctl -q -w net.core.somaxconn=77"))
	if now, _ := os.ReadFile(shared); string(now) != string(own) {
		t.Errorf("a host has changed the machine's network: %s", now)
	}
	if out, err := ssh("s1", "sudo sysctl -q -w vm.swappiness=13"); err == nil {
		t.Errorf("a host has changed the machine's kernel: %s", out)
	}

	// Asked for a reboot, systemd boots again; asked to power off, it stays off.
	s, err := l.read()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = ssh("s3", "sudo systemctl reboot") // the connection may end first
	if err := l.awaitBoot(ctx, "s3", s["s3"].Boots+1); err != nil {
		t.Fatal(err)
	}
	_, _ = ssh("s3", "sudo poweroff")
	if err := l.awaitBoot(ctx, "s3", s["s3"].Boots+2); err == nil || !strings.Contains(err.Error(), "s3 is off") {
		t.Errorf("after a poweroff: %v", err)
	}

	if err := l.Cut(ctx, "s2"); err != nil {
		t.Fatal(err)
	}
	if out, err := ssh("s2", "true", "-o", "ConnectTimeout=2"); err == nil {
		t.Errorf("s2 answers without network: %s", out)
	}
	if err := l.Join(ctx, "s2"); err != nil {
		t.Fatal(err)
	}
	must(ssh("s2", "true"))
}

// TestManaged makes a laboratory in a host of another one: there systemd manages the
// machine, which it may not do here.
func TestManaged(t *testing.T) {
	const overlay = 0x794c7630 // OVERLAYFS_SUPER_MAGIC of statfs(2)
	var root syscall.Statfs_t
	if err := syscall.Statfs("/", &root); err == nil && root.Type == overlay {
		t.Skip("the machine's root is an overlay, and the kernel stacks no more than two")
	}
	ctx, l := newLab(t)
	program, err := os.Open(l.Program)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	copied, err := l.Exec(ctx, "s1", "install", "-m", "755", "/dev/stdin", "/root/lab")
	if err != nil {
		t.Fatal(err)
	}
	copied.Stdin = program
	if err := output(copied); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"/root/lab up -dir /root/inner",
		"test -e /run/systemd/transient/isuride-lab-*.scope",
		"/root/lab exec -dir /root/inner bench ssh -F /root/inner/ssh_config s2 systemctl is-system-running",
		"/root/lab reboot -dir /root/inner s2",
		"/root/lab down -dir /root/inner",
		"! test -e /run/systemd/transient/isuride-lab-*.scope",
		"systemctl is-system-running",
	} {
		if out, err := run(t, ctx, l, "s1", "bash", "-c", line); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
}

// TestKilled kills the keeper, after which nothing may be left.
func TestKilled(t *testing.T) {
	ctx, l := newLab(t)
	group, err := l.group()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(l.keeper(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err = poll(ctx, time.Minute, "the end of the hosts", func() (bool, error) { return !group.populated(), nil })
	if err != nil {
		t.Error(err)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), l.Dir) {
		t.Errorf("a mount is left in %s", l.Dir)
	}
	if err := l.Up(ctx); err != nil { // and it can begin again
		t.Fatal(err)
	}
	if err := l.Down(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(group.dir()); err == nil {
		t.Errorf("%s is left", group.dir())
	}
}
