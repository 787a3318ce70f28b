package supervisor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"isuride/tools/ops/lab/journal"
	"isuride/tools/ops/lab/unit"
)

// The test binary is also what stands between fork and exec, and what services leave
// behind comes to it as to a PID 1.
func TestMain(m *testing.M) {
	if IsLaunch() {
		Launch()
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// host is a supervisor with folders of its own. The reaper takes all children of the
// process: there can be one host at a time.
type host struct {
	*Supervisor
	t       *testing.T
	dir     string
	journal string
}

func newHost(t *testing.T) *host {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "lab") // short enough for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &host{t: t, dir: dir, journal: filepath.Join(dir, "journal")}
	j, err := journal.Open(h.journal)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"units", "run", "state"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.Supervisor = New(Config{
		Units: []string{filepath.Join(dir, "units")}, Runtime: filepath.Join(dir, "run"), State: filepath.Join(dir, "state"),
		Journal: j, Helper: []string{program},
	})
	t.Cleanup(func() {
		if err := h.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		h.Close()
	})
	return h
}

// unit writes a service.
func (h *host) unit(name, text string) {
	h.t.Helper()
	h.put("units/"+name+".service", text)
}

// put writes a file; DIR/ in the text is the host's folder.
func (h *host) put(name, text string) {
	h.t.Helper()
	text = strings.ReplaceAll(text, "DIR/", h.dir+"/")
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) start(names ...string) {
	h.t.Helper()
	for i, name := range names {
		names[i] = name + ".service"
	}
	if err := h.Start(context.Background(), names...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) get(name string) Snapshot {
	h.t.Helper()
	s, err := h.Snapshot(name + ".service")
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// until waits for a state that must come; the limit only ends a test that has failed.
func (h *host) until(name string, ok func(Snapshot) bool) Snapshot {
	h.t.Helper()
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		if s := h.get(name); ok(s) {
			return s
		}
	}
	h.t.Fatalf("%s stays %+v; journal: %q", name, h.get(name), h.said(name))
	return Snapshot{}
}

// said are the messages of a service and about it.
func (h *host) said(name string) []string {
	h.t.Helper()
	entries, err := journal.Read(h.journal, []string{name + ".service"}, time.Time{}, time.Now().Add(time.Hour))
	if err != nil {
		h.t.Fatal(err)
	}
	var texts []string
	for _, e := range entries {
		texts = append(texts, e.Text)
	}
	return texts
}

// says waits for a message.
func (h *host) says(name, text string) {
	h.t.Helper()
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		if slices.ContainsFunc(h.said(name), func(line string) bool { return strings.Contains(line, text) }) {
			return
		}
	}
	h.t.Fatalf("%s never says %q: %q", name, text, h.said(name))
}

func gone(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

func TestSurroundings(t *testing.T) {
	h := newHost(t)
	h.put("env", "FROM_FILE=\"of the file\"\nBOTH=file\n")
	h.unit("a", `[Service]
Type=oneshot
RemainAfterExit=yes
Environment=WORDS="x y" BOTH=unit
EnvironmentFile=DIR/env
EnvironmentFile=-DIR/missing
WorkingDirectory=DIR/state
StateDirectory=mine
StateDirectoryMode=0700
LimitNOFILE=200
UMask=0077
ExecStart=/bin/sh -c 'echo "$$WORDS|$$FROM_FILE|$$BOTH|$$(pwd -P)|$$STATE_DIRECTORY|$$(ulimit -n)|$$(umask)|${BOTH}"'
`)
	h.start("a")
	dir, err := filepath.EvalSymlinks(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	h.says("a", fmt.Sprintf("x y|of the file|file|%s/state|%s/state/mine|200|0077|file", dir, h.dir))
	if info, err := os.Stat(filepath.Join(h.dir, "state/mine")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("state directory: %v %v", info, err)
	}
	if s := h.get("a"); s.Active != Running || s.Sub != "exited" {
		t.Errorf("got %+v", s)
	}
}

func TestStopBySignal(t *testing.T) {
	h := newHost(t)
	h.unit("a", "[Service]\nKillSignal=SIGUSR1\nRuntimeDirectory=mine\n"+
		"ExecStart=/bin/sh -c 'trap \"echo bye; exit 0\" USR1; sleep 1000 & echo child $$!; wait'\n")
	h.start("a")
	h.says("a", "child")
	var child int
	for _, line := range h.said("a") {
		fmt.Sscanf(line, "child %d", &child)
	}
	if err := h.Stop(context.Background(), "a.service"); err != nil {
		t.Fatal(err)
	}
	h.says("a", "bye")
	if s := h.get("a"); s.Active != Inactive || s.Result != success || s.Main != 0 {
		t.Errorf("got %+v", s)
	}
	if child == 0 || !gone(child) {
		t.Errorf("child %d is left", child)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "run/mine")); !os.IsNotExist(err) {
		t.Errorf("the runtime directory is left: %v", err)
	}
}

func TestKillAfterTimeout(t *testing.T) {
	h := newHost(t)
	h.unit("a", "[Service]\nTimeoutStopSec=100ms\nExecStart=/bin/sh -c 'trap \"\" TERM; echo deaf; while :; do sleep 1000; done'\nKillMode=mixed\n")
	h.start("a")
	h.says("a", "deaf")
	if err := h.Stop(context.Background(), "a.service"); err != nil {
		t.Fatal(err)
	}
	if s := h.get("a"); s.Active != Failed || s.Result != timedOut || s.Exit.Signal() != syscall.SIGKILL {
		t.Errorf("got %+v", s)
	}
}

func TestRestart(t *testing.T) {
	h := newHost(t)
	h.unit("a", "[Service]\nRestart=always\nRestartSec=1ms\nExecStart=/bin/sleep 1000\n[Unit]\nStartLimitIntervalSec=0\n")
	h.start("a")
	for n := range 7 {
		before := h.get("a")
		if err := syscall.Kill(before.Main, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		h.until("a", func(s Snapshot) bool { return s.Restarts == n+1 && s.Active == Running && s.Main != before.Main })
	}
}

func TestRestartPolicies(t *testing.T) {
	for policy, want := range map[unit.Restart]map[string]bool{
		unit.RestartNo:         {},
		unit.RestartAlways:     {success: true, exitCode: true, bySignal: true, timedOut: true},
		unit.RestartOnSuccess:  {success: true},
		unit.RestartOnFailure:  {exitCode: true, bySignal: true, timedOut: true},
		unit.RestartOnAbnormal: {bySignal: true, timedOut: true},
		unit.RestartOnAbort:    {bySignal: true},
	} {
		for _, result := range []string{success, exitCode, bySignal, timedOut} {
			if got := restarts(policy, result); got != want[result] {
				t.Errorf("%s after %s: %v", policy, result, got)
			}
		}
	}
}

// TestTooManyStarts: five starts within ten seconds are enough.
func TestTooManyStarts(t *testing.T) {
	h := newHost(t)
	h.unit("a", "[Service]\nRestart=on-failure\nRestartSec=1ms\nStartLimitIntervalSec=1h\nExecStart=/bin/sh -c 'exit 7'\n")
	h.start("a") // a simple service has started when its process was made
	s := h.until("a", func(s Snapshot) bool { return s.Active == Failed })
	if s.Result != exitCode || s.Restarts != 5 || s.Exit.ExitStatus() != 7 {
		t.Errorf("got %+v", s)
	}
	if err := h.Start(context.Background(), "a.service"); err == nil || !strings.Contains(err.Error(), "too often") {
		t.Errorf("started again: %v", err)
	}
	if err := h.ResetFailed("a.service"); err != nil {
		t.Fatal(err)
	}
	if s := h.get("a"); s.Active != Inactive {
		t.Errorf("after reset-failed: %+v", s)
	}
	h.start("a")
}

func TestNotify(t *testing.T) {
	h := newHost(t)
	// Nothing in a minimal system speaks to the socket, so this test does.
	h.unit("a", "[Service]\nType=notify\nExecStart=/bin/sh -c 'echo $$NOTIFY_SOCKET >DIR/path; exec sleep 1000'\n")
	started := make(chan error, 1)
	go func() { started <- h.Start(context.Background(), "a.service") }()
	path := filepath.Join(h.dir, "run/systemd/notify/a.service")
	h.until("a", func(s Snapshot) bool { return s.Active == Activating && s.Main != 0 })
	if s := h.get("a"); s.Active == Running {
		t.Error("it counts as started before it says so")
	}
	tell(t, path, "STATUS=ready to serve\nREADY=1\n")
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	h.until("a", func(s Snapshot) bool { return s.Active == Running && s.Status == "ready to serve" })
}

func tell(t *testing.T, path, message string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, []byte(message), 0, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
}

// TestStopWhileStarting: a service that never gets ready can be stopped.
func TestStopWhileStarting(t *testing.T) {
	h := newHost(t)
	h.unit("a", "[Service]\nType=notify\nRestart=always\nExecStart=/bin/sleep 1000\n")
	started := make(chan error, 1)
	go func() { started <- h.Start(context.Background(), "a.service") }()
	main := h.until("a", func(s Snapshot) bool { return s.Main != 0 }).Main
	if err := h.Stop(context.Background(), "a.service"); err != nil {
		t.Fatal(err)
	}
	if err := <-started; err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("start says %v", err)
	}
	if s := h.get("a"); s.Active == Running || s.Active == Activating || !gone(main) {
		t.Errorf("got %+v", s)
	}
}

func TestStartTimeout(t *testing.T) {
	h := newHost(t)
	h.unit("a", "[Service]\nType=notify\nTimeoutStartSec=50ms\nExecStart=/bin/sleep 1000\n")
	err := h.Start(context.Background(), "a.service")
	if err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("start says %v", err)
	}
	if s := h.get("a"); s.Active != Failed || s.Result != timedOut {
		t.Errorf("got %+v", s)
	}
}

// TestForking is a daemon that leaves its first process, and a child in the same session
// that outlives it.
func TestForking(t *testing.T) {
	h := newHost(t)
	h.put("daemon", "echo $$ >DIR/run/a.new; sleep 1000 & echo child $!; mv DIR/run/a.new DIR/run/a.pid; wait\n")
	h.unit("a", "[Service]\nType=forking\nPIDFile=DIR/run/a.pid\nExecStart=/bin/sh -c 'setsid sh DIR/daemon & until [ -s DIR/run/a.pid ]; do sleep 0.01; done'\n")
	h.start("a")
	s := h.get("a")
	if s.Active != Running || s.Main == 0 {
		t.Fatalf("got %+v; %q", s, h.said("a"))
	}
	h.says("a", "child")
	var child int
	for _, line := range h.said("a") {
		fmt.Sscanf(line, "child %d", &child)
	}
	if err := syscall.Kill(s.Main, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h.until("a", func(s Snapshot) bool { return s.Active == Failed && s.Result == bySignal })
	if child == 0 || !gone(child) {
		t.Errorf("child %d is left", child)
	}
}

func TestOrder(t *testing.T) {
	h := newHost(t)
	write := "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo %N >>DIR/order'\nExecStop=/bin/sh -c 'echo -%N >>DIR/order'\n"
	h.unit("app", write+"[Unit]\nRequires=db.service\nAfter=db.service net.service\nWants=missing.service\n")
	h.unit("db", write+"[Unit]\nAfter=net.service app.service\n[Install]\nWantedBy=multi-user.target\n") // a circle with app
	h.unit("net", write+"[Unit]\nBefore=db.service\n[Install]\nWantedBy=multi-user.target\n")
	h.unit("front", write+"[Unit]\nAfter=net.service db.service\n[Install]\nWantedBy=multi-user.target\n")
	for _, name := range []string{"db", "net", "front"} {
		if err := h.Enable(name + ".service"); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Boot(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.order("net db front")
	h.put("order", "")
	if err := h.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.order("-front -db -net")
}

func (h *host) order(want string) {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "order"))
	if err != nil {
		h.t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(string(text)), " "); got != want {
		h.t.Errorf("the order is %q, want %q", got, want)
	}
}

func TestRequiredFails(t *testing.T) {
	h := newHost(t)
	h.unit("db", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
	h.unit("app", "[Unit]\nRequires=db.service\nAfter=db.service\n[Service]\nExecStart=/bin/sleep 1000\n")
	err := h.Start(context.Background(), "app.service")
	if err == nil || !strings.Contains(err.Error(), "dependency job for app.service failed") {
		t.Errorf("got %v", err)
	}
	if s := h.get("app"); s.Active != Inactive {
		t.Errorf("app: %+v", s)
	}
}

func TestReload(t *testing.T) {
	h := newHost(t)
	h.unit("a", "[Service]\nExecReload=/bin/kill -HUP $MAINPID\nExecStart=/bin/sh -c 'trap \"echo again\" HUP; echo there; while :; do sleep 0.01; done'\n")
	if err := h.Reload(context.Background(), "a.service"); err == nil {
		t.Error("a service that does not run was reloaded")
	}
	h.start("a")
	h.says("a", "there")
	if err := h.Reload(context.Background(), "a.service"); err != nil {
		t.Fatal(err)
	}
	h.says("a", "again")
}

// TestReread: a changed file counts after daemon-reload only.
func TestReread(t *testing.T) {
	h := newHost(t)
	h.unit("a", "[Service]\nType=oneshot\nExecStart=/bin/echo one\n")
	h.start("a")
	h.unit("a", "[Service]\nType=oneshot\nExecStart=/bin/echo two\n")
	h.start("a")
	if slices.Contains(h.said("a"), "two") {
		t.Error("the new file counts already")
	}
	if err := h.Reread(); err != nil {
		t.Fatal(err)
	}
	h.start("a")
	h.says("a", "two")
}

// TestCapabilities: a user gets the ambient ones, and no other of what root has.
func TestCapabilities(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	h := newHost(t)
	for name, c := range map[string]struct{ directive, want string }{
		"none": {"", "0"},
		"one":  {"AmbientCapabilities=CAP_NET_BIND_SERVICE\n", "400"},
	} {
		h.unit(name, "[Service]\nType=oneshot\nUser=nobody\n"+c.directive+"ExecStart=/bin/grep -h ^Cap /proc/self/status\n")
		h.start(name)
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
			h.says(name, fmt.Sprintf("%s:\t%016s", set, c.want))
		}
	}
}

func TestCannotExecute(t *testing.T) {
	h := newHost(t)
	for name, text := range map[string]string{ // each says what is missing
		"program": "[Service]\nType=exec\nExecStart=/no/such/program\n",
		"file":    "[Service]\nType=exec\nEnvironmentFile=/no/such/file\nExecStart=/bin/true\n",
		"user":    "[Service]\nType=exec\nUser=no-such-user\nExecStart=/bin/true\n",
		"folder":  "[Service]\nType=exec\nWorkingDirectory=/no/such/folder\nExecStart=/bin/true\n",
	} {
		h.unit(name, text)
		if err := h.Start(context.Background(), name+".service"); err == nil {
			t.Errorf("%s: it counts as started", name)
		}
		if s := h.get(name); s.Active != Failed {
			t.Errorf("%s: %+v", name, s)
		}
		h.says(name, "no")
	}
}

// TestSandbox: what a unit forbids does not work, and the rest does.
func TestSandbox(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a sandbox is made of mounts, which takes root")
	}
	h := newHost(t)
	h.put("try", "for f in \"$@\"; do (echo x >$f) 2>/dev/null && echo may $f || echo may not $f; done; ls -A /home /tmp 2>&1 | tr '\\n' ' '; grep -E 'NoNewPrivs|CapBnd' /proc/self/status\n")
	h.unit("strict", "[Service]\nType=oneshot\nProtectSystem=strict\nReadWritePaths=DIR/run -/no/such\nStateDirectory=mine\nNoNewPrivileges=yes\nCapabilityBoundingSet=\n"+
		"ExecStart=/bin/sh DIR/try DIR/x DIR/run/x DIR/state/mine/x DIR/state/x /dev/null\n")
	h.start("strict")
	for _, text := range []string{"may not DIR/x", "may DIR/run/x", "may DIR/state/mine/x", "may not DIR/state/x", "may /dev/null", "NoNewPrivs:\t1", "CapBnd:\t0000000000000000"} {
		h.says("strict", strings.ReplaceAll(text, "DIR/", h.dir+"/"))
	}
	h.unit("home", "[Service]\nType=oneshot\nProtectHome=yes\nProtectSystem=full\nExecStart=/bin/sh DIR/try /home/x /usr/x /etc/x DIR/x\n")
	h.start("home")
	for _, text := range []string{"may not /home/x", "may not /usr/x", "may not /etc/x", "may DIR/x"} {
		h.says("home", strings.ReplaceAll(text, "DIR/", h.dir+"/"))
	}
	h.unit("tmp", "[Service]\nType=oneshot\nPrivateTmp=yes\nProtectHome=read-only\nExecStart=/bin/sh -c 'echo x >/home/x || echo refused; ls -A /tmp | wc -l'\n")
	h.start("tmp")
	h.says("tmp", "refused")
	h.says("tmp", "0")
}

func TestEnable(t *testing.T) {
	h := newHost(t)
	h.unit("a", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\nAlias=b.service\n")
	h.unit("static", "[Service]\nExecStart=/bin/true\n")
	check := func(name, want string) {
		t.Helper()
		if got, err := h.FileState(name); err != nil || got != want {
			t.Errorf("%s is %q %v, want %q", name, got, err, want)
		}
	}
	check("a.service", "disabled")
	check("static.service", "static")
	for range 2 { // once more changes nothing
		if err := h.Enable("a.service"); err != nil {
			t.Fatal(err)
		}
	}
	check("a.service", "enabled")
	check("b.service", "enabled")
	if err := h.Disable("a.service"); err != nil {
		t.Fatal(err)
	}
	check("a.service", "disabled")
	if err := h.Enable("static.service"); err == nil {
		t.Error("a unit without [Install] was enabled")
	}
}
