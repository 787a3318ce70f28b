package report

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"isuride/bench/live"
	"isuride/bench/world"
)

// Text writes the summary for people.
func (r *Record) Text(w io.Writer) error {
	var t text
	fmt.Fprintf(&t, "%s\n", r.Verdict())
	r.circumstances(&t)
	if r.Ticks > 0 {
		r.figures(&t)
		t.latencies("call", r.Endpoints)
		t.latencies("notification, from change to receipt", r.Notices)
	}
	r.errors(&t)
	r.remarks(&t)
	_, err := w.Write(t.Bytes())
	return err
}

// A text grows in memory, so that it is written at once.
type text struct{ bytes.Buffer }

// rows writes lines of a name and a value each, the values aligned.
func (t *text) rows(write func(row func(name, format string, args ...any))) {
	w := tabwriter.NewWriter(t, 0, 0, 2, ' ', 0)
	write(func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) })
	w.Flush() // a buffer never fails
}

func (r *Record) circumstances(t *text) {
	t.rows(func(row func(string, string, ...any)) {
		row("started", "%s, seed %d", r.Started.UTC().Format(time.DateTime+" UTC"), r.Seed)
		row("target", "%s%s", r.Target, inLanguage(r.Language))
		row("bench", "%s", shortCommit(r.Commit))
		row("machine", "%s, %d cores, %d MiB, %s, %s", r.Machine.CPU, r.Machine.Cores, r.Machine.MemoryBytes>>20, r.Machine.Kernel, r.Machine.Go)
		row("phases", "%s", phases(r.Phases))
	})
}

func inLanguage(name string) string {
	if name == "" {
		return ""
	}
	return ", in " + name
}

// shortCommit keeps enough of a commit to find it.
func shortCommit(c string) string {
	const digits = 12
	hash, dirty := strings.CutSuffix(c, "-dirty")
	switch {
	case c == "":
		return "unknown commit"
	case dirty:
		return "commit " + hash[:min(digits, len(hash))] + " with changes"
	}
	return "commit " + hash[:min(digits, len(hash))]
}

func phases(laps []live.Lap) string {
	var list []string
	for _, l := range laps {
		list = append(list, fmt.Sprintf("%s %.1f s", l.Phase, l.Seconds))
	}
	return strings.Join(list, ", ")
}

func (r *Record) figures(t *text) {
	fmt.Fprintln(t)
	t.rows(func(row func(string, string, ...any)) {
		p := r.ScoreParts
		row("score", "%s: rides %s, driving %s, pickup %s, unfinished %s", count(r.Score),
			count(p.Base/scoreUnit), count(p.Driving/scoreUnit), count(p.Pickup/scoreUnit), count(p.Partial/scoreUnit))
		row("rides", "%s evaluated, %s created", count(r.World.RidesEvaluated), count(r.World.RidesCreated))
		row("ratings", "%s with 1 to 5", counts(r.Ratings))
		row("criteria met", "%s", r.criteria())
		row("users", "%s: %s by invitation, %s by reputation; %s left", count(r.World.Users),
			count(r.Origins["invitation"]), count(r.Origins["reputation"]), count(r.UsersLeft))
		row("chairs", "%s: %s", count(r.World.Chairs), speeds(r.World.ChairsBySpeed))
		for _, region := range r.World.Regions {
			row("region "+region.Name, "%s users, %s active", count(region.Registered), count(region.Active))
		}
		for _, o := range r.World.Owners {
			row("owner "+o.Name, "sales %s, %s chairs, %s away", count(o.Sales), count(o.Chairs), count(o.ChairsAway))
		}
		u := r.World.Unhappy
		row("disappointed", "by matching %.1f %%, dispatch %.1f %%, ride %.1f %%", 100*u.Matching, 100*u.Dispatch, 100*u.Ride)
		row("requests", "%s", r.requests())
		row("connections", "%s", r.connections())
		row("bench", "%s", r.ownUse())
	})
}

// scoreUnit is a point in the unit of live.Parts.
const scoreUnit = 100

func counts(list []int) string {
	var texts []string
	for _, n := range list {
		texts = append(texts, count(n))
	}
	return strings.Join(texts, ", ")
}

