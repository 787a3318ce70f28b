package fleettest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// Host runs the scripts for hosts on this machine, in a view of its file system of their
// own: what they write below a few folders ends in a folder of the test, and programs that
// must not really run are replaced by small scripts.
type Host struct {
	t   testing.TB
	dir string
}

// folders are those that a Host has for itself.
func folders() []string { return []string{"/var/log", "/etc/nginx"} }

// NewHost makes a host without anything in its folders. The test is skipped where the kernel
// does not allow views of one's own.
func NewHost(t testing.TB) *Host {
	t.Helper()
	h := &Host{t, t.TempDir()}
	for _, folder := range append(folders(), "bin") {
		if err := os.MkdirAll(filepath.Join(h.dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := h.command(t.Context(), "true").CombinedOutput(); err != nil {
		t.Skipf("no view of the file system of one's own here: %v: %s", err, out)
	}
	return h
}

// Remote reaches the host under any name. What it says about changes is thrown away.
func (h *Host) Remote() *remote.Remote {
	return &remote.Remote{Out: io.Discard, Command: func(ctx context.Context, _ topology.Host, shell string) *exec.Cmd {
		return h.command(ctx, shell)
	}}
}

func (h *Host) command(ctx context.Context, shell string) *exec.Cmd {
	args := []string{"--mount"}
	if os.Getuid() != 0 {
		args = append(args, "--map-root-user")
	}
	var view strings.Builder
	view.WriteString("set -e\n")
	for _, folder := range folders() {
		if _, err := os.Stat(folder); err == nil { // or there is nowhere to put it
			fmt.Fprintf(&view, "mount --bind \"$0%s\" %s\n", folder, folder)
		}
	}
	view.WriteString(`HOST_CALLS=$0/calls PATH=$0/bin:$PATH exec bash -c "$1"`)
	cmd := exec.CommandContext(bound.Context(h.t, ctx), "unshare", append(args, "bash", "-c", view.String(), h.dir, shell)...)
	cmd.Dir = h.dir // as ssh begins in a home
	return cmd
}

// Program replaces a program by the lines of a bash script. Its calls are recorded.
func (h *Host) Program(name, script string) {
	h.t.Helper()
	text := "#!/bin/bash\necho \"" + name + " $*\" >>\"$HOST_CALLS\"\n" + script + "\n"
	if err := write(h.Path("bin/"+name), text, 0o755); err != nil {
		h.t.Fatal(err)
	}
}

// Serving is a host with all roles on which everything runs. Its server has the pid of a
// process that lives as long as the script that asks.
func Serving(t testing.TB) *Host {
	h := NewHost(t)
	h.Program("systemctl", `case $1-$3 in
	is-active-*) echo active ;;
	is-enabled-*) echo enabled ;;
	show-MainPID) echo $PPID ;;
	show-NRestarts) echo 0 ;;
	esac`)
	h.Program("journalctl", `echo "journal of $2"`)
	h.Program("pgrep", "echo $$")
	h.Program("ss", `echo 'LISTEN 0 511 127.0.0.1:8081 0.0.0.0:* users:(("isuride",pid=7,fd=6))'`)
	h.Program("curl", `case $* in
	*' -o /dev/null '*http_code*) printf 200 ;;
	*http_code*) printf 'ok 200' ;;
	*metrics) printf 'isuride_build_info{revision="0123abc"} 1\nisuride_http_connections_max 60000\nisuride_sink_suspended_tables 0\nisuride_sink_dead_total 0\n' ;;
	*profile*) echo a profile ;;
	esac`)
	h.Program("nginx", `case $1 in
	-v) echo 'nginx version: nginx/1.22.1' >&2 ;;
	-t) echo 'nginx: configuration file /etc/nginx/nginx.conf test is successful' >&2 ;;
	-T) printf 'worker_connections 50000;\n ssl_certificate /var/log/cert.pem;\n access_log off;\n' ;;
	esac`)
	h.Program("mariadb", `case $* in
	*slow_query_log_file*) echo /var/log/mysql/slow.log ;;
	*slow_query_log) echo 1 ;;
	*) echo "${4##*@@global.}" ;;
	esac`)
	h.Write("/var/log/cert.pem", "a certificate")
	return h
}

// Called reports whether a program was called with exactly these words.
func (h *Host) Called(call string) bool {
	h.t.Helper()
	return slices.Contains(strings.Split(h.Read("calls"), "\n"), call)
}

// Write writes a file of the host.
func (h *Host) Write(name, text string) {
	h.t.Helper()
	if err := write(h.Path(name), text, 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// Path is the place of a file of the host on this machine.
func (h *Host) Path(name string) string { return filepath.Join(h.dir, name) }

// Read reads a file of the host; one that is missing is empty.
func (h *Host) Read(name string) string {
	h.t.Helper()
	b, err := os.ReadFile(h.Path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.t.Fatal(err)
	}
	return string(b)
}
