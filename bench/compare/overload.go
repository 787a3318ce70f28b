package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"isuride/bench/live"
	"isuride/bench/report"
	"isuride/bench/world"
)

// Addresses of the experiment.
const (
	overloadAddress  = "127.0.0.1:19700"
	overloadInternal = "127.0.0.1:19701"
	overloadPayment  = "19702"
)

// Bars of the experiment.
const (
	leastOffered   = 3.0                   // times what is served
	leastGoodput   = 0.95                  // of the best without shedding
	mostDelay      = 2.0                   // of class A, p99, times that at saturation
	mostRefusal    = 10 * time.Millisecond // p99, in the server
	mostRecovery   = 2 * time.Second
	leastUsed      = 0.9 // of the processor, or the figures say nothing about the server
	mostMemoryRise = 1.1 // from the first third of the load to the last
)

// overload is the experiment: what a server that is held to a part of a processor completes
// when it is asked for as much as it can, and for much more.
type overload struct {
	trial
	share  float64 // of a processor
	factor float64 // of what it can do, that is asked for
	short  float64 // seconds of the runs that find what it can do
	mode   string  // ISURIDE_SHED of the last run
	group  *cgroup
	// What runs: by default the program that build has made, with no settings of its own.
	program  string
	settings []string
	readers  readers // of the feed
	chairs   int     // 0 leaves them to the rate
}

func runOverload(ctx context.Context, args []string, out io.Writer) (passed bool, err error) {
	o := &overload{trial: trial{runs: 1}}
	f := flags("overload", out)
	f.Float64Var(&o.share, "cpu", 0.3, "`part` of a processor that the server has")
	f.Float64Var(&o.factor, "times", 3.5, "ask for this `many` times what it can do")
	f.Float64Var(&o.short, "short", 20, "`seconds` of each run that finds what it can do")
	f.StringVar(&o.mode, "shed", "strict", "ISURIDE_SHED in the run that asks for too much: strict, default, off")
	if err := o.parse(f, args, "experiments", ".run/overload"); err != nil {
		return false, err
	}
	if o.share <= 0 || o.factor <= 0 || o.short < 5 {
		return false, errors.New("want a -cpu and -times above 0, and a -short of 5 s or more")
	}
	if err := o.build(ctx, "./webapp/cmd/isuride", "./bench/cmd/bench"); err != nil {
		return false, err
	}
	return o.experiment(ctx, out)
}

func (o *overload) experiment(ctx context.Context, out io.Writer) (bool, error) {
	best, err := o.best(ctx, out)
	if err != nil {
		return false, err
	}
	saturated, err := o.run(ctx, "saturation.json", "off", best, o.seconds, o.share)
	if err != nil {
		return false, err
	}
	fmt.Fprintf(out, "at saturation, asked for %.0f rides/s without shedding: %.1f completed, class A p99 %s\n", best, saturated.completed(), millis(saturated.classA()))
	o.chairs = chairsFor(best) // those that it can serve, however many rides are asked for
	r, err := o.run(ctx, "overload.json", o.mode, o.factor*best, o.seconds, o.share)
	if err != nil {
		return false, err
	}
	return r.judge(out, saturated), nil
}

// best finds the most rides a second that the server completes when nothing is refused: it asks for
// more and more until that helps no longer.
func (o *overload) best(ctx context.Context, out io.Writer) (best float64, err error) {
	r, err := o.run(ctx, "cost.json", "off", 20, min(o.short, 10), 0)
	if err != nil {
		return 0, err
	}
	for rate := o.share / r.cpuPerRide; ; rate *= ladderStep {
		if r, err = o.run(ctx, "ladder.json", "off", rate, o.short, o.share); err != nil {
			return 0, err
		}
		fmt.Fprintf(out, "asked for %.0f rides/s without shedding: %.1f completed, class A p99 %s\n", rate, r.completed(), millis(r.classA()))
		if r.completed() < best*1.03 {
			return best, nil
		}
		best = r.completed()
	}
}

// chairsFor is the number of chairs that the bench takes for a rate by itself.
func chairsFor(rate float64) int { return 20 + int(3*rate) }

