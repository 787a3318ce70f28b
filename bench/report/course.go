package report

import (
	"isuride/bench/chart"
	"isuride/bench/live"
)

// Widths of plots over time, and of those with columns.
const (
	timeWidth   = 480
	columnWidth = 340
)

// plot is a picture with a remark below it, which may be empty.
type plot struct {
	chart.Picture
	Note string
}

func (p plot) note(text string) plot {
	p.Note = text
	return p
}

// A series is a line over time.
type series struct {
	name string
	of   func([]live.Sample) []float64
}

// level is a figure at each sample.
func level[N int | float64](name string, of func(live.Sample) N) series {
	return series{name, func(samples []live.Sample) (values []float64) {
		for _, s := range samples {
			values = append(values, float64(of(s)))
		}
		return values
	}}
}

// rate is the growth of a counter per second, from sample to sample. The last sample, at
// the end of the load, may follow so closely that its rate would mean nothing; then the
// rate before is repeated.
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
func (r *Record) course() []plot {
	return []plot{
		overTime("Score", r.Series, level("score", func(s live.Sample) int { return s.Score })).
			note("Of evaluated rides; the unfinished ones count at the end."),
		overTime("Users and chairs", r.Series,
			level("users", func(s live.Sample) int { return s.Users }),
			level("users gone", func(s live.Sample) int { return s.Users - s.ActiveUsers }),
			level("chairs", func(s live.Sample) int { return s.Chairs }),
			level("free chairs", func(s live.Sample) int { return s.EmptyChairs })),
		overTime("Rides", r.Series,
			level("created", func(s live.Sample) int { return s.Rides }),
			level("evaluated", func(s live.Sample) int { return s.Completed })),
		overTime("Ticks per second", r.Series,
			rate("executed", func(s live.Sample) int { return s.Ticks }),
			rate("lost", func(s live.Sample) int { return s.LostTicks })).
			note("33.3 are due. A lost tick was skipped because the bench was late."),
		overTime("CPUs in use", r.Series,
			rate("bench, user", func(s live.Sample) float64 { return s.Usage.UserSeconds }),
			rate("bench, system", func(s live.Sample) float64 { return s.Usage.SystemSeconds }),
			rate("machine", func(s live.Sample) float64 { return s.Usage.MachineSeconds })).
			note("The machine's include the bench's, and the server's if it runs there."),
		overTime("The bench's memory, MiB", r.Series,
			level("MiB", func(s live.Sample) float64 { return float64(s.Usage.RSSBytes) / (1 << 20) })),
		overTime("Answered calls per second", r.Series, rate("calls", func(s live.Sample) int { return s.Requests })).
			note("Without notifications and payments."),
		overTime("Connections", r.Series, level("connections", func(s live.Sample) int { return s.Connections })),
	}
}

func (r *Record) errorsOverTime() plot {
	return overTime("Errors over time", r.Series, level("errors", func(s live.Sample) int { return s.Errors }))
}

// overTime plots series over the seconds since the load began.
func overTime(title string, samples []live.Sample, all ...series) plot {
	c := chart.Lines{Title: title, Width: timeWidth, Tip: Number}
	for _, s := range samples {
		c.Seconds = append(c.Seconds, s.Seconds)
	}
	for _, s := range all {
		c.Lines = append(c.Lines, chart.Line{Name: s.name, Values: s.of(samples)})
	}
	return plot{Picture: c.Draw()}
}
