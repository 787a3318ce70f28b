package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"isuride/bench/report"
)

// An outcome is what a duel has shown.
type outcome struct {
	duel duel
	runs [2][]*run
	rows []row
}

// A row is a figure of both sides.
type row struct {
	name    string
	sides   [2]*report.Spread
	verdict string
}

const verdictFail = "FAIL"

var figures = []struct {
	name  string
	value func(*run) float64
}{
	{"score", func(r *run) float64 { return float64(r.Record.Score) }},
	{figureErrors, func(r *run) float64 { return float64(r.Record.ErrorCount) }},
	{"servers' CPU, s", func(r *run) float64 { return r.ServerCPU }},
	{"servers' CPU per 1,000 points, ms", (*run).cpuPerPoint},
	{"server's peak memory, MiB", func(r *run) float64 { return float64(r.PeakMemory) / (1 << 20) }},
	{"bench CPU, s", func(r *run) float64 { return r.Record.Usage.CPUSeconds() }},
	{"requests", func(r *run) float64 { return float64(r.Record.AllRequests()) }},
	{"rides evaluated", func(r *run) float64 { return float64(r.Record.World.RidesEvaluated) }},
	{"ticks lost", func(r *run) float64 { return float64(r.Record.LostTicks) }},
	{"position report, p99 ms", func(r *run) float64 { return p99(r.Record.Endpoints, "POST /api/chair/coordinate") }},
	{"notification, p99 ms", (*run).slowestNotice},
	{"orderly stop, s", func(r *run) float64 { return r.Stop }},
	{"restart, s", func(r *run) float64 { return r.Restart }},
}

func spreadOf(runs []*run, value func(*run) float64) *report.Spread {
	var values []float64
	for _, r := range runs {
		values = append(values, value(r))
	}
	s := report.SpreadOf(values)
	return &s
}

// judge fills in the rows. Runs of another length than the full one are only shown.
func (o *outcome) judge(load time.Duration) {
	for _, f := range figures {
		o.rows = append(o.rows, row{name: f.name, sides: [2]*report.Spread{spreadOf(o.runs[0], f.value), spreadOf(o.runs[1], f.value)}})
	}
	o.rows = append(o.rows,
		o.ratio(figureRatio, func(r *run) float64 { return float64(r.Record.Score) }),
		o.ratio(figureCPURatio, (*run).cpuPerPoint))
	if load != fullLoad {
		return
	}
	for _, b := range o.duel.bars {
		i := slices.IndexFunc(o.rows, func(r row) bool { return r.name == b.figure })
		o.rows[i].verdict = b.verdict(o.rows[i].sides[1].Median)
	}
}

// ratio compares the sides of each pair, whose runs were next to each other, so that a machine that changes its speed
// does least harm.
func (o *outcome) ratio(name string, value func(*run) float64) row {
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
	return row{name: name, sides: [2]*report.Spread{nil, &s}}
}

func (b bar) verdict(v float64) string {
	word, reached := "at least", v >= b.limit
	if b.most {
		word, reached = "at most", v <= b.limit
	}
	text := fmt.Sprintf("%s %s", word, report.Short(b.limit))
	if !reached {
		return text + ": " + verdictFail
	}
	return text + ": pass"
}

func (o *outcome) failed() bool {
	return slices.ContainsFunc(o.rows, func(r row) bool {
		return len(r.verdict) > 4 && r.verdict[len(r.verdict)-4:] == verdictFail
	})
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
