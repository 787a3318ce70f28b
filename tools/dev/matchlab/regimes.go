package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"isuride/bench/chart"
)

// compared are the policies of the table of regimes, the one in use first.
var compared = []string{
	"in use:MaxReserve=20",
	"landed:RidesPerReserve=100,CarryWeight=500,ReserveAge=0s",
	"reserve at once:ReserveAge=0s",
	"reserve 50:RidesPerReserve=2,MaxReserve=50",
	"cap:MaxChairs=10",
}

// bar is how far the policy in use may be behind the best of a regime, in percent.
const bar = -5

// An outcome is what the policies made of a regime.
type outcome struct {
	Regime string
	Trials []trial
}

// tryRegimes runs the policies in the regimes named, or in all, and shows each when it is done.
func (l *lab) tryRegimes(names []string, show func(outcome)) error {
	policies, err := parsePolicies(compared)
	if err != nil {
		return err
	}
	for _, r := range regimes {
		if r.load == 0 || len(names) > 0 && !slices.Contains(names, r.name) {
			continue
		}
		in := *l
		in.regime, in.load = r, min(l.load, r.load)
		o := outcome{r.name, in.try(policies)}
		for _, t := range o.Trials {
			for i := range t.Runs {
				t.Runs[i].Course = nil // nobody needs it
			}
		}
		show(o)
	}
	return nil
}

// drawRegimes draws what each policy makes of each regime.
func drawRegimes(outcomes []outcome) []byte {
	var s chart.Section
	reference := ""
	for _, o := range outcomes {
		r, err := regimeOf(o.Regime)
		if err != nil {
			continue // it was called otherwise when the record was made
		}
		var bars []chart.Column
		reference = o.Trials[0].Policy
		for _, t := range o.Trials {
			d := paired(t.Runs, o.Trials[0].Runs, r.objective)
			bars = append(bars, chart.Column{Name: t.Policy, Value: 100 + d.mean, Label: fmt.Sprintf("%.1f", 100+d.mean),
				Tip: fmt.Sprintf("%s: %.1f to %.1f", t.Policy, 100+d.low, 100+d.high)})
		}
		title := r.name + ": " + r.objective.name
		if r.objective.less {
			title += " (as speed)"
		}
		s.Pictures = append(s.Pictures, chart.Columns(title, chart.Width(2), bars))
	}
	return chart.Sheet("matchlab: policies in all regimes", "in percent of the policy "+reference+"; more is better", []chart.Section{s})
}

// printRegime prints what each policy makes of what counts in a regime, and by how much it
// is better than the first policy with the same seeds.
func printRegime(out io.Writer, o outcome) {
	r, err := regimeOf(o.Regime)
	if err != nil {
		fmt.Fprintln(out, err)
		return
	}
	trials := o.Trials
	fmt.Fprintf(out, "\n%s: %s\n", r.name, r.about)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\tbetter than %s by\t95 %%\tfutile looks, %%\twait p95, ms\tpickup\tfailed\t  policy\n", r.objective.name, trials[0].Policy)
	best := 0
	for i, t := range trials {
		d := paired(t.Runs, trials[0].Runs, r.objective)
		fmt.Fprintf(w, "%.0f\t%+.1f %%\t%+.1f to %+.1f\t%.0f\t%.0f\t%.1f\t%d\t  %s\n", median(t.Runs, r.objective.of), d.mean, d.low, d.high,
			median(t.Runs, (*figures).futile), median(t.Runs, func(f *figures) float64 { return float64(f.WaitP95) }),
			median(t.Runs, func(f *figures) float64 { return f.Pickup }), failed(t.Runs), t.Policy)
		if d.mean > paired(trials[best].Runs, trials[0].Runs, r.objective).mean {
			best = i
		}
	}
	w.Flush()
	d := paired(trials[0].Runs, trials[best].Runs, r.objective)
	verdict := "met"
	if d.low < bar {
		verdict = "missed"
	}
	fmt.Fprintf(out, "%s against the best (%s): %+.1f %%, %+.1f to %+.1f; the bar of %d %% is %s\n",
		trials[0].Policy, trials[best].Policy, d.mean, d.low, d.high, bar, verdict)
}

// futile is the percentage of looks that showed no chair.
func (f *figures) futile() float64 {
	return 100 * float64(f.Retries) / float64(max(f.Work[workNearby], 1))
}

// An interval is a mean with its 95 % interval.
type interval struct{ mean, low, high float64 }

// paired is by how many percent the runs are better than those of the base with the same
// seeds.
func paired(runs, base []figures, o objective) interval {
	diffs := make([]float64, len(runs))
	for i := range runs {
		diffs[i] = 100 * (o.of(&runs[i])/o.of(&base[i]) - 1)
		if o.less {
			diffs[i] = 100 * (o.of(&base[i])/o.of(&runs[i]) - 1)
		}
	}
	return intervalOf(diffs)
}

// student are the quantiles of Student's distribution for an interval of 95 %, by the number
// of values.
var student = [...]float64{2: 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26}

func intervalOf(values []float64) interval {
	n := float64(len(values))
	mean, squares := 0.0, 0.0
	for _, v := range values {
		mean += v / n
	}
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	if n < 2 {
		return interval{mean, math.Inf(-1), math.Inf(1)}
	}
	half := student[min(len(values), len(student)-1)] * math.Sqrt(squares/(n-1)/n)
	return interval{mean, mean - half, mean + half}
}
