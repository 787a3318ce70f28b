package main

import (
	"context"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"isuride/bench/live"
	"isuride/bench/report"
	"isuride/tools/ops/fleet/fleettest"
	"isuride/tools/ops/fleet/revive"
	"isuride/tools/ops/fleet/runs"
	"isuride/tools/ops/fleet/topology"
)

// oneHost has all roles.
func oneHost() *topology.Topology {
	return &topology.Topology{Hosts: []topology.Host{{Name: "s1", Login: "s1", Address: netip.MustParseAddr("192.0.2.1"),
		Roles: []topology.Role{topology.Front, topology.App, topology.DB}}}}
}

// newFleet is one host that serves.
func newFleet(h *fleettest.Host, out *strings.Builder) *fleet {
	return &fleet{oneHost(), h.Remote(), out}
}

// call runs a command as main does.
func call(ctx context.Context, name string, f *fleet, args []string) error {
	all := commands()
	act, err := all[slices.IndexFunc(all, func(c command) bool { return c.name == name })].parse(args, f.out)
	if err != nil {
		return err
	}
	return act(ctx, f)
}

// fakeBench is a generator that has a result ready.
type fakeBench struct {
	localGenerator
	result *live.Result
	repeat int // how often the result comes, besides the first time
	err    error
	calls  [][]string
}

func (g *fakeBench) prepare(context.Context, string) error { return nil }

func (g *fakeBench) bench(_ context.Context, args []string) error {
	g.calls = append(g.calls, args)
	if i := slices.Index(args, "-out"); i >= 0 && g.result != nil {
		f, err := os.Create(args[i+1])
		if err != nil {
			return err
		}
		defer f.Close()
		for range g.repeat {
			if err := report.New(g.result, nil).Write(f); err != nil {
				return err
			}
		}
		return errors.Join(report.New(g.result, nil).Write(f), g.err)
	}
	return g.err
}

func newTestTrial(t *testing.T, h *fleettest.Host, g *fakeBench, out *strings.Builder) *trial {
	folder := t.TempDir()
	g.localGenerator = localGenerator{folder, out}
	return &trial{fleet: newFleet(h, out), generator: g, id: "run-1", dir: filepath.Join(folder, "run-1"), runs: folder,
		seconds: 60, paymentURL: "http://198.51.100.9:12345", paymentPort: 12345, note: "a note"}
}

func nothing(context.Context) error { return nil }

func passed() *live.Result {
	return &live.Result{Passed: true, Reason: "pass", Score: 1234, Ticks: 2000, LoadSeconds: 60, ErrorCount: 3}
}

func TestRun(t *testing.T) {
	var out strings.Builder
	g := &fakeBench{result: passed()}
	tr := newTestTrial(t, fleettest.Serving(t), g, &out)
	tr.profile = time.Second
	if err := tr.run(t.Context(), nothing); err != nil {
		t.Fatal(err)
	}
	list, err := runs.Last(tr.runs, 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("the score log has %+v (%v)", list, err)
	}
	e := list[0]
	if e.ID != "run-1" || e.Score != 1234 || e.Outcome != "PASS" || e.Errors != 3 || e.Revision != "0123abc" || e.Durability != "crash" ||
		e.AccessLog || !e.SlowLog || e.Layout != "s1=front,app,db" || e.Note != "a note" {
		t.Errorf("the score log has %+v", e)
	}
	for _, name := range []string{"metrics-before.txt", "metrics-after.txt", "facts.txt", "load.txt", "isuride-go.log"} {
		if info, err := os.Stat(filepath.Join(tr.dir, "s1", name)); err != nil || info.Size() == 0 {
			t.Errorf("%s was not collected: %v", name, err)
		}
	}
	for _, part := range []string{"1234", "a note", tr.dir, "cores busy"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is not in what was said:\n%s", part, &out)
		}
	}
}

func TestTakeProfile(t *testing.T) {
	var out strings.Builder
	tr := newTestTrial(t, fleettest.Serving(t), &fakeBench{}, &out)
	tr.profile = 20 * time.Second
	if err := tr.takeProfile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(tr.dir, "s1", "cpu.pprof")); err != nil || string(b) != "a profile\n" {
		t.Errorf("the profile is %q (%v)", b, err)
	}
}

func TestFailedRunIsRecorded(t *testing.T) {
	var out strings.Builder
	result := passed()
	result.Passed, result.Reason = false, "too many errors"
	tr := newTestTrial(t, fleettest.Serving(t), &fakeBench{result: result}, &out)
	if err := tr.run(t.Context(), nothing); err == nil || !strings.Contains(err.Error(), "run run-1: FAIL with score 1,234: too many errors") {
		t.Errorf("a failed run gives %v", err)
	}
	if list, _ := runs.Last(tr.runs, 10); len(list) != 1 || list[0].Outcome != "FAIL" {
		t.Errorf("the score log has %+v", list)
	}
}

