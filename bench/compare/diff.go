package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"

	"isuride/bench/report"
	"isuride/tools/cli"
)

// A comparison is what -json prints.
type comparison struct {
	A      diffSide  `json:"a"`
	B      diffSide  `json:"b"`
	Doubts []string  `json:"doubts"` // what speaks against the comparison
	Rows   []diffRow `json:"figures"`
}

type diffSide struct {
	File    string   `json:"file"`
	Runs    int      `json:"runs"`
	Commits []string `json:"commits"` // of the runs, in their order
}

// A diffRow compares one figure of two sets of runs.
type diffRow struct {
	Name    string        `json:"name"`
	A       report.Spread `json:"a"`
	B       report.Spread `json:"b"`
	Ratio   *float64      `json:"ratio"` // of the medians, B to A; null if that of A is 0
	Verdict string        `json:"verdict"`
}

// Verdicts on a difference.
const (
	within  = "within the spread"
	better  = "better"
	worse   = "worse"
	differs = "differs" // beyond the spread, but neither way is better
	unknown = "unknown" // a side has one run, which says nothing about the spread
)

// runDiff compares two sets of runs of the bench: the medians of each figure, how far the runs
// of each set are apart, and whether the difference is more than that. The files are records
// as bench run -out writes them, or lines of the history.
func runDiff(_ context.Context, args []string, out io.Writer) (passed bool, err error) {
	f := flags("diff", out)
	asJSON := f.Bool("json", false, "write the comparison as JSON")
	f.Usage = func() {
		fmt.Fprint(out, "usage: compare diff [-json] A B, two files of records\n\n")
		f.PrintDefaults()
	}
	if err := cli.Parse(f, args, 2, out); err != nil {
		return false, err
	}
	if f.NArg() != 2 {
		return false, errors.New("want two files of records: compare diff [-json] A B")
	}
	a, err := readRecords(f.Arg(0))
	if err != nil {
		return false, err
	}
	b, err := readRecords(f.Arg(1))
	if err != nil {
		return false, err
	}
	c := comparison{diffSideOf(f.Arg(0), a), diffSideOf(f.Arg(1), b), doubts(a, b), diffRows(a, b)}
	if !*asJSON {
		return true, c.print(out)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", " ")
	return true, e.Encode(c)
}

func diffSideOf(file string, records []*report.Record) diffSide {
	s := diffSide{File: file, Runs: len(records)}
	for _, r := range records {
		s.Commits = append(s.Commits, r.Commit)
	}
	return s
}

// diffRows makes a row of each figure that both sides have, in the order of a.
func diffRows(a, b []*report.Record) []diffRow {
	others := map[string]report.Spread{}
	for _, s := range report.Summarize(b) {
		others[s.Name] = s.Spread
	}
	rows := []diffRow{}
	for _, s := range report.Summarize(a) {
		other, ok := others[s.Name]
		if !ok {
			continue
		}
		r := diffRow{Name: s.Name, A: s.Spread, B: other, Verdict: judge(s.Better, s.Spread, other)}
		if s.Median != 0 {
			ratio := other.Median / s.Median
			r.Ratio = &ratio
		}
		rows = append(rows, r)
	}
	return rows
}

// judge takes a difference for real if the medians are further apart than the runs of either
// side are among themselves.
func judge(way report.Better, a, b report.Spread) string {
	difference := b.Median - a.Median
	switch {
	case a.Runs < 2 || b.Runs < 2:
		return unknown
	case math.Abs(difference) <= max(a.Width(), b.Width()):
		return within
	case way == report.BetterNone:
		return differs
	case difference > 0 == (way == report.BetterHigher):
		return better
	}
	return worse
}

func doubts(a, b []*report.Record) []string {
	list := []string{}
	for side, records := range [][]*report.Record{a, b} {
		name := "AB"[side : side+1]
		for i, r := range records {
			if !r.Passed {
				list = append(list, fmt.Sprintf("%s, run %d: %s", name, i+1, r.Verdict()))
			}
			for _, reason := range r.BenchLimits {
				list = append(list, fmt.Sprintf("%s, run %d: the bench may have been the limit: %s", name, i+1, reason))
			}
		}
	}
	first, all := a[0], slices.Concat(a, b)
	if slices.ContainsFunc(all, func(r *report.Record) bool { return r.Machine != first.Machine }) {
		list = append(list, "the runs were made on different machines or systems")
	}
	for _, name := range differing(all) {
		list = append(list, fmt.Sprintf("the runs differ in --%s", name))
	}
	return list
}

// differing are the names of the settings that are not the same in all records.
func differing(all []*report.Record) []string {
	names := map[string]bool{}
	for _, r := range all {
		for _, from := range []map[string]string{r.Settings, all[0].Settings} {
			for name := range from {
				if r.Settings[name] != all[0].Settings[name] {
					names[name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func (c *comparison) print(out io.Writer) error {
	fmt.Fprintf(out, "A  %s, runs: %d\nB  %s, runs: %d\nmedians; spread is from the lowest to the highest run\n\n", c.A.File, c.A.Runs, c.B.File, c.B.Runs)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "A\tspread\tB\tspread\tB/A\tverdict\t  figure\n")
	for _, r := range c.Rows {
		ratio := "-"
		if r.Ratio != nil {
			ratio = fmt.Sprintf("%.3f", *r.Ratio)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t  %s\n", report.Number(r.A.Median), r.A.Relative(),
			report.Number(r.B.Median), r.B.Relative(), ratio, r.Verdict, r.Name)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if min(c.A.Runs, c.B.Runs) < 2 {
		fmt.Fprintln(out, "\nunknown: a single run says nothing about the spread, see bench run -n")
	}
	for _, d := range c.Doubts {
		fmt.Fprintf(out, "\nDOUBT: %s", d)
	}
	if len(c.Doubts) > 0 {
		fmt.Fprintln(out)
	}
	return nil
}
