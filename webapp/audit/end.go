package audit

import (
	"fmt"
	"slices"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// end is what database and journal lead to, to compare earlier images with: what was over then is
// still the same.
type end struct {
	rides   map[string]state.RideImage
	coupons map[[2]string]isuride.Coupon
	sales   map[string][]state.Sale // by chair
}

func newEnd(s *state.Store) (*end, error) {
	e := &end{map[string]state.RideImage{}, map[[2]string]isuride.Coupon{}, map[string][]state.Sale{}}
	_, err := s.Walk(func(i *state.Image) error {
		if i.Chair != nil {
			e.sales[i.Chair.ID] = slices.Clone(i.Chair.Sales)
		}
		if i.User != nil {
			for _, r := range i.User.Rides {
				e.rides[r.ID] = r
			}
			for _, k := range i.User.Coupons {
				e.coupons[[2]string{k.UserID, k.Code}] = k
			}
		}
		return nil
	})
	return e, err
}

func (e *end) compare(i *state.Image) error {
	if c := i.Chair; c != nil {
		return e.chair(c)
	}
	if u := i.User; u != nil {
		for k := range u.Coupons {
			if err := e.coupon(&u.Coupons[k]); err != nil {
				return err
			}
		}
		for k := range u.Rides {
			if err := e.ride(&u.Rides[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *end) chair(c *state.ChairImage) error {
	now, ok := e.sales[c.ID]
	if !ok {
		return fmt.Errorf("chair %s is in it alone", c.ID)
	}
	for n, sale := range c.Sales {
		switch {
		case n >= len(now):
			return fmt.Errorf("chair %s has %d sales in it, and %d by the database", c.ID, len(c.Sales), len(now))
		case sale != now[n]:
			return fmt.Errorf("the sales of chair %s come to %d yen at %v in it, and to %d yen at %v by the database", c.ID, sale.Sum, sale.At, now[n].Sum, now[n].At)
		}
	}
	return nil
}

func (e *end) coupon(k *isuride.Coupon) error {
	now, ok := e.coupons[[2]string{k.UserID, k.Code}]
	switch {
	case !ok:
		return fmt.Errorf("coupon %s of user %s is in it alone", k.Code, k.UserID)
	case k.Discount != now.Discount:
		return fmt.Errorf("coupon %s of user %s is worth %d yen in it, and %d by the database", k.Code, k.UserID, k.Discount, now.Discount)
	case k.UsedBy != "" && k.UsedBy != now.UsedBy:
		return fmt.Errorf("coupon %s of user %s was used by ride %s in it, and by ride %q by the database", k.Code, k.UserID, k.UsedBy, now.UsedBy)
	}
	return nil
}

func (e *end) ride(r *state.RideImage) error {
	now, ok := e.rides[r.ID]
	switch {
	case !ok:
		return fmt.Errorf("ride %s is in it alone", r.ID)
	case r.Pickup != now.Pickup || r.Destination != now.Destination || r.Fare != now.Fare:
		return fmt.Errorf("ride %s from %v to %v costs %d yen in it; from %v to %v it costs %d yen by the database", r.ID, r.Pickup, r.Destination, r.Fare, now.Pickup, now.Destination, now.Fare)
	case r.Done && (r.Evaluation != now.Evaluation || r.ChairID != now.ChairID || r.UpdatedAt != now.UpdatedAt || !now.Done):
		return fmt.Errorf("ride %s is completed by chair %s with %d in it, and %v by chair %q with %d by the database", r.ID, r.ChairID, r.Evaluation, now.Status, now.ChairID, now.Evaluation)
	}
	return nil
}
