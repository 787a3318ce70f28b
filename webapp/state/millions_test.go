//go:build !race

package state

import (
	"flag"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/recount"
)

var events = flag.Int("events", 500_000, "events of TestEventsWithoutFalseAlarm")

// tallyLog counts events, and follows the books in them as the write-behind does.
type tallyLog struct {
	n       uint64
	tally   recount.Tally
	decoder isuride.Decoder
	fail    func(error)
}

func (l *tallyLog) Appended() uint64 { return l.n }

func (l *tallyLog) Hold(f func(uint64)) { f(l.n) }

func (l *tallyLog) AppendNoted(payload []byte, note interface{ Recorded(uint64) }) (uint64, error) {
	l.n++
	note.Recorded(l.n)
	switch isuride.Kind(payload[0]) {
	case isuride.UserRegistered, isuride.RideRequested, isuride.RideCompleted: // no other one moves money
		e, err := l.decoder.Decode(payload)
		if err != nil {
			l.fail(err)
		} else if d := l.tally.Note(e); d != nil {
			l.fail(d)
		}
	}
	return l.n, nil
}

// crowd plays a city at random, as fast as it can: riders with and without coupons, payments that
// fail, chairs that come and go.
type crowd struct {
	*fixture
	*rand.Rand
	log    *tallyLog
	users  []*User
	chairs []*Chair
	idle   []*User // without a ride
	free   []*Chair
	rides  []*Ride // with a chair, up to their completion
}

func newCrowd(t testing.TB, seed, round uint64) *crowd {
	c := &crowd{fixture: newFixture(t), Rand: rand.New(rand.NewPCG(seed, round))}
	c.log = &tallyLog{fail: func(err error) { t.Error(err) }}
	c.opt.Log = c.log
	c.clock.step = isuride.Time([]int{0, 1, 1000}[c.IntN(3)])
	for range 30 {
		c.free = append(c.free, c.fixture.chair(c.place()))
	}
	c.chairs = append(c.chairs, c.free...)
	for range 20 {
		c.join()
	}
	return c
}

func (c *crowd) place() isuride.Coordinate {
	return isuride.Coordinate{Latitude: c.Int32N(60), Longitude: c.Int32N(60)}
}

// join registers a user, often by invitation.
func (c *crowd) join() {
	code := ""
	if len(c.users) > 0 && c.IntN(3) > 0 {
		code = c.users[c.IntN(len(c.users))].InvitationCode
	}
	u, err := c.RegisterUser(NewUser{unique("user"), "A", "B", "x", code})
	if err != nil { // used up
		expectCode(c.t, err, isuride.InvalidInput)
		return
	}
	c.must(c.SetPaymentToken(u, "token"))
	c.users, c.idle = append(c.users, u), append(c.idle, u)
}

// take removes one at random.
func take[T any](c *crowd, from *[]T) T {
	i, last := c.IntN(len(*from)), len(*from)-1
	v := (*from)[i]
	(*from)[i] = (*from)[last]
	*from = (*from)[:last]
	return v
}

func (c *crowd) step() {
	switch n := c.IntN(40); {
	case n == 0 && len(c.users) < 20_000:
		c.join()
	case n < 6 && len(c.idle) > 0 && len(c.free) > 0:
		c.order()
	case len(c.rides) > 0:
		c.ride(c.IntN(len(c.rides)))
	}
}

// order requests a ride and assigns a chair.
func (c *crowd) order() {
	r, err := c.RequestRide(take(c, &c.idle), c.place(), c.place())
	c.must(err)
	c.fixture.assign(r, take(c, &c.free))
	c.rides = append(c.rides, r)
}

// ride moves one ride on.
func (c *crowd) ride(i int) {
	r := c.rides[i]
	switch ch := r.Chair(); r.status {
	case isuride.Matching:
		c.must(c.Advance(ch, r.ID, isuride.Enroute))
	case isuride.Pickup:
		c.must(c.Advance(ch, r.ID, isuride.Carrying))
	case isuride.Enroute, isuride.Carrying:
		to := c.place()
		if c.IntN(4) == 0 {
			to = map[isuride.Status]isuride.Coordinate{isuride.Enroute: r.Pickup, isuride.Carrying: r.Destination}[r.status]
		}
		c.report(ch, to)
	case isuride.Arrived:
		c.pay(i)
	}
	c.hear(r)
}

// hear delivers what both sides have to be told, so that no log grows for ever.
func (c *crowd) hear(r *Ride) {
	for side, log := range [...]*Log{ToUser: &r.User.Log, ToChair: &r.Chair().Log} {
		s := log.Open(func() {})
		for _, n, ok := s.Next(); ok; _, n, ok = s.Next() {
			c.must(c.Delivered(log, Side(side), n))
		}
		s.Close()
	}
}

func (c *crowd) pay(i int) {
	r := c.rides[i]
	ch, _, err := c.BeginCharge(r.User, r.ID, 1+c.IntN(5))
	c.must(err)
	if c.IntN(5) == 0 {
		c.Abandon(ch, isuride.Errorf(isuride.PaymentFailed, "no"))
		return
	}
	_, err = c.Complete(ch)
	c.must(err)
	c.Release(r)
	c.Reveal(r)
	c.idle, c.free = append(c.idle, r.User), append(c.free, r.Chair())
	c.rides[i] = c.rides[len(c.rides)-1]
	c.rides = c.rides[:len(c.rides)-1]
}

// expectAgreement wants the ledger, a recount and the log to come to the same.
func (c *crowd) expectAgreement() {
	c.expectBooks()
	if d := recount.Compare(recount.ReplayTotals, "the log", c.log.tally.Totals, "the ledger", c.Totals()); d != nil {
		c.t.Fatal(d)
	}
}

// TestEventsWithoutFalseAlarm plays cities of 500,000 events, one on each core. No check may find
// anything.
func TestEventsWithoutFalseAlarm(t *testing.T) {
	const city = 500_000
	t.Logf("seed %d (repeat with -seed)", *seed)
	rounds := make(chan uint64)
	var wait sync.WaitGroup
	var total, rides, yen atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for round := range rounds {
				c := newCrowd(t, *seed, round)
				c.play(city)
				total.Add(int64(c.log.n))
				rides.Add(c.Totals().Completed)
				yen.Add(c.Totals().Paid)
			}
		})
	}
	for round := range (*events + city - 1) / city {
		rounds <- uint64(round)
	}
	close(rounds)
	wait.Wait()
	t.Logf("%d events, %d rides paid for with %d yen, no alarm", total.Load(), rides.Load(), yen.Load())
}

// play plays until there are so many events. A finding ends it.
func (c *crowd) play(events uint64) {
	for i := 0; c.log.n < events && !c.t.Failed(); i++ {
		c.step()
		if i%100_000 == 0 {
			c.expectAgreement()
		}
	}
	c.expectAgreement()
	if v := c.Violations(); v != 0 {
		c.t.Errorf("%d false alarms", v)
	}
}
