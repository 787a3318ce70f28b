package release_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"isuride/tools/ops/fleet/fleettest"
	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/release"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

const (
	one   = "only a@a 127.0.0.1 front,app,db\n"
	three = "f a@a 10.0.0.1 front\na a@a 10.0.0.2 app\nd a@a 10.0.0.3 db\n"
)

// site is what a test deploys to.
type site struct {
	*fleettest.Hosts
	t      *testing.T
	remote *remote.Remote
	layout *layout.Layout
	now    time.Time
	wait   time.Duration
	mock   string // the tag of the payment mock

	public, dump string // in the checkout
	founder      *topology.Host
	lasting      bool // the fault stays, so that the undo, too, waits for what never comes
}

func newSite(t *testing.T, file string) *site {
	t.Helper()
	hs := fleettest.New(t, file)
	return &site{hs, t, hs.Remote(),
		&layout.Layout{Topology: hs.Topology, Project: filepath.Join("..", "..", "..", ".."), Database: "mariadb"},
		time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), time.Minute, "mock", "", "", nil, false}
}

// program is one that runs on and whose last line is the tag; curl's stand-in looks for
// "healthy" there. It has the name of a server and does what sleep does.
func program(t *testing.T, of, tag string) []byte {
	t.Helper()
	path, err := exec.LookPath(of)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return append(text, "\n"+tag...)
}

func (s *site) programs(of, tag string) string {
	s.t.Helper()
	dir := s.t.TempDir()
	for name, tag := range map[string]string{"isuride": tag, "paymentmock": s.mock} {
		if err := os.WriteFile(filepath.Join(dir, name), program(s.t, of, tag), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	return dir
}

// deploy brings a server with the tag to the hosts, and returns the release.
func (s *site) deploy(of, tag string) (string, error) {
	return s.deployContext(s.t.Context(), of, tag)
}

func (s *site) deployContext(ctx context.Context, of, tag string) (string, error) {
	s.t.Helper()
	s.now = s.now.Add(time.Hour)
	facts := s.look()
	machine := facts[s.App().Name].Machine
	for _, h := range s.layout.With(topology.Stream) {
		s.Put(h.Name, "/metrics", "isuride_sink_rows_total 0")
	}
	sources := release.Sources{Layout: s.layout, Programs: map[string]string{machine: s.programs(of, tag)}, Public: s.public, Dump: s.dump}
	r, err := release.New(sources, facts, s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range s.Topology.Hosts {
		if err := r.Copy(ctx, s.remote, h); err != nil {
			return r.ID, err
		}
	}
	c := release.NewChange(s.remote, s.layout, s, facts, r.ID, s.wait)
	if !s.lasting {
		c.Out = undoing{s, c}
	}
	c.Founder = s.founder
	if err := c.Prepare(ctx); err != nil {
		return r.ID, err
	}
	return r.ID, c.Do(ctx)
}

// undoing is the output of a change. It gives the undo, which is to succeed, the time that a busy machine takes, however
// short the change itself was to wait for what does not come.
type undoing struct {
	io.Writer
	c *release.Change
}

func (u undoing) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("undoing the change")) {
		u.c.Wait = time.Minute
	}
	return u.Writer.Write(b)
}

func (s *site) look() map[string]release.Facts {
	s.t.Helper()
	facts, err := release.Look(s.t.Context(), s.remote, s.Topology)
	if err != nil {
		s.t.Fatal(err)
	}
	return facts
}

func (s *site) mustDeploy(tag string) string {
	s.t.Helper()
	id, err := s.deploy("sleep", tag)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.Said())
	}
	return id
}

// forget drops the calls of all hosts so far.
func (s *site) forget() {
	for _, h := range s.Topology.Hosts {
		s.Calls(h.Name)
	}
}

