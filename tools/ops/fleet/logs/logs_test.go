package logs

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"isuride/tools/ops/fleet/fleettest"
	"isuride/tools/ops/fleet/topology"
)

const (
	accessFile = "/var/log/nginx/access.log"
	errorFile  = "/var/log/nginx/error.log"
	slowFile   = "/var/log/mysql/slow.log"
)

func one(roles ...topology.Role) topology.Host {
	return topology.Host{Name: "s1", Login: "s1", Address: netip.MustParseAddr("192.0.2.1"), Roles: roles}
}

// newHost is one with all roles and logs.
func newHost(t *testing.T) *fleettest.Host {
	h := fleettest.NewHost(t)
	h.Program("systemctl", "")
	h.Program("journalctl", `echo "journal of $2"`)
	h.Program("nginx", fmt.Sprintf("[[ $1 != -T ]] || printf '  access_log %s ltsv buffer=64k;\\nerror_log  %s warn;\\n'", accessFile, errorFile))
	h.Program("mariadb", fmt.Sprintf(`case $* in
	*slow_query_log_file*) echo %s ;;
	*@@global.slow_query_log) echo 1 ;;
	*processlist*) echo 'KILL 7' ;;
	esac`, slowFile))
	for _, name := range []string{accessFile, errorFile, slowFile} {
		h.Write(name, "old "+filepath.Base(name)+"\n")
	}
	return h
}

func TestStart(t *testing.T) {
	host, h := newHost(t), one(topology.Front, topology.App, topology.DB)
	for _, id := range []string{"first", "second"} {
		if err := Start(t.Context(), host.Remote(), h, id); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{accessFile, errorFile, slowFile} {
			if host.Read(name) != "" {
				t.Errorf("%s has something in it after the start of the %s run", name, id)
			}
			if got := host.Read(name + ".before"); got != "old "+filepath.Base(name)+"\n" {
				t.Errorf("%s.before has %q after the start of the %s run", name, got, id)
			}
		}
		if mark := strings.Fields(host.Read("/var/log/isuride-run")); len(mark) != 2 || mark[0] != id {
			t.Errorf("the mark of the %s run is %q", id, mark)
		}
	}
	for _, call := range []string{"nginx -s reopen", "mariadb --batch --skip-column-names --execute FLUSH SLOW LOGS"} {
		if !host.Called(call) {
			t.Errorf("%q was not called: the old file is written further", call)
		}
	}
	if err := Start(t.Context(), host.Remote(), h, "a run; reboot"); err == nil {
		t.Error("any text names a run")
	}
}

// TestStartByRole has neither a database nor nginx.
func TestStartByRole(t *testing.T) {
	host := fleettest.NewHost(t)
	for _, name := range []string{"nginx", "mariadb", "mysql"} {
		host.Program(name, "exit 1")
	}
	if err := Start(t.Context(), host.Remote(), one(topology.App), "a"); err != nil {
		t.Error(err)
	}
}

func TestCollect(t *testing.T) {
	host, dir := newHost(t), filepath.Join(t.TempDir(), "run", "s1")
	host.Write("/var/log/isuride-run", "run 1700000000\n")
	if err := Collect(t.Context(), host.Remote(), one(topology.Front, topology.App, topology.DB), dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"nginx-access.log": "old access.log\n", "nginx-error.log": "old error.log\n", "slow.log": "old slow.log\n",
		"isuride-go.log": "journal of isuride-go.service\n", "nginx.log": "journal of nginx.service\n",
		"isuride-payment_mock.log": "journal of isuride-payment_mock.service\n",
	} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s has %q (%v), want %q", name, got, err, want)
		}
	}
	if !host.Called("journalctl -u isuride-go.service --since @1700000000 --no-pager") {
		t.Errorf("the journal was not asked for what is new since the mark: %s", host.Read("calls"))
	}
}

