package world

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPercentileOfAll checks that without open rides a percentile is what sorting says.
func TestPercentileOfAll(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		n := 1 + r.IntN(300)
		spans, lengths := make([]span, n), make([]Instant, n)
		for i := range spans {
			spans[i].length = Instant(r.IntN(100))
			lengths[i] = spans[i].length
		}
		slices.Sort(lengths)
		for _, p := range []int{50, 90, 99} {
			if got, want := percentile(spans, float64(p)), lengths[(p*n+99)/100-1]; *got != want {
				t.Fatalf("%d %% of %v are up to %d, not %d", p, lengths, want, *got)
			}
		}
	}
}

// TestPercentileOfOpen uses an example that can be computed by hand: of eight rides two
// are left open.
func TestPercentileOfOpen(t *testing.T) {
	// Longer than 1: 7/8. Than 3: 7/8 * 5/6 = 0.729. Than 4: 0.583. Than 5: 0.438. Than
	// 8: 0.219 of the last two.
	spans := []span{{3, false}, {8, false}, {1, false}, {2, true}, {4, false}, {9, true}, {5, false}, {5, true}}
	for _, c := range []struct {
		percent float64
		want    Instant
	}{{12.5, 1}, {13, 3}, {27, 3}, {28, 4}, {42, 5}, {56, 5}, {57, 8}, {78, 8}} {
		if got := percentile(spans, c.percent); got == nil || *got != c.want {
			t.Errorf("%v %%: %v, want %d", c.percent, got, c.want)
		}
	}
	if got := percentile(spans, 79); got != nil {
		t.Errorf("79 %% take %d at most, but the longest is open", *got)
	}
	if got := percentile(nil, 50); got != nil {
		t.Errorf("half of nothing takes %d", *got)
	}
}

// openStage is an open loop of one ride a second at its first tick.
func openStage(t *testing.T) *stage {
	t.Helper()
	s := populated(t, Config{Seed: 1, RideRate: 1})
	for range 5 { // activations, positions, payments
		s.tick()
		s.succeedAll()
	}
	return s
}

// TestAdditionalPopulation checks that those beyond the official population are ready
// before the load.
func TestAdditionalPopulation(t *testing.T) {
	s := populated(t, Config{Seed: 1, RideRate: 1})
	chairs, users := s.w.config.Population()
	if len(s.w.chairs) != chairs || chairs != 23 || len(s.w.users) != users || users != 20 {
		t.Fatalf("%d chairs and %d users", len(s.w.chairs), len(s.w.users))
	}
	s.succeedAll() // what the last chair has to do
	s.succeedAll()
	for _, c := range s.w.chairs {
		if ready := c.state == chairActive && s.open[c.Entity]; ready != (c.Index >= 20) {
			t.Errorf("%v is ready: %v", c.Entity, ready)
		}
	}
	for _, u := range s.w.users {
		if u.pooled != (u.Index >= 10) {
			t.Errorf("%v is idle: %v", u.Entity, u.pooled)
		}
	}
	if c, _ := (Config{RideRate: 1, Chairs: 500}).Population(); c != 500 {
		t.Errorf("%d chairs instead of 500", c)
	}
}

func TestAdditionalUserFails(t *testing.T) {
	s := newStage(t, Config{Seed: 1, Users: 11})
	s.w.Populate(s.now)
	for len(s.w.users) < 11 || !slices.Contains(s.sent[userNo(10)], "register payment") {
		s.succeedAll()
	}
	s.fail(userNo(10), EventPaymentRegistered, FailureStatus)
	if done, err := s.w.Populated(); !done || err == nil {
		t.Errorf("done %v, error %v", done, err)
	}
}

// TestArrival follows one ride to its request: it begins when it is due, between two
// ticks.
func TestArrival(t *testing.T) {
	s := openStage(t)
	for _, u := range s.w.users {
		s.expect(u.Entity)
	}
	at, ok := s.w.NextArrival()
	if !ok || at <= s.now {
		t.Fatalf("the next ride is due at %d, %v", at-s.now, ok)
	}
	s.now = at - 1
	s.w.Arrive(s.now)
	if len(s.sent) != 0 {
		t.Fatalf("sent too early: %v", s.sent)
	}
	s.now = at
	s.w.Arrive(s.now)
	if len(s.sent) != 1 {
		t.Fatalf("sent %v", s.sent)
	}
	a := s.w.arrivals.all[0]
	i := slices.IndexFunc(s.w.users, func(u *user) bool { return u.arrival == a })
	u := s.w.users[i]
	s.expect(u.Entity, "rides")
	if a.due != at || a.started != at || u.pooled {
		t.Errorf("%+v", a)
	}
	if next, _ := s.w.NextArrival(); next <= at {
		t.Error("the next ride is not due later")
	}
}

// TestNobodyIdle makes all rides due at once: each user gets one, the others begin when a
// user is idle again, or never.
func TestNobodyIdle(t *testing.T) {
	s := openStage(t)
	begun := s.w.arrivals.begun
	s.now += 60 * Second
	s.w.Arrive(s.now)
	started := len(s.sent)
	if started > 20 || started < 15 || s.w.arrivals.waited != len(s.w.arrivals.all)-started {
		t.Fatalf("%d started, %d waited", started, s.w.arrivals.waited)
	}
	g := s.w.regions[0]
	waiting := len(g.waiting)
	i := slices.IndexFunc(s.w.users, func(u *user) bool { return u.region == g && u.arrival != nil })
	u := s.w.users[i]
	u.step, u.arrival = userIdle, nil // as after a ride
	s.w.busy++
	u.endTurn()
	if len(g.waiting) != waiting-1 || u.arrival == nil || u.arrival.started != 0 {
		t.Fatalf("%d of %d wait, %+v", len(g.waiting), waiting, u.arrival)
	}
	s.tick()
	if u.arrival.started != s.now {
		t.Errorf("started at %d instead of %d", u.arrival.started, s.now)
	}
	s.now += 10 * Second // without a call of Arrive
	s.w.EndLoad(s.now)
	o := s.w.OpenLoop()
	if o.Due < 45 || o.Due > 95 || o.Started != started+1 || o.NeverStarted != o.Due-o.Started || o.Late < started-1 || o.Waited != s.w.arrivals.waited {
		t.Errorf("%+v", *o)
	}
	if first := o.Stages[0]; first.Open != o.NeverStarted || first.Longest > s.now-begun || first.Longest < 50*Second {
		t.Errorf("%+v", first)
	}
	if _, ok := s.w.NextArrival(); ok {
		t.Error("rides are due after the load")
	}
}
