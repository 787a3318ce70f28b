package live

import (
	"slices"
	"time"

	"isuride/bench/client"
	"isuride/bench/world"
)

// A Result is what remains of a run, ready to be written as JSON. Times are in
// microseconds unless stated otherwise.
type Result struct {
	Passed      bool   `json:"passed"`
	Reason      string `json:"reason"` // why it did not pass, or how it ended
	Interrupted bool   `json:"interrupted"`
	Score       int    `json:"score"`
	ScoreParts  Parts  `json:"score_parts"`

	Target      string    `json:"target"`
	Routes      []string  `json:"routes"`
	Language    string    `json:"language"`
	Seed        uint64    `json:"seed"`
	Static      bool      `json:"static"`
	Loops       int       `json:"loops"` // event loops, each of which can use one CPU
	Started     time.Time `json:"started"`
	Phases      []Lap     `json:"phases"`
	LoadSeconds float64   `json:"load_seconds"`

	Ticks         int `json:"ticks"`
	LostTicks     int `json:"lost_ticks"`      // skipped because the bench was late
	LateTicks     int `json:"late_ticks"`      // that began more than a quarter of a period late
	TimedOutTicks int `json:"timed_out_ticks"` // that began while calls of earlier ones were in progress
	// TickDelay is from when a tick was due to when the bench began it: its own delay,
	// which no server can cause.
	TickDelay Latency `json:"tick_delay"`

	World     world.Progress `json:"world"`
	Statuses  map[string]int `json:"statuses"` // created rides by status
	Origins   map[string]int `json:"origins"`  // registered users by why they came
	UsersLeft int            `json:"users_left"`
	Ratings   []int          `json:"ratings"` // evaluated rides with 1, 2, 3, 4 and 5
	Criteria  Criteria       `json:"criteria"`
	Intervals []Interval     `json:"intervals"`
	Cycle     []CycleStage   `json:"cycle,omitempty"` // of the first seconds

	OpenLoop *world.OpenLoop `json:"open_loop,omitempty"`
	Client   *ClientUse      `json:"client,omitempty"` // if it was as dear as the official tool's

	ErrorCount  int         `json:"error_count"`
	Errors      []CodeCount `json:"errors"`
	BenchFaults int         `json:"bench_faults"`
	BenchFault  string      `json:"bench_fault,omitempty"` // an example

	Endpoints []Latency        `json:"endpoints"` // from call to answer
	Notices   []Latency        `json:"notices"`   // from a change of status to its first receipt
	Requests  client.Counts    `json:"requests"`
	Payments  map[int]int      `json:"payments"` // answers of the payment service by status
	Dials     client.DialStats `json:"dials"`

	// Ledger is part of what the server has acknowledged, for PostCheck. It is a file of
	// its own because it has session tokens.
	Ledger *world.Ledger `json:"-"`

	Usage  Usage    `json:"usage"`
	Series []Sample `json:"series"`
}

// A Lap is how long a phase took.
type Lap struct {
	Phase   Phase   `json:"phase"`
	Seconds float64 `json:"seconds"`
}

// Parts are what a score is made of, in hundredths of a point.
type Parts struct {
	Base    int `json:"base"`
	Driving int `json:"driving"`
	Pickup  int `json:"pickup"`
	Partial int `json:"partial"`
}

// Criteria counts the evaluated rides that met each criterion (B7.4).
type Criteria struct {
	Matching int `json:"matching"`
	Dispatch int `json:"dispatch"`
	Pickup   int `json:"pickup"`
	Drive    int `json:"drive"`
}

// An Interval is the distribution of one of the intervals of B appendix D.
type Interval struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"` // ticks or cells
	Mean   float64 `json:"mean"`
	Counts []int   `json:"counts"` // Counts[n] is how often n occurred
}

// A CodeCount is the errors of one code.
type CodeCount struct {
	Code     int       `json:"code"`
	Meaning  string    `json:"meaning"`
	Critical bool      `json:"critical"`
	Count    int       `json:"count"`
	Examples []Example `json:"examples"`
}

