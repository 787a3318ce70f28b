package recount

import (
	"fmt"

	"isuride/webapp/isuride"
)

// Earned is a completed ride of a chair.
type Earned struct {
	Ride        *isuride.Ride
	CompletedAt isuride.Time
}

// Pinpoint finds the first of a chair's sales that is not the full fare of the ride that was
// completed at its time, or the first ride without a sale; nil if all of them agree.
func Pinpoint(chairID string, sales []Sale, rides []Earned) *Difference {
	at := map[isuride.Time]*isuride.Ride{}
	for _, e := range rides {
		at[e.CompletedAt] = e.Ride
	}
	before := 0
	for i, sale := range sales {
		amount := int64(sale.Sum - before)
		before = sale.Sum
		ride := at[sale.At]
		switch {
		case ride == nil && (i == 0 || sales[i-1].At != sale.At):
			return &Difference{Invariant: SaleOfRide, Subject: chairID, Yen: amount, Message: fmt.Sprintf("chair %s has a sale of %d yen at %v, when none of its rides was completed", chairID, amount, sale.At)}
		case ride == nil:
			return &Difference{Invariant: SaleOfRide, Subject: chairID, Yen: amount, Message: fmt.Sprintf("chair %s has two sales at %v, the second one of %d yen", chairID, sale.At, amount)}
		}
		if full, _ := price(ride, 0); full != amount {
			return &Difference{Invariant: SaleOfRide, Ride: ride.ID, Subject: chairID, Yen: amount - full,
				Message: fmt.Sprintf("ride %s of chair %s is among the sales with %d yen, and is worth %d", ride.ID, chairID, amount, full)}
		}
		delete(at, sale.At)
	}
	for _, e := range rides {
		if at[e.CompletedAt] == e.Ride {
			full, _ := price(e.Ride, 0)
			return &Difference{Invariant: SaleOfRide, Ride: e.Ride.ID, Subject: chairID, Yen: -full,
				Message: fmt.Sprintf("ride %s of chair %s, worth %d yen, is missing among the sales", e.Ride.ID, chairID, full)}
		}
	}
	return nil
}
