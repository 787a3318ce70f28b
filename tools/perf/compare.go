package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"isuride/bench/report"
)

// tolerance is how much worse a median may be. Machines differ by that from one hour to the next.
const tolerance = 0.15

// compare prints both and says whether something is slower. old may be nil.
func compare(w io.Writer, old, now *base) (slower bool) {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "figure\tstored\tnow\tratio\t")
	for _, name := range slices.Sorted(maps.Keys(now.Figures)) {
		n := now.Figures[name]
		if old == nil {
			fmt.Fprintf(t, "%s\t\t%s\t\t\n", name, &n)
			continue
		}
		o, ok := old.Figures[name]
		if !ok {
			fmt.Fprintf(t, "%s\t\t%s\tnew\t\n", name, &n)
			continue
		}
		verdict := ""
		if isSlower(name, o, n) {
			verdict, slower = "SLOWER", true
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t%s\n", name, &o, &n, n.Median/o.Median, verdict)
	}
	t.Flush()
	return slower
}

// isSlower demands that the ranges do not touch, besides.
func isSlower(name string, old, now report.Spread) bool {
	if name == figureRatio {
		return now.Median < (1-tolerance)*old.Median && now.Max < old.Min
	}
	return now.Median > (1+tolerance)*old.Median && now.Min > old.Max
}
