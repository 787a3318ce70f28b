package cluster

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newLab makes hosts; other tests share the machine, so the limit is generous.
func newLab(t *testing.T) (context.Context, *Lab) {
	t.Helper()
	if err := Missing(); err != nil {
		t.Skip(err)
	}
	program := filepath.Join(t.TempDir(), "lab")
	build := exec.Command("go", "build", "-o", program, "..")
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
	ssh := func(host, line string) (string, error) {
		return run(t, ctx, l, Bench, "ssh", "-F", l.SSHConfig(), "-o", "ConnectTimeout=2", host, line)
	}
	must := func(out string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return out
	}
	for _, host := range []string{"s1", "s2", "s3"} {
		if got := must(ssh(host, "hostname; whoami; sudo -n whoami; systemctl is-active ssh")); got != host+"\nisucon\nroot\nactive" {
			t.Errorf("%s answers %q", host, got)
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

	// The machine's own settings stay what they are.
	own, err := os.ReadFile("/proc/sys/vm/swappiness")
	if err != nil {
		t.Fatal(err)
	}
	must(ssh("s1", "sudo sysctl -q -w vm.swappiness=13 net.core.somaxconn=77"))
	if now, _ := os.ReadFile("/proc/sys/vm/swappiness"); string(now) != string(own) {
		t.Errorf("a host has changed the machine's kernel: %s", now)
	}

	if err := l.Cut(ctx, "s2"); err != nil {
		t.Fatal(err)
	}
	if out, err := ssh("s2", "true"); err == nil {
		t.Errorf("s2 answers without network: %s", out)
	}
	if err := l.Join(ctx, "s2"); err != nil {
		t.Fatal(err)
	}
	must(ssh("s2", "true"))
}

// TestKilled: whatever ends the keeper, nothing stays.
func TestKilled(t *testing.T) {
	ctx, l := newLab(t)
	s, err := l.read()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Keeper.signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := l.Down(ctx); err != nil {
		t.Fatal(err)
	}
	for name, h := range s.Hosts {
		if h.alive() {
			t.Errorf("%s runs without its keeper", name)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), l.Dir) {
		t.Errorf("a mount is left in %s", l.Dir)
	}
	if err := l.Up(ctx); err != nil { // and it can begin anew
		t.Fatal(err)
	}
}
