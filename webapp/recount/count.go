package recount

import (
	"fmt"

	"isuride/webapp/isuride"
)

// Sale is a completed ride in the books of its chair.
type Sale struct {
	At  isuride.Time
	Sum int // up to and including this one
}

// Chair is a chair with its books.
type Chair struct {
	ID, OwnerID          string
	Sales                int   // sum of full fares
	Rides                int   // sales
	Rated, EvaluationSum int32 // rides that were driven, and their ratings
}

// Ride is a ride as it is kept. It is lent for the call.
type Ride struct {
	*isuride.Ride
	Fare   int // kept beside it
	Status isuride.Status
	Passed uint8 // statuses that it has been in, one bit each
}

// Count is one count of everything: images of all chairs, then of all users with their rides,
// each with the last event that it shows, then the events after the earliest of them. Events
// that an image shows already are left out.
type Count struct {
	tally  Tally
	users  map[string]uint64 // last events
	chairs map[string]*books
	found  []*Difference

	// the user that is being counted
	user    string
	coupons []isuride.Coupon
	taken   int            // coupons that rides were found for
	byRide  map[string]int // places of used coupons, if there are many
}

// books are one chair's.
type books struct {
	owner    string
	position uint64
	kept     figures // as the chair has them
	counted  figures // by its rides
}

type figures struct {
	sales  int64
	rides  int
	rated  int32
	rating int32
}

// most bounds the differences that are kept: a fault that is everywhere is known by the first.
const most = 100

// New begins a count.
func New() *Count { return &Count{users: map[string]uint64{}, chairs: map[string]*books{}} }

func (c *Count) differ(invariant, ride, subject string, yen int64, format string, args ...any) {
	if len(c.found) < most {
		c.found = append(c.found, &Difference{Invariant: invariant, Ride: ride, Subject: subject, Yen: yen, Message: fmt.Sprintf(format, args...)})
	}
}

// Chair counts a chair as it was after the event at position.
func (c *Count) Chair(position uint64, ch *Chair) {
	b := c.booksOf(ch.ID)
	b.owner, b.position = ch.OwnerID, position
	b.kept = figures{int64(ch.Sales), ch.Rides, ch.Rated, ch.EvaluationSum}
}

func (c *Count) booksOf(chairID string) *books {
	b := c.chairs[chairID]
	if b == nil {
		b = &books{}
		c.chairs[chairID] = b
	}
	return b
}

// manyCoupons is the number from which on they are looked up in a map.
const manyCoupons = 16

// User begins to count a user as it was after the event at position; its rides follow, and
// then EndUser, until which the coupons are lent.
func (c *Count) User(position uint64, id string, coupons []isuride.Coupon) {
	c.users[id] = position
	c.user, c.coupons, c.taken, c.byRide = id, coupons, 0, nil
	for i := range coupons {
		k := &coupons[i]
		c.tally.Issued += int64(k.Discount)
		if k.UsedBy != "" {
			c.tally.Used += int64(k.Discount)
		}
		if worth := worthOf(k.Code); worth != 0 && worth != k.Discount {
			c.differ(CouponWorth, k.UsedBy, id, int64(k.Discount-worth), "coupon %s of user %s is worth %d yen, and not %d", k.Code, id, worth, k.Discount)
		}
		for j := range coupons[:min(i, manyCoupons)] {
			if k.UsedBy != "" && coupons[j].UsedBy == k.UsedBy {
				c.differ(CouponOnce, k.UsedBy, id, int64(k.Discount), "ride %s has used coupons %s and %s of user %s", k.UsedBy, coupons[j].Code, k.Code, id)
			}
			if coupons[j].Code == k.Code {
				c.differ(CouponOnce, "", id, int64(k.Discount), "user %s has coupon %s twice", id, k.Code)
			}
		}
	}
	if len(coupons) > manyCoupons {
		c.byRide = map[string]int{}
		for i := range coupons {
			c.byRide[coupons[i].UsedBy] = i
		}
	}
}

// worthOf returns what coupons of this code are worth, 0 if that is not known.
func worthOf(code string) int {
	switch {
	case code == "CP_NEW2024":
		return 3000
	case len(code) > 4 && code[:4] == "INV_":
		return 1500
	case len(code) > 4 && code[:4] == "RWD_":
		return 1000
	}
	return 0
}

// used returns the user's coupon that the ride has used, nil if there is none.
func (c *Count) used(rideID string) *isuride.Coupon {
	if c.byRide != nil {
		if i, ok := c.byRide[rideID]; ok {
			return &c.coupons[i]
		}
		return nil
	}
	for i := range c.coupons {
		if c.coupons[i].UsedBy == rideID {
			return &c.coupons[i]
		}
	}
	return nil
}

