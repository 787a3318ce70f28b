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

// leastUsed is the part of its processor that a server must have used, or its figures say little.
const leastUsed = 0.9

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
	users    int     // the same, if more than it needs
}

func runOverload(ctx context.Context, args []string, out io.Writer) (passed bool, err error) {
	o := &overload{trial: trial{runs: 3}}
	f := flags("overload", out)
	f.Float64Var(&o.share, "cpu", 0.3, "`part` of a processor that the server has")
	f.Float64Var(&o.factor, "times", 3.5, "ask for this `many` times what it can do")
	f.Float64Var(&o.short, "short", 20, "`seconds` of each run that finds what it can do")
	f.StringVar(&o.mode, "shed", "strict", "ISURIDE_SHED in the run that asks for too much: strict, default, off")
	if err := o.parse(f, args, "pairs of runs at saturation and beyond", ".run/overload"); err != nil {
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

// experiment makes pairs of a run at saturation and one beyond it, side by side: each second one in
// the other order, so that what a machine does meanwhile meets both.
func (o *overload) experiment(ctx context.Context, out io.Writer) (bool, error) {
	best, err := o.best(ctx, out)
	if err != nil {
		return false, err
	}
	o.chairs = chairsFor(best) // those that it can serve, however many rides are asked for
	o.users = usersFor(o.factor * best)
	var pairs []*pair
	for i := range o.runs {
		p := &pair{}
		sides := []func() error{
			func() (err error) {
				p.saturated, err = o.run(ctx, fmt.Sprintf("saturation-%d.json", i+1), "off", best, o.seconds, o.share)
				return err
			},
			func() (err error) {
				p.beyond, err = o.run(ctx, fmt.Sprintf("overload-%d.json", i+1), o.mode, o.factor*best, o.seconds, o.share)
				return err
			},
		}
		if i%2 == 1 {
			slices.Reverse(sides)
		}
		for _, run := range sides {
			if err := run(); err != nil {
				return false, err
			}
		}
		if p.beyond.atDoor == 0 {
			return false, fmt.Errorf("the server's metrics tell nothing of %s", mostRefused)
		}
		p.show(out, i+1)
		pairs = append(pairs, p)
	}
	return holds(out, pairs), nil
}

// best finds the most rides a second that the server completes when nothing is refused: it asks for
// more and more until that helps no longer.
func (o *overload) best(ctx context.Context, out io.Writer) (best float64, err error) {
	r, err := o.run(ctx, "cost.json", "off", 20, min(o.short, 10), 0)
	if err != nil {
		return 0, err
	}
	for rate := o.share / r.cpuPerRide; ; rate *= ladderStep {
		o.users = usersFor(o.factor * rate)
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

// usersFor is the number of users that the bench takes for a rate by itself. At saturation, too, the
// city has those of the load beyond. With as many as its own rate needs, each of them comes as soon
// as a client would close an unused connection, so that one of sixteen had to connect at saturation and two of five
// beyond, which costs more than the refusal: what was compared was not the same city.
func usersFor(rate float64) int {
	_, users := world.Config{RideRate: rate}.Population()
	return users
}

// ladderStep is from one rate to the next.
const ladderStep = 1.25

// loaded is a run with what was seen of the server.
type loaded struct {
	*report.Record
	cpuPerRide float64       // seconds
	share      float64       // of a processor that the server had, 0 for all
	memory     []int64       // bytes, each second of the load
	recovered  time.Duration // until nothing is refused, or longer than is waited for
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
	if o.users > 0 {
		cmd.Args = append(cmd.Args, "-open-loop-users", strconv.Itoa(o.users))
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

// shedA counts the calls of class A that the server says it has refused.
func (r *loaded) shedA() (n float64) {
	for labels, count := range r.shed {
		if strings.Contains(labels, `class="A"`) {
			n += count
		}
	}
	return n
}

func (r *loaded) offered() float64 {
	return float64(r.OpenLoop.Started-r.OpenLoop.Late) / r.LoadSeconds
}

// used is the part of its part of a processor that the server has used.
func (r *loaded) used() float64 { return r.cpuPerRide * r.completed() / r.share }

// pair is two runs, one after the other.
type pair struct{ saturated, beyond *loaded }

// criteria are the bars. What is an error anywhere has to hold in each pair, the rest in the median.
var criteria = []struct {
	what  string
	value func(*pair) float64
	bar   bar
	each  bool
}{
	{"rides offered in time, times those served", func(p *pair) float64 { return p.beyond.offered() / p.beyond.completed() }, bar{limit: 3}, false},
	{"rides completed, of those at saturation", func(p *pair) float64 { return p.beyond.completed() / p.saturated.completed() }, bar{limit: 0.95}, false},
	{"class A calls that failed or were refused", func(p *pair) float64 {
		failed, _ := p.beyond.failedA()
		return float64(failed) + p.beyond.shedA()
	}, bar{most: true}, true},
	{"class A p99, times that at saturation", func(p *pair) float64 { return float64(p.beyond.classA()) / float64(p.saturated.classA()) }, bar{limit: 2, most: true}, false},
	{"a refusal in the server, p99, ms at most", func(p *pair) float64 { return 1000 * p.beyond.atDoor.Seconds() }, bar{limit: 10, most: true}, false},
	{"runs that fail: a ride unmatched for 30 s, something wrong", func(p *pair) float64 {
		if p.beyond.Passed {
			return 0
		}
		return 1
	}, bar{most: true}, true},
	{"seconds until nothing is refused", func(p *pair) float64 { return p.beyond.recovered.Seconds() }, bar{limit: 2, most: true}, false},
	{"growth of memory, times that at saturation", func(p *pair) float64 { return memoryRise(p.beyond.memory) / memoryRise(p.saturated.memory) }, bar{limit: 1.1, most: true}, false},
}

// show prints what a pair was like.
func (p *pair) show(out io.Writer, number int) {
	for _, r := range []struct {
		name string
		*loaded
	}{{"at saturation", p.saturated}, {"beyond", p.beyond}} {
		fmt.Fprintf(out, "pair %d %s: %.0f rides/s offered in time, %.1f completed, class A p99 %s, memory in the last third %.2f times that in the first: %s\n",
			number, r.name, r.offered(), r.completed(), millis(r.classA()), memoryRise(r.memory), r.Reason)
		fmt.Fprintf(out, "pair %d %s: %.2f s of CPU in %.0f s, %d users, %d connections made\n",
			number, r.name, r.used()*r.share*r.LoadSeconds, r.LoadSeconds, r.World.Users, r.Dials.Dials)
		if used := r.used(); used < leastUsed {
			fmt.Fprintf(out, "mind that the server used %.0f %% of its part of a processor: it was asked for too little, or something else on this machine took it\n", 100*used)
		}
		for _, limit := range r.BenchLimits {
			fmt.Fprintf(out, "mind that the bench says: %s\n", limit)
		}
	}
	refused, p99 := p.beyond.refusals()
	fmt.Fprintf(out, "%d calls were refused; for their clients, who have waited for as long as anybody, p99 %s\n", refused, millis(p99))
	for _, labels := range sorted(p.beyond.shed) {
		fmt.Fprintf(out, "refused %s: %.0f\n", labels, p.beyond.shed[labels])
	}
}

// holds prints the figures of all pairs beside their bars, and reports whether all are held.
func holds(out io.Writer, pairs []*pair) (passed bool) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	passed = true
	fmt.Fprintf(w, "\nof %d pairs\tmedian (range)\tbar\t\n", len(pairs))
	for _, c := range criteria {
		spread := spreadOf(pairs, c.value)
		counts := spread.Median
		if c.each {
			counts = spread.Max
		}
		mark := "held"
		if c.bar.missed(counts) {
			mark, passed = "MISSED", false
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.what, spread, c.bar, mark)
	}
	w.Flush()
	return passed
}

func sorted(m map[string]float64) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// memoryRise is the mean of the last third over that of the first. It is not 1 where nothing is wrong:
// the city has more rides then.
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
