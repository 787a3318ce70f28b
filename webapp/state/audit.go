package state

import (
	"cmp"
	"fmt"

	"isuride/webapp/isuride"
	"isuride/webapp/ledger"
)

// Every event that touches money, or a ride, is compared with what is stored before it is
// recorded, under the locks that its verb holds, and again when a log is replayed. What the
// comparison finds is a fault of this program or of the memory, not of a caller: nothing is
// recorded, and the books close. docs/audit.md lists the invariants.

// The invariants that are checked here, by the names that they have in docs/audit.md.
const (
	rideFare         = "ride-fare"         // a ride costs what its stored coordinates and coupon make it cost
	rideCoordinates  = "ride-coordinates"  // an event has the coordinates that are stored
	rideParties      = "ride-parties"      // an event has the ride's own user and chair
	rideOrder        = "ride-order"        // a status follows the one before, later in time
	ridePlace        = "ride-place"        // a chair arrives at the stored place
	rideOnce         = "ride-once"         // a ride is requested and completed once
	rideRating       = "ride-rating"       // the evaluation is the one that was charged, from 1 to 5
	riderRides       = "rider-rides"       // a rider has one ride at a time, and its count is right
	couponOnce       = "coupon-once"       // a coupon is granted once, and used once
	couponOwner      = "coupon-owner"      // a ride uses a coupon of its own rider
	couponWorth      = "coupon-worth"      // a coupon is worth what was granted
	couponsTotal     = "coupons-total"     // a user's coupons are worth what was granted, and used, in all
	couponInvitation = "coupon-invitation" // an invitation is used three times at most
	chairBooks       = "chair-books"       // sales and ratings of a chair are what was booked
	postingZero      = "posting-zero"      // what an event moves sums to zero
)

// Violation is a contradiction in the books. It is an error.
type Violation struct {
	Invariant string // its name in docs/audit.md
	Message   string // one sentence that names ride or account, and yen if there are any
	Ride      string // "" if it is not about a ride
	At        isuride.Time
	Position  uint64 // of the last event before it was found
}

func (v *Violation) Error() string { return "audit: " + v.Invariant + ": " + v.Message }

func violation(invariant, ride, format string, args ...any) *Violation {
	return &Violation{Invariant: invariant, Ride: ride, Message: fmt.Sprintf(format, args...)}
}

// Violate closes the books: no verb that moves money works until Reopen. All that is under
// way goes on. The first violation is kept as the reason; each is reported to
// Options.Violated, but not again what is found again, as by each round of matching.
func (s *Store) Violate(v *Violation) {
	v.At, v.Position = s.opt.Now(), s.opt.Log.Appended()
	s.closed.CompareAndSwap(nil, v)
	if _, known := s.told.LoadOrStore(v.Invariant+cmp.Or(v.Ride, v.Message), true); known {
		return
	}
	s.violations.Add(1)
	if s.opt.Violated != nil {
		s.opt.Violated(v)
	}
}

// Closed returns why the books are closed, nil if they are open.
func (s *Store) Closed() *Violation { return s.closed.Load() }

// Violations counts what was found.
func (s *Store) Violations() uint64 { return s.violations.Load() }

// Reopen opens the books again.
func (s *Store) Reopen() {
	s.told.Clear()
	s.closed.Store(nil)
}

// open returns an error for the caller of a verb that moves money if the books are closed.
func (s *Store) open() error {
	if v := s.closed.Load(); v != nil {
		return closedError(v)
	}
	return nil
}

// closedError leaves the reason to the log: callers are not trusted.
func closedError(v *Violation) error {
	return isuride.Because(v, isuride.Unavailable, "the books are being audited; rides under way go on, payments and new rides have to wait")
}

// refuse is what a verb returns whose event is a violation.
func (s *Store) refuse(v *Violation) error {
	s.Violate(v)
	return closedError(v)
}

