package report

import (
	"math"
	"time"

	"isuride/bench/client"
	"isuride/bench/live"
	"isuride/bench/world"
)

// healthy is a record of a run that passed, of so many seconds and users at the end.
// Nothing in it depends on where and when the test runs.
func healthy(seconds, users int) *Record {
	rides := 4 * users
	r := &live.Result{
		Passed: true, Reason: "pass", Score: 250 * users, ScoreParts: live.Parts{Base: 2000 * users, Driving: 21000 * users, Pickup: 1500 * users, Partial: 500 * users},
		Target: "http://127.0.0.1:8080", Language: "go", Seed: 7, Loops: 1, LoadSeconds: float64(seconds),
		Started: time.Date(2026, 11, 21, 3, 4, 5, 0, time.UTC),
		Phases:  []live.Lap{{Phase: live.PhaseInitialize, Seconds: 0.25}, {Phase: live.PhaseLoad, Seconds: float64(seconds)}, {Phase: live.PhaseFinal, Seconds: 5}},
		Ticks:   1000 * seconds / 30, LateTicks: 2,
		TickDelay: live.Latency{Name: "tick", Count: 1000 * seconds / 30, Mean: 80, P50: 50, P90: 60, P99: 770, P999: 3100, Max: 3100},
		World: world.Progress{
			Users: users, Chairs: users / 3, RidesCreated: rides + users/2, RidesEvaluated: rides, ChairsBySpeed: map[int]int{2: users / 9, 3: users / 9, 5: users / 9},
			Regions: []world.RegionProgress{{Name: "チェアタウン", Registered: users, Active: users - users/20}},
			Owners:  []world.OwnerProgress{{Name: "Harbor-Chairs", Sales: 1200 * rides, Chairs: users / 3, ChairsAway: 1}},
			Unhappy: world.Unhappy{Matching: 0.03, Dispatch: 0.1, Ride: 0.01},
		},
		Origins: map[string]int{"population": 10, "invitation": users - 30, "reputation": 20}, UsersLeft: users / 20,
		Ratings:   []int{0, rides / 100, rides / 50, rides / 10, rides - rides/100 - rides/50 - rides/10},
		Criteria:  live.Criteria{Matching: rides * 97 / 100, Dispatch: rides * 9 / 10, Pickup: rides, Drive: rides * 99 / 100},
		Intervals: []live.Interval{{Name: "CompletedAt - ArrivedAt", Unit: "ticks", Mean: 1.5, Counts: []int{0, rides / 2, rides - rides/2}}, {Name: "trip", Unit: "cells", Mean: 48.3, Counts: hump(120, rides)}},
		Errors:    []live.CodeCount{},
		Requests:  client.Counts{Requests: int64(100 * users), Streams: int64(2 * users), Messages: int64(15 * users)},
		Payments:  map[int]int{204: rides, 500: rides / 2},
		Dials:     client.DialStats{Dials: 2 * users, PeakOpen: users + users/3, Errors: map[string]int{}},
		Usage:     live.Usage{UserSeconds: 0.0006 * float64(users), SystemSeconds: 0.0004 * float64(users), RSSBytes: int64(users) << 16, MachineSeconds: float64(seconds)},
	}
	for _, name := range []string{"POST /api/app/users", "GET /api/app/nearby-chairs", "POST /api/app/rides/{id}/evaluation", "POST /api/chair/coordinate"} {
		r.Endpoints = append(r.Endpoints, latency(name, 300*world.Instant(len(r.Endpoints)*len(r.Endpoints)+1), 10*users))
	}
	for _, name := range []string{"user ENROUTE", "chair ENROUTE", "user COMPLETED"} {
		r.Notices = append(r.Notices, latency(name, 200*world.Instant(len(r.Notices)+1), rides))
	}
	for s := 1; s <= seconds; s++ {
		part := math.Pow(float64(s)/float64(seconds), 3)
		of := func(n int) int { return int(part * float64(n)) }
		r.Series = append(r.Series, live.Sample{
			Seconds: float64(s), Score: of(r.Score), Ticks: 1000 * s / 30, Users: of(users), ActiveUsers: of(users - users/20), Chairs: of(users / 3),
			EmptyChairs: of(users / 30), Rides: of(rides + users/2), Completed: of(rides), Connections: of(users + users/3), Requests: of(90 * users),
			Usage: live.Usage{UserSeconds: part * r.Usage.UserSeconds, SystemSeconds: part * r.Usage.SystemSeconds, RSSBytes: int64(part * float64(r.Usage.RSSBytes)), MachineSeconds: float64(s)},
		})
	}
	return recordOf(r)
}

