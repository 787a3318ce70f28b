package world

import (
	"fmt"
	"slices"
	"testing"
)

// hour runs ticks until T is at the given place of an hour.
func (s *stage) hour(tick int) {
	for s.tick(); s.w.tick%ticksPerHour != tick; {
		s.tick()
	}
}

func trueList(o *owner) []OwnedChair {
	list := []OwnedChair{}
	for _, c := range o.chairs {
		list = append(list, OwnedChair{ID: c.id, Name: c.name, Model: c.model.name, TotalDistance: c.travelled})
	}
	return list
}

// salesHour is hour(salesTick) of owners whose chair lists are answered on the way.
func (s *stage) salesHour() {
	s.hour(chairListTick)
	for _, o := range s.w.owners {
		s.calls(o.Entity)
		s.deliver(Event{To: o.Entity, Kind: EventOwnerChairs, Body: trueList(o)})
	}
	s.hour(salesTick)
}

func TestChairListIsAskedEveryHour(t *testing.T) {
	s := populated(t, Config{})
	o := s.w.owners[0]
	for range 2 {
		s.hour(chairListTick)
		s.expect(o.Entity, "chairs")
		s.deliver(Event{To: o.Entity, Kind: EventOwnerChairs, Body: trueList(o)})
	}
	s.silent()
	s.hour(chairListTick)
	s.fail(o.Entity, EventOwnerChairs, FailureTimeout)
	s.count(CodeOwnerChairsRequest, 1)
}

// A busy owner misses the hour (B6.3).
func TestBusyOwner(t *testing.T) {
	s := populated(t, Config{})
	s.hour(chairListTick)
	s.calls(ownerNo(0))
	s.hour(chairListTick)
	s.expect(ownerNo(0))
}

func TestWrongChairLists(t *testing.T) {
	now := Millis(1_000_000_000)
	for name, c := range map[string]struct {
		change func([]OwnedChair) []OwnedChair
		wrong  bool
	}{
		"right":       {func(l []OwnedChair) []OwnedChair { return l }, false},
		"too short":   {func(l []OwnedChair) []OwnedChair { return l[1:] }, true},
		"double":      {func(l []OwnedChair) []OwnedChair { l[1] = l[0]; return l }, true},
		"name":        {func(l []OwnedChair) []OwnedChair { l[2].Name = ""; return l }, true},
		"model":       {func(l []OwnedChair) []OwnedChair { l[2].Model = ""; return l }, true},
		"no time":     {func(l []OwnedChair) []OwnedChair { l[0].HasUpdatedAt, l[0].TotalDistance = false, 99; return l }, false},
		"distance":    {func(l []OwnedChair) []OwnedChair { l[0].TotalDistance = 11; return l }, true},
		"newest":      {func(l []OwnedChair) []OwnedChair { l[0].TotalDistance = 30; return l }, false},
		"older pair":  {func(l []OwnedChair) []OwnedChair { l[0].TotalDistance, l[0].UpdatedAt = 10, now-3000; return l }, false},
		"torn pair":   {func(l []OwnedChair) []OwnedChair { l[0].TotalDistance = 10; return l }, true},
		"before all":  {func(l []OwnedChair) []OwnedChair { l[0].TotalDistance, l[0].UpdatedAt = 0, now-9000; return l }, true},
		"half a move": {func(l []OwnedChair) []OwnedChair { l[0].TotalDistance, l[0].UpdatedAt = 20, now-3001; return l }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := populated(t, Config{})
			o := s.w.owners[0]
			ch := o.chairs[0]
			ch.travelled = 30
			ch.track = track{{now - 8000, Point{}, 0}, {now - 3000, Point{10, 0}, 10}, {now, Point{20, 0}, 20}, {0, Point{30, 0}, 30}}
			list := trueList(o)
			list[0].TotalDistance, list[0].UpdatedAt, list[0].HasUpdatedAt = 20, now, true
			o.baseTime = now.Instant() + 1
			if err := o.checkList(c.change(list)); (err != nil) != c.wrong {
				t.Errorf("complaint %v", err)
			}
		})
	}
}