// changes are the calls that change what runs.
func (s *site) changes(host string) []string {
	return slices.DeleteFunc(s.Calls(host), func(call string) bool {
		verb, _, _ := strings.Cut(strings.TrimPrefix(call, "systemctl "), " ")
		return !strings.HasPrefix(call, "systemctl ") || strings.HasPrefix(verb, "is-") || verb == "show" || verb == "reset-failed"
	})
}

// current is the release that the host's link names.
func (s *site) current(host string) string {
	s.t.Helper()
	target, err := os.Readlink(s.Path(host, layout.Current))
	if err != nil {
		s.t.Fatal(err)
	}
	return filepath.Base(target)
}

// runs tells which release the server that runs is of, by its process.
func (s *site) runs() string {
	s.t.Helper()
	app := s.App().Name
	pid := strings.TrimSpace(s.Get(app, "/units/"+layout.Server+".pid"))
	if _, err := strconv.Atoi(pid); err != nil {
		return "nothing"
	}
	running, err := os.Stat("/proc/" + pid + "/exe")
	if err != nil {
		return "nothing"
	}
	for _, id := range s.look()[app].Releases {
		if file, err := os.Stat(s.Path(app, layout.Releases+"/"+id+"/isuride")); err == nil && os.SameFile(file, running) {
			return id
		}
	}
	return "another program"
}

// stillRuns fails the test unless the release runs, everywhere, and nothing of another
// one is half there.
func (s *site) stillRuns(id string) {
	s.t.Helper()
	if got := s.runs(); got != id {
		s.t.Errorf("%s runs instead of %s", got, id)
	}
	for name, f := range s.look() {
		if f.Current != id {
			s.t.Errorf("%s: current is %s instead of %s", name, f.Current, id)
		}
		for file := range strings.Lines(s.Get(name, layout.Releases+"/"+id+"/manifest")) {
			words := strings.Fields(file)
			if words[0] == "file" && s.Get(name, words[4]) != s.Get(name, layout.Releases+"/"+id+"/files"+words[4]) {
				s.t.Errorf("%s: %s is not that of %s", name, words[4], id)
			}
		}
	}
}

// fails checks that an error is one sentence with these words.
func fails(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in the error: %v", w, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than a sentence: %v", err)
	}
}

func equal(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFirstDeploy(t *testing.T) {
	t.Parallel()
	s := newSite(t, three)
	id := s.mustDeploy("healthy")
	s.stillRuns(id)
	equal(t, "database host", s.changes("d"), "systemctl daemon-reload", "systemctl enable mariadb.service", "systemctl restart mariadb.service")
	equal(t, "app host", s.changes("a"), "systemctl daemon-reload",
		"systemctl enable isuride-payment_mock.service", "systemctl restart isuride-payment_mock.service",
		"systemctl enable isuride-go.service", "systemctl restart isuride-go.service")
	equal(t, "front", s.changes("f"), "systemctl daemon-reload", "systemctl enable nginx.service", "systemctl restart nginx.service")
	said := s.Said()
	order := []string{"change over to " + id + ": db", "change over to " + id + ": app", "wait for the server", "change over to " + id + ": front", "wait for nginx"}
	for _, step := range order {
		_, rest, ok := strings.Cut(said, step)
		if !ok {
			t.Fatalf("%q does not come in its turn in\n%s", step, s.Said())
		}
		said = rest
	}
}

func TestRepeatedDeployChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, three)
	id := s.mustDeploy("healthy")
	s.forget()
	if again := s.mustDeploy("healthy"); again != id {
		t.Errorf("the same content is release %s, then %s", id, again)
	}
	for _, h := range s.Topology.Hosts {
		equal(t, h.Name, s.changes(h.Name))
	}
	if n := strings.Count(s.Said(), " copy "); n != 3 {
		t.Errorf("%d copies for three hosts", n)
	}
}