func TestRunWithoutResult(t *testing.T) {
	var out strings.Builder
	tr := newTestTrial(t, fleettest.Serving(t), &fakeBench{err: errors.New("exit status 2")}, &out)
	if err := tr.run(t.Context(), func(context.Context) error { return errors.New("came to what follows a load") }); err == nil ||
		err.Error() != "the benchmarker did not come to a result: exit status 2" {
		t.Errorf("a run without a result gives %v", err)
	}
	if list, _ := runs.Last(tr.runs, 10); len(list) != 0 {
		t.Errorf("the score log has %+v", list)
	}
}

// TestSeveralRuns has those of -n.
func TestSeveralRuns(t *testing.T) {
	var out strings.Builder
	tr := newTestTrial(t, fleettest.Serving(t), &fakeBench{result: passed(), repeat: 1}, &out)
	if err := tr.run(t.Context(), nothing); err != nil {
		t.Fatal(err)
	}
	if list, _ := runs.Last(tr.runs, 10); len(list) != 2 || list[0].ID != "run-1-1" || list[1].ID != "run-1-2" {
		t.Errorf("the score log has %+v", list)
	}
}

// TestScoreSurvivesProblems loses the logs, not the score.
func TestScoreSurvivesProblems(t *testing.T) {
	var out strings.Builder
	h := fleettest.Serving(t)
	h.Program("journalctl", "echo no journal >&2; exit 1")
	tr := newTestTrial(t, h, &fakeBench{result: passed()}, &out)
	if err := tr.run(t.Context(), nothing); err == nil || err.Error() != "s1: cannot fetch the logs: no journal" {
		t.Errorf("without logs: %v", err)
	}
	if list, _ := runs.Last(tr.runs, 10); len(list) != 1 {
		t.Errorf("the score log has %+v", list)
	}
}

// TestHostFails must not come to the load.
func TestHostFails(t *testing.T) {
	var out strings.Builder
	h := fleettest.Serving(t)
	h.Program("mariadb", "echo 'ERROR 2002: no socket' >&2; exit 1")
	g := &fakeBench{result: passed()}
	tr := newTestTrial(t, h, g, &out)
	if err := tr.run(t.Context(), nothing); err == nil || !strings.Contains(err.Error(), "s1: cannot empty the logs for run run-1: ERROR 2002: no socket") {
		t.Errorf("without a database: %v", err)
	}
	if len(g.calls) != 0 {
		t.Errorf("the benchmarker ran with %q", g.calls)
	}
}

func TestArguments(t *testing.T) {
	var out strings.Builder
	tr := newTestTrial(t, fleettest.NewHost(t), &fakeBench{}, &out)
	tr.sources, tr.rest = []string{"198.51.100.8", "198.51.100.9"}, []string{"-seed", "7"}
	args, err := tr.arguments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := "run -t 60 -data sql/expected-answers.json -out " + tr.dir + "/bench.json -history - " +
		"-target https://xiv.isucon.net -payment-url http://198.51.100.9:12345 -payment-bind-port 12345 -addr 192.0.2.1:443 " +
		"-source-ip 198.51.100.8 -source-ip 198.51.100.9 -seed 7"
	if got := strings.Join(args, " "); got != want {
		t.Errorf("the arguments are\n%s, want\n%s", got, want)
	}
	for _, own := range [][]string{{"-dest", "192.0.2.7:443"}, {"--dest=192.0.2.7:443"}} {
		tr.rest = own
		if args, err := tr.arguments(t.Context()); err != nil || slices.Contains(args, "-addr") {
			t.Errorf("beside %q there is another destination: %q (%v)", own, args, err)
		}
	}
}

func TestOwnAddress(t *testing.T) {
	a, err := localGenerator{}.address(t.Context(), netip.MustParseAddr("127.0.0.1"))
	if err != nil || !a.IsLoopback() {
		t.Errorf("towards this machine its address is %s (%v)", a, err)
	}
	h := fleettest.NewHost(t)
	h.Program("ip", "echo '192.0.2.1 via 198.51.100.1 dev eth0 src 198.51.100.9 uid 1000 \\    cache '")
	far := remoteGenerator{h.Remote(), topology.Host{Name: "bench"}, nil}
	if a, err := far.address(t.Context(), netip.MustParseAddr("192.0.2.1")); err != nil || a.String() != "198.51.100.9" {
		t.Errorf("a host's own address is %s (%v)", a, err)
	}
	h.Program("ip", "echo unreachable")
	if _, err := far.address(t.Context(), netip.MustParseAddr("192.0.2.1")); err == nil || !strings.Contains(err.Error(), "give -payment-url") {
		t.Errorf("without a route: %v", err)
	}
}

