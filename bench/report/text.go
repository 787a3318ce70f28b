package report

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"

	"isuride/bench/live"
	"isuride/bench/world"
)

// Text writes the summary for people.
func (r *Record) Text(w io.Writer) error {
	var t text
	fmt.Fprintf(&t, "%s\n\n", r.Verdict())
	t.facts(r.circumstances())
	if r.Ticks > 0 {
		fmt.Fprintln(&t)
		t.facts(r.findings())
		if r.OpenLoop != nil {
			t.openLoop(r.OpenLoop)
		}
		t.cycle(r)
		t.latencies("call", r.Endpoints)
		t.latencies("notification, from change to receipt", r.Notices)
	}
	t.errors(r.ErrorCount, r.Errors)
	t.remarks(r)
	_, err := w.Write(t.Bytes())
	return err
}

// A text grows in memory, which never fails, and is then written at once.
type text struct{ bytes.Buffer }

func (t *text) facts(list facts) {
	w := tabwriter.NewWriter(t, 0, 0, 2, ' ', 0)
	for _, f := range list {
		fmt.Fprintf(w, "%s\t%s\n", f.Name, f.Value)
	}
	w.Flush()
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

// errors shows the timeline of the first example of each code; the JSON and the page have
// all of them.
func (t *text) errors(all int, codes []live.CodeCount) {
	fmt.Fprintf(t, "\n%s errors\n", count(all))
	for _, c := range codes {
		kind := ""
		if c.Critical {
			kind = ", critical"
		}
		fmt.Fprintf(t, "%6s  code %d, %s%s\n", count(c.Count), c.Code, c.Meaning, kind)
		for i, e := range c.Examples {
			fmt.Fprintf(t, "        tick %d, %s: %s\n", e.Tick, e.Entity, e.Text)
			if i > 0 {
				continue
			}
			for _, moment := range e.Timeline {
				fmt.Fprintf(t, "          %s\n", moment)
			}
		}
	}
}

func (t *text) remarks(r *Record) {
	fmt.Fprintf(t, "\n%s\n", r.Conclusion())
	for _, reason := range r.BenchLimits {
		fmt.Fprintf(t, "  - %s\n", reason)
	}
	for _, w := range r.Warnings() {
		fmt.Fprintf(t, "WARNING: %s\n", w)
	}
}

// RepeatedText writes a summary of repeated runs.
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
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t  %s\n", Number(s.Median), Number(s.Min), Number(s.Max), s.Relative(), s.Name)
	}
	table.Flush()
	_, err := w.Write(t.Bytes())
	return err
}