// A chair that has rested for long reports again while its owner asks: only a report of
// an earlier millisecond must be in the list.
func TestReportAsTheListIsAskedFor(t *testing.T) {
	now := Millis(1_000_000_000)
	for after, wrong := range map[Instant]bool{0: false, Millisecond - 1: false, Millisecond: true} {
		s := populated(t, Config{})
		o := s.w.owners[0]
		o.chairs[0].track = track{{now - 5700, Point{}, 0}, {now, Point{10, 0}, 10}}
		list := trueList(o)
		list[0].TotalDistance, list[0].UpdatedAt, list[0].HasUpdatedAt = 0, now-5700, true
		o.baseTime = now.Instant() + after
		if err := o.checkList(list); (err != nil) != wrong {
			t.Errorf("asked %d us after: complaint %v", after, err)
		}
	}
}

// earning is a stage in which chair 0 of owner 0 has earned, and the sales request is
// under way.
func earning(t *testing.T) (*stage, *owner, *chair) {
	t.Helper()
	s := populated(t, Config{})
	o := s.w.owners[0]
	c := o.chairs[0]
	s.earn(c, 20, s.now.Millis())
	s.salesHour()
	s.expect(o.Entity, fmt.Sprintf("sales until %d", o.until))
	return s, o, c
}

func (s *stage) earn(c *chair, trip int, at Millis) {
	r := &ride{chair: c, trip: trip, serverCompletedAt: at}
	c.rated(r)
	c.owner.earned(r)
}

func trueSales(o *owner) *Sales {
	s := &Sales{Total: o.sales}
	for _, c := range o.chairs {
		s.Chairs = append(s.Chairs, ChairSales{c.id, c.name, c.sales})
	}
	for m, n := range o.modelSales {
		s.Models = append(s.Models, ModelSales{m, n})
	}
	return s
}

// TestSalesOfAnUnansweredRating: the server may have completed a ride whose rating has no
// answer yet. A yen more than that is wrong.
func TestSalesOfAnUnansweredRating(t *testing.T) {
	for surplus, wrong := range map[int]int{0: 0, 1: 1} {
		s, o, c := earning(t)
		r := &ride{chair: c, trip: 7}
		o.rating[r] = true
		sales := trueSales(o)
		sales.Total += r.sales() + surplus
		sales.Chairs[0].Sales += r.sales()
		sales.Models[slices.IndexFunc(sales.Models, func(m ModelSales) bool { return m.Model == c.model.name })].Sales += r.sales()
		s.deliver(Event{To: o.Entity, Kind: EventOwnerSales, Body: sales})
		s.count(CodeSales, wrong)
	}
}

func TestSalesAreNotAskedWithoutRides(t *testing.T) {
	s := populated(t, Config{})
	s.salesHour()
	s.expect(ownerNo(0))
}

func TestWrongSales(t *testing.T) {
	for name, change := range map[string]func(*Sales){
		"total":         func(s *Sales) { s.Total-- },
		"too few":       func(s *Sales) { s.Chairs = s.Chairs[1:] },
		"unknown chair": func(s *Sales) { s.Chairs[0].ID = "x" },
		"chair name":    func(s *Sales) { s.Chairs[0].Name = "x" },
		"chair sales":   func(s *Sales) { s.Chairs[0].Sales++ },
		"no model":      func(s *Sales) { s.Models = s.Models[1:] },
		"unknown model": func(s *Sales) { s.Models[0].Model = "x" },
		"model sales":   func(s *Sales) { s.Models[0].Sales++ },
	} {
		t.Run(name, func(t *testing.T) {
			s, o, _ := earning(t)
			sales := trueSales(o)
			change(sales)
			s.deliver(Event{To: o.Entity, Kind: EventOwnerSales, Body: sales})
			s.count(CodeSales, 1)
			if o.purchases != 0 || o.step != ownerIdle {
				t.Error("wrong sales buy chairs")
			}
		})
	}
}

