package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"isuride/bench/report"
)

// An outcome is what a duel has shown.
type outcome struct {
	duel duel
	runs [2][]*duelRun
	rows []*duelRow
}

// A duelRow is a figure of both sides.
type duelRow struct {
	name    string
	sides   [2]*report.Spread
	verdict string // with the bar; empty if it is not judged
	failed  bool
}

// Names of figures that are looked for.
const (
	figureScore    = "score"
	figureErrors   = "errors"
	figureCPUPoint = "servers' CPU per 1,000 points, ms"
	figureReport   = "position report, p99 ms"
	figureRatio    = "score, ratio"
	figureCPURatio = "CPU per 1,000 points, ratio"
)

var duelFigures = []struct {
	name  string
	value func(*duelRun) float64
}{
	{figureScore, (*duelRun).score},
	{figureErrors, func(r *duelRun) float64 { return float64(r.Record.ErrorCount) }},
	{"servers' CPU, s", func(r *duelRun) float64 { return r.ServerCPU }},
	{figureCPUPoint, (*duelRun).cpuPerPoint},
	{"server's peak memory, MiB", func(r *duelRun) float64 { return float64(r.PeakMemory) / (1 << 20) }},
	{"bench CPU, s", func(r *duelRun) float64 { return r.Record.Usage.CPUSeconds() }},
	{"requests", func(r *duelRun) float64 { return float64(r.Record.AllRequests()) }},
	{"rides evaluated", func(r *duelRun) float64 { return float64(r.Record.World.RidesEvaluated) }},
	{"ticks lost", func(r *duelRun) float64 { return float64(r.Record.LostTicks) }},
	{figureReport, (*duelRun).reportLatency},
	{"notification, p99 ms", (*duelRun).noticeLatency},
	{"orderly stop, s", func(r *duelRun) float64 { return r.Stop }},
	{"restart, s", func(r *duelRun) float64 { return r.Restart }},
}

// judge fills in the rows. Runs of another length than the full one are only shown.
func (o *outcome) judge(seconds float64) {
	for _, f := range duelFigures {
		o.rows = append(o.rows, &duelRow{name: f.name, sides: [2]*report.Spread{spreadOf(o.runs[0], f.value), spreadOf(o.runs[1], f.value)}})
	}
	o.rows = append(o.rows, o.ratio(figureRatio, (*duelRun).score), o.ratio(figureCPURatio, (*duelRun).cpuPerPoint))
	if seconds != fullLoad {
		return
	}
	for _, b := range o.duel.bars {
		r := o.find(b.figure)
		r.failed = b.missed(r.sides[1].Median)
		r.verdict = b.String() + ": " + verdict(r.failed)
	}
}

// ratio compares the sides of each pair, whose runs were next to each other, so that a machine
// that changes its speed does least harm.
func (o *outcome) ratio(name string, value func(*duelRun) float64) *duelRow {
	var ratios []float64
	for i := range o.runs[0] {
		if first := value(o.runs[0][i]); first != 0 {
			ratios = append(ratios, value(o.runs[1][i])/first)
		}
	}
	if ratios == nil {
		ratios = []float64{0}
	}
	s := report.SpreadOf(ratios)
	return &duelRow{name: name, sides: [2]*report.Spread{nil, &s}}
}

func (o *outcome) find(name string) *duelRow {
	i := slices.IndexFunc(o.rows, func(r *duelRow) bool { return r.name == name })
	if i < 0 {
		panic("BUG: no figure " + name)
	}
	return o.rows[i]
}

func (o *outcome) failed() bool {
	return slices.ContainsFunc(o.rows, func(r *duelRow) bool { return r.failed })
}

func (o *outcome) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s; medians (ranges) of %d\n", o.duel.name, o.duel.about, len(o.runs[0]))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  figure\t%s\t%s\t\n", o.duel.sides[0].name, o.duel.sides[1].name)
	for _, r := range o.rows {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", r.name, r.sides[0], r.sides[1], r.verdict)
	}
	t.Flush()
	for side, runs := range o.runs {
		for _, r := range runs {
			for _, why := range r.Record.BenchLimits {
				fmt.Fprintf(w, "  %s, pair %d: the bench may have been the limit: %s\n", o.duel.sides[side].name, r.Pair, why)
			}
		}
	}
}

// outcomesOf sorts runs into those duels of which there are whole pairs, and judges them:
// those that duels lists first, then variants, of which only names are known.
func outcomesOf(runs []*duelRun) []*outcome {
	known := duels()
	for _, r := range runs {
		if !slices.ContainsFunc(known, func(d duel) bool { return d.name == r.Duel }) {
			known = append(known, duel{name: r.Duel, about: r.Duel})
		}
	}
	var list []*outcome
	for _, d := range known {
		o := &outcome{duel: d}
		for _, r := range runs {
			if r.Duel == d.name {
				o.add(r)
			}
		}
		pairs := min(len(o.runs[0]), len(o.runs[1]))
		if pairs == 0 {
			continue
		}
		o.runs[0], o.runs[1] = o.runs[0][:pairs], o.runs[1][:pairs]
		o.judge(math.Round(o.runs[0][0].Record.LoadSeconds))
		list = append(list, o)
	}
	return list
}

// add sorts a run to its side. Sides without a name are named by who fights first.
func (o *outcome) add(r *duelRun) {
	for side := range o.runs {
		c := &o.duel.sides[side]
		if c.name == "" {
			c.name = r.Contestant
		}
		if c.name == r.Contestant {
			o.runs[side] = append(o.runs[side], r)
			return
		}
	}
}

// markdown writes a table for a document. All figures are medians; in brackets, those of the
// first side.
func markdown(w io.Writer, list []*outcome) {
	fmt.Fprintln(w, "| | pairs | score | ratio | bar | warnings and errors | CPU per 1,000 points | of the other's, at most 0.5 | position report p99 |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|")
	for _, o := range list {
		both := func(name string) string {
			r := o.find(name)
			return report.Short(r.sides[1].Median) + " (" + report.Short(r.sides[0].Median) + ")"
		}
		ratio, cpu, least := o.find(figureRatio).sides[1], "", ""
		if len(o.duel.bars) > 0 {
			least = report.Short(o.duel.bars[0].limit)
		}
		if o.duel.sides[0].naive {
			cpu = report.Short(o.find(figureCPURatio).sides[1].Median)
		}
		fmt.Fprintf(w, "| %s: %s (against %s) | %d | %s | **%s** | %s | %s | %s ms | %s | %s ms |\n",
			o.duel.about, o.duel.sides[1].name, o.duel.sides[0].name, ratio.Runs, both(figureScore), ratio, least,
			both(figureErrors), both(figureCPUPoint), cpu, both(figureReport))
	}
}
