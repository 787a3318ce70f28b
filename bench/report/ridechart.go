package report

import (
	"fmt"
	"strconv"

	"isuride/bench/live"
)

// rides plots what became of the evaluated ones.
func (r *Record) rides() []*chart {
	n := r.World.RidesEvaluated
	var ratings []column
	for i, rides := range r.Ratings {
		ratings = append(ratings, column{strconv.Itoa(i + 1), float64(rides), count(rides), fmt.Sprintf("rating %d: %s rides", i+1, count(rides))})
	}
	criterion := func(name string, met int) column {
		return column{name, 100 * share(met, n), percent(met, n), fmt.Sprintf("%s of %s rides", count(met), count(n))}
	}
	part := func(name string, hundredths int) column {
		return column{name, float64(hundredths) / scoreUnit, count(hundredths / scoreUnit), ""}
	}
	list := []*chart{
		columns("Rides by rating", "", columnWidth, ratings),
		columns("Rides by criterion met, %", "A ride's rating is 1 and the number of criteria it met.", columnWidth, []column{
			criterion("matching", r.Criteria.Matching), criterion("dispatch", r.Criteria.Dispatch),
			criterion("pickup", r.Criteria.Pickup), criterion("drive", r.Criteria.Drive)}),
		columns("Score by origin", "", columnWidth, []column{
			part("driving", r.ScoreParts.Driving), part("rides", r.ScoreParts.Base), part("pickup", r.ScoreParts.Pickup), part("unfinished", r.ScoreParts.Partial)}),
	}
	for _, i := range r.Intervals {
		list = append(list, histogram(i))
	}
	return list
}

// maxColumns is how many columns a distribution has at most.
const maxColumns = 40

// histogram plots how often each number occurred.
func histogram(i live.Interval) *chart {
	return columns(i.Name, fmt.Sprintf("In %s; %.2f on average.", i.Unit, i.Mean), columnWidth, histogramColumns(i.Counts))
}

// histogramColumns has several numbers to a column if the distribution is long, and then all that is in its tail in the
// last one.
func histogramColumns(counts []int) (cols []column) {
	end := len(counts)
	width := 1
	if end > maxColumns {
		end = withoutTail(counts)
		width = (end + maxColumns - 1) / maxColumns
	}
	for from := 0; from < end; from += width {
		to := min(from+width, end)
		name := strconv.Itoa(from)
		if to == end && end < len(counts) {
			to = len(counts)
			name += " up"
		}
		n := 0
		for _, c := range counts[from:to] {
			n += c
		}
		cols = append(cols, column{name, float64(n), "", fmt.Sprintf("%s: %s rides", numbers(from, to-1), count(n))})
	}
	return cols
}

// withoutTail is the number of counts without the last 1 % of what is counted.
func withoutTail(counts []int) int {
	all, seen := 0, 0
	for _, c := range counts {
		all += c
	}
	for n, c := range counts {
		if seen += c; 100*seen >= 99*all {
			return n + 1
		}
	}
	return len(counts)
}

func numbers(first, last int) string {
	if first == last {
		return strconv.Itoa(first)
	}
	return fmt.Sprintf("%d to %d", first, last)
}
