package recount

import "isuride/webapp/isuride"

// Tables counts the rows of a whole database. Nothing is changed.
func Tables(rows *isuride.Tables) *Result {
	c := New()
	owners := map[string]string{}
	for i := range rows.Chairs {
		owners[rows.Chairs[i].ID] = rows.Chairs[i].OwnerID
	}
	coupons := map[string][]isuride.Coupon{}
	for i := range rows.Coupons {
		k := &rows.Coupons[i]
		coupons[k.UserID] = append(coupons[k.UserID], *k)
	}
	reached := map[string]reached{}
	for i := range rows.RideStatuses {
		s := &rows.RideStatuses[i]
		reached[s.RideID] = reached[s.RideID].after(s)
	}
	rides := map[string][]int{}
	for i := range rows.Rides {
		if _, ok := reached[rows.Rides[i].ID]; ok { // else it is no ride to anybody
			rides[rows.Rides[i].UserID] = append(rides[rows.Rides[i].UserID], i)
		}
	}
	for i := range rows.Users {
		id := rows.Users[i].ID
		c.User(0, id, coupons[id])
		for _, place := range rides[id] {
			ride := &rows.Rides[place]
			at := reached[ride.ID]
			worth := 0
			if k := c.used(ride.ID); k != nil {
				worth = k.Discount
			}
			_, fare := price(ride, worth) // tables do not keep it
			c.Ride(&Ride{Ride: ride, Fare: int(fare), Status: at.status, Passed: at.passed})
		}
		c.EndUser()
	}
	for id, b := range c.chairs { // nor what chairs have sold
		b.owner, b.kept = owners[id], b.counted
	}
	return c.End()
}

// reached is what a ride's statuses say.
type reached struct {
	status isuride.Status
	at     isuride.Time
	passed uint8
}

func (r reached) after(s *isuride.RideStatus) reached {
	if s.CreatedAt >= r.at {
		r.status, r.at = s.Status, s.CreatedAt
	}
	r.passed |= 1 << s.Status
	return r
}