func TestOnlyWhatChangedRestarts(t *testing.T) {
	t.Parallel()
	s := newSite(t, one)
	first := s.mustDeploy("one healthy")
	s.forget()
	second := s.mustDeploy("two healthy")
	s.stillRuns(second)
	equal(t, "new server", s.changes("only"), "systemctl restart isuride-go.service")
	if f := s.look()["only"]; f.Previous != first {
		t.Errorf("previous is %q instead of %s", f.Previous, first)
	}
	s.layout.Public = layout.Webapp + "/public"
	s.mustDeploy("two healthy")
	equal(t, "new environment", s.changes("only"), "systemctl daemon-reload", "systemctl restart isuride-go.service")
	s.mock = "another"
	s.mustDeploy("two healthy")
	equal(t, "new payment mock", s.changes("only"), "systemctl restart isuride-payment_mock.service")
}

// TestFrontEndAndDump brings both where they are used, and restarts the server for them.
func TestFrontEndAndDump(t *testing.T) {
	t.Parallel()
	s := newSite(t, three)
	dir := t.TempDir()
	page := filepath.Join(dir, "public", "assets", "it's a page.js")
	if err := os.MkdirAll(filepath.Dir(page), 0o755); err != nil {
		t.Fatal(err)
	}
	s.public, s.dump = filepath.Join(dir, "public"), filepath.Join(dir, "3-initial-data.sql")
	for text := range strings.SplitSeq("one two", " ") {
		for _, file := range []string{page, s.dump} {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s.forget()
		s.mustDeploy("healthy")
		for host, want := range map[string]string{"a": text, "f": text, "d": ""} {
			if got := s.Get(host, layout.Current+"/public/assets/it's a page.js"); got != want {
				t.Errorf("%s has the page %q instead of %q", host, got, want)
			}
		}
		if got := s.Get("a", layout.Current+"/sql/3-initial-data.sql"); got != text {
			t.Errorf("the dump is %q instead of %q", got, text)
		}
		if !slices.Contains(s.changes("a"), "systemctl restart isuride-go.service") {
			t.Errorf("the server does not know of %q", text)
		}
	}
}

// TestDriftIsMended changes a file between two deploys.
func TestDriftIsMended(t *testing.T) {
	t.Parallel()
	s := newSite(t, one)
	id := s.mustDeploy("healthy")
	s.Put("only", "/etc/nginx/nginx.conf", "edited")
	s.forget()
	s.mustDeploy("healthy")
	s.stillRuns(id)
	equal(t, "edited nginx.conf", s.changes("only"), "systemctl reload nginx.service")
}

func TestBrokenServerIsUndone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		of, tag, want string
		wait          time.Duration
	}{
		"ends at once":  {"true", "two healthy", "isuride-go.service ends again and again", time.Minute},
		"never healthy": {"sleep", "two sick", "isuride-go.service is not healthy after 5 s: the database does not answer", patience},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, three)
			id := s.mustDeploy("one healthy")
			s.layout.Dump = "/somewhere/else.sql" // a file that has to come back, too
			s.wait = c.wait
			_, err := s.deploy(c.of, c.tag)
			fails(t, err, "a: cannot wait for the server: "+c.want, "the change is undone, what ran before runs again")
			s.layout.Dump = ""
			s.stillRuns(id)
			if !strings.Contains(s.Said(), "last words of isuride-go.service") {
				t.Errorf("the server's log is not in\n%s", s.Said())
			}
			s.forget()
			s.wait = time.Minute
			if again := s.mustDeploy("one healthy"); again != id {
				t.Errorf("%s instead of %s", again, id)
			}
			equal(t, "after the undo", s.changes("a"))
		})
	}
}

func TestUnitThatDoesNotComeUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, one)
	id := s.mustDeploy("one healthy")
	s.Put("only", "/units/"+layout.Server+".refuses", "")
	_, err := s.deploy("sleep", "two healthy")
	fails(t, err, "only: cannot change over to ", "isuride-go.service does not restart: last words of isuride-go.service",
		"undoing it failed, too")
	if err := os.Remove(s.Path("only", "/units/"+layout.Server+".refuses")); err != nil {
		t.Fatal(err)
	}
	s.mustDeploy("one healthy")
	s.stillRuns(id)
}

