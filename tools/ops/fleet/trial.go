package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"isuride/bench/report"
	"isuride/tools/ops/fleet/doctor"
	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/logs"
	"isuride/tools/ops/fleet/release"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/runs"
	"isuride/tools/ops/fleet/topology"
)

// trial is a run of the benchmarker against the hosts.
type trial struct {
	// Set by flags, and by the command that runs it.
	from        string // login of the benchmarker's host, empty for this machine
	note        string
	seconds     int
	paymentURL  string
	paymentPort int
	sources     []string
	warm        time.Duration // of load before the profile
	profile     time.Duration // how long it takes, 0 for none
	ledger      string        // file for what the server acknowledges, empty for none

	// Set by begin.
	fleet     *fleet
	generator generator
	id        string
	runs      string   // folder of dir, with the score log
	dir       string   // with everything about the run
	rest      []string // for `bench run`
}

// newTrial defines the flags that the commands have in common.
func newTrial(flags *flag.FlagSet, seconds int) *trial {
	t := new(trial)
	flags.StringVar(&t.from, "from", "", "run the benchmarker on the host that ssh reaches with this `login`, instead of here")
	flags.StringVar(&t.note, "note", "", "`text` for the score log")
	flags.IntVar(&t.seconds, "t", seconds, "`seconds` of load")
	flags.StringVar(&t.paymentURL, "payment-url", "", "`URL` at which the app's host reaches the benchmarker's payment service (default its address there)")
	flags.IntVar(&t.paymentPort, "payment-bind-port", 12345, "`port` of the payment service")
	flags.Func("source-ip", "`address` of the benchmarker's host to connect from, may be given several times", func(s string) error {
		t.sources = append(t.sources, s)
		return nil
	})
	return t
}

// begin names the trial and chooses where the benchmarker runs.
func (t *trial) begin(f *fleet, rest []string) {
	t.fleet, t.rest = f, rest
	t.id, t.runs = runs.NewID(time.Now()), runsFolder
	t.dir = filepath.Join(t.runs, t.id)
	t.generator = localGenerator{t.runs, f.out}
	if t.from != "" {
		t.generator = remoteGenerator{f.remote, topology.Host{Name: "bench", Login: t.from}, f.out}
	}
}

// run prepares the hosts, runs the benchmarker, then does whatever else there is to do, and
// collects what there is to know. What could not be collected is an error, but the score
// is recorded all the same.
func (t *trial) run(ctx context.Context, then func(context.Context) error) error {
	bench, err := t.arguments(ctx)
	if err != nil {
		return err
	}
	if t.fleet.remote.DryRun {
		fmt.Fprintf(t.fleet.out, "%-10s %s\n", "bench", strings.Join(bench, " "))
		return errors.Join(startLogs(ctx, t.fleet, t.id), then(ctx))
	}
	if err := t.generator.prepare(ctx, t.id); err != nil {
		return err
	}
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return err
	}
	if err := startLogs(ctx, t.fleet, t.id); err != nil {
		return err
	}
	before, err := t.watchHosts(ctx)
	if err != nil {
		return err
	}
	problems := []error{t.scrape(ctx, "metrics-before.txt")}
	benchErr, profileErr := t.load(ctx, bench)
	problems = append(problems, profileErr)
	if benchErr == nil {
		problems = append(problems, then(ctx))
	}

	// After Ctrl-C there is still a report to fetch; a second one ends that, too.
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer stop()
	circumstances, err := t.collect(ctx, before)
	return errors.Join(t.conclude(circumstances, benchErr), errors.Join(append(problems, err)...))
}

// load runs the benchmarker and takes a profile meanwhile.
func (t *trial) load(ctx context.Context, args []string) (benchErr, profileErr error) {
	profiled := make(chan error, 1)
	during, end := context.WithCancel(ctx)
	go func() { profiled <- t.takeProfile(during) }()
	benchErr = t.generator.bench(ctx, args)
	end()
	return benchErr, <-profiled
}

