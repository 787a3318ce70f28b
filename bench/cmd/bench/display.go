package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"isuride/bench/live"
)

// reportPeriod is how often progress is shown and reported (spec 1.3).
const reportPeriod = 3 * time.Second

// A display shows a run on a terminal, where the last line lives, or line by line.
type display struct {
	out      io.Writer
	terminal bool
	settings *settings
	reporter *reporter

	mu   sync.Mutex
	last time.Duration // of the load when progress was last shown; guarded by mu
}

func newDisplay(out *os.File, s *settings, r *reporter) *display {
	_, err := unix.IoctlGetTermios(int(out.Fd()), unix.TCGETS)
	return &display{out: out, terminal: err == nil, settings: s, reporter: r}
}

// Phase implements live.Observer.
func (d *display) Phase(p live.Phase) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch p {
	case live.PhaseLoad:
		fmt.Fprintf(d.out, "%s for %v s, seed %d\n", p, &d.settings.load, d.settings.seed)
	default:
		d.clearLine()
		fmt.Fprintln(d.out, p)
	}
}

// Sample implements live.Observer.
func (d *display) Sample(s live.Sample) {
	d.mu.Lock()
	defer d.mu.Unlock()
	line := fmt.Sprintf("%3.0f s  score %d, rides %d of %d, users %d, chairs %d (%d free), errors %d, ticks %d",
		s.Seconds, s.Score, s.Completed, s.Rides, s.Users, s.Chairs, s.EmptyChairs, s.Errors, s.Ticks)
	if s.LostTicks > 0 {
		line += fmt.Sprintf(" (%d lost)", s.LostTicks)
	}
	at := time.Duration(s.Seconds * float64(time.Second))
	due := at-d.last >= reportPeriod-live.SamplePeriod/2
	switch {
	case d.terminal:
		d.clearLine()
		fmt.Fprint(d.out, line)
	case due:
		fmt.Fprintln(d.out, line)
	}
	if !due {
		return
	}
	d.last = at
	if d.settings.metrics {
		fmt.Fprintf(os.Stderr, "metrics %+v\n", s)
	}
	d.reporter.send(message{Score: s.Score})
}

// clearLine makes room on the living line of a terminal.
func (d *display) clearLine() {
	if d.terminal {
		fmt.Fprint(d.out, "\r\x1b[K")
	}
}

// summary is the text at the end of a run.
func (d *display) summary(r *live.Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clearLine()
	fmt.Fprintln(d.out)
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	verdict := "PASS"
	switch {
	case r.Interrupted:
		verdict = "INTERRUPTED"
	case !r.Passed:
		verdict = "FAIL: " + r.Reason
	}
	fmt.Fprintf(w, "%s\n", verdict)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	row("score", "%d", r.Score)
	row("rides", "%d evaluated, %d created; rated 1 to 5: %s", r.World.RidesEvaluated, r.World.RidesCreated, joined(r.Ratings))
	row("criteria met", "matching %d, dispatch %d, pickup %d, drive %d", r.Criteria.Matching, r.Criteria.Dispatch, r.Criteria.Pickup, r.Criteria.Drive)
	row("users", "%d: %d by invitation, %d by reputation; %d left", r.World.Users, r.Origins["invitation"], r.Origins["reputation"], r.UsersLeft)
	row("chairs", "%d", r.World.Chairs)
	for _, region := range r.World.Regions {
		row("region "+region.Name, "%d users, %d active", region.Registered, region.Active)
	}
	for _, o := range r.World.Owners {
		row("owner "+o.Name, "sales %d, %d chairs", o.Sales, o.Chairs)
	}
	row("disappointed", "by matching %.1f %%, dispatch %.1f %%, ride %.1f %%", 100*r.World.Unhappy.Matching, 100*r.World.Unhappy.Dispatch, 100*r.World.Unhappy.Ride)
	row("ticks", "%d of %d; %d began with calls under way", r.Ticks, r.Ticks+r.LostTicks, r.TimedOutTicks)
	row("bench", "%s", benchUse(r))
	row("seed", "%d", r.Seed)
	w.Flush()
	d.latencies(r)
	d.errors(r)
	for _, line := range warnings(r) {
		fmt.Fprintf(d.out, "\nWARNING: %s\n", line)
	}
}

func joined(numbers []int) string {
	return strings.Trim(fmt.Sprint(numbers), "[]")
}

func benchUse(r *live.Result) string {
	cpu := r.Usage.UserSeconds + r.Usage.SystemSeconds
	requests := requests(r)
	text := fmt.Sprintf("%.2f s CPU, %d MiB; %d requests", cpu, r.Usage.RSSBytes>>20, requests)
	if requests > 0 {
		text += fmt.Sprintf(", %.1f us CPU each", 1e6*cpu/float64(requests))
	}
	return text + fmt.Sprintf("; %d connections, %d at once", r.Dials.Dials, r.Dials.PeakOpen)
}

// requests counts those sent and those of the payment service.
func requests(r *live.Result) int64 {
	n := r.Requests.Requests
	for _, count := range r.Payments {
		n += int64(count)
	}
	return n
}

func (d *display) latencies(r *live.Result) {
	if len(r.Endpoints) == 0 {
		return
	}
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\ncount\tfailed\tmean ms\tp50\tp90\tp99\tmax\t \n")
	for _, l := range append(r.Endpoints, r.Notices...) {
		fmt.Fprintf(w, "%d\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t  %s\n", l.Count, l.Failures,
			float64(l.Mean)/1e3, float64(l.P50)/1e3, float64(l.P90)/1e3, float64(l.P99)/1e3, float64(l.Max)/1e3, l.Name)
	}
	w.Flush()
}

func (d *display) errors(r *live.Result) {
	fmt.Fprintf(d.out, "\n%d errors\n", r.ErrorCount)
	for _, c := range r.Errors {
		fmt.Fprintf(d.out, "%6d  code %d, %s\n", c.Count, c.Code, c.Meaning)
		for _, e := range c.Examples {
			fmt.Fprintf(d.out, "        tick %d, %s: %s\n", e.Tick, e.Entity, e.Text)
		}
	}
}

// warnings tell what in the figures is not the server's doing.
func warnings(r *live.Result) []string {
	var list []string
	if all := r.Ticks + r.LostTicks; r.LostTicks*100 > all {
		list = append(list, fmt.Sprintf("the bench lost %d of %d ticks, so it and not the server may have been the limit", r.LostTicks, all))
	}
	if r.BenchFaults > 0 {
		list = append(list, fmt.Sprintf("%d calls failed because of this machine, not the server; for example: %s", r.BenchFaults, r.BenchFault))
	}
	if r.Requests.Dropped > 0 {
		list = append(list, fmt.Sprintf("%d notifications could not be read and were passed over; the first: %s", r.Requests.Dropped, r.Requests.DroppedExample))
	}
	return list
}