func TestFrontThatDoesNotServe(t *testing.T) {
	t.Parallel()
	s := newSite(t, three)
	id := s.mustDeploy("one healthy")
	s.Put("f", "/front-is-deaf", "")
	s.wait, s.lasting = patienceAfter, true
	_, err := s.deploy("sleep", "two healthy")
	fails(t, err, "f: cannot wait for nginx: no answer of the server comes through after 10 s: curl: (7) connection refused")
	s.stillRuns(id)
}

func TestConfigurationThatNginxRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, three)
	id := s.mustDeploy("one healthy")
	s.Put("f", "/nginx-refuses", "")
	s.forget()
	_, err := s.deploy("sleep", "two healthy")
	fails(t, err, "f: cannot check nginx's configuration: nginx refuses its new configuration: nginx: [emerg] unknown directive")
	s.stillRuns(id)
	for _, h := range s.Topology.Hosts {
		equal(t, h.Name, s.changes(h.Name))
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := newSite(t, three)
	id := s.mustDeploy("one healthy")
	s.Put("a", "/free", "1000000\n")
	_, err := s.deploy("sleep", "two healthy")
	fails(t, err, "a: cannot begin release ", "0 MiB are free in /home/isucon/webapp/releases, and 64 MiB are needed; make room there")
	s.stillRuns(id)
	if left, _ := filepath.Glob(s.Path("a", layout.Releases+"/.*.new")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// TestInterruptedCopy loses the connection while the programs are under way, and the disk
// is full in spite of what it seemed.
func TestInterruptedCopy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ shell, want string }{
		"connection": {`head -c 5000 >/dev/null; echo "client_loop: send disconnect: Broken pipe" >&2; exit 255`,
			"ssh does not get there: client_loop: send disconnect: Broken pipe"},
		"no space": {`cat >/dev/null; printf '%s\n' 'tar: isuride: Cannot write: No space left on device' 'tar: Exiting with failure status due to previous errors' >&2; exit 2`,
			"tar: isuride: Cannot write: No space left on device"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, one)
			id := s.mustDeploy("one healthy")
			real := s.remote.Command
			s.remote.Command = func(ctx context.Context, h topology.Host, shell string) *exec.Cmd {
				if strings.Contains(shell, "tar -xz") {
					shell = c.shell
				}
				return real(ctx, h, shell)
			}
			next, err := s.deploy("sleep", "two healthy")
			fails(t, err, "only: cannot copy ", c.want)
			s.stillRuns(id)
			if slices.Contains(s.look()["only"].Releases, next) {
				t.Errorf("%s counts as complete", next)
			}
			s.remote.Command = real
			s.stillRuns(s.mustDeploy("two healthy"))
		})
	}
}

// TestDamagedCopy changes what has arrived before it is complete.
func TestDamagedCopy(t *testing.T) {
	t.Parallel()
	s := newSite(t, one)
	real := s.remote.Command
	s.remote.Command = func(ctx context.Context, h topology.Host, shell string) *exec.Cmd {
		shell = strings.ReplaceAll(shell, "tar -xz", `bash -c "cat >/dev/null"`)
		return real(ctx, h, shell)
	}
	_, err := s.deploy("sleep", "healthy")
	fails(t, err, "only: cannot complete release ", "what has arrived is not what was sent")
}

func TestHostThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t, three)
	id := s.mustDeploy("one healthy")
	for said, want := range map[string]string{
		"ssh: connect to host 10.0.0.3 port 22: Connection timed out": "d: cannot look around: ssh does not get there: ssh: connect to host 10.0.0.3",
		"isucon@10.0.0.3: Permission denied (publickey).":             "the host takes none of your keys",
		"Host key verification failed.":                               "log in once by hand",
	} {
		s.Lose("d", said)
		_, err := release.Look(t.Context(), s.remote, s.Topology)
		fails(t, err, want)
	}
	s.Lose("d", "")
	s.stillRuns(id)
}