// ladderStep is from one rate to the next.
const ladderStep = 1.25

// loaded is a run with what was seen of the server.
type loaded struct {
	*report.Record
	cpuPerRide float64 // seconds
	share      float64 // of a processor that the server had, 0 for all
	memory     []int64 // bytes, each second of the load
	recovered  time.Duration
	refusing   bool // it never ended
	shed       map[string]float64
	atDoor     time.Duration // p99 of mostRefused in the server, at most
}

// mostRefused is the call with which a rider begins, so that most refusals are its.
const mostRefused = "GET /api/app/rides"

// took returns the end of the bucket in which a percentile of an endpoint's times lies, from when
// the server has read a request until its answer is in the socket.
func took(text, endpoint string, percentile float64) time.Duration {
	prefix := fmt.Sprintf("isuride_http_request_duration_seconds_bucket{endpoint=%q,le=\"", endpoint)
	var bounds, counts []float64
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			var bound, count float64
			if _, err := fmt.Sscanf(strings.Replace(rest, "\"}", "", 1), "%g %g", &bound, &count); err == nil {
				bounds, counts = append(bounds, bound), append(counts, count)
			}
		}
	}
	for i := range counts {
		if counts[i] >= percentile*counts[len(counts)-1] {
			return time.Duration(bounds[i] * float64(time.Second))
		}
	}
	return 0
}

// run makes a run, in which the server is held to a share of a processor from the beginning of the
// load until it refuses nothing any more; 0 holds it to nothing.
func (o *overload) run(ctx context.Context, name, mode string, rate, seconds, share float64) (r *loaded, err error) {
	if err := os.RemoveAll(o.path("data")); err != nil {
		return nil, err
	}
	defer progress(fmt.Sprintf("%s: %.0f rides/s", strings.TrimSuffix(name, ".json"), rate))()
	cmd := process(ctx, cmp.Or(o.program, o.path("isuride")))
	cmd.Env = append(os.Environ(), "ISURIDE_DATA="+o.path("data"), "ISURIDE_LISTEN="+overloadAddress, "ISURIDE_INTERNAL="+overloadInternal)
	if mode != "" { // releases before shedding refuse the variable
		cmd.Env = append(cmd.Env, "ISURIDE_SHED="+mode)
	}
	cmd.Env = append(cmd.Env, o.settings...)
	s, err := listen(cmd, "the server", overloadAddress, o.path("server.log"))
	if err != nil {
		return nil, err
	}
	defer func() {
		_, ended := s.end(syscall.SIGTERM)
		err = errors.Join(err, ended)
	}()
	if share > 0 {
		g, err := newCgroup()
		if err != nil {
			return nil, err
		}
		defer func() {
			s.end(syscall.SIGTERM)
			g.remove()
		}()
		if err := g.add(s.cmd.Process.Pid); err != nil {
			return nil, err
		}
		o.group = g
	}
	end, err := o.readers.start(ctx, "http://"+overloadAddress, filepath.Join(o.path("data"), "operator-token"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	return o.load(ctx, s, name, rate, seconds, share)
}

// load runs the bench against the server.
func (o *overload) load(ctx context.Context, s *server, name string, rate, seconds, share float64) (*loaded, error) {
	out := o.path(name)
	os.Remove(out)
	cmd := process(ctx, o.path("bench"), "run", "-force", "-out", out, "-html", "-", "-history", "-", "-skip-data-check", "-target", "http://"+overloadAddress,
		"-payment-url", "http://127.0.0.1:"+overloadPayment, "-payment-bind-port", overloadPayment, "-refusals", "-seed", "1",
		"-t", strconv.FormatFloat(seconds, 'f', -1, 64), "-open-loop", strconv.FormatFloat(rate, 'f', 1, 64))
	if o.chairs > 0 {
		cmd.Args = append(cmd.Args, "-open-loop-chairs", strconv.Itoa(o.chairs))
	}
	for i := range sources {
		cmd.Args = append(cmd.Args, "-source-ip", fmt.Sprintf("127.0.0.%d", i+1))
	}
	r := &loaded{}
	if err := o.follow(ctx, cmd, s, share, r); err != nil {
		return nil, err
	}
	r.share = share
	records, err := readRecords(out)
	if err != nil {
		return nil, err
	}
	r.Record = records[0]
	if rides := r.OpenLoop; rides == nil || rides.CompletedRate == 0 {
		return nil, fmt.Errorf("no ride was completed: %s; see %s and %s", r.Reason, out, s.log)
	}
	r.cpuPerRide /= r.OpenLoop.CompletedRate * r.LoadSeconds
	return r, nil
}

// follow starts the bench, and limits and watches the server while it loads.
func (o *overload) follow(ctx context.Context, cmd *exec.Cmd, s *server, share float64, r *loaded) error {
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	var last string
	var before time.Duration
	loading, ended := make(chan struct{}), make(chan struct{})
	watched := make(chan error, 1)
	go func() { watched <- o.watch(s, share, r, loading, ended) }()
	for lines := bufio.NewScanner(output); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, string(live.PhaseLoad)+" for "):
			before, _ = s.cpu()
			close(loading)
		case line == string(live.PhaseFinal):
			after, _ := s.cpu()
			r.cpuPerRide = (after - before).Seconds()
			close(ended)
		}
		if line != "" {
			last = line
		}
	}
	err = cmd.Wait()
	if before == 0 || r.cpuPerRide == 0 {
		return fmt.Errorf("the bench did not come to its load: %s (%w)", last, errors.Join(err, ctx.Err()))
	}
	return errors.Join(<-watched, err)
}

