package state

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/recount"
)

// recountOf is the second implementation's count of a store at rest.
func recountOf(t testing.TB, s *Store) *recount.Result {
	t.Helper()
	c := recount.New()
	_, err := s.Walk(func(i *Image) error {
		switch {
		case i.Chair != nil:
			m := i.Chair
			sum := 0
			if n := len(m.Sales); n > 0 {
				sum = m.Sales[n-1].Sum
			}
			c.Chair(i.Position, &recount.Chair{ID: m.ID, OwnerID: m.OwnerID, Sales: sum, Rides: len(m.Sales), Rated: m.Stats.Rides, EvaluationSum: m.Stats.EvaluationSum})
		case i.User != nil:
			c.User(i.Position, i.User.ID, i.User.Coupons)
			for k := range i.User.Rides {
				r := &i.User.Rides[k]
				c.Ride(&recount.Ride{Ride: &r.Ride, Fare: r.Fare, Status: r.Status, Passed: r.Passed})
			}
			c.EndUser()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.End()
}

// booksDiffer returns what a whole recount finds, "" if all adds up.
func booksDiffer(t testing.TB, s *Store) string {
	t.Helper()
	r := recountOf(t, s)
	var all []string
	for _, d := range r.Differences {
		all = append(all, d.Error())
	}
	mark := s.Mark()
	defer s.Unmark()
	if mark != s.opt.Log.Appended() {
		t.Fatalf("the mark of a store at rest is %d", mark)
	}
	totals, err := s.Marked()
	if err != nil {
		all = append(all, "ledger: "+err.Error())
	}
	if d := recount.Compare(recount.LedgerTotals, "the ledger", totals, "the recount", r.Totals); d != nil {
		all = append(all, d.Error())
	}
	for id, yen := range s.MarkedSales {
		if want := r.Owners[id]; yen != want {
			all = append(all, fmt.Sprintf("%s: owner %s has sold for %d yen, not %d", recount.OwnerSales, id, yen, want))
		}
	}
	return strings.Join(all, "\n")
}

// expectBooks wants everything to add up.
func (b *fixture) expectBooks() {
	b.t.Helper()
	if v := b.Closed(); v != nil {
		b.t.Fatalf("the books are closed: %v", v)
	}
	if found := booksDiffer(b.t, b.Store); found != "" {
		b.t.Fatal(found)
	}
}

// town is a store with a history: a rider with coupons, two rides that are completed, one that
// has arrived, and a second rider who waits at the pickup.
type town struct {
	*fixture
	rider  *User
	chair  *Chair
	past   []*Ride
	ride   *Ride // arrived, not rated
	second *Ride // of another rider: its chair is there
}

var townAt = [2]isuride.Coordinate{{Latitude: 1}, {Latitude: 40, Longitude: 3}}

func newTown(t testing.TB) *town {
	w := &town{fixture: newFixture(t)}
	w.rider = w.user("")
	w.user(w.rider.InvitationCode)
	w.chair = w.fixture.chair(townAt[0])
	for range 2 {
		r := w.arrive(w.rider, w.chair, townAt[0], townAt[1])
		w.complete(r, 4)
		w.past = append(w.past, r)
	}
	w.ride = w.arrive(w.rider, w.chair, townAt[0], townAt[1])
	other, err := w.RequestRide(w.user(""), townAt[0], townAt[1])
	w.must(err)
	c := w.fixture.chair(townAt[0])
	w.assign(other, c)
	w.must(w.Advance(c, other.ID, isuride.Enroute))
	w.report(c, townAt[0])
	w.second = other
	w.expectBooks()
	return w
}

func (w *town) rate() error {
	_, _, err := w.BeginCharge(w.rider, w.ride.ID, 5)
	return err
}

func (w *town) finish() error {
	ch, _, err := w.BeginCharge(w.rider, w.ride.ID, 5)
	if err != nil {
		return err
	}
	_, err = w.Complete(ch)
	return err
}

// TestFlippedInMemory plants a fault into what is stored: the next event that touches it is
// refused and not recorded, and its name, the ride or the account are told.
func TestFlippedInMemory(t *testing.T) {
	cases := []struct {
		invariant, fault string
		plant            func(w *town)
		touch            func(w *town) error
		names            func(w *town) string
	}{
		{rideFare, "a yen more in a ride's fare", func(w *town) { w.ride.Fare++ }, (*town).rate, func(w *town) string { return w.ride.ID }},
		{rideFare, "another pickup point, between payment and completion", nil, func(w *town) error {
			ch, _, err := w.BeginCharge(w.rider, w.ride.ID, 5)
			w.must(err)
			w.ride.Pickup.Longitude++
			_, err = w.Complete(ch)
			return err
		}, func(w *town) string { return w.ride.ID }},
		{rideFare, "another destination while the ride goes on", func(w *town) { w.second.Destination.Latitude += 4 },
			func(w *town) error { return w.Advance(w.second.Chair(), w.second.ID, isuride.Carrying) }, func(w *town) string { return w.second.ID }},
		{rideFare, "another fare before the assignment", nil, func(w *town) error {
			r, err := w.RequestRide(w.user(""), townAt[0], townAt[1])
			w.must(err)
			r.Fare -= 100
			w.ride = r
			_, err = w.Assign(r, w.fixture.chair(townAt[0]), nil)
			return err
		}, func(w *town) string { return w.ride.ID }},
		{rideFare, "a fare that arrives wrong", func(w *town) {
			w.must(w.Advance(w.second.Chair(), w.second.ID, isuride.Carrying))
			w.second.Fare++
		}, func(w *town) error { _, err := w.Report(w.second.Chair(), townAt[1]); return err }, func(w *town) string { return w.second.ID }},
		{rideOrder, "a time in the future", func(w *town) { w.ride.status = isuride.Pickup; w.ride.done = false },
			func(w *town) error {
				w.ride.status = isuride.Arrived
				ch, _, err := w.BeginCharge(w.rider, w.ride.ID, 5)
				w.must(err)
				w.ride.status = isuride.Pickup
				_, err = w.Complete(ch)
				return err
			}, func(w *town) string { return w.ride.ID }},
		{rideOrder, "a waiting ride that is carried already", nil, func(w *town) error {
			r, err := w.RequestRide(w.user(""), townAt[0], townAt[1])
			w.must(err)
			r.status = isuride.Carrying
			w.ride = r
			_, err = w.Assign(r, w.fixture.chair(townAt[0]), nil)
			return err
		}, func(w *town) string { return w.ride.ID }},
		{rideOnce, "a completed ride that seems to have arrived only", func(w *town) { w.past[0].status = isuride.Arrived },
			func(w *town) error { _, _, err := w.BeginCharge(w.rider, w.past[0].ID, 5); return err }, func(w *town) string { return w.past[0].ID }},
		{rideOnce, "a ride completed twice", nil, func(w *town) error {
			ch, _, err := w.BeginCharge(w.rider, w.ride.ID, 5)
			w.must(err)
			again := &Charge{Ride: w.ride, Evaluation: 5, done: make(chan struct{})}
			_, err = w.Complete(ch)
			w.must(err)
			_, err = w.Complete(again)
			return err
		}, func(w *town) string { return w.ride.ID }},
		{rideRating, "an evaluation that nobody gave", nil, func(w *town) error {
			ch, _, err := w.BeginCharge(w.rider, w.ride.ID, 5)
			w.must(err)
			ch.Evaluation = 9
			_, err = w.Complete(ch)
			return err
		}, func(w *town) string { return w.ride.ID }},
		{riderRides, "a count of rides that went wrong", func(w *town) { w.rider.unfinished-- }, func(w *town) error {
			return w.finish()
		}, func(w *town) string { return w.rider.ID }},
		{couponsTotal, "a yen more in a coupon", func(w *town) { w.rider.coupons[1].Discount++ }, (*town).rate, func(w *town) string { return w.rider.ID }},
		{couponsTotal, "a used coupon that is open again", func(w *town) { w.rider.coupons[0].UsedBy = "" }, (*town).rate, func(w *town) string { return w.rider.ID }},
		{couponWorth, "a coupon and its sum", func(w *town) {
			w.rider.coupons[0].Discount += 100
			w.rider.issued += 100
			w.rider.used += 100
			w.ride = w.past[0]
			w.ride.status, w.ride.done = isuride.Arrived, false
		}, (*town).rate, func(w *town) string { return w.ride.ID }},
		{couponOnce, "two coupons of one code", func(w *town) {
			for _, u := range []*User{w.second.User} {
				for range 3 {
					u.coupons = append(u.coupons, isuride.RewardCoupon(u.ID, u.InvitationCode, w.clock.now+1000))
					u.issued += 1000
				}
				w.clock.step = 0
				u.coupons[len(u.coupons)-1].CreatedAt = w.clock.now
			}
		}, func(w *town) error {
			_, err := w.RegisterUser(NewUser{unique("user"), "A", "B", "x", w.second.User.InvitationCode})
			return err
		}, func(w *town) string { return w.second.User.ID }},
		{chairBooks, "a sale counted twice", func(w *town) {
			c := w.chair
			c.sales = append(c.sales, Sale{At: c.sales[1].At, Sum: c.sales[1].Sum + 4700})
		}, (*town).finish, func(w *town) string { return w.chair.ID }},
		{chairBooks, "a yen more in the sales", func(w *town) { w.chair.sales[1].Sum++ }, (*town).finish, func(w *town) string { return w.chair.ID }},
		{chairBooks, "a rating more", func(w *town) { w.chair.stats.Rides++ }, (*town).finish, func(w *town) string { return w.chair.ID }},
		{chairBooks, "a better rating", func(w *town) { w.chair.stats.EvaluationSum++ }, (*town).finish, func(w *town) string { return w.chair.ID }},
	}
	for _, c := range cases {
		t.Run(c.invariant+"/"+c.fault, func(t *testing.T) {
			w := newTown(t)
			if c.plant != nil {
				c.plant(w)
			}
			err := c.touch(w)
			if err == nil { // an assignment, whose caller is not to blame
				err = w.open()
			}
			expectCode(t, err, isuride.Unavailable)
			v := w.Closed()
			if v == nil || v.Invariant != c.invariant || !strings.Contains(v.Message, c.names(w)) {
				t.Fatalf("found %v, want %s of %s", v, c.invariant, c.names(w))
			}
			if v.Position != w.log.Appended() {
				t.Errorf("the violation was recorded: it was found at event %d, and the log goes up to %d", v.Position, w.log.Appended())
			}
			var told *Violation
			if !errors.As(err, &told) || told != v {
				t.Errorf("the error %v is not the violation", err)
			}
		})
	}
}

// TestFoundByRecount plants faults that no event touches: one recount finds them.
func TestFoundByRecount(t *testing.T) {
	cases := []struct {
		invariant, fault string
		plant            func(w *town)
		names            func(w *town) string
	}{
		{recount.RideFare, "a yen more in the fare of a past ride", func(w *town) { w.past[0].Fare++ }, func(w *town) string { return w.past[0].ID }},
		{recount.RideFare, "another place of a past ride", func(w *town) { w.past[0].Pickup.Latitude-- }, func(w *town) string { return w.past[0].ID }},
		{recount.RideEnd, "a past ride without its rating", func(w *town) { w.past[1].evaluation = 0 }, func(w *town) string { return w.past[1].ID }},
		{recount.CouponOnce, "a coupon that another ride has used", func(w *town) { w.rider.coupons[1].UsedBy = w.past[0].ID }, func(w *town) string { return w.past[0].ID }},
		{recount.CouponOnce, "a coupon that a ride of nobody has used", func(w *town) { w.rider.coupons[0].UsedBy = "nobody's" }, func(w *town) string { return w.rider.ID }},
		{recount.CouponWorth, "a coupon with a yen less", func(w *town) { w.second.User.coupons[0].Discount-- }, func(w *town) string { return w.second.User.ID }},
		{recount.ChairSales, "an old sale with a yen more", func(w *town) { w.chair.sales[1].Sum++ }, func(w *town) string { return w.chair.ID }},
		{recount.ChairSales, "a sale counted twice", func(w *town) {
			w.chair.sales = append(w.chair.sales, Sale{At: w.chair.sales[1].At + 1, Sum: w.chair.sales[1].Sum * 2})
		}, func(w *town) string { return w.chair.ID }},
		{recount.ChairSales, "a past ride of another chair", func(w *town) { w.past[0].chair.Store(w.second.Chair()) }, func(w *town) string { return w.chair.ID }},
		{recount.OwnerSales, "a yen more in an owner's sales", func(w *town) { w.books.Add(&w.chair.Owner.sales, 1, 1) }, func(w *town) string { return w.chair.Owner.ID }},
		{recount.LedgerTotals, "a ride that was not billed", func(w *town) {
			w.rider.rides = w.rider.rides[1:]
		}, func(w *town) string { return "rides requested" }},
		{recount.LedgerTotals, "a posting made twice", func(w *town) {
			p, v := settlement(w.past[0])
			if v != nil {
				w.t.Fatal(v)
			}
			w.post(w.rider.ID, 1, &p)
		}, func(w *town) string { return "riders paid" }},
	}
	for _, c := range cases {
		t.Run(c.invariant+"/"+c.fault, func(t *testing.T) {
			w := newTown(t)
			c.plant(w)
			found := booksDiffer(t, w.Store)
			for line := range strings.Lines(found) {
				if strings.Contains(line, c.invariant) && strings.Contains(line, c.names(w)) {
					return
				}
			}
			t.Errorf("found %q, want %s of %s", found, c.invariant, c.names(w))
		})
	}
}

// TestForgedLog plants faults into events of the log, as somebody would who also mends their
// checksums: a replay refuses the first one by its number and the invariant's name.
func TestForgedLog(t *testing.T) {
	find := func(kind isuride.Kind, n int) func(e *isuride.Event) bool {
		return func(e *isuride.Event) bool {
			if e.Kind == kind {
				n--
			}
			return e.Kind == kind && n < 0
		}
	}
	status := func(s isuride.Status) func(e *isuride.Event) bool {
		return func(e *isuride.Event) bool {
			return e.Status != nil && e.Status.Status == s && e.Kind != isuride.StatusDelivered
		}
	}
	cases := []struct {
		invariant, fault string
		which            func(*isuride.Event) bool
		forge            func(e *isuride.Event)
	}{
		{rideCoordinates, "a fare of other coordinates", find(isuride.RideCompleted, 0), func(e *isuride.Event) { e.Ride.Pickup.Latitude += 7 }},
		{rideCoordinates, "other coordinates at the assignment", find(isuride.RideAssigned, 0), func(e *isuride.Event) { e.Ride.Destination.Latitude += 7 }},
		{rideParties, "a completion of another rider", find(isuride.RideCompleted, 0), func(e *isuride.Event) { e.Ride.UserID = "somebody" }},
		{rideParties, "a completion of another chair", find(isuride.RideCompleted, 0), func(e *isuride.Event) { e.Ride.ChairID = "something" }},
		{rideParties, "a status of another ride", find(isuride.RideRequested, 0), func(e *isuride.Event) { e.Status.RideID = "another" }},
		{rideOrder, "a status that was skipped", status(isuride.Enroute), func(e *isuride.Event) { e.Status.Status = isuride.Carrying }},
		{rideOrder, "a status before the one before", status(isuride.Carrying), func(e *isuride.Event) { e.Status.CreatedAt = 1 }},
		{ridePlace, "an arrival elsewhere", status(isuride.Arrived), func(e *isuride.Event) { e.Location.Latitude++ }},
		{rideRating, "six stars", find(isuride.RideCompleted, 0), func(e *isuride.Event) { e.Ride.Evaluation = 6 }},
		{rideRating, "a payment with no stars", find(isuride.ChargeStarted, 0), func(e *isuride.Event) { e.Charge.Evaluation = 0 }},
		{couponOwner, "a coupon of somebody else", find(isuride.RideRequested, 0), func(e *isuride.Event) { e.Coupons[0].Code = "CP_OTHER" }},
		{couponWorth, "a coupon worth more", find(isuride.RideRequested, 0), func(e *isuride.Event) { e.Coupons[0].Discount++ }},
		{couponOnce, "a coupon used twice", find(isuride.RideRequested, 1), func(e *isuride.Event) { e.Coupons[0].Code = isuride.SignupCode; e.Coupons[0].Discount = 3000 }},
		{couponOnce, "a coupon granted as a used one", find(isuride.UserRegistered, 1), func(e *isuride.Event) { e.Coupons[0].UsedBy = "a ride" }},
		{couponOnce, "a coupon granted twice", find(isuride.UserRegistered, 0), func(e *isuride.Event) { e.Coupons = append(e.Coupons, e.Coupons[0]) }},
		{couponOwner, "a coupon granted to a stranger", find(isuride.UserRegistered, 0), func(e *isuride.Event) {
			e.Coupons = append(e.Coupons, isuride.SignupCoupon("a stranger", 1))
		}},
		{postingZero, "a coupon that is worth less than nothing", find(isuride.UserRegistered, 0), func(e *isuride.Event) { e.Coupons[0].Discount = -1 }},
	}
	for _, c := range cases {
		t.Run(c.invariant+"/"+c.fault, func(t *testing.T) {
			w := newTown(t)
			r := NewRecovery(New(w.options(), &w.base, nil), 0)
			var d isuride.Decoder
			for i, payload := range w.log.events {
				e, err := d.Decode(payload)
				w.must(err)
				if !c.which(e) {
					w.must(r.Replay(uint64(i+1), payload))
					continue
				}
				c.forge(e)
				err = r.Replay(uint64(i+1), e.Append(nil))
				var v *Violation
				if !errors.As(err, &v) || v.Invariant != c.invariant || !strings.Contains(err.Error(), fmt.Sprintf("event %d ", i+1)) {
					t.Fatalf("the forged event %d leads to %v, want %s", i+1, err, c.invariant)
				}
				return
			}
			t.Fatal("there is no such event")
		})
	}
}

// TestForgedRepetition plants events that are in the log once more.
func TestForgedRepetition(t *testing.T) {
	for _, c := range []struct {
		invariant string
		kind      isuride.Kind
	}{{rideOnce, isuride.RideCompleted}, {rideOrder, isuride.RideAssigned}, {riderRides, isuride.RideRequested}, {rideOrder, isuride.RideAdvanced}} {
		w := newTown(t)
		r := NewRecovery(New(w.options(), &w.base, nil), 0)
		var d isuride.Decoder
		for i, payload := range w.log.events {
			w.must(r.Replay(uint64(i+1), payload))
			if e, err := d.Decode(payload); err != nil || e.Kind != c.kind {
				continue
			}
			var v *Violation
			if err := r.Replay(uint64(i+2), payload); !errors.As(err, &v) || v.Invariant != c.invariant {
				t.Errorf("%v twice leads to %v, want %s", c.kind, err, c.invariant)
			}
			break
		}
	}
}

// TestFourthInvitation: an invitation that was used up is not used again, whatever the log says.
func TestFourthInvitation(t *testing.T) {
	w := newFixture(t)
	u := w.user("")
	w.user(u.InvitationCode)
	r := NewRecovery(New(w.options(), &w.base, nil), 0)
	for i, payload := range w.log.events {
		if inviter, ok := r.store.usersByID.Load(u.ID); ok {
			inviter.invited = isuride.MaxInvitations
		}
		err := r.Replay(uint64(i+1), payload)
		var v *Violation
		if errors.As(err, &v) {
			if v.Invariant != couponInvitation || !strings.Contains(v.Message, u.ID) {
				t.Errorf("found %v", v)
			}
			return
		}
		w.must(err)
	}
	t.Error("nothing was found")
}

// TestClosedBooks: with closed books nothing moves money, rides under way go on, and Reopen ends
// it.
func TestClosedBooks(t *testing.T) {
	w := newTown(t)
	var told []*Violation
	w.opt.Violated = func(v *Violation) { told = append(told, v) }
	under, _, err := w.BeginCharge(w.rider, w.ride.ID, 3)
	w.must(err)
	w.Violate(violation("a-test", "", "nothing is wrong"))
	w.Violate(violation("another", "", "nothing is wrong"))
	if w.Closed().Invariant != "a-test" || w.Violations() != 2 || len(told) != 2 {
		t.Errorf("closed by %v, %d violations, %d told", w.Closed(), w.Violations(), len(told))
	}
	before := w.log.Appended()
	_, err = w.RegisterUser(NewUser{unique("user"), "A", "B", "x", ""})
	expectCode(t, err, isuride.Unavailable)
	_, err = w.RequestRide(w.user0(), townAt[0], townAt[1])
	expectCode(t, err, isuride.Unavailable)
	if w.log.Appended() != before {
		t.Error("something was recorded")
	}
	// A payment that has begun is taken by the gateway, and so it is booked.
	if _, first, err := w.BeginCharge(w.rider, w.ride.ID, 3); err != nil || first {
		t.Errorf("a second call for a payment under way: %v, %v", first, err)
	}
	_, err = w.Complete(under)
	w.must(err)
	c := w.second.Chair()
	w.must(w.Advance(c, w.second.ID, isuride.Carrying))
	w.report(c, townAt[1])
	_, _, err = w.BeginCharge(w.second.User, w.second.ID, 5)
	expectCode(t, err, isuride.Unavailable)
	if w.second.status != isuride.Arrived {
		t.Errorf("the ride is %v", w.second.status)
	}
	w.Reopen()
	w.complete(w.second, 5)
	w.expectBooks()
}

// user0 is a user who was there before the books closed, without a ride.
func (w *town) user0() *User {
	var found *User
	w.usersByID.Range(func(_ string, u *User) bool {
		if u.unfinished == 0 {
			found = u
		}
		return found == nil
	})
	return found
}

// TestNoFalseAlarm lets the random player go on, and wants the books to add up after each round,
// in memory, after a restart from the log, and from the tables.
func TestNoFalseAlarm(t *testing.T) {
	t.Logf("seed %d (repeat with -seed)", *seed)
	for round := range uint64(10) {
		p := &player{fixture: newFixture(t), Rand: rand.New(rand.NewPCG(*seed, 1000+round)),
			model: model{map[*Ride]*modelRide{}, map[*Chair]*modelChair{}, map[*User]*modelUser{}}}
		for range 1000 {
			p.step()
		}
		p.expectBooks()
		p.abandonAll()
		for _, s := range []*Store{p.replayed(), p.reloaded()} {
			if found := booksDiffer(t, s); found != "" || s.Closed() != nil {
				t.Fatalf("after a restart: %s %v", found, s.Closed())
			}
		}
	}
}