// post enters the posting of an event of a user. It comes before the event is applied, so that
// who finds what the event made finds its posting made.
func (s *Store) post(userID string, seq uint64, p *ledger.Posting) {
	s.books.Post(uint(userID[len(userID)-1]), seq, p)
}

// fareOf is the price of a ride, written down apart from isuride.DiscountedFare so that the
// one finds a fault in the other. The coupon reduces only what the distance costs.
func fareOf(from, to isuride.Coordinate, coupon int) (full, fare int) {
	const flat, each = 500, 100
	away := func(a, b int32) int { return max(int(a)-int(b), int(b)-int(a)) }
	metered := each * (away(from.Latitude, to.Latitude) + away(from.Longitude, to.Longitude))
	return flat + metered, flat + max(0, metered-coupon)
}

// checkRide compares what is set once of a ride.
func checkRide(r *Ride) *Violation {
	if _, fare := fareOf(r.Pickup, r.Destination, r.coupon); fare != r.Fare {
		return violation(rideFare, r.ID, "ride %s costs %d yen from %v to %v with a coupon of %d yen, but is kept with %d yen",
			r.ID, fare, r.Pickup, r.Destination, r.coupon, r.Fare)
	}
	return nil
}

// checkRow compares the row of a ride in an event with the ride.
func checkRow(r *Ride, row *isuride.Ride, c *Chair) *Violation {
	switch {
	case row.Pickup != r.Pickup || row.Destination != r.Destination:
		return violation(rideCoordinates, r.ID, "ride %s leads from %v to %v, but the event has %v to %v",
			r.ID, r.Pickup, r.Destination, row.Pickup, row.Destination)
	case row.ID != r.ID || row.UserID != r.User.ID || row.ChairID != c.ID:
		return violation(rideParties, r.ID, "ride %s is of user %s and chair %s, but the event has ride %s, user %s and chair %s",
			r.ID, r.User.ID, c.ID, row.ID, row.UserID, row.ChairID)
	}
	return checkRide(r)
}

// checkStatus compares a new status with the ride's present one, whose lock is held.
func checkStatus(r *Ride, row *isuride.RideStatus) *Violation {
	switch {
	case row.RideID != r.ID:
		return violation(rideParties, r.ID, "a status of ride %s was about to be given to ride %s", row.RideID, r.ID)
	case row.Status != r.status.Next():
		return violation(rideOrder, r.ID, "ride %s is %v and cannot become %v", r.ID, r.status, row.Status)
	case row.CreatedAt <= r.statusAt:
		return violation(rideOrder, r.ID, "ride %s would become %v at %v, no later than %v at %v", r.ID, row.Status, row.CreatedAt, r.status, r.statusAt)
	}
	return checkRide(r)
}

// checkAdvanceLocked checks an event that moves an assigned ride on, by a report from a place
// or, without one, by the chair's word.
func checkAdvanceLocked(r *Ride, row *isuride.RideStatus, place *isuride.ChairLocation) *Violation {
	if v := checkStatus(r, row); v != nil {
		return v
	}
	if c := r.chair.Load(); place != nil && place.ChairID != c.ID {
		return violation(rideParties, r.ID, "chair %s reports the arrival of ride %s, which has chair %s", place.ChairID, r.ID, c.ID)
	}
	goal := r.Destination
	switch row.Status {
	case isuride.Enroute, isuride.Carrying:
		if place == nil {
			return nil
		}
	case isuride.Pickup:
		goal = r.Pickup
	case isuride.Matching, isuride.Completed:
		return violation(rideOrder, r.ID, "ride %s cannot become %v by its chair", r.ID, row.Status)
	}
	if place == nil || place.Coordinate != goal {
		return violation(ridePlace, r.ID, "ride %s would become %v away from %v", r.ID, row.Status, goal)
	}
	return nil
}

