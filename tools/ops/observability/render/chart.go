package main

import (
	"fmt"
	"html"
	"math"
	"strings"

	"isuride/tools/ops/observability/prometheus"
)

// ink is a colour with a tint for areas. The tint is opaque because, in a stack, lower
// areas are drawn over upper ones.
type ink struct{ line, area string }

// inks are the colours of the curves, which people with colour blindness can also
// distinguish. They repeat if there are more curves.
var inks = [...]ink{{"#0072b2", "#a6cee4"}, {"#d55e00", "#f0c7a6"}, {"#009e73", "#a6ddce"}, {"#cc79a7", "#edd0e0"},
	{"#b8860b", "#e6d5aa"}, {"#56b4e9", "#c4e5f7"}, {"#6b4c9a", "#cbc0dc"}, {"#666666", "#c9c9c9"}}

func inkOf(i int) ink { return inks[i%len(inks)] }

// Places inside a chart, in pixels.
const (
	titleHeight  = 34
	axisWidth    = 58 // for tick labels, left
	axisHeight   = 18 // for time labels, below
	legendHeight = 15 // per line
	padding      = 12
)

func escape(title, description string) string {
	if description != "" {
		title += ": " + description
	}
	return html.EscapeString(title)
}

// drawChart draws the curves over time, with axes and a legend.
func (b board) drawChart(r rect) {
	u := unitOf(b.panel.Unit())
	entries := b.legend(u)
	lines := wrap(entries, r.w-2*padding)
	plot := rect{r.x + axisWidth, r.y + titleHeight, r.w - axisWidth - padding,
		r.h - titleHeight - axisHeight - float64(len(lines)*legendHeight) - 6}
	curves := b.curves
	if b.panel.Stacked() {
		curves = stack(curves)
	}
	a := b.axis(curves, u)
	b.drawAxes(plot, a)
	for i := len(curves) - 1; i >= 0; i-- {
		b.drawCurve(plot, a, curves[i], inkOf(i), b.panel.Stacked())
	}
	b.drawLegend(lines, r.x+padding, r.y+r.h-float64(len(lines)*legendHeight)+4)
}

// axis covers all values.
func (b board) axis(curves []curve, u unit) axis {
	highest, lowest := 0.0, math.Inf(1) // lowest: of those above 0
	for _, c := range curves {
		for _, p := range c.points {
			highest = max(highest, p.Value)
			if p.Value > 0 {
				lowest = min(lowest, p.Value)
			}
		}
	}
	if b.panel.Logarithmic() && highest > 0 {
		return newLogAxis(lowest, highest, u)
	}
	return newAxis(highest, u)
}

// stack adds to each curve the curves before it, where they have points at the same time.
func stack(curves []curve) []curve {
	sum := map[float64]float64{}
	var stacked []curve
	for _, c := range curves {
		over := curve{name: c.name}
		for _, p := range c.points {
			sum[p.At] += p.Value
			over.points = append(over.points, prometheus.Point{At: p.At, Value: sum[p.At]})
		}
		stacked = append(stacked, over)
	}
	return stacked
}

func (b board) drawAxes(plot rect, a axis) {
	var grid strings.Builder
	for _, tick := range a.ticks() {
		y := plot.y + plot.h*(1-a.at(tick))
		fmt.Fprintf(&grid, "M%s %sh%s", px(plot.x), px(y), px(plot.w))
		b.text(plot.x-6, y+4, "end", a.text(tick))
	}
	for _, tick := range timeTicks(b.span.seconds()) {
		x := plot.x + plot.w*tick/b.span.seconds()
		fmt.Fprintf(&grid, "M%s %sv%s", px(x), px(plot.y), px(plot.h))
		b.text(x, plot.y+plot.h+15, "middle", clock(tick))
	}
	b.add(`<path class="grid" d="%s"/>`, grid.String())
}

// clock formats seconds since the beginning as minutes:seconds, or hours:minutes:seconds.
func clock(seconds float64) string {
	s := int(seconds)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// drawCurve draws a line, and the area below it if it is filled.
func (b board) drawCurve(plot rect, a axis, c curve, ink ink, filled bool) {
	name := html.EscapeString(c.name)
	if filled {
		b.add(`<path fill="%s" d="%s"><title>%s</title></path>`, ink.area, b.path(plot, a, c, true), name)
	}
	b.add(`<path class="curve" stroke="%s" d="%s"><title>%s</title></path>`, ink.line, b.path(plot, a, c, false), name)
}

// path connects the points, leaving gaps where some are missing.
func (b board) path(plot rect, a axis, c curve, closed bool) string {
	var d strings.Builder
	bottom := px(plot.y + plot.h)
	start, last := "", 0.0
	for i, p := range c.points {
		x, y := px(plot.x+plot.w*p.At/b.span.seconds()), px(plot.y+plot.h*(1-a.at(p.Value)))
		if i == 0 || p.At-last > 1.5*b.step {
			if closed && start != "" {
				fmt.Fprintf(&d, "V%sH%sZ", bottom, start)
			}
			start = x
			fmt.Fprintf(&d, "M%s %s", x, y)
		} else {
			fmt.Fprintf(&d, "L%s %s", x, y)
		}
		last = p.At
	}
	if closed {
		fmt.Fprintf(&d, "V%sH%sZ", bottom, start)
	}
	return d.String()
}
