package state

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"isuride/webapp/isuride"
)

// together runs the same thing at once and counts how often it succeeds.
func together(n int, run func(i int) bool) int {
	var wait sync.WaitGroup
	var count atomic.Int32
	start := make(chan struct{})
	for i := range n {
		wait.Go(func() {
			<-start
			if run(i) {
				count.Add(1)
			}
		})
	}
	close(start)
	wait.Wait()
	return int(count.Load())
}

func TestParallelRequestsMakeOneRide(t *testing.T) {
	b := newFixture(t)
	for range 50 {
		u := b.user("")
		if n := together(4, func(int) bool {
			_, err := b.RequestRide(u, isuride.Coordinate{}, isuride.Coordinate{Latitude: 40})
			return err == nil
		}); n != 1 {
			t.Fatalf("%d rides", n)
		}
		used := 0
		for _, c := range u.coupons {
			if c.UsedBy != "" {
				used++
			}
		}
		if used != 1 {
			t.Fatalf("%d coupons are used", used)
		}
	}
	b.expectSameAfterRestart()
}

func TestParallelInvitationsStopAtTheLimit(t *testing.T) {
	b := newFixture(t)
	for range 20 {
		inviter := b.user("")
		if n := together(6, func(int) bool {
			_, err := b.RegisterUser(NewUser{unique("user"), "A", "B", "x", inviter.InvitationCode})
			return err == nil
		}); n != isuride.MaxInvitations {
			t.Fatalf("%d invitations", n)
		}
		codes := map[string]bool{}
		for i, c := range inviter.coupons {
			codes[c.Code] = true
			if i > 0 && c.CreatedAt <= inviter.coupons[i-1].CreatedAt {
				t.Fatal("grants have no order")
			}
		}
		if len(codes) != 1+isuride.MaxInvitations {
			t.Fatalf("coupons are %v", inviter.coupons)
		}
	}
	b.expectSameAfterRestart()
}

func TestParallelRatingsShareOneCharge(t *testing.T) {
	b := newFixture(t)
	c := b.chair(isuride.Coordinate{})
	r := b.arrive(b.user(""), c, isuride.Coordinate{}, isuride.Coordinate{Latitude: 9})
	var firsts atomic.Int32
	var times sync.Map
	if n := together(4, func(i int) bool {
		ch, first, err := b.BeginCharge(r.User, r.ID, 1+i)
		if err != nil {
			expectCode(t, err, isuride.WrongState) // it came after the completion
			return true
		}
		if first {
			firsts.Add(1)
			b.Complete(ch)
		}
		at, err := ch.Wait()
		times.Store(at, true)
		return err == nil
	}); n != 4 {
		t.Fatalf("%d of 4 raters got an answer", n)
	}
	if firsts.Load() != 1 {
		t.Fatalf("%d charges", firsts.Load())
	}
	distinct := 0
	times.Range(func(any, any) bool { distinct++; return true })
	if distinct != 1 {
		t.Fatal("raters are told different times of completion")
	}
}

// No account can hold more connections than a few by rating a ride while the gateway is
// slow.
func TestRatersWhoWaitAreFew(t *testing.T) {
	b := newFixture(t)
	c := b.chair(isuride.Coordinate{})
	r := b.arrive(b.user(""), c, isuride.Coordinate{}, isuride.Coordinate{Latitude: 9})
	for round := range 2 { // the second one after the first charge has failed
		var ch *Charge
		for i := range maxCallers {
			shared, first, err := b.BeginCharge(r.User, r.ID, 5)
			if err != nil || first != (i == 0) || i > 0 && shared != ch {
				t.Fatalf("round %d, call %d: first %v, %v", round, i, first, err)
			}
			ch = shared
		}
		_, _, err := b.BeginCharge(r.User, r.ID, 5)
		expectCode(t, err, isuride.Conflict)
		b.Abandon(ch, isuride.Errorf(isuride.PaymentFailed, "the gateway is away"))
	}
}

// repeat does the work again and again until the channel is closed.
func repeat(ended <-chan struct{}, work func()) {
	for {
		select {
		case <-ended:
			return
		default:
			work()
		}
	}
}