// checkAssignmentLocked checks the event that gives a ride its chair.
func checkAssignmentLocked(r *Ride, c *Chair, row *isuride.Ride) *Violation {
	if r.status != isuride.Matching || r.chair.Load() != nil {
		return violation(rideOrder, r.ID, "ride %s is %v already when it is given chair %s", r.ID, r.status, c.ID)
	}
	return checkRow(r, row, c)
}

// checkRequestLocked checks a request, and makes its posting.
func checkRequestLocked(u *User, e *isuride.Event) (p ledger.Posting, v *Violation) {
	row, worth := e.Ride, 0
	switch {
	case row.UserID != u.ID || e.Status.RideID != row.ID:
		return p, violation(rideParties, row.ID, "ride %s of user %s, with a status of ride %s, was about to be given to user %s", row.ID, row.UserID, e.Status.RideID, u.ID)
	case e.Status.Status != isuride.Matching:
		return p, violation(rideOrder, row.ID, "ride %s would begin as %v", row.ID, e.Status.Status)
	case u.unfinished != 0:
		return p, violation(riderRides, row.ID, "user %s requests ride %s with %d rides under way", u.ID, row.ID, u.unfinished)
	case len(e.Coupons) > 1:
		return p, violation(couponOnce, row.ID, "ride %s would use %d coupons", row.ID, len(e.Coupons))
	}
	if v := u.checkCouponsLocked(); v != nil {
		return p, v
	}
	for i := range e.Coupons {
		if v := u.checkUseLocked(&e.Coupons[i], row.ID); v != nil {
			return p, v
		}
		worth = e.Coupons[i].Discount
		if !p.Use(worth) {
			return p, violation(postingZero, row.ID, "coupon %s of user %s cannot be worth %d yen", e.Coupons[i].Code, u.ID, worth)
		}
	}
	if full, fare := fareOf(row.Pickup, row.Destination, worth); !p.Request(full, fare) {
		return p, violation(postingZero, row.ID, "ride %s cannot be billed with %d of %d yen", row.ID, fare, full)
	}
	return p, nil
}

// checkUseLocked checks the coupon that a ride uses up.
func (u *User) checkUseLocked(used *isuride.Coupon, rideID string) *Violation {
	for i := range u.coupons {
		c := &u.coupons[i]
		switch {
		case c.UsedBy == rideID:
			return violation(couponOnce, rideID, "ride %s has used coupon %s already", rideID, c.Code)
		case c.Code != used.Code:
			continue
		case used.UserID != u.ID || used.UsedBy != rideID:
			return violation(couponOwner, rideID, "coupon %s of user %s is used by ride %q, the event is about ride %s of user %s", used.Code, used.UserID, used.UsedBy, rideID, u.ID)
		case c.UsedBy != "":
			return violation(couponOnce, rideID, "coupon %s of user %s was used by ride %s and cannot be used by ride %s", c.Code, u.ID, c.UsedBy, rideID)
		case c.Discount != used.Discount:
			return violation(couponWorth, rideID, "coupon %s of user %s is worth %d yen, not %d", c.Code, u.ID, c.Discount, used.Discount)
		}
		return nil
	}
	return violation(couponOwner, rideID, "ride %s would use coupon %s, which user %s does not have", rideID, used.Code, u.ID)
}

// checkCouponsLocked compares a user's coupons with the sums that are kept beside them.
func (u *User) checkCouponsLocked() *Violation {
	issued, used := 0, 0
	for i := range u.coupons {
		issued += u.coupons[i].Discount
		if u.coupons[i].UsedBy != "" {
			used += u.coupons[i].Discount
		}
	}
	if issued != u.issued || used != u.used {
		return violation(couponsTotal, "", "the coupons of user %s are worth %d yen, %d of them used; kept are %d and %d", u.ID, issued, used, u.issued, u.used)
	}
	return nil
}