// An Example is one of the first errors of a code.
type Example struct {
	Tick     int      `json:"tick"`
	Entity   string   `json:"entity"`
	Text     string   `json:"text"`
	Timeline []string `json:"timeline"`
}

// A Latency is a distribution of durations.
type Latency struct {
	Name     string        `json:"name"`
	Count    int           `json:"count"`
	Failures int           `json:"failures"`
	Refused  *Latency      `json:"refused,omitempty"` // those that are in none of the other figures, if there were any
	Mean     world.Instant `json:"mean"`
	P50      world.Instant `json:"p50"`
	P90      world.Instant `json:"p90"`
	P99      world.Instant `json:"p99"`
	P999     world.Instant `json:"p999"`
	Max      world.Instant `json:"max"`
}

func latencyOf(name string, h *world.Histogram, failures int) Latency {
	return Latency{
		Name: name, Count: h.Count(), Failures: failures, Mean: h.Mean(),
		P50: h.Percentile(50), P90: h.Percentile(90), P99: h.Percentile(99), P999: h.Percentile(99.9), Max: h.Max(),
	}
}

// A Sample is a view of the run at a moment of the load.
type Sample struct {
	Seconds     float64 `json:"seconds"` // since the load began
	Score       int     `json:"score"`   // of evaluated rides
	Ticks       int     `json:"ticks"`
	LostTicks   int     `json:"lost_ticks"`
	Users       int     `json:"users"`
	ActiveUsers int     `json:"active_users"` // who have not left
	Chairs      int     `json:"chairs"`
	EmptyChairs int     `json:"empty_chairs"`
	Rides       int     `json:"rides"` // created
	Completed   int     `json:"completed"`
	Errors      int     `json:"errors"`
	Connections int     `json:"connections"`
	Requests    int     `json:"requests"` // answered calls
	Usage       Usage   `json:"usage"`    // since the load began
}

// takeSampleNow adds a sample to the series and shows it.
func (r *run) takeSampleNow() {
	p := r.world.Progress()
	s := Sample{
		Seconds: time.Since(r.clock.begun).Seconds(), Score: p.Score, Ticks: p.Ticks, LostTicks: r.clock.lost,
		Users: p.Users, Chairs: p.Chairs, EmptyChairs: p.EmptyChairs, Rides: p.RidesCreated, Completed: p.RidesEvaluated,
		Errors: p.Errors, Connections: r.engine.Dials().Open, Usage: measure().since(r.started),
	}
	for _, g := range p.Regions {
		s.ActiveUsers += g.Active
	}
	for _, e := range r.engine.Stats().Named() {
		s.Requests += e.Calls
	}
	r.result.Series = append(r.result.Series, s)
	if r.config.Observer != nil {
		r.config.Observer.Sample(s)
	}
}

// peakUsage is that of the last sample, with the highest memory of any.
func (o *Result) peakUsage() Usage {
	u := o.Series[len(o.Series)-1].Usage
	for _, s := range o.Series {
		u.RSSBytes = max(u.RSSBytes, s.Usage.RSSBytes)
	}
	return u
}