// watch limits the server when the load begins, reads its memory each second, and asks after the
// load until it refuses nothing.
func (o *overload) watch(s *server, share float64, r *loaded, loading, ended <-chan struct{}) error {
	select {
	case <-loading:
	case <-s.ended:
		return nil
	}
	if share > 0 {
		if err := o.group.limit(share); err != nil {
			return err
		}
		defer o.group.limit(0)
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-second.C:
			if m, err := s.memory(); err == nil {
				r.memory = append(r.memory, m)
			}
		case <-s.ended:
			return fmt.Errorf("the server ended during the load: %w; see %s", s.err, s.log)
		case <-ended:
			r.recover()
			return nil
		}
	}
}

// recover waits until the server says that it refuses nothing.
func (r *loaded) recover() {
	const enough = 4 * time.Second // the bench goes on with other things after five
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		r.recovered = time.Since(begun)
		says, err := get("http://" + overloadInternal + "/healthz")
		if err == nil && strings.TrimSpace(says) == "the server is well" {
			break
		}
		if r.recovered > enough {
			r.refusing = true
			break
		}
	}
	text, _ := get("http://" + overloadInternal + "/metrics") // without it nothing is shown
	r.shed, r.atDoor = sheds(text), took(text, mostRefused, 0.99)
}

// sheds reads in the server's metrics how many requests were refused, by class and reason.
func sheds(text string) map[string]float64 {
	m := map[string]float64{}
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "isuride_shed_total"); ok {
			labels, value, _ := strings.Cut(strings.TrimSpace(name), " ")
			if n, err := strconv.ParseFloat(value, 64); err == nil && n > 0 {
				m[labels] = n
			}
		}
	}
	return m
}

func get(url string) (string, error) {
	answer, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	return string(b), err
}

func (r *loaded) completed() float64 { return r.OpenLoop.CompletedRate }

// ofClassA are the calls of class A that wait for the server alone; ratings wait for the gateway, too.
var ofClassA = []string{"POST /api/chair/coordinate", "POST /api/chair/rides/{id}/status"}

// classA is the p99 of class A.
func (r *loaded) classA() (p99 world.Instant) {
	for _, e := range r.Endpoints {
		if slices.Contains(ofClassA, e.Name) {
			p99 = max(p99, e.P99)
		}
	}
	return p99
}

// failedA counts calls of class A, ratings included, and those that failed.
func (r *loaded) failedA() (failed, calls int) {
	for _, e := range r.Endpoints {
		if slices.Contains(append(ofClassA, "POST /api/app/rides/{id}/evaluation"), e.Name) {
			calls, failed = calls+e.Count, failed+e.Failures
			if e.Refused != nil {
				calls += e.Refused.Count
			}
		}
	}
	return failed, calls
}