// checkRegistrationLocked checks the coupons of a registration, and makes its posting.
func checkRegistrationLocked(e *isuride.Event, inviter *User) (p ledger.Posting, v *Violation) {
	for i := range e.Coupons {
		c := &e.Coupons[i]
		switch {
		case c.UsedBy != "":
			return p, violation(couponOnce, c.UsedBy, "coupon %s of user %s would be granted as one that ride %s has used", c.Code, c.UserID, c.UsedBy)
		case c.UserID != e.User.ID && (inviter == nil || c.UserID != inviter.ID):
			return p, violation(couponOwner, "", "coupon %s would go to user %s, who is neither the new user %s nor the inviter", c.Code, c.UserID, e.User.ID)
		}
		for j := range e.Coupons[:i] {
			if e.Coupons[j].UserID == c.UserID && e.Coupons[j].Code == c.Code {
				return p, violation(couponOnce, "", "coupon %s of user %s would be granted twice", c.Code, c.UserID)
			}
		}
	}
	if inviter != nil {
		if v := inviter.checkRewardLocked(e); v != nil {
			return p, v
		}
	}
	return grants(e, func(*isuride.Coupon) bool { return true })
}

// checkRewardLocked checks what an inviter gets.
func (u *User) checkRewardLocked(e *isuride.Event) *Violation {
	if u.invited >= isuride.MaxInvitations {
		return violation(couponInvitation, "", "the invitation of user %s has been used %d times, and would be once more by user %s", u.ID, u.invited, e.User.ID)
	}
	for i := range e.Coupons {
		for j := range u.coupons {
			if e.Coupons[i].UserID == u.ID && e.Coupons[i].Code == u.coupons[j].Code {
				return violation(couponOnce, "", "coupon %s of user %s would be granted twice", u.coupons[j].Code, u.ID)
			}
		}
	}
	return u.checkCouponsLocked()
}

// grants makes the posting of those coupons of a registration that count.
func grants(e *isuride.Event, count func(*isuride.Coupon) bool) (p ledger.Posting, v *Violation) {
	for i := range e.Coupons {
		if c := &e.Coupons[i]; count(c) && !p.Grant(c.Discount) {
			return p, violation(postingZero, "", "coupon %s of user %s cannot be worth %d yen", c.Code, c.UserID, c.Discount)
		}
	}
	return p, nil
}

// checkBilledLocked compares a ride with the coupon that it has used.
func checkBilledLocked(r *Ride) *Violation {
	if v := r.User.checkCouponsLocked(); v != nil {
		return v
	}
	if worth := r.User.worthLocked(r.ID); worth != r.coupon {
		return violation(couponWorth, r.ID, "ride %s was billed with a coupon of %d yen, and has used one of %d yen", r.ID, r.coupon, worth)
	}
	return checkRide(r)
}

// worthLocked returns what the coupon was worth that the ride has used, 0 if there is none.
func (u *User) worthLocked(rideID string) int {
	worth := 0
	for i := range u.coupons {
		if u.coupons[i].UsedBy == rideID {
			worth = u.coupons[i].Discount
		}
	}
	return worth
}

// checkChargeLocked checks that a payment may begin.
func checkChargeLocked(r *Ride, ch *isuride.Charge) *Violation {
	switch {
	case ch.RideID != r.ID:
		return violation(rideParties, r.ID, "the payment of ride %s was about to be taken for ride %s", ch.RideID, r.ID)
	case r.done:
		return violation(rideOnce, r.ID, "ride %s is completed, and would be paid for again", r.ID)
	case ch.Evaluation < 1 || ch.Evaluation > 5:
		return violation(rideRating, r.ID, "ride %s would be rated with %d", r.ID, ch.Evaluation)
	}
	return checkBilledLocked(r)
}

