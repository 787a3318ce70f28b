package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"isuride/bench/calibration"
)

// print writes all rows of a policy.
func (o *outcome) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s: calibration-server %s\n", o.Name, strings.Join(o.policy.Flags, " "))
	for _, problem := range o.Problems {
		fmt.Fprintf(w, "  FAIL: %s\n", problem)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  figure\tofficial\treal\tvirtual\toff by\tbar\t")
	for _, r := range o.Rows {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Official, r.Real, r.Virtual, r.Off, r.Bar, r.verdict())
	}
	t.Flush()
}

func (r row) verdict() string {
	switch {
	case r.Failed:
		return "FAIL"
	case r.Bar == "":
		return ""
	}
	return "pass"
}

// summary writes a line for each policy.
func summary(w io.Writer, outcomes []*outcome) {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "policy\tofficial score\tours\tvirtual\toff by\tbar\tbench CPU, s: official\tours\tbar\tus a request\tfigures\t")
	for _, o := range outcomes {
		score, cpu, call := o.find(calibration.FigureScore), o.find(rowCPU), o.find(rowCall)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", o.Name, score.Official, score.Real, score.Virtual,
			score.Off, score.Bar, cpu.Official, cpu.Real, cpu.Bar, call.Real, o.count())
	}
	t.Flush()
}

// count says how many of the judged figures and runs with problems have passed.
func (o *outcome) count() string {
	passed, judged := 0, len(o.Problems)
	for _, r := range o.Rows {
		switch r.verdict() {
		case "pass":
			passed, judged = passed+1, judged+1
		case "FAIL":
			judged++
		}
	}
	if judged == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d pass", passed, judged)
}