// finish fills in the result.
func (r *run) finish(fatal error, interrupted bool) {
	w, stats, c := r.world, r.world.Stats(), &r.config
	o := &r.result
	o.Passed, o.Reason, o.Interrupted = fatal == nil && !interrupted, "pass", interrupted
	switch {
	case fatal != nil:
		o.Reason = fatal.Error()
	case interrupted:
		o.Reason = ErrInterrupted.Error()
	}
	split := w.ScoreSplit()
	o.Score, o.ScoreParts = w.FinalScore(), Parts(split)
	o.Target, o.Language, o.Seed, o.Static, o.Loops = c.Target.String(), r.language, c.Seed, c.Static != nil, r.loops
	for _, route := range client.Routes(c.Sources, c.Dests) {
		o.Routes = append(o.Routes, route.String())
	}
	o.World = w.Progress()
	o.Ticks, o.LostTicks, o.LateTicks, o.TimedOutTicks = o.World.Ticks, r.clock.lost, r.clock.late, stats.TimedOutTicks
	o.TickDelay = latencyOf("tick", &r.clock.delay, 0)
	o.Statuses = map[string]int{}
	for s := world.StatusMatching; s <= world.StatusCompleted; s++ {
		o.Statuses[s.String()] = o.World.RidesByStatus[s]
	}
	o.Origins = Origins(stats)
	o.UsersLeft = stats.UsersLeft
	o.Ratings = slices.Clone(stats.Ratings[1:])
	o.Criteria = Criteria(stats.Criteria)
	o.Intervals = Intervals(stats)
	o.Cycle = Cycle(stats)
	o.OpenLoop = w.OpenLoop()
	o.Ledger = w.Ledger(ledgerUsers)
	o.ErrorCount, o.Errors = w.Errors().Total(), codeCounts(w.Errors())
	if n, example := w.Errors().BenchFaults(); n > 0 {
		o.BenchFaults, o.BenchFault = n, example.Error()
	}
	o.Endpoints, o.Notices = endpoints(r.engine.Stats()), notices(stats)
	o.Requests, o.Dials, o.Payments = r.engine.Counts(), r.engine.Dials(), r.payments.Statuses()
}

var originNames = [...]string{world.OriginPopulation: "population", world.OriginReputation: "reputation", world.OriginInvitation: "invitation"}

// Origins counts the registered users by why they came.
func Origins(s *world.Stats) map[string]int {
	users := map[string]int{}
	for origin, n := range s.Origins {
		users[originNames[origin]] = n
	}
	return users
}

// Intervals are those of B appendix D.
func Intervals(s *world.Stats) []Interval {
	list := []Interval{}
	for _, t := range []struct {
		name, unit string
		tally      *world.Tally
	}{
		{"MatchedAt - RequestedAt", "ticks", &s.Matching},
		{"DispatchedAt - MatchedAt - ideal", "ticks", &s.Dispatching},
		{"PickedUpAt - DispatchedAt", "ticks", &s.Boarding},
		{"ArrivedAt - PickedUpAt - ideal", "ticks", &s.Driving},
		{"CompletedAt - ArrivedAt", "ticks", &s.Completing},
		{"trip", "cells", &s.Trip},
		{"pickup distance", "cells", &s.PickupDistance},
	} {
		list = append(list, Interval{t.name, t.unit, t.tally.Mean(), append([]int{}, t.tally.Counts...)})
	}
	return list
}

func codeCounts(log *world.ErrorLog) []CodeCount {
	list := []CodeCount{}
	for _, code := range log.Codes() {
		c := CodeCount{Code: int(code), Meaning: code.String(), Critical: code.Critical(), Count: log.Count(code)}
		for _, e := range log.Examples(code) {
			c.Examples = append(c.Examples, Example{e.Tick, e.Entity.String(), e.Text, e.Timeline})
		}
		list = append(list, c)
	}
	return list
}

func endpoints(s *client.Stats) []Latency {
	list := []Latency{}
	for _, e := range s.Named() {
		l := latencyOf(e.Name, &e.Latency, e.Failures)
		if e.Refused.Count() > 0 {
			refused := latencyOf("refused "+e.Name, &e.Refused, e.Refused.Count())
			l.Refused = &refused
		}
		list = append(list, l)
	}
	return list
}

func notices(s *world.Stats) []Latency {
	list := []Latency{}
	for status := world.StatusMatching; status <= world.StatusCompleted; status++ {
		if h := &s.UserNotices[status]; h.Count() > 0 {
			list = append(list, latencyOf("user "+status.String(), h, 0))
		}
		if h := &s.ChairNotices[status]; h.Count() > 0 {
			list = append(list, latencyOf("chair "+status.String(), h, 0))
		}
	}
	return list
}