// contestURL is the name that clients of the contest use; the certificate is for it.
const contestURL = "https://xiv.isucon.net"

// arguments are those for the benchmarker. The user's come last, and so win.
func (t *trial) arguments(ctx context.Context) ([]string, error) {
	if t.paymentURL == "" {
		own, err := t.generator.address(ctx, t.fleet.topology.App().Outside())
		if err != nil {
			return nil, err
		}
		u := url.URL{Scheme: "http", Host: net.JoinHostPort(own.String(), strconv.Itoa(t.paymentPort))}
		t.paymentURL = u.String()
	}
	folder := t.generator.folder(t.id)
	args := []string{"run", "-t", strconv.Itoa(t.seconds), "-data", t.generator.data(), "-out", filepath.Join(folder, "bench.json"), "-history", "-"}
	if t.ledger != "" {
		args = append(args, "-ledger", t.ledger)
	}
	return slices.Concat(args, t.route(), t.rest), nil
}

// route has the flags with which the benchmarker and the hosts reach each other.
func (t *trial) route() []string {
	args := []string{"-target", contestURL, "-payment-url", t.paymentURL, "-payment-bind-port", strconv.Itoa(t.paymentPort)}
	own := func(arg string) bool {
		return strings.TrimLeft(arg, "-") == "dest" || strings.HasPrefix(strings.TrimLeft(arg, "-"), "dest=")
	}
	if !slices.ContainsFunc(t.rest, own) { // destinations add up
		args = append(args, "-addr", t.fleet.topology.Door().String())
	}
	for _, s := range t.sources {
		args = append(args, "-source-ip", s)
	}
	return args
}

