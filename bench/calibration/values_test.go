package calibration

import (
	"testing"

	"isuride/bench/client"
	"isuride/bench/live"
	"isuride/bench/model"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// run is 10 s of a policy in virtual time.
func run(t *testing.T, p Policy) *virtual.Result {
	t.Helper()
	c := p.Model
	c.Seed = 1
	r, err := virtual.Run(virtual.Config{World: world.Config{Seed: 1}, Load: 10 * world.Second}, model.New(c))
	if err != nil || r.Fatal != nil {
		t.Fatal(p.Name, err, r.Fatal)
	}
	return &r
}

func play(t *testing.T, p Policy) Values { return OfVirtual(run(t, p)) }

// TestLiveAndVirtualAgree hands one and the same run in as a live one.
func TestLiveAndVirtualAgree(t *testing.T) {
	v := run(t, Policies()[0])
	s := v.World.Stats()
	r := &live.Result{
		Score: v.Score, World: v.World.Progress(), Origins: live.Origins(s),
		Ratings: s.Ratings[1:], Criteria: live.Criteria(s.Criteria), Intervals: live.Intervals(s),
		Requests: client.Counts{Polls: int64(v.Events[world.EventUserNotified] + v.Events[world.EventChairNotified])},
	}
	for kind, name := range endpoints {
		r.Endpoints = append(r.Endpoints, live.Latency{Name: name, Count: v.Events[kind]})
	}
	want, got := OfVirtual(v), OfLive(r)
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s: %v live, %v virtual", name, got[name], n)
		}
	}
	if len(got) != len(want) || got[FigureScore] == 0 || got[meanOf(trip)] == 0 {
		t.Errorf("%d values live, %d virtual: %v", len(got), len(want), got)
	}
}
