// Package fleettest plays hosts for tests: the scripts for them really run, with small
// stand-ins for the programs of the system that they call. Hosts are for scripts that
// install (hostscript.Install), which run below a folder; Host is for those that look after
// a host (hostscript.For), which need a view of the file system of their own.
package fleettest

import (
	"context"
	"embed"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// programs are the stand-ins. They keep the state of their host in its folder: calls has
// a line for each call, units/NAME says what systemd knows of a unit.
//
//go:embed programs
var programs embed.FS

// Hosts are all hosts of a topology.
type Hosts struct {
	*topology.Topology
	t   testing.TB
	dir string

	mu       sync.Mutex
	said     strings.Builder
	commands []string          // that a list of processes would have shown
	gone     map[string]string // hosts that ssh does not reach, and why
}

// New makes empty hosts. What they start ends with the test.
func New(t testing.TB, file string) *Hosts {
	t.Helper()
	top, err := topology.Read(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	hs := &Hosts{Topology: top, t: t, dir: t.TempDir(), gone: make(map[string]string)}
	err = fs.WalkDir(programs, "programs", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := programs.ReadFile(path)
		if err != nil {
			return err
		}
		return write(filepath.Join(hs.dir, path), string(text), 0o755)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"awk", "grep", "sed"} { // programs as they are, with a record of their calls
		if err := os.Symlink("recorded", filepath.Join(hs.dir, "programs", name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range top.Hosts {
		if h.Has(topology.Front) {
			hs.Put(h.Name, "/usr/sbin/nginx", "")
			hs.Put(h.Name, "/usr/lib/nginx/modules/ngx_stream_module.so", "")
		}
		if h.Has(topology.DB) {
			hs.Put(h.Name, "/usr/sbin/mariadbd", "")
		}
		hs.Put(h.Name, "/calls", "")
	}
	t.Cleanup(hs.kill)
	return hs
}

// Remote reaches the hosts.
func (hs *Hosts) Remote() *remote.Remote {
	return &remote.Remote{Out: hs, Command: hs.command}
}

// Write takes what is said to the user.
func (hs *Hosts) Write(b []byte) (int, error) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return hs.said.Write(b)
}

// Said is everything that was said.
func (hs *Hosts) Said() string {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return hs.said.String()
}

// Commands are all that ran on the hosts, as their lists of processes would have shown them.
func (hs *Hosts) Commands() string {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return strings.Join(hs.commands, "\n")
}

func (hs *Hosts) command(ctx context.Context, h topology.Host, shell string) *exec.Cmd {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.commands = append(hs.commands, shell)
	if said := hs.gone[h.Name]; said != "" {
		return exec.CommandContext(ctx, "sh", "-c", `echo "$1" >&2; exit 255`, "ssh", said)
	}
	cmd := exec.CommandContext(bound.Context(hs.t, ctx), "sh", "-c", shell)
	cmd.Env = []string{"ISURIDE_ROOT=" + hs.Path(h.Name, ""), "HOME=/nonexistent",
		"PATH=" + filepath.Join(hs.dir, "programs") + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
	return cmd
}

// Lose makes ssh fail for a host, with these last words; "" brings the host back.
func (hs *Hosts) Lose(host, said string) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.gone[host] = said
}

// Path is the place of a path of the host on this machine.
func (hs *Hosts) Path(host, path string) string { return filepath.Join(hs.dir, host, path) }

// Put writes a file of the host.
func (hs *Hosts) Put(host, path, text string) {
	hs.t.Helper()
	if err := write(hs.Path(host, path), text, 0o755); err != nil {
		hs.t.Fatal(err)
	}
}

// Get reads a file of the host; one that is not there is empty.
func (hs *Hosts) Get(host, path string) string {
	hs.t.Helper()
	text, err := os.ReadFile(hs.Path(host, path))
	if err != nil && !os.IsNotExist(err) {
		hs.t.Fatal(err)
	}
	return string(text)
}

// Calls are those of the host's programs since the last time.
func (hs *Hosts) Calls(host string) []string {
	hs.t.Helper()
	text := hs.Get(host, "/calls")
	hs.Put(host, "/calls", "")
	return strings.Split(strings.TrimSpace(text), "\n")
}

func write(path, text string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), mode)
}

// kill ends what systemd's stand-in has started.
func (hs *Hosts) kill() {
	for _, h := range hs.Hosts {
		for word := range strings.FieldsSeq(hs.Get(h.Name, "/started")) {
			if pid, err := strconv.Atoi(word); err == nil {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
}