// TestHostLostInTheMiddle loses the front after the server has changed.
func TestHostLostInTheMiddle(t *testing.T) {
	t.Parallel()
	s := newSite(t, three)
	id := s.mustDeploy("one healthy")
	real := s.remote.Command
	s.remote.Command = func(ctx context.Context, h topology.Host, shell string) *exec.Cmd {
		if h.Name == "f" && s.current("a") != id {
			s.Lose("f", "Connection closed by remote host")
		}
		return real(ctx, h, shell)
	}
	s.wait = 10 * time.Second
	_, err := s.deploy("sleep", "two healthy")
	fails(t, err, "f: cannot change over to ", "Connection closed by remote host", "undoing it failed, too")
	s.remote.Command = real
	if s.current("a") != id || s.current("d") != id {
		t.Errorf("the hosts that are there have %s and %s", s.current("a"), s.current("d"))
	}
	s.Lose("f", "")
	s.stillRuns(s.mustDeploy("one healthy"))
}

// TestInterrupt ends the deploy, as Ctrl-C does, while it waits for the server.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	s := newSite(t, one)
	id := s.mustDeploy("one healthy")
	ctx, cancel := context.WithCancelCause(t.Context())
	real := s.remote.Command
	s.remote.Command = func(c context.Context, h topology.Host, shell string) *exec.Cmd {
		if s.current("only") != id {
			cancel(errors.New("interrupted"))
		}
		return real(c, h, shell)
	}
	_, err := s.deployContext(ctx, "sleep", "two healthy")
	fails(t, err, "interrupted", "the change is undone")
	s.remote.Command = real
	s.stillRuns(id)
}

// TestKilledBeforeRestart is a deploy that was killed between a file's change and the
// restart that makes it count.
func TestKilledBeforeRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, one)
	s.mustDeploy("healthy")
	s.Put("only", layout.Webapp+"/.pending/restart.nginx.service", "")
	s.forget()
	s.mustDeploy("healthy")
	equal(t, "pending restart", s.changes("only"), "systemctl restart nginx.service")
	s.mustDeploy("healthy")
	equal(t, "nothing pending", s.changes("only"))
}

// TestKilledBeforeConfirmed is a deploy that was killed while it waited for a server that
// is not healthy: neither a rollback nor the undo of the next deploy goes back to that.
func TestKilledBeforeConfirmed(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(*site) error{
		"rollback": func(s *site) error {
			target, err := release.Target(s.Topology, s.look(), "")
			if err != nil {
				return err
			}
			return release.NewChange(s.remote, s.layout, s, s.look(), target, time.Minute).Do(s.t.Context())
		},
		"undo": func(s *site) error {
			_, err := s.deploy("sleep", "four sick")
			if err == nil || !strings.Contains(err.Error(), "what ran before runs again") {
				return fmt.Errorf("the broken one: %w", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, one)
			s.mustDeploy("one healthy")
			id := s.mustDeploy("two healthy")
			s.wait = patience
			real := s.remote.Command
			s.remote.Command = func(ctx context.Context, h topology.Host, shell string) *exec.Cmd {
				if s.current("only") != id {
					return exec.CommandContext(ctx, "false") // a program that was killed does nothing more
				}
				return real(ctx, h, shell)
			}
			if _, err := s.deploy("sleep", "three sick"); err == nil {
				t.Fatal("it was not killed")
			}
			s.remote.Command = real
			if err := next(s); err != nil {
				t.Fatal(err)
			}
			s.stillRuns(id)
			if f := s.look()["only"]; f.Replaced != "" {
				t.Errorf("%s is still to go back to", f.Replaced)
			}
		})
	}
}

