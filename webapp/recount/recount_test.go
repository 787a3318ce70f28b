package recount

import (
	"strings"
	"testing"

	"isuride/webapp/isuride"
)

func rideOf(id string, steps int32) *isuride.Ride {
	return &isuride.Ride{ID: id, UserID: "u", ChairID: "c", Evaluation: 3, Destination: isuride.Coordinate{Latitude: steps}}
}

func TestPinpoint(t *testing.T) {
	rides := []Earned{{rideOf("a", 1), 10}, {rideOf("b", 2), 20}, {rideOf("c", 3), 30}} // 600, 700, 800
	for _, c := range []struct {
		name  string
		sales []Sale
		want  string
		yen   int64
	}{
		{"all", []Sale{{10, 600}, {20, 1300}, {30, 2100}}, "", 0},
		{"a yen more", []Sale{{10, 600}, {20, 1301}, {30, 2101}}, "ride b", 1},
		{"one missing", []Sale{{10, 600}, {30, 1400}}, "ride b", -700},
		{"one twice", []Sale{{10, 600}, {20, 1300}, {20, 2000}, {30, 2800}}, "two sales", 700},
		{"one of nobody", []Sale{{10, 600}, {15, 700}, {20, 1400}, {30, 2200}}, "none of its rides", 100},
	} {
		d := Pinpoint("c", c.sales, rides)
		switch {
		case (d == nil) != (c.want == ""):
			t.Errorf("%s: %v", c.name, d)
		case d != nil && (!strings.Contains(d.Message, c.want) || d.Yen != c.yen || d.Invariant != SaleOfRide):
			t.Errorf("%s: %v, %d yen", c.name, d, d.Yen)
		}
	}
}

func TestBalanced(t *testing.T) {
	good := isuride.Totals{Requested: 2, Completed: 1, Owed: 900, Paid: 500, Discounts: 300, Sales: 700, UnderWay: 500, Issued: 400, Used: 300}
	if d := Balanced("these", good); d != nil {
		t.Error(d)
	}
	for name, change := range map[string]func(*isuride.Totals){
		"a yen of sales": func(t *isuride.Totals) { t.Sales++ }, "a discount lost": func(t *isuride.Totals) { t.Discounts -= 100 },
		"paid and not owed": func(t *isuride.Totals) { t.Paid = 901 }, "used and not issued": func(t *isuride.Totals) { t.Used = 401 },
		"completed and not requested": func(t *isuride.Totals) { t.Completed = 3 },
	} {
		bad := good
		change(&bad)
		if d := Balanced("these", bad); d == nil || d.Invariant != TotalsAgree || !strings.HasPrefix(d.Message, "these: ") {
			t.Errorf("%s: %v", name, d)
		}
	}
}

func TestCompare(t *testing.T) {
	a := isuride.Totals{Requested: 3, Owed: 10, Paid: 5}
	if d := Compare("x", "one", a, "other", a); d != nil {
		t.Error(d)
	}
	b := a
	b.Requested, b.Paid = 2, 4
	d := Compare("x", "one", a, "other", b)
	if d == nil || d.Subject != "riders paid" || d.Yen != 1 || !strings.Contains(d.Message, "rides requested 3 against 2 (+1), riders paid 5 against 4 (+1)") {
		t.Errorf("%+v", d)
	}
	if sum := a.Sub(b).Add(b); sum != a {
		t.Errorf("%+v is not %+v", sum, a)
	}
}

// TestEventsAfterImages: an event counts for the user, and for the chair, whose image does not show it.
func TestEventsAfterImages(t *testing.T) {
	ride := rideOf("r", 5) // 1,000 yen
	completed := &isuride.Event{Kind: isuride.RideCompleted, Ride: ride, Status: &isuride.RideStatus{}}
	for _, c := range []struct {
		name         string
		chair, user  uint64 // positions of the images; the completion is event 10
		sales        int    // in the image of the chair
		status       isuride.Status
		differences  int
		wantSales    int64
		wantUnderWay int64
	}{
		{"neither shows it", 5, 6, 0, isuride.Arrived, 0, 1000, 0},
		{"the user's does", 5, 12, 0, isuride.Completed, 0, 1000, 0},
		{"both do", 12, 13, 1000, isuride.Completed, 0, 1000, 0},
		{"both do, with a yen too many", 12, 13, 1001, isuride.Completed, 1, 1000, 0},
	} {
		n := New()
		rides := 0
		if c.sales > 0 {
			rides = 1
		}
		n.Chair(c.chair, &Chair{ID: "c", OwnerID: "o", Sales: c.sales, Rides: rides, Rated: int32(rides), EvaluationSum: int32(3 * rides)})
		n.User(c.user, "u", nil)
		row := *ride
		if c.status != isuride.Completed {
			row.Evaluation = 0
		}
		n.Ride(&Ride{Ride: &row, Fare: 1000, Status: c.status, Passed: 1<<isuride.Carrying | 1<<isuride.Arrived})
		n.EndUser()
		n.Event(10, completed)
		r := n.End()
		if len(r.Differences) != c.differences || r.Sales != c.wantSales || r.UnderWay != c.wantUnderWay || r.Owners["o"] != 1000 {
			t.Errorf("%s: %+v %v", c.name, r, r.Differences)
		}
	}
}
