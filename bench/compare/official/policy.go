// Package official holds what the official benchmarker measured against servers with known
// policies (B appendix D), and compares runs of ours with it, in real or in virtual time.
//
// What it leaves to others: making the runs (bench/compare, package virtual).
package official

import (
	"slices"
	"time"

	"isuride/bench/model"
	"isuride/bench/world"
)

// Load is the length of all official runs.
const Load = 60 * time.Second

// A Policy is a server of the appendix with what the official benchmarker made of it.
type Policy struct {
	Name    string
	Flags   []string     // of the naive server
	Model   model.Config // the same in virtual time; the seed is open
	Instant bool         // the server adds no latency

	CPU     float64 // of the official benchmarker, user and system, in seconds; 0 if nobody measured it
	CPUBar  float64 // what ours may use
	CallBar float64 // CPU of ours a request at most, in microseconds; 0 for none

	Figures []Figure
}

// Policies are those of the appendix that can be repeated. Left out are three: one match in
// 500 ms, which fails or not by a second; one in 50 ms with 40 ms a call, where a few good
// first rides decide whether growth sets in at all (10,000 to 36,000 points in virtual time,
// one official run of 38,937); and the uncapped one, which measures a saturated CPU.
func Policies() []Policy {
	return []Policy{
		{
			Name: "nearest-2", Flags: greedy("2"), Model: nearest(2, 0), Instant: true, CPU: 11.8, CPUBar: 2.4,
			Figures: slices.Concat(
				growth(0.03, []float64{68845, 69971, 70479}, []float64{1139, 1138, 1151}, []float64{2283, 2280, 2306}, []float64{1154, 1150, 1166}, []float64{272, 275, 277}),
				intervals(),
			),
		},
		{
			Name: "nearest-5", Flags: greedy("5"), Model: nearest(5, 0), Instant: true, CPU: 23.2, CPUBar: 4.6, CallBar: 40,
			Figures: growth(0.03, []float64{162780, 164561, 166133}, []float64{2681}, []float64{5137, 5125}, []float64{2469, 2457}, []float64{507, 510}),
		},
		{
			Name: "nearest-2-40ms", Flags: greedy("2", "-delay", "40"), Model: nearest(2, 40*world.Millisecond),
			Figures: slices.Concat(
				growth(0.05, []float64{60485}, []float64{995}, []float64{1398}, []float64{439}, []float64{250}),
				delayedIntervals(),
			),
		},
		{
			Name: "nearest-2-100ms", Flags: greedy("2", "-delay", "100"), Model: nearest(2, 100*world.Millisecond),
			Figures: growth(0.05, []float64{39116}, []float64{635}, []float64{822}, []float64{247}, []float64{183}),
		},
		{
			// The official users were fewer than with SSE only because a thousand waiting ones
			// polled more than that machine could bear; rides created follow from them.
			Name: "nearest-2-polling", Flags: greedy("2", "-poll"), Model: polling(nearest(2, 0)), Instant: true,
			Figures: slices.Concat(
				growth(0.03, []float64{69060}, []float64{1127}, nil, nil, []float64{272}),
				[]Figure{shown(figureCreated, 1978), shown(figureUsers, 858)},
			),
		},
		{
			Name: "random-50", Flags: []string{"-policy", "one", "-interval", "50"}, Model: random(50 * world.Millisecond), Instant: true,
			Figures: byLuck(growth(0.05, []float64{78565, 80636}, []float64{1010, 876}, []float64{1477, 1218}, []float64{471, 346}, []float64{241, 225})),
		},
		{
			Name: "random-50-polling", Flags: []string{"-policy", "one", "-interval", "50", "-poll"}, Model: polling(random(50 * world.Millisecond)), Instant: true,
			Figures: slices.Concat(
				byLuck(growth(0.05, []float64{79863}, []float64{871}, []float64{1174}, []float64{345}, []float64{226})),
				byLuck(requests()),
			),
		},
	}
}

func greedy(limit string, more ...string) []string {
	return append([]string{"-policy", "greedy", "-interval", "100", "-cap", limit}, more...)
}

func nearest(limit int, delay world.Instant) model.Config {
	return model.Config{Matcher: model.Nearest{Cap: limit}, Interval: 100 * world.Millisecond, Delay: delay}
}

func random(every world.Instant) model.Config {
	return model.Config{Matcher: model.Random{}, Interval: every}
}

func polling(c model.Config) model.Config {
	c.Polling = true
	return c
}