// TestHostsUndoByThemselves kills a deploy that waits for a server that is not healthy.
func TestHostsUndoByThemselves(t *testing.T) {
	t.Parallel()
	frontHas := func(s *site) bool { return strings.Contains(s.Get("f", "/etc/nginx/nginx.conf"), "/somewhere/public") }
	begun := func(s *site) bool { _, err := os.Lstat(s.Path("f", layout.Webapp+"/.replaced")); return err == nil }
	for name, c := range map[string]struct {
		first bool
		dead  func(*site) bool
	}{
		"later deploy": {false, frontHas},
		"first deploy": {true, frontHas},
		"at the start": {false, begun},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, three)
			s.Put("f", "/etc/nginx/nginx.conf", "the contest's")
			id := ""
			if !c.first {
				id = s.mustDeploy("one healthy")
			}
			s.layout.Public = "/somewhere/public" // so that the front changes, too
			_, free, err := release.Lock(t.Context(), s.remote, s.Topology.Hosts, "alice@laptop")
			if err != nil {
				t.Fatal(err)
			}
			real := s.remote.Command
			s.remote.Command = func(ctx context.Context, h topology.Host, shell string) *exec.Cmd {
				if c.dead(s) {
					return exec.CommandContext(ctx, "false") // a program that was killed does nothing more
				}
				return real(ctx, h, shell)
			}
			if _, err := s.deploy("sleep", "two healthy"); err == nil {
				t.Fatal("it was not killed")
			}
			s.remote.Command = real
			next := make(chan error, 1)
			go func() { // does not wait for the hosts
				_, free, err := release.Lock(t.Context(), s.remote, s.Topology.Hosts, "bob@desk")
				if err == nil {
					free()
				}
				next <- err
			}()
			free() // the hosts see the connection end
			if err := <-next; err != nil {
				t.Errorf("the next deploy: %v", err)
			}
			if c.first {
				if s.runs() != "nothing" || s.Get("f", "/etc/nginx/nginx.conf") != "the contest's" || s.current("a") != release.Original {
					t.Errorf("%s runs, current is %s", s.runs(), s.current("a"))
				}
			} else {
				s.stillRuns(id)
			}
			for name, f := range s.look() {
				if f.Replaced != "" {
					t.Errorf("%s: the undo is not complete: %s", name, s.Get(name, layout.Webapp+"/.undo.log"))
				}
			}
		})
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	s := newSite(t, three)
	if _, err := release.Target(s.Topology, s.look(), ""); err == nil {
		t.Error("rollback without a release")
	}
	first := s.mustDeploy("one healthy")
	if _, err := release.Target(s.Topology, s.look(), ""); err == nil {
		t.Error("rollback to what was there before the first deploy, without asking for it")
	}
	s.layout.Public = layout.Webapp + "/public"
	second := s.mustDeploy("two healthy")
	for _, want := range []string{first, second, first} {
		target, err := release.Target(s.Topology, s.look(), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := release.NewChange(s.remote, s.layout, s, s.look(), target, s.wait).Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.stillRuns(want)
	}
	_, err := release.Target(s.Topology, s.look(), "20000101-000000-00000000")
	fails(t, err, "f: has no release 20000101-000000-00000000; it has "+first+", "+second+", original")
}

// TestOriginal puts back what the hosts had before the first deploy.
func TestOriginal(t *testing.T) {
	t.Parallel()
	s := newSite(t, one)
	s.Put("only", "/etc/nginx/nginx.conf", "the contest's")
	s.Put("only", "/etc/systemd/system/isuride-go.service", "the contest's, too")
	s.Put("only", "/units/nginx.service.active", "")
	s.mustDeploy("one healthy")
	s.mustDeploy("two healthy")
	s.forget()
	if err := release.NewChange(s.remote, s.layout, s, s.look(), release.Original, s.wait).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/etc/nginx/nginx.conf":                                   "the contest's",
		"/etc/systemd/system/isuride-go.service":                  "the contest's, too",
		"/etc/systemd/system/isuride-payment_mock.service":        "",
		"/etc/systemd/system/nginx.service.d/isuride.conf":        "",
		"/etc/mysql/mariadb.conf.d/zz-isuride.cnf":                "",
		"/units/isuride-payment_mock.service.active":              "",
		"/etc/systemd/system/mariadb.service.d/isuride.conf":      "",
		"/etc/security/limits.d/90-isuride.conf":                  "",
		"/home/isucon/webapp/.pending/restart.isuride-go.service": "",
	} {
		if got := s.Get("only", path); got != want {
			t.Errorf("%s has %q instead of %q", path, got, want)
		}
	}
	if !slices.Contains(s.changes("only"), "systemctl restart nginx.service") {
		t.Error("nginx was not restarted")
	}
}

