package main

import "isuride/bench/chart"

// curves are the plots of the drawing.
var curves = [...]struct {
	title string
	unit  chart.Unit
	of    func(*piece) float64
}{
	{"score", chart.Plain, func(p *piece) float64 { return p.Score }},
	{"position report, mean", chart.Seconds, func(p *piece) float64 { return ms(p.Latency) / 1000 }},
	{"chairs with a ride", chart.Plain, func(p *piece) float64 { return float64(p.Busy) }},
	{"mean speed of accepting chairs", chart.Plain, func(p *piece) float64 { return p.Speed }},
	{"rides without a chair", chart.Plain, func(p *piece) float64 { return float64(p.Waiting) }},
	{"nearby calls that found nothing, per window", chart.Plain, func(p *piece) float64 { return float64(p.Empty) }},
}

// draw draws the course of each policy's first run.
func draw(trials []trial) []byte {
	var s chart.Section
	for _, c := range curves {
		plot := chart.Lines{Title: c.title, Width: chart.Width(2), Unit: c.unit, Peaks: true}
		for _, t := range trials {
			line := chart.Line{Name: t.Policy}
			for i := range t.Runs[0].Course {
				line.Values = append(line.Values, c.of(&t.Runs[0].Course[i]))
			}
			for len(plot.Seconds) < len(line.Values) {
				plot.Seconds = append(plot.Seconds, float64(len(plot.Seconds)+1)*windowSeconds)
			}
			plot.Lines = append(plot.Lines, line)
		}
		s.Pictures = append(s.Pictures, plot.Draw())
	}
	return chart.Sheet("matchlab", "first runs of the policies", []chart.Section{s})
}