// checkCompletionLocked checks the completion of a ride, and makes its posting.
func checkCompletionLocked(r *Ride, row *isuride.Ride, status *isuride.RideStatus) (p ledger.Posting, v *Violation) {
	u, c := r.User, r.chair.Load()
	switch {
	case r.done:
		return p, violation(rideOnce, r.ID, "ride %s is completed, and would be again", r.ID)
	case u.unfinished < 1:
		return p, violation(riderRides, r.ID, "user %s completes ride %s with %d rides under way", u.ID, r.ID, u.unfinished)
	case row.Evaluation < 1 || row.Evaluation > 5:
		return p, violation(rideRating, r.ID, "ride %s would be rated with %d", r.ID, row.Evaluation)
	case status.Status != isuride.Completed:
		return p, violation(rideOrder, r.ID, "ride %s would be completed as %v", r.ID, status.Status)
	}
	for _, v := range [...]*Violation{checkStatus(r, status), checkRow(r, row, c), checkBilledLocked(r), c.checkBooksLocked()} {
		if v != nil {
			return p, v
		}
	}
	return settlement(r)
}

// settlement makes the posting of a completion.
func settlement(r *Ride) (p ledger.Posting, v *Violation) {
	if full, fare := fareOf(r.Pickup, r.Destination, r.coupon); !p.Complete(full, fare) {
		return p, violation(postingZero, r.ID, "ride %s cannot be settled with %d of %d yen", r.ID, fare, full)
	}
	return p, nil
}

// books are a chair's figures as they were booked, kept beside those that are shown.
type books struct {
	stats Stats
	sales int // sum of full fares
	rides int
}

func (c *Chair) booksLocked() books {
	b := books{stats: c.stats, rides: len(c.sales)}
	if n := len(c.sales); n > 0 {
		b.sales = c.sales[n-1].Sum
	}
	return b
}

// checkBooksLocked compares a chair's figures with those that are kept beside them.
func (c *Chair) checkBooksLocked() *Violation {
	if have := c.booksLocked(); have != c.booked {
		return violation(chairBooks, "", "chair %s has %d rides for %d yen, %d of them rated with %d in all; booked are %d for %d yen, %d with %d",
			c.ID, have.rides, have.sales, have.stats.Rides, have.stats.EvaluationSum, c.booked.rides, c.booked.sales, c.booked.stats.Rides, c.booked.stats.EvaluationSum)
	}
	return nil
}

// bookTwiceLocked enters a completed ride into the figures for the audit.
func (c *Chair) bookTwiceLocked(r *Ride, evaluation int) {
	const driven = 1<<isuride.Carrying | 1<<isuride.Arrived
	full, _ := fareOf(r.Pickup, r.Destination, 0)
	c.booked.sales += full
	c.booked.rides++
	if r.passed&driven == driven {
		c.booked.stats.Rides++
		c.booked.stats.EvaluationSum += int32(evaluation)
	}
}

// sold enters a completed ride into its owner's balance.
func (s *Store) sold(r *Ride, seq uint64) {
	full, _ := fareOf(r.Pickup, r.Destination, 0)
	s.books.Add(&r.chair.Load().Owner.sales, seq, full)
}

// bookCouponLocked enters a coupon that was loaded.
func (u *User) bookCouponLocked(c *isuride.Coupon, p *ledger.Posting) *Violation {
	ok := p.Grant(c.Discount)
	u.issued += c.Discount
	if c.UsedBy != "" {
		ok = p.Use(c.Discount) && ok
		u.used += c.Discount
	}
	if !ok {
		return violation(postingZero, "", "coupon %s of user %s cannot be worth %d yen", c.Code, c.UserID, c.Discount)
	}
	return nil
}

// bill enters a ride that was loaded.
func (r *Ride) bill(p *ledger.Posting) *Violation {
	full, fare := fareOf(r.Pickup, r.Destination, r.coupon)
	if !p.Request(full, fare) || r.done && !p.Complete(full, fare) {
		return violation(postingZero, r.ID, "ride %s cannot be billed with %d of %d yen", r.ID, fare, full)
	}
	return checkRide(r)
}

// suspect closes the books of a store that is being loaded.
func (s *Store) suspect(v *Violation) {
	if v != nil {
		s.Violate(v)
	}
}