// TestMovedRole takes the front from a host and gives it to another.
func TestMovedRole(t *testing.T) {
	t.Parallel()
	s := newSite(t, "a a@a 10.0.0.1 front,app,db\nb a@a 10.0.0.2 front\n")
	s.mustDeploy("healthy")
	s.forget()
	moved, err := topology.Read(strings.NewReader("a a@a 10.0.0.1 app,db\nb a@a 10.0.0.2 front\n"))
	if err != nil {
		t.Fatal(err)
	}
	s.layout.Topology = moved
	s.mustDeploy("healthy")
	if calls := s.changes("a"); !slices.Contains(calls, "systemctl disable --now nginx.service") {
		t.Errorf("nginx goes on, by %q", calls)
	}
	for _, path := range []string{"/etc/nginx/nginx.conf", "/etc/systemd/system/nginx.service.d/isuride.conf"} {
		if s.Get("a", path) != "" {
			t.Errorf("%s is still there", path)
		}
	}
	if unit := s.Get("a", "/etc/systemd/system/isuride-go.service"); !strings.Contains(unit, "ISURIDE_LISTEN=10.0.0.1:8080\n") {
		t.Errorf("the server does not listen for the other host:\n%s", unit)
	}
}

// TestStream brings the sink to its host, restarts it when the program changes, whichever phase
// moves the link, and takes it away with the role.
func TestStream(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, host, without string }{
		{"a a@a 10.0.0.1 front,app,db\nk a@a 10.0.0.2 stream\n", "k", "a a@a 10.0.0.1 front,app,db,stream\nk a@a 10.0.0.2 front\n"},
		{"a a@a 10.0.0.1 front,app,db,stream\n", "a", ""},
	} {
		s := newSite(t, c.file)
		sinks := func() []string {
			return slices.DeleteFunc(s.changes(c.host), func(call string) bool { return !strings.Contains(call, layout.Sink) })
		}
		id := s.mustDeploy("healthy")
		s.stillRuns(id)
		equal(t, "the first deploy", sinks(), "systemctl enable "+layout.Sink, "systemctl restart "+layout.Sink)
		s.mustDeploy("also healthy")
		equal(t, "another program", sinks(), "systemctl restart "+layout.Sink)
		if c.without == "" {
			continue
		}
		states, err := release.Status(t.Context(), s.remote, s.layout, s.layout.With(topology.Stream)[0], s.look()[c.host])
		if err != nil || !slices.ContainsFunc(states, func(st release.ServiceState) bool { return st.Unit == layout.Sink && st.State == "active" }) {
			t.Errorf("status: %+v, %v", states, err)
		}
		s.forget()
		moved, err := topology.Read(strings.NewReader(c.without))
		if err != nil {
			t.Fatal(err)
		}
		s.layout.Topology = moved
		s.mustDeploy("also healthy")
		equal(t, "without the role", sinks(), "systemctl disable --now "+layout.Sink)
		if s.Get(c.host, "/etc/systemd/system/"+layout.Sink) != "" {
			t.Error("the unit is still there")
		}
	}
}

// TestSinkDoesNotRun undoes a deploy whose sink ends at once.
func TestSinkDoesNotRun(t *testing.T) {
	t.Parallel()
	s := newSite(t, "a a@a 10.0.0.1 front,app,db\nk a@a 10.0.0.2 stream\n")
	id := s.mustDeploy("healthy")
	s.Put("k", "/units/"+layout.Sink+".refuses", "")
	_, err := s.deploy("sleep", "also healthy")
	fails(t, err, layout.Sink, "does not restart")
	if got := s.runs(); got != id {
		t.Errorf("%s runs instead of %s", got, id)
	}
}