// Ride counts a ride of the user.
func (c *Count) Ride(r *Ride) {
	worth := 0
	if k := c.used(r.ID); k != nil {
		worth = k.Discount
		c.taken++
	}
	full, fare := price(r.Ride, worth)
	if int64(r.Fare) != fare {
		c.differ(RideFare, r.ID, "", int64(r.Fare)-fare, "ride %s costs %d yen from %v to %v with a coupon of %d yen, and is kept with %d yen", r.ID, fare, r.Pickup, r.Destination, worth, r.Fare)
	}
	t := &c.tally
	t.Requested++
	t.Owed += fare
	t.Discounts += full - fare
	if r.UserID != c.user {
		c.differ(RideEnd, r.ID, "", 0, "ride %s is of user %s, and in the history of user %s", r.ID, r.UserID, c.user)
	}
	if r.Status != isuride.Completed {
		t.UnderWay += full
		t.keep(r.ID, bill{r.UserID, r.ChairID, full, fare})
		if r.Evaluation != 0 {
			c.differ(RideEnd, r.ID, "", 0, "ride %s is %v, and rated with %d already", r.ID, r.Status, r.Evaluation)
		}
		return
	}
	t.Completed++
	t.Paid += fare
	t.Sales += full
	if r.ChairID == "" || r.Evaluation < leastStars || r.Evaluation > mostStars {
		c.differ(RideEnd, r.ID, "", 0, "ride %s is completed with chair %q and an evaluation of %d", r.ID, r.ChairID, r.Evaluation)
	}
	const driven = 1<<isuride.Carrying | 1<<isuride.Arrived
	c.booksOf(r.ChairID).counted.add(full, r.Evaluation, r.Passed&driven == driven)
}

func (f *figures) add(full int64, evaluation int, driven bool) {
	f.sales += full
	f.rides++
	if driven {
		f.rated++
		f.rating += int32(evaluation)
	}
}

// EndUser ends the user that is being counted.
func (c *Count) EndUser() {
	used := 0
	for i := range c.coupons {
		if c.coupons[i].UsedBy != "" {
			used++
		}
	}
	if used != c.taken {
		c.differ(CouponOnce, "", c.user, 0, "user %s has used %d coupons, and only %d for own rides", c.user, used, c.taken)
	}
	c.coupons, c.taken = nil, 0
}

// Event counts an event for the user, or chair, whose image does not show it. Events come in
// the order of the log, after all images.
func (c *Count) Event(seq uint64, e *isuride.Event) {
	switch e.Kind {
	case isuride.UserRegistered:
		for i := range e.Coupons {
			if k := &e.Coupons[i]; seq > c.users[k.UserID] {
				c.tally.Issued += int64(k.Discount)
			}
		}
	case isuride.ChairRegistered:
		if b := c.booksOf(e.Chair.ID); b.owner == "" {
			b.owner = e.Chair.OwnerID
		}
	case isuride.RideRequested:
		if seq > c.users[e.Ride.UserID] {
			c.tally.request(e.Ride, e.Coupons)
		}
	case isuride.RideCompleted:
		c.complete(seq, e.Ride)
	}
}

func (c *Count) complete(seq uint64, ride *isuride.Ride) {
	full, _ := price(ride, 0)
	b := c.booksOf(ride.ChairID)
	if seq > b.position {
		b.kept.add(full, ride.Evaluation, true)
	}
	if seq <= c.users[ride.UserID] {
		return
	}
	if d := c.tally.complete(ride); d != nil {
		c.found = append(c.found, d)
		return
	}
	b.counted.add(full, ride.Evaluation, true)
}

// Result is what a count came to.
type Result struct {
	isuride.Totals
	Owners map[string]int64 // sales of those who have any
	// Chairs are those whose books are not those of their rides, for Pinpoint.
	Chairs      []string
	Differences []*Difference
}

// End ends the count.
func (c *Count) End() *Result {
	r := &Result{Totals: c.tally.Totals, Owners: map[string]int64{}}
	for id, b := range c.chairs {
		if id == "" {
			continue // a ride without one is told already
		}
		r.Owners[b.owner] += b.counted.sales
		if b.kept != b.counted {
			r.Chairs = append(r.Chairs, id)
			c.differ(ChairSales, "", id, b.kept.sales-b.counted.sales, "chair %s of owner %s has %d rides for %d yen, %d rated with %d in all; its rides are %d for %d yen, %d rated with %d",
				id, b.owner, b.kept.rides, b.kept.sales, b.kept.rated, b.kept.rating, b.counted.rides, b.counted.sales, b.counted.rated, b.counted.rating)
		}
	}
	if d := Balanced("the recount", r.Totals); d != nil {
		c.found = append(c.found, d)
	}
	r.Differences = c.found
	return r
}