// Totals returns the sums of the ledger. While verbs run, some of their postings may be
// missing; those up to a position are told by Marked.
func (s *Store) Totals() isuride.Totals { return totals(s.books.Totals()) }

func totals(t ledger.Totals) isuride.Totals {
	return isuride.Totals{
		Requested: t.Requested, Completed: t.Completed,
		Owed: t.Yen[ledger.RidersOwed], Paid: -t.Yen[ledger.RidersPaid], Discounts: t.Yen[ledger.DiscountsGiven],
		Sales: -t.Yen[ledger.OwnersSales], UnderWay: -t.Yen[ledger.SalesUnderWay],
		Issued: -t.Yen[ledger.CouponsIssued], Used: t.Yen[ledger.CouponsUsed],
	}
}

// Mark has the ledger keep apart what belongs to later events, and returns the position up to
// which Marked tells the sums. One mark can be set at a time; the locks of all entities must
// have been taken since the last Unmark, as a Walk does.
func (s *Store) Mark() (position uint64) {
	s.ownersByID.Range(func(_ string, o *Owner) bool { o.sales.Settle(); return true })
	s.books.Settle()
	s.opt.Log.Hold(func(last uint64) {
		s.books.SetMark(last)
		position = last
	})
	return position
}

// Unmark ends what Mark began.
func (s *Store) Unmark() { s.books.Unmark() }

// Marked returns the sums up to the mark, and an error if they contradict each other. The
// verbs of all events up to it must have returned, see Settle.
func (s *Store) Marked() (isuride.Totals, error) {
	t := s.books.Marked()
	return totals(t), t.Check()
}

// MarkedSales yields the sales of all owners up to the mark.
func (s *Store) MarkedSales(yield func(ownerID string, yen int64) bool) {
	s.ownersByID.Range(func(id string, o *Owner) bool { return yield(id, o.sales.Marked()) })
}

// Settle waits until the verbs of the user's events that are recorded have returned, as far as
// the books are concerned.
func (s *Store) Settle(userID string) {
	if u, ok := s.usersByID.Load(userID); ok {
		u.mu.Lock()
		defer u.mu.Unlock() // who had it has posted
	}
}

// SettleRegistrations is Settle for accounts that were registered.
func (s *Store) SettleRegistrations() {
	s.registry.Lock()
	defer s.registry.Unlock() // who had it has posted
}

// Worth returns what the coupon was worth that a ride has used, 0 if it has none. ok is false if
// there is no such ride.
func (s *Store) Worth(ride *isuride.Ride) (worth int, ok bool) {
	r, ok := s.rides.Load(ride.ID)
	if !ok {
		return 0, false
	}
	return r.coupon, true
}

// Payments are the rides of a user that a gateway should know.
type Payments struct {
	Token string
	// Past are completed rides that may have been paid for with another token, or at another
	// gateway: those from before the store was opened, or the token was set.
	Past []Payment
	// Own are those since. The last one may be Open.
	Own []Payment
}

// Payment is what a ride costs its rider.
type Payment struct {
	RideID string
	Fare   int
	Open   bool // the ride is not completed: the gateway may or may not have it
}

// Payments returns what the user has paid for, in the order of the rides.
func (u *User) Payments() Payments {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := Payments{Token: u.token}
	for i, r := range u.rides {
		one := Payment{RideID: r.ID, Fare: r.Fare, Open: !r.done}
		if i < u.before {
			p.Past = append(p.Past, one)
		} else {
			p.Own = append(p.Own, one)
		}
	}
	return p
}

// Payers visits users who have a payment token, in no order, until visit returns false.
func (s *Store) Payers(visit func(u *User, token string) bool) {
	s.usersByToken.Range(func(_ string, u *User) bool {
		u.mu.Lock()
		token := u.token
		u.mu.Unlock()
		return token == "" || visit(u, token)
	})
}
