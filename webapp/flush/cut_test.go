package flush

import (
	"reflect"
	"testing"

	"isuride/webapp/isuride"
)

func TestCutMerges(t *testing.T) {
	c := newCut(testPosition)
	matching := isuride.RideStatus{ID: "s", RideID: "r", Status: isuride.Matching, CreatedAt: 10}
	told, heard := matching, matching
	told.AppSentAt, heard.ChairSentAt = 20, 30
	granted := isuride.SignupCoupon("u", 5)
	used := granted
	used.UsedBy = "r"
	for i, e := range []isuride.Event{
		{Kind: isuride.UserRegistered, User: &isuride.User{ID: "u"}, Coupons: []isuride.Coupon{granted}},
		{Kind: isuride.RideRequested, Ride: &isuride.Ride{ID: "r", UserID: "u", CreatedAt: 10, UpdatedAt: 10}, Status: &matching, Coupons: []isuride.Coupon{used}},
		{Kind: isuride.StatusDelivered, Status: &told},
		{Kind: isuride.RideAssigned, Ride: &isuride.Ride{ID: "r", UserID: "u", ChairID: "c", CreatedAt: 10, UpdatedAt: 25}},
		{Kind: isuride.StatusDelivered, Status: &heard},
		{Kind: isuride.RideCompleted, Ride: &isuride.Ride{ID: "r", UserID: "u", Evaluation: 4, CreatedAt: 10, UpdatedAt: 90}, Status: &matching,
			Coupons: []isuride.Coupon{granted}}, // images with a NULL where an earlier one had a value
	} {
		c.add(testPosition+1+uint64(i), &e)
	}
	want := &isuride.Tables{
		Users:        []isuride.User{{ID: "u"}},
		Rides:        []isuride.Ride{{ID: "r", UserID: "u", ChairID: "c", Evaluation: 4, CreatedAt: 10, UpdatedAt: 90}},
		RideStatuses: []isuride.RideStatus{{ID: "s", RideID: "r", Status: isuride.Matching, CreatedAt: 10, AppSentAt: 20, ChairSentAt: 30}},
		Coupons:      []isuride.Coupon{used},
	}
	if got := c.tables(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if c.last != testPosition+6 || c.events != 6 || c.rows() != 4 {
		t.Errorf("cut ends at %d with %d events and %d rows", c.last, c.events, c.rows())
	}
	c.reset()
	if c.last != testPosition+6 || c.events != 0 || c.rows() != 0 {
		t.Errorf("after reset: ends at %d with %d events and %d rows", c.last, c.events, c.rows())
	}
	if row := c.rides.row("r"); *row != (isuride.Ride{}) {
		t.Errorf("after reset a ride is still there: %+v", row)
	}
}

// TestCutKeepsRows: the cut copies what the next Decode overwrites.
func TestCutKeepsRows(t *testing.T) {
	c := newCut(0)
	ride, location := isuride.Ride{ID: "a"}, isuride.ChairLocation{ChairID: "x", CreatedAt: 1}
	e := isuride.Event{Ride: &ride, Location: &location}
	c.add(1, &e)
	ride.ID, location.ChairID = "b", "y"
	c.add(2, &e)
	got := c.tables()
	if got.Rides[0].ID != "a" || got.ChairLocations[0].ChairID != "x" || len(got.Rides) != 2 || len(got.ChairLocations) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestLocationID(t *testing.T) {
	for _, c := range []struct {
		seq uint64
		at  isuride.Time
	}{{1, 1_732_579_200_123_456}, {1 << 40, 1_732_579_200_123_999}, {1<<64 - 1, 0}, {0x0102030405060708, 1000}} {
		if got, want := locationID(c.seq, c.at), plainLocationID(c.seq, c.at); got != want {
			t.Errorf("event %#x at %d: got %s, want %s", c.seq, c.at, got, want)
		}
	}
	if a, b := locationID(9, 5_000), locationID(1, 6_000); a >= b {
		t.Errorf("ids do not grow with time: %s, %s", a, b)
	}
	if a, b := locationID(255, 5_000), locationID(256, 5_000); a >= b {
		t.Errorf("ids do not grow with the event: %s, %s", a, b)
	}
}