// dear is a run with a client as dear as the official tool's.
func dear() *Record {
	r := healthy(20, 600).Result
	r.Usage.UserSeconds += 9
	r.Client = &live.ClientUse{Threads: 2, Idle: 0.5, Due: 8, Burned: 8.2, Worked: 1.5, Waiting: 0.0042, Kinds: []live.ClientKind{
		{Name: "calls", Count: 50_000, Seconds: 5}, {Name: "stream events", Count: 0}, {Name: "files", Count: 20_000, Seconds: 2}, {Name: "files from the cache", Count: 100_000, Seconds: 0.5},
	}}
	for i, name := range []string{"matching", "acceptance", "way", "waiting"} { // two seconds with one gap
		n := 100 * (i + 1)
		s := live.CycleStage{Name: name, OfUser: i < 3, OfChair: i > 0, Rides: n, Mean: world.Instant(n) * world.Millisecond, Counts: []int{n, 0}, Means: []world.Instant{world.Instant(n) * world.Millisecond, 0}}
		r.Cycle = append(r.Cycle, s)
	}
	return recordOf(&r)
}

// recordOf is New without what differs from machine to machine.
func recordOf(r *live.Result) *Record {
	return &Record{
		Format: Format, Commit: "0123456789abcdef0123456789abcdef01234567-dirty", Machine: Machine{"Test CPU", 2, 8 << 30, "Linux 6.1", "go1.26"},
		Settings: map[string]string{"target": r.Target, "load-timeout": "60"}, BenchLimits: limits(r), Result: *r,
	}
}

// opened is a run of an open loop with a percentile that is not known.
func opened() *Record {
	at := func(d world.Instant) *world.Instant { return &d }
	r := healthy(20, 600).Result
	r.OpenLoop = &world.OpenLoop{IntendedRate: 100, CreatedRate: 99, CompletedRate: 60.5, Due: 2012, Started: 2000, Late: 30, Waited: 20, NeverStarted: 12, Stages: []world.Stage{
		{Name: "created", Reached: 1980, Open: 32, P50: at(5200), P90: at(9100), P99: at(20_000), Longest: 12_345_678},
		{Name: "completed", Reached: 1210, Open: 802, P50: at(9_000_000), Longest: 19_000_000},
	}}
	return recordOf(&r)
}

// hump is a distribution of all over n numbers with its peak at a quarter.
func hump(n, all int) []int {
	counts := make([]int, n)
	for i := range counts {
		x := (float64(i) - float64(n)/4) / (float64(n) / 10)
		counts[i] = int(float64(all) * math.Exp(-x*x/2) / (float64(n) / 4))
	}
	return counts
}

func latency(name string, median world.Instant, n int) live.Latency {
	return live.Latency{Name: name, Count: n, Mean: median * 3 / 2, P50: median, P90: 3 * median, P99: 9 * median, P999: 20 * median, Max: 40 * median}
}

// failed is a run that ended with a critical error.
func failed() *Record {
	r := healthy(20, 600).Result
	r.Passed, r.Reason = false, "code 34 (evaluated but not paid), tick 661, user 17: ride R1 was evaluated, but no payment came"
	r.ErrorCount = 43
	r.Errors = []live.CodeCount{
		{Code: 7, Meaning: "ride history failed or wrong", Count: 42, Examples: []live.Example{
			{Tick: 500, Entity: "user 3", Text: "GET /api/app/rides: timeout", Timeline: []string{"  14.900 s  tick  497  asked for the history", "  15.010 s  tick  500  <b>no</b> answer"}},
			{Tick: 501, Entity: "user 4", Text: "GET /api/app/rides: status 500", Timeline: []string{"hidden in the text"}}}},
		{Code: 34, Meaning: "evaluated but not paid", Critical: true, Count: 1, Examples: []live.Example{
			{Tick: 661, Entity: "user 17", Text: "ride R1 was evaluated, but no payment came", Timeline: []string{"  19.800 s  tick  660  evaluated the ride  ride R1"}}}},
	}
	for i := range r.Series {
		r.Series[i].Errors = max(0, i-10) * 4
	}
	return recordOf(&r)
}

// unloaded is a run that failed before its load.
func unloaded() *Record {
	return recordOf(&live.Result{Reason: "initializing: POST /api/initialize: status 404", Target: "http://127.0.0.1:8080", Seed: 7, Started: time.Date(2026, 11, 21, 3, 4, 5, 0, time.UTC),
		Phases: []live.Lap{{Phase: live.PhaseInitialize, Seconds: 0.1}}, Series: []live.Sample{}, Errors: []live.CodeCount{}})
}

// interrupted is a run that a person ended during its load.
func interrupted() *Record {
	r := healthy(8, 90).Result
	r.Passed, r.Interrupted, r.Reason = false, true, live.ErrInterrupted.Error()
	return recordOf(&r)
}
