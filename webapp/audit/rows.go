package audit

import (
	"cmp"
	"context"
	"fmt"

	"isuride/webapp/isuride"
)

// images are the last images of rows in the journal, by key, and the events that they come from.
// Positions are left out: their sums are no part of the books.
type images struct {
	rides    map[string]image[isuride.Ride]
	statuses map[string]image[isuride.RideStatus]
	coupons  map[[2]string]image[isuride.Coupon]
	users    map[string]image[isuride.User]
	tokens   map[string]image[isuride.PaymentToken]
}

type image[R any] struct {
	row R
	seq uint64
}

func newImages() images {
	return images{map[string]image[isuride.Ride]{}, map[string]image[isuride.RideStatus]{}, map[[2]string]image[isuride.Coupon]{},
		map[string]image[isuride.User]{}, map[string]image[isuride.PaymentToken]{}}
}

// add takes the rows of an event. What is NULL in a later image stays as it was.
func (m *images) add(seq uint64, e *isuride.Event) {
	if r := e.Ride; r != nil {
		old := m.rides[r.ID].row
		row := *r
		row.ChairID, row.Evaluation = cmp.Or(row.ChairID, old.ChairID), cmp.Or(row.Evaluation, old.Evaluation)
		m.rides[r.ID] = image[isuride.Ride]{row, seq}
	}
	if r := e.Status; r != nil {
		old := m.statuses[r.ID].row
		row := *r
		row.AppSentAt, row.ChairSentAt = cmp.Or(row.AppSentAt, old.AppSentAt), cmp.Or(row.ChairSentAt, old.ChairSentAt)
		m.statuses[r.ID] = image[isuride.RideStatus]{row, seq}
	}
	if r := e.User; r != nil {
		m.users[r.ID] = image[isuride.User]{*r, seq}
	}
	if r := e.Token; r != nil {
		m.tokens[r.UserID] = image[isuride.PaymentToken]{*r, seq}
	}
	for _, r := range e.Coupons {
		key := [2]string{r.UserID, r.Code}
		r.UsedBy = cmp.Or(r.UsedBy, m.coupons[key].row.UsedBy)
		m.coupons[key] = image[isuride.Coupon]{r, seq}
	}
}

// rows compares the rows of the database with the last images in the journal.
func (a *auditor) rows(context.Context) error {
	t := &a.have.Tables
	byRide, byStatus, byCoupon := map[string]*isuride.Ride{}, map[string]*isuride.RideStatus{}, map[[2]string]*isuride.Coupon{}
	byUser, byToken := map[string]*isuride.User{}, map[string]*isuride.PaymentToken{}
	index(t.Rides, byRide, func(r *isuride.Ride) string { return r.ID })
	index(t.RideStatuses, byStatus, func(r *isuride.RideStatus) string { return r.ID })
	index(t.Coupons, byCoupon, func(r *isuride.Coupon) [2]string { return [2]string{r.UserID, r.Code} })
	index(t.Users, byUser, func(r *isuride.User) string { return r.ID })
	index(t.PaymentTokens, byToken, func(r *isuride.PaymentToken) string { return r.UserID })
	err := cmp.Or(
		compare(a.images.rides, byRide, func(r *isuride.Ride) string {
			return fmt.Sprintf("ride %s of user %s", r.ID, r.UserID)
		}, rideDiffers),
		compare(a.images.coupons, byCoupon, func(r *isuride.Coupon) string {
			return fmt.Sprintf("coupon %s of user %s", r.Code, r.UserID)
		}, couponDiffers),
		compare(a.images.statuses, byStatus, func(r *isuride.RideStatus) string {
			return fmt.Sprintf("status %v of ride %s", r.Status, r.RideID)
		}, statusDiffers),
		compare(a.images.users, byUser, func(r *isuride.User) string { return "user " + r.ID }, quietly),
		compare(a.images.tokens, byToken, func(r *isuride.PaymentToken) string { return "the payment token of user " + r.UserID }, secretly))
	if err != nil {
		return err
	}
	a.Tell("database: %d rides, %d coupons and %d statuses are as the journal has them", len(a.images.rides), len(a.images.coupons), len(a.images.statuses))
	return nil
}

func index[K comparable, R any](rows []R, by map[K]*R, key func(*R) K) {
	for i := range rows {
		by[key(&rows[i])] = &rows[i]
	}
}

// compare compares one kind of rows; differ says how two rows of a key do, "" if they do not.
func compare[K comparable, R any](journal map[K]image[R], db map[K]*R, name func(*R) string, differ func(db, journal *R) string) error {
	for key, m := range journal {
		have, ok := db[key]
		if !ok {
			return fault("%s is missing in the database; event %d has it", name(&m.row), m.seq)
		}
		if how := differ(have, &m.row); how != "" {
			return fault("%s differs: %s (event %d)", name(&m.row), how, m.seq)
		}
	}
	return nil
}

func rideDiffers(db, log *isuride.Ride) string {
	switch {
	case db.Pickup != log.Pickup || db.Destination != log.Destination:
		return fmt.Sprintf("it leads from %v to %v in the database, and from %v to %v in the journal, which is a difference of %d yen", db.Pickup, db.Destination, log.Pickup, log.Destination,
			isuride.Sales(db.Pickup, db.Destination)-isuride.Sales(log.Pickup, log.Destination))
	case db.Evaluation != log.Evaluation:
		return fmt.Sprintf("its evaluation is %d in the database, and %d in the journal", db.Evaluation, log.Evaluation)
	case db.ChairID != log.ChairID || db.UserID != log.UserID:
		return fmt.Sprintf("it is of user %s and chair %q in the database, and of user %s and chair %q in the journal", db.UserID, db.ChairID, log.UserID, log.ChairID)
	}
	return differently(db, log)
}

func couponDiffers(db, log *isuride.Coupon) string {
	switch {
	case db.Discount != log.Discount:
		return fmt.Sprintf("it is worth %d yen in the database, and %d in the journal", db.Discount, log.Discount)
	case db.UsedBy != log.UsedBy:
		return fmt.Sprintf("ride %q has used it in the database, and ride %q in the journal", db.UsedBy, log.UsedBy)
	}
	return differently(db, log)
}

// statusDiffers leaves out deliveries, of which the journal may have forgotten the first.
func statusDiffers(db, log *isuride.RideStatus) string {
	d, l := *db, *log
	d.AppSentAt, d.ChairSentAt, l.AppSentAt, l.ChairSentAt = 0, 0, 0, 0
	return differently(&d, &l)
}

func differently[R comparable](db, log *R) string {
	if *db == *log {
		return ""
	}
	return fmt.Sprintf("it is %+v in the database, and %+v in the journal", *db, *log)
}

// quietly does not print what differs: sessions are in it.
func quietly(db, log *isuride.User) string {
	if *db == *log {
		return ""
	}
	return "names, tokens or times are not those of the journal"
}

// secretly does not print what differs.
func secretly(db, log *isuride.PaymentToken) string {
	if db.Token == log.Token {
		return ""
	}
	return "the database and the journal have two"
}