func TestCollectFails(t *testing.T) {
	host := newHost(t)
	host.Program("journalctl", "echo No such journal >&2; exit 1")
	err := Collect(t.Context(), host.Remote(), one(topology.App), filepath.Join(t.TempDir(), "s1"))
	if err == nil || err.Error() != "s1: cannot fetch the logs: No such journal" {
		t.Errorf("a journal that cannot be read gives %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Collect(t.Context(), host.Remote(), one(topology.App), file); err == nil {
		t.Error("logs were written into what is no folder")
	}
}

func TestTail(t *testing.T) {
	host := newHost(t)
	host.Program("journalctl", `printf 'one\ntwo\tthree\n'`)
	lines, err := Tail(t.Context(), host.Remote(), one(topology.Front), 7)
	want := []Line{{"s1", "nginx", "one"}, {"s1", "nginx", "two\tthree"}, {"s1", "nginx-error", "old error.log"}}
	if err != nil || !slices.Equal(lines, want) {
		t.Errorf("the end of the logs is %q (%v), want %q", lines, err, want)
	}
	if !host.Called("journalctl -u nginx.service -n 7 --no-pager -o cat") {
		t.Errorf("the journal was asked for something else: %s", host.Read("calls"))
	}
}

func TestFailure(t *testing.T) {
	for text, want := range map[string]bool{
		`time=2026-11-21T12:00:00Z level=ERROR msg="write rows" err="gone"`:      true,
		`{"time":"2026","level":"ERROR","msg":"write rows"}`:                     true,
		`time=2026-11-21T12:00:00Z level=INFO msg="the error of before is gone"`: false,
		`2026/11/21 12:00:00 [error] 7#7: *1 connect() failed`:                   true,
		`2026/11/21 12:00:00 [notice] 7#7: signal process started`:               false,
		`2026-11-21 12:00:00 0 [Warning] Aborted connection`:                     true,
		`panic: BUG: a ride without a user`:                                      true,
		`isuride-go.service: Main process exited, code=killed, status=9/KILL`:    true,
		`isuride-go.service: Main process exited, code=exited, status=1/FAILURE`: true,
		`isuride-go.service: Main process exited, code=exited, status=0`:         false,
		`isuride-go.service: Failed with result 'signal'.`:                       true,
	} {
		if got := (Line{Text: text}).Failure(); got != want {
			t.Errorf("%q is a failure: %v", text, got)
		}
	}
}

func TestLook(t *testing.T) {
	host := newHost(t)
	got, err := Look(t.Context(), host.Remote(), one(topology.Front, topology.DB))
	if err != nil || got != (State{true, true}) {
		t.Errorf("with both logs on: %+v (%v)", got, err)
	}
	host.Program("nginx", "echo 'access_log off;'")
	host.Program("mariadb", "echo 0")
	got, err = Look(t.Context(), host.Remote(), one(topology.Front, topology.DB))
	if err != nil || got != (State{}) {
		t.Errorf("with both logs off: %+v (%v)", got, err)
	}
}

func TestSlow(t *testing.T) {
	host := newHost(t)
	if err := Slow(t.Context(), host.Remote(), one(topology.DB), true); err != nil {
		t.Fatal(err)
	}
	const sql = "mariadb --batch --skip-column-names --execute "
	for _, statement := range []string{"SET GLOBAL long_query_time = 0, GLOBAL slow_query_log = 1", "KILL 7"} {
		if !host.Called(sql + statement) {
			t.Errorf("%q was not executed: %s", statement, host.Read("calls"))
		}
	}
}

// template is the real one.
const template = "../../../../nginx/nginx.conf.template"

func TestAccess(t *testing.T) {
	if _, err := os.Stat("/etc/nginx"); err != nil {
		t.Skip("without nginx there is no folder for its configuration")
	}
	lines, err := accessLines(template)
	if err != nil {
		t.Fatal(err)
	}
	const config = "/etc/nginx/nginx.conf"
	off, on := "http {\n"+lines.off+"}\n", "http {\n"+lines.on+"}\n"
	host, h := newHost(t), one(topology.Front)
	host.Write(config, off)
	for _, step := range []struct {
		on   bool
		want string
	}{{true, on}, {true, on}, {false, off}, {false, off}} {
		if err := Access(t.Context(), host.Remote(), h, template, step.on); err != nil {
			t.Fatal(err)
		}
		if got := host.Read(config); got != step.want {
			t.Errorf("switched %v, the configuration is\n%s", step.on, got)
		}
	}
	if got := strings.Count(host.Read("calls"), "systemctl reload nginx.service"); got != 2 {
		t.Errorf("two changes reloaded nginx %d times", got)
	}

	host.Write(config, off)
	host.Program("nginx", "echo 'nginx: [emerg] unknown log format' >&2; exit 1")
	if err := Access(t.Context(), host.Remote(), h, template, true); err == nil || host.Read(config) != off {
		t.Errorf("a configuration that nginx refuses (%v) is in its place", err)
	}
	host.Write(config, "http {}\n")
	if err := Access(t.Context(), host.Remote(), h, template, true); err == nil || !strings.Contains(err.Error(), "deploy first") {
		t.Errorf("a foreign configuration gives %v", err)
	}
}