// save writes a file about a host.
func (t *trial) save(h topology.Host, name string, write func(io.Writer) error) error {
	dir := filepath.Join(t.dir, h.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// server is the host whose server answers: of a group, the one that leads now.
func (t *trial) server(ctx context.Context) (topology.Host, error) {
	if !t.fleet.topology.IsGroup() {
		return t.fleet.topology.App(), nil
	}
	return release.AwaitLeader(ctx, t.fleet.remote, t.fleet.topology, leaderLimit)
}

// scrape keeps the server's metrics.
func (t *trial) scrape(ctx context.Context, name string) error {
	h, err := t.server(ctx)
	if err != nil {
		return err
	}
	return t.save(h, name, func(w io.Writer) error {
		return t.fleet.remote.Stream(ctx, h, "read the server's metrics", "curl -sS --noproxy '*' --fail --max-time 10 http://"+layout.Internal+"/metrics", w)
	})
}

// takeProfile records a profile. ctx ends with the run.
func (t *trial) takeProfile(ctx context.Context) error {
	if t.profile == 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(t.warm):
	}
	h, err := t.server(ctx)
	if err != nil {
		return err
	}
	err = t.save(h, "cpu.pprof", func(w io.Writer) error {
		seconds := int(t.profile.Seconds())
		script := fmt.Sprintf("curl -sS --noproxy '*' --fail --max-time %d 'http://%s/debug/pprof/profile?seconds=%d'", seconds+30, layout.Internal, seconds)
		return t.fleet.remote.Stream(ctx, h, "take a profile of the server", script, w)
	})
	if ctx.Err() != nil {
		return nil // the run was shorter than expected
	}
	return err
}

// watchHosts reads what the processors have done so far.
func (t *trial) watchHosts(ctx context.Context) ([]runs.Counters, error) {
	counters := make([]runs.Counters, len(t.fleet.topology.Hosts))
	err := remote.OnAll(t.fleet.topology.Hosts, func(i int, h topology.Host) error {
		const step = "read the processor's counters"
		text, err := t.fleet.remote.Look(ctx, h, step, runs.LoadScript)
		if err != nil {
			return err
		}
		if counters[i], err = runs.ParseLoad(text); err != nil {
			return &remote.Error{Host: h.Name, Step: step, Err: err}
		}
		return nil
	})
	return counters, err
}

// collect fetches results, metrics, logs and the state of the hosts.
func (t *trial) collect(ctx context.Context, before []runs.Counters) (circumstances runs.Entry, err error) {
	after, err := t.watchHosts(ctx)
	problems := []error{err, t.scrape(ctx, "metrics-after.txt"), t.generator.fetch(ctx, t.id, t.dir), collectLogs(ctx, t.fleet, t.dir)}
	fmt.Fprintln(t.fleet.out)
	for i, h := range t.fleet.topology.Hosts {
		use := after[i].Since(before[i]).String()
		fmt.Fprintf(t.fleet.out, "%-10s %s\n", h.Name, use)
		problems = append(problems, t.save(h, "load.txt", func(w io.Writer) error { _, err := fmt.Fprintln(w, use); return err }))
	}
	circumstances, err = t.circumstances(ctx)
	return circumstances, errors.Join(append(problems, err)...)
}

// circumstances are those that decide how far a score can be compared with others. The
// facts about each host are kept, too.
func (t *trial) circumstances(ctx context.Context) (runs.Entry, error) {
	e := runs.Entry{ID: t.id, Note: t.note, Layout: rolesOf(t.fleet.topology)}
	states, facts := make([]logs.State, len(t.fleet.topology.Hosts)), make([]doctor.Facts, len(t.fleet.topology.Hosts))
	err := remote.OnAll(t.fleet.topology.Hosts, func(i int, h topology.Host) error {
		var errLogs, errFacts error
		states[i], errLogs = logs.Look(ctx, t.fleet.remote, h)
		facts[i], errFacts = doctor.Gather(ctx, t.fleet.remote, h)
		return errors.Join(errLogs, errFacts, t.save(h, "facts.txt", facts[i].Write))
	})
	for i, h := range t.fleet.topology.Hosts {
		e.AccessLog, e.SlowLog = e.AccessLog || states[i].Access, e.SlowLog || states[i].Slow
		if h.Has(topology.App) {
			e.Revision, e.Durability = facts[i].Revision(), facts[i].Durability()
		}
	}
	return e, err
}

// conclude records what came out, and shows it beside the runs before.
func (t *trial) conclude(circumstances runs.Entry, benchErr error) error {
	records, err := t.records()
	if err != nil { // the benchmarker has said why
		return fmt.Errorf("the benchmarker did not come to a result: %w", cmp.Or(benchErr, err))
	}
	failed := false
	for i, r := range records {
		e := circumstances
		if len(records) > 1 {
			e.ID = fmt.Sprintf("%s-%d", t.id, i+1)
		}
		e.Started, e.Outcome, e.Reason = r.Started, string(r.Outcome()), r.Reason
		e.Score, e.Errors, e.LoadSeconds, e.BenchLimits = r.Score, r.ErrorCount, r.LoadSeconds, r.BenchLimits
		failed = failed || r.Outcome() != report.Pass
		if err := runs.Append(t.runs, e); err != nil {
			return err
		}
	}
	const shown = 10
	last, err := runs.Last(t.runs, shown)
	fmt.Fprintln(t.fleet.out)
	err = errors.Join(err, runs.Write(t.fleet.out, last))
	fmt.Fprintf(t.fleet.out, "\neverything about it: %s\n", t.dir)
	if failed {
		err = errors.Join(fmt.Errorf("run %s: %s", t.id, records[len(records)-1].Verdict()), err)
	}
	return err
}

// records are the benchmarker's own, one for each of its runs.
func (t *trial) records() ([]*report.Record, error) {
	f, err := os.Open(filepath.Join(t.dir, "bench.json"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return report.Read(f)
}

// rolesOf says which host does what.
func rolesOf(t *topology.Topology) string {
	words := make([]string, len(t.Hosts))
	for i, h := range t.Hosts {
		words[i] = h.Name + "=" + strings.Trim(fmt.Sprint(h.Roles), "[]")
		words[i] = strings.ReplaceAll(words[i], " ", ",")
	}
	return strings.Join(words, " ")
}