func TestFlags(t *testing.T) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	tr := newTrial(flags, 60)
	if err := flags.Parse(strings.Fields("-t 20 -note n -from u@bench -source-ip a -source-ip b -- -seed 7 -n 2")); err != nil {
		t.Fatal(err)
	}
	tr.begin(newFleet(fleettest.NewHost(t), new(strings.Builder)), flags.Args())
	if _, ok := tr.generator.(remoteGenerator); !ok || tr.seconds != 20 || tr.note != "n" || !slices.Equal(tr.sources, []string{"a", "b"}) ||
		!slices.Equal(tr.rest, []string{"-seed", "7", "-n", "2"}) {
		t.Errorf("the flags give %+v", tr)
	}
	if err := call(t.Context(), "bench", tr.fleet, []string{"-speed"}); err == nil || !strings.Contains(err.Error(), "-speed") {
		t.Errorf("an unknown flag: %v", err)
	}
}

func TestDryRun(t *testing.T) {
	var out strings.Builder
	h := fleettest.Serving(t)
	g := &fakeBench{result: passed()}
	tr := newTestTrial(t, h, g, &out)
	tr.fleet.remote.DryRun = true
	if err := tr.survive(t.Context(), revive.Reboot(), 0); err != nil {
		t.Fatal(err)
	}
	if len(g.calls) != 0 || h.Read("/var/log/isuride-run") != "" || strings.Contains(h.Read("calls"), "reboot") {
		t.Errorf("a dry run did something: %q, %s", g.calls, h.Read("calls"))
	}
	if !strings.Contains(out.String(), "-payment-url http://198.51.100.9:12345") {
		t.Errorf("a dry run does not say what it would do:\n%s", &out)
	}
}

func TestSurvive(t *testing.T) {
	var out strings.Builder
	h := fleettest.Serving(t)
	h.Program("cat", `if [[ $1 == */boot_id ]]; then echo "$RANDOM$RANDOM$RANDOM"; else exec /bin/cat "$@"; fi`) // each look finds another boot
	h.Program("setsid", "")
	g := &fakeBench{result: passed()}
	tr := newTestTrial(t, h, g, &out)
	if err := tr.survive(t.Context(), revive.Reboot(), 0); err != nil {
		t.Fatal(err)
	}
	if len(g.calls) != 2 {
		t.Fatalf("the benchmarker was called with %q", g.calls)
	}
	ledger := filepath.Join(tr.dir, "ledger.json")
	load, check := strings.Join(g.calls[0], " "), strings.Join(g.calls[1], " ")
	if !strings.Contains(load, "-ledger "+ledger) || !strings.Contains(check, "-post-check "+ledger) || strings.Contains(check, "-ledger") || strings.Contains(check, " -t ") {
		t.Errorf("the benchmarker was called with\n%s and\n%s", load, check)
	}
	if !strings.HasSuffix(out.String(), "nothing that was acknowledged is gone\n") {
		t.Errorf("the verdict is not the last thing said:\n%s", &out)
	}
}

func TestSomethingIsGone(t *testing.T) {
	var out strings.Builder
	h := fleettest.Serving(t)
	h.Program("cat", `if [[ $1 == */boot_id ]]; then echo "$RANDOM$RANDOM$RANDOM"; else exec /bin/cat "$@"; fi`)
	h.Program("setsid", "")
	g := &fakeBench{result: passed()}
	tr := newTestTrial(t, h, g, &out)
	g.err = nil
	tr.generator = forgetful{g}
	err := tr.survive(t.Context(), revive.Reboot(), 0)
	if err == nil || !strings.Contains(err.Error(), "something acknowledged is gone") || strings.Contains(out.String(), "passed") {
		t.Errorf("when something is gone: %v\n%s", err, &out)
	}
}

// forgetful finds differences after the reboot.
type forgetful struct{ *fakeBench }

func (g forgetful) bench(ctx context.Context, args []string) error {
	if slices.Contains(args, "-post-check") {
		return errors.New("exit status 1")
	}
	return g.fakeBench.bench(ctx, args)
}

// TestUnfit does not interrupt a host that would not come back.
func TestUnfit(t *testing.T) {
	var out strings.Builder
	h := fleettest.Serving(t)
	h.Program("systemctl", `case $1-$2 in
	is-enabled-nginx.service) echo disabled ;;
	is-enabled-*) echo enabled ;;
	is-active-*) echo active ;;
	*) echo 1 ;;
	esac`)
	g := &fakeBench{result: passed()}
	err := newTestTrial(t, h, g, &out).survive(t.Context(), revive.Reboot(), 0)
	if err == nil || !strings.Contains(err.Error(), "s1: cannot be put to the test: nginx.service would not come back") || len(g.calls) != 0 {
		t.Errorf("a service that is not enabled: %v", err)
	}
}
