package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// columns of the table, each the median over a policy's runs.
var columns = [...]struct {
	head, format string
	of           func(*figures) float64
}{
	{"score", "%.0f", func(f *figures) float64 { return float64(f.Score) }},
	{"rides", "%.0f", func(f *figures) float64 { return float64(f.Completed) }},
	{"requested", "%.0f", func(f *figures) float64 { return float64(f.Requested) }},
	{"users", "%.0f", func(f *figures) float64 { return float64(f.Users) }},
	{"left", "%.0f", func(f *figures) float64 { return float64(f.Left) }},
	{"chairs", "%.0f", func(f *figures) float64 { return float64(f.Chairs) }},
	{"wait p50", "%.0f", func(f *figures) float64 { return float64(f.WaitP50) }},
	{"p99", "%.0f", func(f *figures) float64 { return float64(f.WaitP99) }},
	{"max ms", "%.0f", func(f *figures) float64 { return float64(f.WaitMax) }},
	{"pickup", "%.1f", func(f *figures) float64 { return f.Pickup }},
	{"trip", "%.1f", func(f *figures) float64 { return f.Trip }},
	{"rating", "%.2f", (*figures).rating},
	{"calls", "%.0f", func(f *figures) float64 { return float64(f.Calls) }},
	{"reports", "%.0f", func(f *figures) float64 { return float64(f.Reports) }},
	{"retries", "%.0f", func(f *figures) float64 { return float64(f.Retries) }},
	{"streams", "%.0f", func(f *figures) float64 { return float64(f.Streams) }},
	{"position ms", "%.1f", func(f *figures) float64 { return f.Position[0] }},
	{"p99", "%.0f", func(f *figures) float64 { return f.Position[1] }},
}

// rating is the mean.
func (f *figures) rating() float64 {
	sum := 0
	for stars, n := range f.Ratings {
		sum += stars * n
	}
	return float64(sum) / float64(max(f.Completed, 1))
}

// table shows medians. The spread is that of the score: half its range in percent of the
// median. Failed runs are counted.
func table(trials []trial) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, c := range columns {
		fmt.Fprintf(w, "%s\t", c.head)
	}
	fmt.Fprint(w, "spread\tfailed\t  policy\n")
	for _, t := range trials {
		for _, c := range columns {
			fmt.Fprintf(w, c.format+"\t", median(t.Runs, c.of))
		}
		fmt.Fprintf(w, "%.1f %%\t%d\t  %s\n", spread(t.Runs), failed(t.Runs), t.Policy)
	}
	w.Flush()
	return out.String()
}

func median(runs []figures, of func(*figures) float64) float64 {
	values := make([]float64, len(runs))
	for i := range runs {
		values[i] = of(&runs[i])
	}
	return middle(values)
}

func spread(runs []figures) float64 {
	byScore := func(a, b figures) int { return cmp.Compare(a.Score, b.Score) }
	width := slices.MaxFunc(runs, byScore).Score - slices.MinFunc(runs, byScore).Score
	return 50 * float64(width) / max(median(runs, func(f *figures) float64 { return float64(f.Score) }), 1)
}

func failed(runs []figures) int {
	n := 0
	for i := range runs {
		if runs[i].Failed != "" || runs[i].Errors > 0 {
			n++
		}
	}
	return n
}
