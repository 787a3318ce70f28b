package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"isuride/bench/compare/official"
	"isuride/bench/report"
)

// A calibration is what the runs of a policy have shown.
type calibration struct {
	Name     string            `json:"policy"`
	Problems []string          `json:"problems"` // runs in real time that are not among the others
	Real     []calibrateRun    `json:"real"`
	Virtual  []calibrateRun    `json:"virtual"`
	Speed    float64           `json:"speed,omitzero"` // of virtual time, in seconds a second
	Rows     []*calibrationRow `json:"rows"`

	policy official.Policy
}

// A calibrationRow is a figure, ours beside the official one. Where there are both, real time
// counts, not virtual time.
type calibrationRow struct {
	Name     string         `json:"name"`
	Official string         `json:"official,omitempty"`
	Real     *report.Spread `json:"real,omitempty"`
	Virtual  *report.Spread `json:"virtual,omitempty"`
	Off      string         `json:"off,omitempty"` // by how much ours is outside the official ones
	Bar      string         `json:"bar,omitempty"` // empty if the figure is not judged
	Failed   bool           `json:"failed"`
}

// Bars of what is judged besides the official figures.
const (
	agreementBar = 0.02 // between scores in real and in virtual time
	speedBar     = 20   // virtual seconds a second, where CPU a request has a bar
)

// Names of rows that the summary shows.
const (
	rowCPU  = "bench CPU, s"
	rowCall = "CPU a request, us"
)

// judge fills in the rows. Figures of another length than the official one are only shown.
func (c *calibration) judge(seconds float64) {
	p, judged := c.policy, seconds == fullLoad
	counting := c.Real
	if counting == nil {
		counting = c.Virtual
	}
	if counting == nil {
		return // because of problems
	}
	for _, f := range p.Figures {
		r := c.add(f.Name, spreadOf(c.Real, figure(f.Name)), spreadOf(c.Virtual, figure(f.Name)))
		if judged {
			r.Official = numbers(f.Official)
			r.compare(f.Compare(column(counting, figure(f.Name))))
		}
	}
	if c.Real != nil {
		cpu := c.add(rowCPU, spreadOf(c.Real, func(r calibrateRun) float64 { return r.CPU }), nil)
		call := c.add(rowCall, spreadOf(c.Real, func(r calibrateRun) float64 { return r.PerRequest }), nil)
		if judged && p.CPUBar > 0 {
			cpu.Official = report.Short(p.CPU)
			cpu.hold(bar{limit: p.CPUBar, most: true}, cpu.Real)
		}
		if judged && p.CallBar > 0 {
			call.hold(bar{limit: p.CallBar, most: true}, call.Real)
		}
	}
	if c.Virtual == nil {
		return
	}
	speed := report.SpreadOf([]float64{c.Speed})
	if r := c.add("virtual seconds a second", nil, &speed); p.CallBar > 0 {
		r.hold(bar{limit: speedBar}, &speed)
	}
	if c.Real != nil && p.Instant && judged {
		c.agree()
	}
}

// agree compares our scores in real and in virtual time: medians, or the ranges where equal
// runs differ much.
func (c *calibration) agree() {
	score := figure(official.FigureScore)
	ours, virtual := spreadOf(c.Real, score), spreadOf(c.Virtual, score)
	f := official.Figure{Official: []float64{virtual.Median}, Bar: agreementBar}
	if slices.ContainsFunc(c.policy.Figures, func(f official.Figure) bool { return f.Luck }) {
		f.Official, f.Luck = column(c.Virtual, score), true
	}
	c.add("score, real to virtual", ours, virtual).compare(f.Compare(column(c.Real, score)))
}

func (c *calibration) add(name string, ours, virtual *report.Spread) *calibrationRow {
	r := &calibrationRow{Name: name, Real: ours, Virtual: virtual}
	c.Rows = append(c.Rows, r)
	return r
}

func figure(name string) func(calibrateRun) float64 {
	return func(r calibrateRun) float64 { return r.Figures[name] }
}

func (r *calibrationRow) hold(b bar, s *report.Spread) {
	r.Bar, r.Failed = b.String(), b.missed(s.Median)
}

// compare fills in what a comparison has found.
func (r *calibrationRow) compare(f official.Finding) {
	scale, unit := 100.0, "%"
	if f.Points {
		scale, unit = 1, "points"
	}
	r.Off, r.Failed = "within", !f.Passed
	if f.Off != 0 {
		r.Off = fmt.Sprintf("%+.1f %s", scale*f.Off, unit)
	}
	if f.Bar > 0 {
		r.Bar = report.Short(scale*f.Bar) + " " + unit
	}
}

// numbers shows one value, or the range of several.
func numbers(list []float64) string {
	low, high := slices.Min(list), slices.Max(list)
	if low == high {
		return report.Short(low)
	}
	return report.Short(low) + " to " + report.Short(high)
}

func (c *calibration) failed() bool {
	return len(c.Problems) > 0 || slices.ContainsFunc(c.Rows, func(r *calibrationRow) bool { return r.Failed })
}

// print writes all rows of a policy.
func (c *calibration) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s: naive %s\n", c.Name, strings.Join(c.policy.Flags, " "))
	for _, problem := range c.Problems {
		fmt.Fprintf(w, "  FAIL: %s\n", problem)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  figure\tofficial\treal\tvirtual\toff by\tbar\t")
	for _, r := range c.Rows {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Official, r.Real, r.Virtual, r.Off, r.Bar, r.verdict())
	}
	t.Flush()
}

func (r *calibrationRow) verdict() string {
	if r.Bar == "" {
		return ""
	}
	return verdict(r.Failed)
}

// summary writes a line for each policy.
func summary(w io.Writer, list []*calibration) {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "policy\tofficial score\tours\tvirtual\toff by\tbar\tbench CPU, s: official\tours\tbar\tus a request\tfigures\t")
	for _, c := range list {
		rows := map[string]calibrationRow{}
		passed, judged := 0, len(c.Problems)
		for _, r := range c.Rows {
			rows[r.Name] = *r
			switch r.verdict() {
			case verdict(false):
				passed, judged = passed+1, judged+1
			case verdict(true):
				judged++
			}
		}
		count := ""
		if judged > 0 {
			count = fmt.Sprintf("%d of %d pass", passed, judged)
		}
		score, cpu, call := rows[official.FigureScore], rows[rowCPU], rows[rowCall]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", c.Name, score.Official, score.Real, score.Virtual,
			score.Off, score.Bar, cpu.Official, cpu.Real, cpu.Bar, call.Real, count)
	}
	t.Flush()
}