func (r *Record) criteria() string {
	n := r.World.RidesEvaluated
	c := r.Criteria
	return fmt.Sprintf("matching %.1f %%, dispatch %.1f %%, pickup %.1f %%, drive %.1f %%",
		100*share(c.Matching, n), 100*share(c.Dispatch, n), 100*share(c.Pickup, n), 100*share(c.Drive, n))
}

func speeds(chairs map[int]int) string {
	var list []string
	for _, speed := range slices.Sorted(maps.Keys(chairs)) {
		list = append(list, fmt.Sprintf("%s of speed %d", count(chairs[speed]), speed))
	}
	return strings.Join(list, ", ")
}

func (r *Record) requests() string {
	c := r.Requests
	return fmt.Sprintf("%s sent, %s of them polls; %s streams, %s notifications; %s payments",
		count(int(c.Requests)), count(int(c.Polls)), count(int(c.Streams)), count(int(c.Messages)), count(int(r.AllRequests()-c.Requests)))
}

func (r *Record) connections() string {
	s := fmt.Sprintf("%s made, %s at once", count(r.Dials.Dials), count(r.Dials.PeakOpen))
	for _, name := range slices.Sorted(maps.Keys(r.Dials.Errors)) {
		s += fmt.Sprintf(", %s %s", count(r.Dials.Errors[name]), name)
	}
	return s
}

func (r *Record) ownUse() string {
	u := r.Usage
	return fmt.Sprintf("%.2f s CPU (%.2f user, %.2f system), %.1f us a request, %d MiB; ticks begun %s ms late on average, %s at the 99th percentile",
		u.CPUSeconds(), u.UserSeconds, u.SystemSeconds, r.CPUPerRequest(), u.RSSBytes>>20, millisText(r.TickDelay.Mean), millisText(r.TickDelay.P99))
}

func (t *text) latencies(name string, list []live.Latency) {
	if len(list) == 0 {
		return
	}
	w := tabwriter.NewWriter(t, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\ncount\tfailed\tmean ms\tp50\tp90\tp99\tp99.9\tmax\t  %s\n", name)
	for _, l := range list {
		fmt.Fprintf(w, "%s\t%s\t", count(l.Count), count(l.Failures))
		for _, d := range []world.Instant{l.Mean, l.P50, l.P90, l.P99, l.P999, l.Max} {
			fmt.Fprintf(w, "%s\t", millisText(d))
		}
		fmt.Fprintf(w, "  %s\n", l.Name)
	}
	w.Flush()
}

func (r *Record) errors(t *text) {
	fmt.Fprintf(t, "\n%s errors\n", count(r.ErrorCount))
	for _, c := range r.Errors {
		kind := ""
		if c.Critical {
			kind = ", critical"
		}
		fmt.Fprintf(t, "%6d  code %d, %s%s\n", c.Count, c.Code, c.Meaning, kind)
		for i, e := range c.Examples {
			fmt.Fprintf(t, "        tick %d, %s: %s\n", e.Tick, e.Entity, e.Text)
			if i > 0 {
				continue
			}
			for _, moment := range e.Timeline { // of the first one; the JSON has the others'
				fmt.Fprintf(t, "          %s\n", moment)
			}
		}
	}
}

func (r *Record) remarks(t *text) {
	fmt.Fprintf(t, "\n%s\n", r.Conclusion())
	for _, reason := range r.BenchLimits {
		fmt.Fprintf(t, "  - %s\n", reason)
	}
	for _, w := range r.Warnings() {
		fmt.Fprintf(t, "WARNING: %s\n", w)
	}
}

// RepeatedText writes what repeated runs have in common.
func RepeatedText(w io.Writer, records []*Record) error {
	var t text
	passed := 0
	for _, r := range records {
		if r.Passed {
			passed++
		}
	}
	fmt.Fprintf(&t, "%d runs, %d passed\n\n", len(records), passed)
	table := tabwriter.NewWriter(&t, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "median\tmin\tmax\tspread\t  figure\n")
	for _, s := range Summarize(records) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%.1f %%\t  %s\n", Number(s.Median), Number(s.Min), Number(s.Max), 100*s.Relative(), s.Name)
	}
	table.Flush()
	_, err := w.Write(t.Bytes())
	return err
}
