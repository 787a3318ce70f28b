package report

import (
	"fmt"

	"isuride/bench/chart"
	"isuride/bench/live"
	"isuride/bench/world"
)

// latencyWidth is that of a plot of latencies.
const latencyWidth = 980

// shortest is the lowest latency that the plots show, in seconds.
const shortest = 100e-6

// latencies plots percentiles of each distribution. A tick is marked, because what takes
// longer costs a simulated entity time.
func latencies(title string, list []live.Latency) plot {
	var rows []chart.Row
	names := []string{"median", "p90", "p99", "longest"}
	for _, l := range list {
		row := chart.Row{Name: l.Name, Tip: fmt.Sprintf("%s\n%s times, %s failed", l.Name, count(l.Count), count(l.Failures))}
		for i, d := range []world.Instant{l.P50, l.P90, l.P99, l.Max} {
			row.Values = append(row.Values, seconds(d))
			row.Tip += fmt.Sprintf("\n%s %s ms", names[i], millisText(d))
		}
		rows = append(rows, row)
	}
	return plot{Picture: chart.Rows(title, latencyWidth, chart.Seconds, shortest, seconds(world.TickLength), names, rows)}
}

func seconds(d world.Instant) float64 { return float64(d) / float64(world.Second) }
