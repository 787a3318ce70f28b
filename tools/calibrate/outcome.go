package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"isuride/bench/calibration"
	"isuride/bench/report"
)

// An outcome is what the runs of a policy have shown.
type outcome struct {
	Name     string   `json:"policy"`
	Problems []string `json:"problems"` // runs in real time that are not among the others
	Real     []run    `json:"real"`
	Virtual  []run    `json:"virtual"`
	Speed    float64  `json:"speed,omitzero"` // of virtual time, in seconds a second
	Rows     []row    `json:"rows"`

	policy calibration.Policy
}

// A row is a figure, ours beside the official one. Where real and virtual time stand beside each other, real time counts.
type row struct {
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
func (o *outcome) judge(load time.Duration) {
	official := load == calibration.Load
	if o.Real == nil && o.Virtual == nil {
		return // because of problems
	}
	for _, f := range o.policy.Figures {
		o.Rows = append(o.Rows, o.figure(f, official))
	}
	if o.Real != nil {
		o.judgeCPU(official)
	}
	if o.Virtual != nil {
		o.judgeVirtual(official)
	}
}

func (o *outcome) figure(f calibration.Figure, official bool) row {
	r := row{Name: f.Name}
	var counting calibration.Finding
	if o.Virtual != nil {
		counting = f.Compare(values(o.Virtual, f.Name))
		ours := counting.Ours
		r.Virtual = &ours
	}
	if o.Real != nil {
		counting = f.Compare(values(o.Real, f.Name))
		r.Real = &counting.Ours
	}
	if official {
		r.Official = numbers(f.Official)
		r.judge(counting)
	}
	return r
}

// judge fills in what a comparison has found.
func (r *row) judge(f calibration.Finding) {
	r.Off, r.Bar, r.Failed = offText(f), barText(f.Figure), !f.Passed
}

func values(runs []run, name string) []float64 {
	return column(runs, func(r run) float64 { return r.Figures[name] })
}

func column(runs []run, value func(run) float64) []float64 {
	var list []float64
	for _, r := range runs {
		list = append(list, value(r))
	}
	return list
}

func (o *outcome) judgeCPU(official bool) {
	cpu := report.SpreadOf(column(o.Real, func(r run) float64 { return r.CPU }))
	call := report.SpreadOf(column(o.Real, func(r run) float64 { return r.PerRequest }))
	seconds, request := row{Name: rowCPU, Real: &cpu}, row{Name: rowCall, Real: &call}
	if p := o.policy; official && p.CPUBar > 0 {
		seconds.Official, seconds.Bar, seconds.Failed = report.Short(p.CPU), "at most "+report.Short(p.CPUBar), cpu.Median > p.CPUBar
	}
	if p := o.policy; official && p.CallBar > 0 {
		request.Bar, request.Failed = "at most "+report.Short(p.CallBar), call.Median > p.CallBar
	}
	o.Rows = append(o.Rows, seconds, request)
}

// judgeVirtual compares virtual time with the clock, and its scores with those in real time, both ours.
func (o *outcome) judgeVirtual(official bool) {
	speed := report.SpreadOf([]float64{o.Speed})
	r := row{Name: "virtual seconds a second", Virtual: &speed}
	if o.policy.CallBar > 0 {
		r.Bar, r.Failed = fmt.Sprintf("at least %d", speedBar), o.Speed < speedBar
	}
	o.Rows = append(o.Rows, r)
	if o.Real != nil && o.policy.Instant && official {
		o.Rows = append(o.Rows, o.agreement())
	}
}

// agreement compares medians, or the ranges where equal runs differ much.
func (o *outcome) agreement() row {
	scores := values(o.Virtual, calibration.FigureScore)
	ours := report.SpreadOf(scores)
	f := calibration.Figure{Name: "score, real to virtual", Official: []float64{ours.Median}, Bar: agreementBar}
	if slices.ContainsFunc(o.policy.Figures, func(f calibration.Figure) bool { return f.Luck }) {
		f.Official, f.Luck = scores, true
	}
	finding := f.Compare(values(o.Real, calibration.FigureScore))
	r := row{Name: f.Name, Real: &finding.Ours, Virtual: &ours}
	r.judge(finding)
	return r
}

func offText(f calibration.Finding) string {
	switch {
	case f.Off == 0:
		return "within"
	case f.Points:
		return fmt.Sprintf("%+.1f points", f.Off)
	}
	return fmt.Sprintf("%+.1f %%", 100*f.Off)
}

func barText(f calibration.Figure) string {
	switch {
	case f.Bar == 0:
		return ""
	case f.Points:
		return report.Short(f.Bar) + " points"
	}
	return report.Short(100*f.Bar) + " %"
}

// numbers shows one value, or the range of several.
func numbers(list []float64) string {
	low, high := slices.Min(list), slices.Max(list)
	if low == high {
		return report.Short(low)
	}
	return report.Short(low) + " to " + report.Short(high)
}

func (o *outcome) failed() bool {
	return len(o.Problems) > 0 || slices.ContainsFunc(o.Rows, func(r row) bool { return r.Failed })
}

// find is the row of that name, an empty one if there is none.
func (o *outcome) find(name string) row {
	for _, r := range o.Rows {
		if r.Name == name {
			return r
		}
	}
	return row{}
}

// write makes the file for programs.
func (s *settings) write(outcomes []*outcome) error {
	b, err := json.MarshalIndent(outcomes, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.path("calibration.json"), append(b, '\n'), 0o644)
}
