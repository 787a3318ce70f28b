package report

import (
	"fmt"
	"math"
	"slices"
	"text/tabwriter"

	"isuride/bench/chart"
	"isuride/bench/live"
	"isuride/bench/world"
)

// stageNotes say who acts in a stage, for the reader of the text.
var stageNotes = map[string]string{
	"next order": "the user reads that the last ride is over, and has a turn",
	"looking":    "requests that found no chair",
	"request":    "page, history, chairs nearby, fare, order",
	"matching":   "the server chooses a chair and tells it",
	"acceptance": "the chair's turns and its call",
	"way":        "the chair drives to the pickup",
	"boarding":   "report, notification, the user's turn, the chair's turn and call",
	"carrying":   "the chair drives to the destination",
	"arrival":    "report, notification, the user's turn, page",
	"charge":     "from the rating's call to its payment",
	"rating":     "from the payment to the answer",
	"release":    "the server tells the chair, which has a turn",
	"listing":    "no answer about nearby chairs has the chair",
	"waiting":    "listed, and not matched",
}

// inTicks writes a duration as a number of ticks.
func inTicks(d world.Instant) string { return fmt.Sprintf("%.1f", ticks(d)) }

func ticks(d world.Instant) float64 { return float64(d) / float64(world.TickLength) }

// part are the stages of a user's cycle or of a chair's.
func (r *Record) part(of func(live.CycleStage) bool) (list []live.CycleStage) {
	for _, s := range r.Cycle {
		if of(s) {
			list = append(list, s)
		}
	}
	return list
}

func ofUser(s live.CycleStage) bool { return s.OfUser }

func ofChair(s live.CycleStage) bool { return s.OfChair }

// cycle shows where the first rides' time goes.
func (t *text) cycle(r *Record) {
	if r.Cycle == nil {
		return
	}
	w := tabwriter.NewWriter(t, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\nrides\tticks\tms\t  from one ride to the next, in the first %d s\n", world.CycleSeconds)
	for _, s := range r.Cycle {
		fmt.Fprintf(w, "%s\t%s\t%s\t  %s: %s\n", count(s.Rides), inTicks(s.Mean), millisText(s.Mean), s.Name, stageNotes[s.Name])
	}
	for _, whole := range []struct {
		name string
		of   func(live.CycleStage) bool
	}{{"all of a user, up to the rating", ofUser}, {"all of a chair, from acceptance on", ofChair}} {
		sum := world.Instant(0)
		for _, s := range r.part(whole.of) {
			sum += s.Mean
		}
		fmt.Fprintf(w, "\t%s\t%s\t  %s\n", inTicks(sum), millisText(sum), whole.name)
	}
	w.Flush()
}

// cyclePlots draws the same over time.
func (r *Record) cyclePlots() []plot {
	if r.Cycle == nil {
		return nil
	}
	return []plot{
		cyclePlot("A chair from ride to ride, ticks", r.part(ofChair)).
			note("Means of what ended in each second, stacked; a tick is 30 ms. Way and carrying are drives; listing and waiting are up to the matching, and to users who look."),
		cyclePlot("A user from ride to ride, ticks", r.part(ofUser)).
			note("The same. While chairs are scarce, matching is the wait for one."),
	}
}

// lowest are the stages at the bottom of the stack, so that one sees what lies on top of
// the drives.
var lowest = []string{"way", "carrying"}

// cycleWidth shows thin layers.
const cycleWidth = latencyWidth

func cyclePlot(title string, stages []live.CycleStage) plot {
	c := chart.Lines{Title: title, Width: cycleWidth, Stacked: true, Tip: tickTip}
	stages = slices.Clone(stages)
	slices.SortStableFunc(stages, func(a, b live.CycleStage) int { return rank(a) - rank(b) })
	for second := range stages[0].Counts {
		c.Seconds = append(c.Seconds, float64(second+1))
	}
	for _, s := range stages {
		line := chart.Line{Name: s.Name}
		for second, n := range s.Counts {
			v := math.NaN()
			if n > 0 {
				v = ticks(s.Means[second])
			}
			line.Values = append(line.Values, v)
		}
		c.Lines = append(c.Lines, line)
	}
	return plot{Picture: c.Draw()}
}

// tickTip is for a stage in a second, in which it may not have ended at all.
func tickTip(v float64) string {
	if math.IsNaN(v) {
		return "not ended"
	}
	return fmt.Sprintf("%.1f", v)
}

// rank orders the stack: what user and chair share comes before the rest, so that it has
// one colour in both plots.
func rank(s live.CycleStage) int {
	switch i := slices.Index(lowest, s.Name); {
	case i >= 0:
		return i
	case s.OfUser && s.OfChair:
		return len(lowest)
	}
	return len(lowest) + 1
}
