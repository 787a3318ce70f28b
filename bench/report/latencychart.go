package report

import (
	"fmt"
	"strconv"

	"isuride/bench/live"
	"isuride/bench/world"
)

// Sizes of a plot of latencies.
const (
	latencyWidth = 980
	nameWidth    = 290
	rowHeight    = 24
	axisHeight   = 24
)

// shortest is the lowest duration the plots of latencies tell apart.
const shortest = 100 // microseconds

// percentiles of a latency that are drawn as dots, with the classes of their colours.
var percentiles = [...]struct {
	name, class string
	of          func(live.Latency) world.Instant
}{
	{"median", "s1", func(l live.Latency) world.Instant { return l.P50 }},
	{"p90", "s2", func(l live.Latency) world.Instant { return l.P90 }},
	{"p99", "s3", func(l live.Latency) world.Instant { return l.P99 }},
	{"longest", "s4", func(l live.Latency) world.Instant { return l.Max }},
}

// latencies plots a row with percentiles for each distribution, on a logarithmic axis. A tick is marked, because what
// takes longer costs a simulated entity time.
func latencies(title, note string, list []live.Latency) *chart {
	longest := world.Instant(world.TickLength)
	for _, l := range list {
		longest = max(longest, l.Max)
	}
	c := &chart{Title: title, Note: note, W: latencyWidth, H: float64(len(list)*rowHeight + axisHeight)}
	c.Frame = box{nameWidth, 0, latencyWidth - nameWidth - rightMargin, c.H - axisHeight}
	x, grid := decades(shortest, float64(longest), c.Frame.X, c.Frame.Right())
	for _, v := range grid {
		c.X = append(c.X, mark{x.at(v), axisDuration(v)})
	}
	tick := x.at(float64(world.TickLength))
	c.Lines = append(c.Lines, path{"tick", fmt.Sprintf("M%g 0L%g %g", tick, tick, c.Frame.Bottom())})
	for _, p := range percentiles {
		c.Keys = append(c.Keys, key{p.class, p.name})
	}
	for i, l := range list {
		c.Rows = append(c.Rows, latencyRow(l, x, float64(i*rowHeight)+rowHeight/2))
	}
	return c
}

// axisDuration labels a power of ten in microseconds.
func axisDuration(us float64) string {
	if us >= 1e6 {
		return strconv.FormatFloat(us/1e6, 'f', -1, 64) + " s"
	}
	return strconv.FormatFloat(us/1e3, 'f', -1, 64) + " ms"
}

func latencyRow(l live.Latency, x scale, y float64) row {
	r := row{Y: y, Label: l.Name, From: x.at(float64(l.P50)), To: x.at(float64(l.Max))}
	r.Tip = fmt.Sprintf("%s\n%s times, %s failed", l.Name, count(l.Count), count(l.Failures))
	for _, p := range percentiles {
		r.Dots = append(r.Dots, dot{x.at(float64(p.of(l))), p.class})
		r.Tip += fmt.Sprintf("\n%s %s ms", p.name, millisText(p.of(l)))
	}
	return r
}