// TestParallelCity has many rides at once, a matcher, and readers of everything. The
// race detector watches; the indexes and what a restart finds are compared at the end.
func TestParallelCity(t *testing.T) {
	b := newFixture(t)
	const people, rides = 8, 30
	ended := make(chan struct{})
	var background, city sync.WaitGroup
	chairs := make([]*Chair, people)
	for i := range chairs {
		chairs[i] = b.chair(isuride.Coordinate{Latitude: int32(i)})
	}
	until := func(work func()) { background.Go(func() { repeat(ended, work) }) }
	until(func() { matchOldest(b) })
	until(func() { readEverything(b, chairs) })
	for _, c := range chairs {
		background.Go(func() { driveUntil(b, c, ended) })
	}
	for i := range people {
		city.Go(func() { liveARider(b, rand.New(rand.NewPCG(1, uint64(i))), rides) })
	}
	city.Wait()
	close(ended)
	background.Wait()
	b.expectSameAfterRestart()
	if n := totalRides(chairs); n != people*rides {
		t.Fatalf("%d rides are in the books, want %d", n, people*rides)
	}
}

func matchOldest(b *fixture) {
	for r := range isuride.Region(isuride.Regions) {
		region := b.Region(r)
		free := region.Free(nil)
		for i, ride := range region.Waiting(nil) {
			if i < len(free) {
				b.Assign(ride, free[i].Chair, nil)
			}
		}
	}
}

func readEverything(b *fixture, chairs []*Chair) {
	for c := range b.Nearby(isuride.Coordinate{}, 50) {
		c.View()
	}
	for _, c := range chairs {
		c.Owner.Chairs()
		c.Sales(0, isuride.Time(1)<<62)
		c.Stats()
	}
}

// driveUntil is a chair that does what its stream tells it.
func driveUntil(b *fixture, c *Chair, ended <-chan struct{}) {
	news := make(chan struct{}, 1)
	s := c.Log.Open(func() {
		select {
		case news <- struct{}{}:
		default:
		}
	})
	defer s.Close()
	for {
		m, n, ok := s.Next()
		if !ok {
			select {
			case <-news:
			case <-ended:
				return
			}
			continue
		}
		b.Delivered(&c.Log, ToChair, n)
		switch m.Status {
		case isuride.Matching:
			b.Advance(c, m.Ride.ID, isuride.Enroute)
		case isuride.Enroute:
			b.Report(c, m.Ride.Pickup)
		case isuride.Pickup:
			b.Advance(c, m.Ride.ID, isuride.Carrying)
		case isuride.Carrying:
			b.Report(c, m.Ride.Destination)
		}
	}
}

func liveARider(b *fixture, random *rand.Rand, rides int) {
	u := b.user("")
	for range rides {
		to := isuride.Coordinate{Latitude: random.Int32N(50), Longitude: random.Int32N(50)}
		r, err := b.RequestRide(u, isuride.Coordinate{Latitude: random.Int32N(50)}, to)
		if err != nil {
			b.t.Error(err)
			return
		}
		awaitStatus(b, u, isuride.Arrived)
		ch, _, err := b.BeginCharge(u, r.ID, 1+random.IntN(5))
		if err != nil {
			b.t.Error(err)
			return
		}
		b.Complete(ch)
		awaitStatus(b, u, isuride.Completed)
		b.Release(r)
		b.Noticed(u)
		u.History(func(CompletedRide) {})
		u.Estimate(to, to)
	}
}

// awaitStatus reads the rider's stream up to a status; the order must be that of the
// states.
func awaitStatus(b *fixture, u *User, want isuride.Status) {
	news := make(chan struct{}, 1)
	s := u.Log.Open(func() {
		select {
		case news <- struct{}{}:
		default:
		}
	})
	defer s.Close()
	last := isuride.Status(0)
	for last != want {
		m, n, ok := s.Next()
		if !ok {
			<-news
			continue
		}
		b.Delivered(&u.Log, ToUser, n)
		if last != 0 && last != isuride.Completed && m.Status != last.Next() {
			b.t.Errorf("%v follows %v", m.Status, last)
		}
		last = m.Status
	}
}

func totalRides(chairs []*Chair) (n int) {
	for _, c := range chairs {
		n += int(c.Stats().Rides)
	}
	return n
}
