package report

import (
	"slices"

	"isuride/bench/live"
	"isuride/bench/world"
)

// Better tells in which direction a figure improves.
type Better int

const (
	BetterLower  Better = -1
	BetterNone   Better = 0 // it is neither good nor bad
	BetterHigher Better = 1
)

// A Figure is a number of a record that is worth comparing. It has the same name in all
// records.
type Figure struct {
	Name   string
	Value  float64
	Better Better
}

// Figures lists those of a record. A latency that was never measured is missing.
func (r *Record) Figures() []Figure {
	list := slices.Concat(r.outcome(), openLoopFigures(r.OpenLoop))
	for _, l := range slices.Concat(r.Endpoints, r.Notices) {
		list = append(list, latencyFigures(l)...)
	}
	return append(list, r.bench()...)
}

func (r *Record) outcome() []Figure {
	rides := r.World.RidesEvaluated
	criterion := func(name string, met int) Figure {
		return Figure{name + " criterion, %", 100 * share(met, rides), BetterHigher}
	}
	return []Figure{
		{"score", float64(r.Score), BetterHigher},
		{"errors", float64(r.ErrorCount), BetterLower},
		{"rides evaluated", float64(rides), BetterHigher},
		{"rides created", float64(r.World.RidesCreated), BetterNone},
		{"users", float64(r.World.Users), BetterNone},
		{"chairs", float64(r.World.Chairs), BetterNone},
		{"rating, mean", meanRating(r.Ratings), BetterHigher},
		criterion("matching", r.Criteria.Matching),
		criterion("dispatch", r.Criteria.Dispatch),
		criterion("pickup", r.Criteria.Pickup),
		criterion("drive", r.Criteria.Drive),
	}
}

// meanRating is the average rating; rides are counted by rating, from 1 on. It is 0
// without rides.
func meanRating(rides []int) float64 {
	sum, n := 0, 0
	for i, count := range rides {
		sum += (i + 1) * count
		n += count
	}
	return share(sum, n)
}

func latencyFigures(l live.Latency) []Figure {
	return []Figure{
		{l.Name + ", p50 ms", millis(l.P50), BetterLower},
		{l.Name + ", p99 ms", millis(l.P99), BetterLower},
	}
}

// openLoopFigures leaves out percentiles that lie among the rides that are still open.
func openLoopFigures(o *world.OpenLoop) (list []Figure) {
	if o == nil {
		return nil
	}
	list = []Figure{{"open loop, completed/s", o.CompletedRate, BetterHigher}, {"open loop, late rides", float64(o.Late), BetterLower}, {"open loop, never started", float64(o.NeverStarted), BetterLower}}
	for _, s := range o.Stages {
		if s.P50 != nil {
			list = append(list, Figure{"ride " + s.Name + ", p50 ms", millis(*s.P50), BetterLower})
		}
		if s.P99 != nil {
			list = append(list, Figure{"ride " + s.Name + ", p99 ms", millis(*s.P99), BetterLower})
		}
	}
	return list
}

// bench lists figures about the bench itself.
func (r *Record) bench() []Figure {
	return []Figure{
		{"requests", float64(r.AllRequests()), BetterNone},
		{"ticks", float64(r.Ticks), BetterNone},
		{"ticks lost", float64(r.LostTicks), BetterLower},
		{"tick delay, p99 ms", millis(r.TickDelay.P99), BetterLower},
		{"bench CPU, s", r.Usage.CPUSeconds(), BetterLower},
		{"bench CPU a request, us", r.CPUPerRequest(), BetterLower},
		{"bench memory, MiB", float64(r.Usage.RSSBytes) / (1 << 20), BetterLower},
		{"machine CPU, s", r.Usage.MachineSeconds, BetterNone},
	}
}
