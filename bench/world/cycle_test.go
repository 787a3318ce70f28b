package world

import (
	"fmt"
	"testing"
)

// sums adds up each stage over all seconds and checks how many rides are in it.
func (s *stage) sums(rides [cycleStages]int) (sums [cycleStages]Instant) {
	s.t.Helper()
	for stage := range cycleStages {
		n := 0
		for _, at := range s.w.Stats().Cycle[stage] {
			n += at.Rides
			sums[stage] += at.Sum
		}
		if n != rides[stage] {
			s.t.Errorf("%v: %d rides, want %d", stage, n, rides[stage])
		}
	}
	return sums
}

// TestCycle follows a ride and its chair to the next match, with a delay of its own for
// each part, and finds the parts without a gap.
func TestCycle(t *testing.T) {
	s, c, r := arrived(t)
	u := r.user
	wait := func(d Instant) { s.now += d * Millisecond }
	wait(3)
	s.tellUser(r, StatusArrived)
	s.tick()
	s.expect(u.Entity, fmt.Sprintf("evaluate %s %d", r.id, u.rating))
	rated := s.now
	wait(5)
	s.w.VerifyPayment(s.now, u.paymentToken, r.fare())
	wait(2)
	s.deliver(Event{To: u.Entity, Kind: EventEvaluated, Time: s.now.Millis()})
	completed := s.now
	sums := s.sums([cycleStages]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1})
	if sums[StageArrival] != rated-r.changedAt[StatusArrived] || sums[StageCharge] != 5*Millisecond || sums[StageRating] != 2*Millisecond {
		t.Errorf("arrival %d, charge %d, rating %d", sums[StageArrival], sums[StageCharge], sums[StageRating])
	}
	whole := Instant(0)
	for stage, d := range sums {
		if CycleStage(stage).OfUser() {
			whole += d
		}
	}
	// The scene begins with the payment method, in the load's first tick.
	if want := completed - s.w.started; whole != want {
		t.Errorf("the parts are %d us together, the cycle was %d: %v", whole, want, sums)
	}

	wait(4)
	s.tellUser(r, StatusCompleted)
	s.tellChair(c, r, StatusCompleted)
	s.tick() // both read it
	free := s.now
	for u.step == userIdle {
		s.tick()
	}
	wait(1)
	s.succeed(u.Entity) // history
	for i := 10; u.step == userRequestLock; i++ {
		s.succeed(userNo(i)) // who was invited registers
	}
	listing := c.listing()
	listing.Position = c.position
	u.request.pickup = c.position
	s.deliver(Event{To: u.Entity, Kind: EventNearbyChairs, Body: []NearbyChair{listing}})
	listed := s.now
	s.succeed(u.Entity) // estimate
	s.succeed(u.Entity) // order
	wait(9)
	s.tellChair(c, u.ride, StatusMatching)
	s.tellChair(c, u.ride, StatusMatching) // repeated
	before := sums
	sums = s.sums([cycleStages]int{2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2})
	if sums[StageRelease] != free-completed || sums[StageListing]-before[StageListing] != listed-free || sums[StageWaiting]-before[StageWaiting] != 9*Millisecond {
		t.Errorf("release %d, listing %d, waiting %d; want %d, %d and 9 ms", sums[StageRelease], sums[StageListing]-before[StageListing], sums[StageWaiting]-before[StageWaiting], free-completed, listed-free)
	}
	if got := c.cycle.noticed; got != s.now {
		t.Errorf("noticed at %d, now is %d", got, s.now)
	}
	s.silent()
}

// TestCycleEnds: later rides are not in it.
func TestCycleEnds(t *testing.T) {
	s, _, r := arrived(t)
	s.now = s.w.started + CycleSeconds*Second - TickLength
	s.tellUser(r, StatusArrived)
	s.tick() // just too late
	s.succeed(r.user.Entity)
	sums := s.sums([cycleStages]int{1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1})
	if sums[StageCharge] != 0 {
		t.Error(sums)
	}
}
