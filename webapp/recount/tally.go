// Package recount counts the books again, from zero: what rides cost, coupons are worth, and
// chairs have sold. It is a second implementation, of plain loops, which shares no code with
// state and ledger, so that a fault in one of them makes a difference to the other. Of package
// isuride it uses the rows and events, and none of the rules.
//
// Where images, rows and events come from, when they are counted, and what a difference leads
// to, is left to others. Nothing here is safe for concurrent use.
package recount

import (
	"cmp"
	"fmt"
	"strings"

	"isuride/webapp/isuride"
)

// The prices, once more.
const (
	flatFare   = 500
	stepFare   = 100
	leastStars = 1
	mostStars  = 5
)

// price returns what a ride costs in full, and after a coupon, which can only reduce what the
// way costs.
func price(ride *isuride.Ride, coupon int) (full, fare int64) {
	way := int64(0)
	for _, leg := range [2]int64{
		int64(ride.Pickup.Latitude) - int64(ride.Destination.Latitude),
		int64(ride.Pickup.Longitude) - int64(ride.Destination.Longitude),
	} {
		if leg < 0 {
			leg = -leg
		}
		way += leg
	}
	metered := way * stepFare
	full = flatFare + metered
	if metered -= int64(coupon); metered < 0 {
		metered = 0
	}
	return full, flatFare + metered
}

// Difference is something that does not add up.
type Difference struct {
	Invariant string // its name in docs/audit.md
	Message   string // one sentence with ride or account, and yen
	Ride      string // "" if it is not about a ride
	Subject   string // the account, user or chair that it is about, "" if that is the ride
	Yen       int64  // how much is too much, negative if it is too little; 0 if that is not it
}

func (d *Difference) Error() string { return "audit: " + d.Invariant + ": " + d.Message }

// The invariants that are checked here, by their names in docs/audit.md.
const (
	RideFare     = "recount-fare"     // each ride costs what its coordinates and coupon make it cost
	RideEnd      = "recount-end"      // a ride is completed, rated and has a chair, or none of them
	CouponOnce   = "recount-coupon"   // each coupon is used by one ride of its owner, and each ride uses one at most
	CouponWorth  = "recount-worth"    // a coupon is worth what its kind is
	ChairSales   = "recount-chair"    // a chair's sales and ratings are those of its rides
	SaleOfRide   = "recount-sale"     // each sale is the full fare of one ride
	OwnerSales   = "recount-owner"    // an owner's sales are those of its chairs
	LedgerTotals = "recount-ledger"   // the ledger's accounts are the sums of all rides and coupons
	ReplayTotals = "recount-replay"   // ... and what the events in the log sum up to
	TableTotals  = "recount-tables"   // the sums that are written with each cut are those of the tables
	GatewayWord  = "gateway"          // the gateway has taken the fare of each ride that is completed, and nothing else
	TotalsAgree  = "recount-balanced" // what was billed was paid or is owed, and was earned or given away
)

// bill is a ride that is not completed.
type bill struct {
	user, chair string
	full, fare  int64
}

// Tally follows the log and sums up, from zero or from sums that are known.
type Tally struct {
	isuride.Totals
	// Worth returns what the coupon of a ride was worth that was requested before the first
	// event, 0 if it had none. It may be nil.
	Worth func(ride *isuride.Ride) (worth int, ok bool)

	open map[string]bill
}

// Note counts the next event. An error names what cannot be counted.
func (t *Tally) Note(e *isuride.Event) *Difference {
	switch e.Kind {
	case isuride.UserRegistered:
		for i := range e.Coupons {
			t.Issued += int64(e.Coupons[i].Discount)
		}
	case isuride.RideRequested:
		t.request(e.Ride, e.Coupons)
	case isuride.RideCompleted:
		return t.complete(e.Ride)
	}
	return nil
}

func (t *Tally) request(ride *isuride.Ride, used []isuride.Coupon) {
	worth := 0
	for i := range used {
		worth = used[i].Discount
		t.Used += int64(worth)
	}
	full, fare := price(ride, worth)
	t.keep(ride.ID, bill{ride.UserID, ride.ChairID, full, fare})
	t.Requested++
	t.Owed += fare
	t.Discounts += full - fare
	t.UnderWay += full
}

func (t *Tally) keep(rideID string, b bill) {
	if t.open == nil {
		t.open = map[string]bill{}
	}
	t.open[rideID] = b
}

func (t *Tally) complete(ride *isuride.Ride) *Difference {
	b, ok := t.open[ride.ID]
	delete(t.open, ride.ID)
	if !ok && t.Worth != nil {
		var worth int
		worth, ok = t.Worth(ride)
		b.full, b.fare = price(ride, worth)
	}
	if !ok {
		return &Difference{Invariant: RideEnd, Ride: ride.ID, Message: fmt.Sprintf("ride %s is completed, and nothing tells that it was under way", ride.ID)}
	}
	if full, _ := price(ride, 0); full != b.full {
		return &Difference{Invariant: RideFare, Ride: ride.ID, Yen: full - b.full,
			Message: fmt.Sprintf("ride %s is completed for %d yen in full, and was requested for %d", ride.ID, full, b.full)}
	}
	t.Completed++
	t.Paid += b.fare
	t.Sales += b.full
	t.UnderWay -= b.full
	return nil
}

// Compare returns what two sums differ in, nil if they do not. Of and against say whose they are;
// have is the one in question.
func Compare(invariant string, of string, have isuride.Totals, against string, want isuride.Totals) *Difference {
	if have == want {
		return nil
	}
	d := &Difference{Invariant: invariant}
	var parts []string
	too := have.Sub(want)
	wanted := map[string]int64{}
	for account, amount := range want.Each {
		wanted[account] = amount
	}
	for account, amount := range have.Each {
		if more := amount - wanted[account]; more != 0 {
			parts = append(parts, fmt.Sprintf("%s %d against %d (%+d)", account, amount, wanted[account], more))
			d.Subject = cmp.Or(d.Subject, account)
		}
	}
	for account, more := range too.Yen { // yen say more than rides do
		if more != 0 {
			d.Subject, d.Yen = account, more
			break
		}
	}
	d.Message = of + " and " + against + " differ: " + strings.Join(parts, ", ")
	return d
}

// Balanced returns an error if sums contradict each other by themselves.
func Balanced(of string, t isuride.Totals) *Difference {
	say := func(yen int64, format string, args ...any) *Difference {
		return &Difference{Invariant: TotalsAgree, Yen: yen, Message: of + ": " + fmt.Sprintf(format, args...)}
	}
	switch billed := t.Owed + t.Discounts; {
	case billed != t.Sales+t.UnderWay:
		return say(billed-t.Sales-t.UnderWay, "riders were billed %d yen with discounts, rides are worth %d", billed, t.Sales+t.UnderWay)
	case t.Paid > t.Owed:
		return say(t.Paid-t.Owed, "riders have paid %d yen, and owed %d", t.Paid, t.Owed)
	case t.Used > t.Issued:
		return say(t.Used-t.Issued, "coupons of %d yen are used, and of %d yen were issued", t.Used, t.Issued)
	case t.Completed > t.Requested:
		return say(0, "%d rides are completed, and %d were requested", t.Completed, t.Requested)
	}
	return nil
}
