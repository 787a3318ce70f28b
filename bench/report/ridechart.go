package report

import (
	"fmt"
	"strconv"

	"isuride/bench/chart"
)

// rides plots the outcomes of the evaluated rides.
func (r *Record) rides() []plot {
	n := r.World.RidesEvaluated
	var ratings []chart.Column
	for i, rides := range r.Ratings {
		ratings = append(ratings, chart.Column{Name: strconv.Itoa(i + 1), Value: float64(rides), Label: count(rides),
			Tip: fmt.Sprintf("rating %d: %s rides", i+1, count(rides))})
	}
	criterion := func(name string, met int) chart.Column {
		return chart.Column{Name: name, Value: 100 * share(met, n), Label: percent(met, n), Tip: fmt.Sprintf("%s of %s rides", count(met), count(n))}
	}
	part := func(name string, hundredths int) chart.Column {
		return chart.Column{Name: name, Value: float64(hundredths) / scoreUnit, Label: count(hundredths / scoreUnit)}
	}
	list := []plot{
		columns("Rides by rating", ratings...),
		columns("Rides by criterion met, %", criterion("matching", r.Criteria.Matching), criterion("dispatch", r.Criteria.Dispatch),
			criterion("pickup", r.Criteria.Pickup), criterion("drive", r.Criteria.Drive)).
			note("A ride's rating is 1 plus the number of criteria it met."),
		columns("Score by origin", part("driving", r.ScoreParts.Driving), part("rides", r.ScoreParts.Base),
			part("pickup", r.ScoreParts.Pickup), part("unfinished", r.ScoreParts.Partial)),
	}
	for _, i := range r.Intervals {
		list = append(list, columns(i.Name, histogram(i.Counts)...).note(fmt.Sprintf("In %s; %.2f on average.", i.Unit, i.Mean)))
	}
	return list
}

func columns(title string, list ...chart.Column) plot {
	return plot{Picture: chart.Columns(title, columnWidth, list)}
}

// maxColumns is the highest number of columns of a distribution.
const maxColumns = 40

// histogram shows how often each number occurred. A long distribution has several numbers
// to a column, and its whole tail in the last one.
func histogram(counts []int) (cols []chart.Column) {
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
		cols = append(cols, chart.Column{Name: name, Value: float64(n), Tip: fmt.Sprintf("%s: %s rides", numbers(from, to-1), count(n))})
	}
	return cols
}

// withoutTail is the length of counts without the last 1 % of what is counted.
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