// Rides rated while the request was under way may be part of the answer, if they belong
// to the period.
func TestSalesBounds(t *testing.T) {
	for _, c := range []struct {
		name  string
		at    Millis // completion of the second ride, from the end of the period
		trips int    // in the answer
		wrong bool
	}{
		{"within the period, left out", 0, 20, false},
		{"within the period, included", 0, 20 + 7, false},
		{"after the period, left out", 1, 20, false},
		{"after the period, included", 1, 20 + 7, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, o, ch := earning(t)
			before := trueSales(o)
			s.earn(ch, 7, o.until+c.at)
			answer := trueSales(o)
			if c.trips == 20 {
				answer = before
			}
			s.deliver(Event{To: o.Entity, Kind: EventOwnerSales, Body: answer})
			want := 0
			if c.wrong {
				want = 1
			}
			s.count(CodeSales, want)
		})
	}
}

// What was rated during the request of one hour must be part of the next one's answer.
func TestSalesOfTheNextHour(t *testing.T) {
	s, o, ch := earning(t)
	before := trueSales(o)
	s.earn(ch, 7, o.until)
	s.deliver(Event{To: o.Entity, Kind: EventOwnerSales, Body: before})
	s.silent()
	s.salesHour()
	s.deliver(Event{To: o.Entity, Kind: EventOwnerSales, Body: before})
	s.count(CodeSales, 1)
}

func TestSalesRequestFails(t *testing.T) {
	s, o, _ := earning(t)
	s.fail(o.Entity, EventOwnerSales, FailureStatus)
	s.count(CodeSalesRequest, 1)
}

// The classes of speed take turns, and the initial chairs do not count (B6.6).
func TestPurchases(t *testing.T) {
	s, o, c := earning(t)
	s.earn(c, 620, o.until) // 2500 + 62500: enough for four
	s.deliver(Event{To: o.Entity, Kind: EventOwnerSales, Body: trueSales(o)})
	for i, speed := range []int{2, 3, 5, 7} {
		ch := s.w.chairs[20+i]
		if ch.model.speed != speed || ch.owner != o || !o.region.contains(ch.home) {
			t.Fatalf("purchase %d is %+v", i, ch.model)
		}
		s.expect(ch.Entity, "register chair "+ch.model.name)
		s.succeed(ch.Entity)
	}
	if len(o.chairs) != 8 || o.step != ownerIdle || o.purchases != 4 {
		t.Fatalf("%d chairs after %d purchases", len(o.chairs), o.purchases)
	}
	s.tick()
	s.expect(chairNo(20), "activate")
	s.silent()
}

// A failed purchase ends the batch; that chair is not tried again.
func TestFailedPurchase(t *testing.T) {
	s, o, c := earning(t)
	s.earn(c, 620, o.until)
	s.deliver(Event{To: o.Entity, Kind: EventOwnerSales, Body: trueSales(o)})
	s.calls(chairNo(20))
	s.fail(chairNo(20), EventChairRegistered, FailureStatus)
	s.count(CodeChairRegistration, 1)
	s.expect(chairNo(20), "close")
	if o.purchases != 1 || len(o.chairs) != 4 || o.step != ownerIdle || len(s.w.chairs) != 21 {
		t.Error("the batch went on")
	}
}

func TestReputationGrowth(t *testing.T) {
	s := populated(t, Config{})
	s.w.regions[1].ratingTotal = 4 * s.w.regions[1].registered
	s.hour(ticksPerHour - 1)
	if n := len(s.w.users) - initialUsers; n != 4 {
		t.Fatalf("%d new users, want 4", n)
	}
	for i := range 4 {
		s.expect(userNo(initialUsers+i), `register user ""`)
		s.succeed(userNo(initialUsers + i))
	}
	if s.w.stats.Origins[OriginReputation] != 4 || s.w.regions[1].registered != 9 {
		t.Error("the new users do not count")
	}
	s.tick()
	s.expect(userNo(initialUsers), "register payment")
}