func TestOldReleasesGo(t *testing.T) {
	t.Parallel()
	s := newSite(t, one)
	var ids []string
	for _, tag := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		ids = append(ids, s.mustDeploy(tag+" healthy"))
	}
	equal(t, "releases", s.look()["only"].Releases, append(ids[2:], release.Original)...)
}

// TestDryRun changes nothing, and says what it would do.
func TestDryRun(t *testing.T) {
	t.Parallel()
	s := newSite(t, three)
	s.remote.DryRun = true
	if _, err := s.deploy("sleep", "healthy"); err != nil {
		t.Fatal(err)
	}
	for _, h := range s.Topology.Hosts {
		if entries, err := os.ReadDir(s.Path(h.Name, "/home")); err == nil {
			t.Errorf("%s has %v", h.Name, entries)
		}
		equal(t, h.Name, s.changes(h.Name))
	}
	for _, step := range []string{"a          new: isuride\n", "f          new: files/etc/nginx/nginx.conf\n", ": db", ": app", ": front", "wait for nginx"} {
		if !strings.Contains(s.Said(), step) {
			t.Errorf("%q is not in\n%s", step, s.Said())
		}
	}
}

func TestOneDeployAtATime(t *testing.T) {
	t.Parallel()
	s := newSite(t, one)
	held, free, err := release.Lock(t.Context(), s.remote, s.Topology.Hosts, "alice@laptop")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = release.Lock(t.Context(), s.remote, s.Topology.Hosts, "bob@desk")
	fails(t, err, "only: cannot take the lock: alice@laptop since 2", "is at it, and gives way at the latest 60 s after its connection is lost")
	if err := held.Err(); err != nil {
		t.Errorf("the lock was lost: %v", err)
	}
	free()
	_, free, err = release.Lock(t.Context(), s.remote, s.Topology.Hosts, "bob@desk")
	if err != nil {
		t.Fatalf("after the first was given back: %v", err)
	}
	free()
}

// TestLostLock ends the process that holds the lock.
func TestLostLock(t *testing.T) {
	t.Parallel()
	s := newSite(t, one)
	var holder *exec.Cmd
	real := s.remote.Command
	s.remote.Command = func(ctx context.Context, h topology.Host, shell string) *exec.Cmd {
		holder = real(ctx, h, shell)
		return holder
	}
	held, free, err := release.Lock(t.Context(), s.remote, s.Topology.Hosts, "alice@laptop")
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-held.Done()
	if cause := context.Cause(held); !strings.Contains(cause.Error(), "keeps others from deploying was lost") {
		t.Errorf("the cause is %v", cause)
	}
	free()
}

func TestStatus(t *testing.T) {
	t.Parallel()
	s := newSite(t, three)
	id := s.mustDeploy("healthy")
	app := s.App()
	states, err := release.Status(t.Context(), s.remote, s.layout, app, s.look()[app.Name])
	if err != nil {
		t.Fatal(err)
	}
	if len(states) != 2 || states[1].Unit != layout.Server || states[1].State != "active" || states[1].Release != id || states[1].PID == 0 ||
		states[1].Memory == 0 || states[1].Since.IsZero() {
		t.Errorf("got %+v", states)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, three)
	s.mustDeploy("healthy")
	s.forget()
	all := func(topology.Host, layout.Service) bool { return true }
	if err := release.Restart(t.Context(), s.remote, s.layout, all, time.Minute); err != nil {
		t.Fatal(err)
	}
	equal(t, "d", s.changes("d"), "systemctl restart mariadb.service")
	equal(t, "a", s.changes("a"), "systemctl restart isuride-payment_mock.service", "systemctl restart isuride-go.service")
	equal(t, "f", s.changes("f"), "systemctl restart nginx.service")
}
