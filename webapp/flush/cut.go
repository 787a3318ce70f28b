package flush

import (
	"cmp"

	"isuride/webapp/isuride"
)

// cut merges a stretch of the log into at most one image per row. Positions are never
// merged, every report is a row of its own.
type cut struct {
	last   uint64 // number of the last event in the cut, or of the one before it
	events int
	totals *isuride.Totals // at the end of the cut that is written
	chain  *isuride.Chain  // likewise

	owners    table[string, isuride.Owner]
	chairs    table[string, isuride.Chair]
	locations []isuride.ChairLocation
	users     table[string, isuride.User]
	tokens    table[string, isuride.PaymentToken]
	rides     table[string, isuride.Ride]
	statuses  table[string, isuride.RideStatus]
	coupons   table[couponKey, isuride.Coupon]
}

type couponKey struct{ user, code string }

// newCut returns an empty cut that begins after an event.
func newCut(position uint64) cut {
	return cut{
		last:     position,
		owners:   newTable[string, isuride.Owner](),
		chairs:   newTable[string, isuride.Chair](),
		users:    newTable[string, isuride.User](),
		tokens:   newTable[string, isuride.PaymentToken](),
		rides:    newTable[string, isuride.Ride](),
		statuses: newTable[string, isuride.RideStatus](),
		coupons:  newTable[couponKey, isuride.Coupon](),
	}
}

// add merges the next event. The event may be overwritten afterwards.
func (c *cut) add(seq uint64, e *isuride.Event) {
	c.last = seq
	c.events++
	if r := e.Owner; r != nil {
		*c.owners.row(r.ID) = *r
	}
	if r := e.Chair; r != nil {
		*c.chairs.row(r.ID) = *r
	}
	if r := e.Location; r != nil {
		c.locations = append(c.locations, *r)
		c.locations[len(c.locations)-1].ID = locationID(seq, r.CreatedAt)
	}
	if r := e.User; r != nil {
		*c.users.row(r.ID) = *r
	}
	if r := e.Token; r != nil {
		*c.tokens.row(r.UserID) = *r
	}
	if r := e.Ride; r != nil {
		c.addRide(r)
	}
	if r := e.Status; r != nil {
		c.addStatus(r)
	}
	for i := range e.Coupons {
		c.addCoupon(&e.Coupons[i])
	}
}

// A NULL in a later image leaves what an earlier one has set (isuride.Event). Only
// these three tables have columns that can be NULL.

func (c *cut) addRide(r *isuride.Ride) {
	row := c.rides.row(r.ID)
	chair, evaluation := cmp.Or(r.ChairID, row.ChairID), cmp.Or(r.Evaluation, row.Evaluation)
	*row = *r
	row.ChairID, row.Evaluation = chair, evaluation
}

func (c *cut) addStatus(r *isuride.RideStatus) {
	row := c.statuses.row(r.ID)
	app, chair := cmp.Or(r.AppSentAt, row.AppSentAt), cmp.Or(r.ChairSentAt, row.ChairSentAt)
	*row = *r
	row.AppSentAt, row.ChairSentAt = app, chair
}

func (c *cut) addCoupon(r *isuride.Coupon) {
	row := c.coupons.row(couponKey{r.UserID, r.Code})
	usedBy := cmp.Or(r.UsedBy, row.UsedBy)
	*row = *r
	row.UsedBy = usedBy
}

func (c *cut) rows() int {
	return len(c.owners.rows) + len(c.chairs.rows) + len(c.locations) + len(c.users.rows) +
		len(c.tokens.rows) + len(c.rides.rows) + len(c.statuses.rows) + len(c.coupons.rows)
}

// tables returns the merged rows; they are the cut's, until reset.
func (c *cut) tables() *isuride.Tables {
	return &isuride.Tables{
		Owners:         c.owners.rows,
		Chairs:         c.chairs.rows,
		ChairLocations: c.locations,
		Users:          c.users.rows,
		PaymentTokens:  c.tokens.rows,
		Rides:          c.rides.rows,
		RideStatuses:   c.statuses.rows,
		Coupons:        c.coupons.rows,
		Totals:         c.totals,
		Chain:          c.chain,
	}
}

// reset begins the next cut. Memory is kept, it is bounded by the largest cut.
func (c *cut) reset() {
	c.events, c.totals, c.chain = 0, nil, nil
	c.owners.reset()
	c.chairs.reset()
	clear(c.locations)
	c.locations = c.locations[:0]
	c.users.reset()
	c.tokens.reset()
	c.rides.reset()
	c.statuses.reset()
	c.coupons.reset()
}

// table holds one row a key, in the order in which the keys first came.
type table[K comparable, R any] struct {
	index map[K]int // of the row
	rows  []R
}

func newTable[K comparable, R any]() table[K, R] { return table[K, R]{index: make(map[K]int)} }

// row returns the key's row, a zero one if there was none. It is valid until the next
// call.
func (t *table[K, R]) row(key K) *R {
	i, ok := t.index[key]
	if !ok {
		i = len(t.rows)
		t.index[key] = i
		t.rows = append(t.rows, *new(R))
	}
	return &t.rows[i]
}

func (t *table[K, R]) reset() {
	clear(t.index)
	clear(t.rows) // lets go of the strings
	t.rows = t.rows[:0]
}
