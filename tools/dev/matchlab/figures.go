package main

import (
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// figures are the results of one run. Times are in milliseconds.
type figures struct {
	Seed   uint64
	Score  int
	Failed string // the error that ended the run early, "" if none
	Errors int

	Requested, Completed               int // rides
	Users, Left, Chairs                int
	WaitP50, WaitP95, WaitP99, WaitMax int // from the request to the chair's acceptance
	Pickup, Trip                       float64
	Until                              float64 // mean time from the request until the chair is there
	Ratings                            [6]int  // index 0 is not used
	Criteria                           world.CriteriaCounts

	Calls    int // with opening and closing of streams and attempts to pay, but without messages
	Notices  int
	Reports  int
	Retries  int        // nearby calls that found nothing
	Position [2]float64 // latency of position reports: mean, p99
	Streams  int        // open at most, seen at the ends of the windows
	Pairs    int        // in the largest round of matching

	CPU  [parties]float64 // s
	Idle float64          // s of CPU
	Work [kinds]int       // how often each kind occurred

	Course []piece `json:",omitempty"`
}

func figuresOf(seed uint64, r virtual.Result, c *course) figures {
	p, s := r.World.Progress(), r.World.Stats()
	f := figures{
		Seed: seed, Score: r.Score, Errors: r.World.Errors().Total(),
		Requested: p.RidesCreated, Completed: p.RidesEvaluated, Users: p.Users, Left: s.UsersLeft, Chairs: p.Chairs,
		WaitP50: whole(c.waits.Percentile(50)), WaitP95: whole(c.waits.Percentile(95)), WaitP99: whole(c.waits.Percentile(99)), WaitMax: whole(c.waits.Max()),
		Until: c.until / float64(max(c.met, 1)), Pickup: s.PickupDistance.Mean(), Trip: s.Trip.Mean(), Ratings: s.Ratings, Criteria: s.Criteria,
		Notices: r.Events[world.EventUserNotified] + r.Events[world.EventChairNotified],
		Reports: r.Events[world.EventPositionRecorded], Pairs: c.pairs,
		Position: [2]float64{ms(c.reports.Mean()), ms(c.reports.Percentile(99))},
		Course:   c.pieces,
	}
	f.Work = c.machine.calls
	f.Idle = float64(c.machine.count()) * 60
	for p := range f.CPU {
		for _, w := range c.machine.work[p] {
			f.CPU[p] += ms(w) / 1000
		}
		f.Idle -= f.CPU[p]
	}
	if r.Fatal != nil {
		f.Failed = r.Fatal.Error()
	}
	for k, n := range c.machine.calls {
		if kind(k).isCall() {
			f.Calls += n
		}
	}
	for i := range c.pieces {
		f.Retries += c.pieces[i].Empty
		f.Streams = max(f.Streams, c.pieces[i].Streams)
	}
	return f
}

func ms(i world.Instant) float64 { return float64(i) / float64(world.Millisecond) }

func whole(i world.Instant) int { return int(i / world.Millisecond) }