// refusals is the number of refused calls, and the p99 of mostRefused.
func (r *loaded) refusals() (n int, p99 world.Instant) {
	for _, e := range r.Endpoints {
		if e.Refused == nil {
			continue
		}
		if n += e.Refused.Count; e.Name == mostRefused {
			p99 = e.Refused.P99
		}
	}
	return n, p99
}

// judge prints the figures beside their bars.
func (r *loaded) judge(out io.Writer, best *loaded) (passed bool) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	passed = true
	row := func(what, figure, bar string, ok bool) {
		mark := "held"
		if !ok {
			mark, passed = "MISSED", false
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", what, figure, bar, mark)
	}
	l := r.OpenLoop
	offered := float64(l.Started-l.Late) / r.LoadSeconds
	failed, calls := r.failedA()
	refused, refusal := r.refusals()
	rise := memoryRise(r.memory)
	fmt.Fprintln(w, "\nwhat\tmeasured\tbar\t")
	row("offered in time", fmt.Sprintf("%.0f rides/s, %.1f times what is served", offered, offered/r.completed()), fmt.Sprintf("%.0f times", leastOffered), offered >= leastOffered*r.completed())
	row("goodput", fmt.Sprintf("%.1f rides/s, %.0f %% of %.1f", r.completed(), 100*r.completed()/best.completed(), best.completed()), fmt.Sprintf("%.0f %%", 100*leastGoodput), r.completed() >= leastGoodput*best.completed())
	row("class A that failed", fmt.Sprintf("%d of %d", failed, calls), "0", failed == 0)
	row("class A, p99", fmt.Sprintf("%s, at saturation %s", millis(r.classA()), millis(best.classA())), fmt.Sprintf("%.0f times", mostDelay), float64(r.classA()) <= mostDelay*float64(best.classA()))
	row("a refusal in the server, p99", fmt.Sprintf("%v at most", r.atDoor), mostRefusal.String(), r.atDoor > 0 && r.atDoor <= mostRefusal)
	row("the run", r.Reason, "pass: no ride unmatched for 30 s, nothing wrong", r.Passed)
	row("refuses nothing again after", fmt.Sprintf("%.2f s", r.recovered.Seconds()), fmt.Sprintf("%.0f s", mostRecovery.Seconds()), !r.refusing && r.recovered <= mostRecovery)
	row("memory, last third to first", fmt.Sprintf("%.2f", rise), fmt.Sprintf("%.1f", mostMemoryRise), rise <= mostMemoryRise)
	w.Flush()
	fmt.Fprintf(out, "%d calls were refused; for their clients, who have waited for as long as anybody, p99 %s\n", refused, millis(refusal))
	for _, labels := range sorted(r.shed) {
		fmt.Fprintf(out, "refused %s: %.0f\n", labels, r.shed[labels])
	}
	if used := r.cpuPerRide * r.completed() / r.share; used < leastUsed {
		fmt.Fprintf(out, "mind that the server used %.0f %% of its part of a processor: something else on this machine took it\n", 100*used)
	}
	for _, limit := range r.BenchLimits {
		fmt.Fprintf(out, "mind that the bench says: %s\n", limit)
	}
	return passed
}

func sorted(m map[string]float64) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// memoryRise is the mean of the last third over that of the first, each without its first second.
func memoryRise(samples []int64) float64 {
	n := len(samples) / 3
	if n == 0 {
		return 1
	}
	return mean(samples[len(samples)-n:]) / mean(samples[:n])
}

func mean(list []int64) (m float64) {
	for _, v := range list {
		m += float64(v) / float64(len(list))
	}
	return m
}

func millis(t world.Instant) string {
	return fmt.Sprintf("%.1f ms", float64(t)/float64(world.Millisecond))
}

// memory is what the server has in memory now, in bytes, without files: the journal is mapped, and
// grows.
func (s *server) memory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, own, _ := strings.Cut(string(status), "RssAnon:")
	var kib int64
	_, err = fmt.Sscan(own, &kib)
	return kib << 10, err
}
