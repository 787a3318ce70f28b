package report

import (
	"fmt"
	"strings"

	"isuride/bench/live"
)

// A series is a line over time.
type series struct {
	name string
	of   func([]live.Sample) []float64
}

// level is a figure as it is at each sample.
func level[N int | float64](name string, of func(live.Sample) N) series {
	return series{name, func(samples []live.Sample) (values []float64) {
		for _, s := range samples {
			values = append(values, float64(of(s)))
		}
		return values
	}}
}

// rate is how much a counter grew from sample to sample, by the second. The last sample, at the end of the load, may
// follow so closely that its rate would mean nothing; then the one before stands for it.
func rate[N int | float64](name string, of func(live.Sample) N) series {
	return series{name, func(samples []live.Sample) (values []float64) {
		before := live.Sample{}
		for i, s := range samples {
			if length := s.Seconds - before.Seconds; length > shortestInterval || i == 0 {
				values = append(values, float64(of(s)-of(before))/max(length, shortestInterval))
			} else {
				values = append(values, values[i-1])
			}
			before = s
		}
		return values
	}}
}

const shortestInterval = 0.5 // seconds

// course plots the run over time.
func (r *Record) course() []*chart {
	return []*chart{
		overTime("Score", "Of evaluated rides; the unfinished ones count at the end.", r.Series,
			level("score", func(s live.Sample) int { return s.Score })),
		overTime("Users and chairs", "", r.Series,
			level("users", func(s live.Sample) int { return s.Users }),
			level("users gone", func(s live.Sample) int { return s.Users - s.ActiveUsers }),
			level("chairs", func(s live.Sample) int { return s.Chairs }),
			level("free chairs", func(s live.Sample) int { return s.EmptyChairs })),
		overTime("Rides", "", r.Series,
			level("created", func(s live.Sample) int { return s.Rides }),
			level("evaluated", func(s live.Sample) int { return s.Completed })),
		overTime("Ticks per second", "33.3 are due. A lost one never was, because the bench was late.", r.Series,
			rate("executed", func(s live.Sample) int { return s.Ticks }),
			rate("lost", func(s live.Sample) int { return s.LostTicks })),
		overTime("CPUs in use", "The machine's include the bench's, and the server's if it runs there.", r.Series,
			rate("bench, user", func(s live.Sample) float64 { return s.Usage.UserSeconds }),
			rate("bench, system", func(s live.Sample) float64 { return s.Usage.SystemSeconds }),
			rate("machine", func(s live.Sample) float64 { return s.Usage.MachineSeconds })),
		overTime("The bench's memory, MiB", "", r.Series,
			level("MiB", func(s live.Sample) float64 { return float64(s.Usage.RSSBytes) / (1 << 20) })),
		overTime("Answered calls per second", "Without notifications and payments.", r.Series,
			rate("calls", func(s live.Sample) int { return s.Requests })),
		overTime("Connections", "", r.Series, level("connections", func(s live.Sample) int { return s.Connections })),
	}
}

func (r *Record) errorsOverTime() *chart {
	return overTime("Errors over time", "", r.Series, level("errors", func(s live.Sample) int { return s.Errors }))
}

// overTime plots series over the seconds since the load began. A single one needs no key.
func overTime(title, note string, samples []live.Sample, all ...series) *chart {
	c := newChart(title, note, timeWidth)
	var seconds []float64
	end, highest := 1.0, 0.0
	for _, s := range samples {
		seconds, end = append(seconds, s.Seconds), max(end, s.Seconds)
	}
	values := make([][]float64, len(all))
	for i, s := range all {
		values[i] = s.of(samples)
		for _, v := range values[i] {
			highest = max(highest, v)
		}
	}
	x, y := c.seconds(end), c.vertical(highest)
	for i, s := range all {
		if len(all) > 1 {
			c.Keys = append(c.Keys, key{classes[i], s.name})
		}
		c.Lines = append(c.Lines, path{classes[i], polyline(x, y, seconds, values[i])})
	}
	c.hoverOverTime(x, seconds, all, values)
	return c
}

// seconds makes the scale and grid of time. The last step may be cut.
func (c *chart) seconds(end float64) scale {
	x, grid := linear(end, timeMarks, c.Frame.X, c.Frame.Right())
	x.high = end
	for _, v := range grid {
		if v <= end {
			c.X = append(c.X, mark{x.at(v), axisLabel(v) + " s"})
		}
	}
	return x
}

func polyline(x, y scale, xs, ys []float64) string {
	var d strings.Builder
	for i := range xs {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&d, "%s%g %g", command, x.at(xs[i]), y.at(ys[i]))
	}
	return d.String()
}

// hoverOverTime makes the texts under the pointer, one between each two times.
func (c *chart) hoverOverTime(x scale, seconds []float64, all []series, values [][]float64) {
	from := c.Frame.X
	for n, at := range seconds {
		tip := fmt.Sprintf("%.0f s", at)
		for i, s := range all {
			tip += fmt.Sprintf("\n%s %s", s.name, Number(values[i][n]))
		}
		to := x.at(at)
		c.Hover = append(c.Hover, bar{box: box{from, c.Frame.Y, round(to - from), c.Frame.H}, Tip: tip})
		from = to
	}
}
