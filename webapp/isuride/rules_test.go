package isuride

import (
	"testing"
	"time"
)

func TestStatusOrder(t *testing.T) {
	for s := Matching; s <= Completed; s++ {
		if ParseStatus(s.String()) != s || ParseStatus([]byte(s.String())) != s {
			t.Errorf("%v does not parse", s)
		}
	}
	for _, name := range []string{"", "matching", "DONE", "UNKNOWN"} {
		if s := ParseStatus(name); s != 0 {
			t.Errorf("%q parses as %v", name, s)
		}
	}
	if Matching.Next() != Enroute || Arrived.Next() != Completed || Completed.Next() != 0 || Status(0).Next() != 0 {
		t.Error("the order of the statuses is wrong")
	}
}

// The figures are those of S4.6, S9.3 and S12.3.
func TestFares(t *testing.T) {
	for _, c := range []struct {
		pickup, destination Coordinate
		discount, fare      int
	}{
		{Coordinate{10, 10}, Coordinate{13, 20}, 0, 1800},
		{Coordinate{-10, -10}, Coordinate{-21, 0}, 0, 2600},
		{Coordinate{10, 10}, Coordinate{13, 20}, 1500, 500}, // a surplus is lost
		{Coordinate{-10, -10}, Coordinate{-21, 0}, 1500, 1100},
		{Coordinate{25, 0}, Coordinate{-4, -2}, 0, 3600},
		{Coordinate{5, 5}, Coordinate{5, 5}, 3000, 500}, // never below the base fare
	} {
		if got := DiscountedFare(c.pickup, c.destination, c.discount); got != c.fare {
			t.Errorf("%v to %v with %d: %d, want %d", c.pickup, c.destination, c.discount, got, c.fare)
		}
	}
}

func TestNextCoupon(t *testing.T) {
	signup, invite, reward := SignupCoupon("U", 1), InviteCoupon("U", "abc", 2), RewardCoupon("U", "def", 3_000)
	used := func(c Coupon) Coupon { c.UsedBy = "R"; return c }
	for name, c := range map[string]struct {
		coupons []Coupon
		prefer  bool
		want    int
	}{
		"none":                      {nil, true, -1},
		"all used":                  {[]Coupon{used(signup), used(invite)}, true, -1},
		"first ride takes sign-up":  {[]Coupon{invite, signup}, true, 1},
		"first ride without it":     {[]Coupon{invite, reward}, true, 0},
		"later ride takes oldest":   {[]Coupon{invite, signup}, false, 0},
		"used ones are passed over": {[]Coupon{used(signup), used(invite), reward}, false, 2},
	} {
		if got := NextCoupon(c.coupons, c.prefer); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if reward.Code != "RWD_def_3" || InvitationOf(invite.Code) != "abc" || InvitationOf(reward.Code) != "" {
		t.Errorf("codes: %q, %q", reward.Code, invite.Code)
	}
}

func TestRegions(t *testing.T) {
	for _, c := range []struct {
		at   Coordinate
		want Region
	}{
		{Coordinate{0, 0}, 0}, {Coordinate{-84, 50}, 0}, {Coordinate{150, 149}, 0},
		{Coordinate{300, 300}, 1}, {Coordinate{250, 250}, 1}, {Coordinate{1 << 30, 0}, 0}, {Coordinate{1<<31 - 1, 1<<31 - 1}, 1},
	} {
		if got := RegionOf(c.at); got != c.want {
			t.Errorf("%v is in region %d, want %d", c.at, got, c.want)
		}
	}
}

func TestTimeKeepsMicrosecondsAndFloorsMilliseconds(t *testing.T) {
	at := time.Date(2024, 11, 25, 16, 42, 16, 123_456_789, time.FixedZone("JST", 9*3600))
	got := TimeOf(at)
	if want := at.Truncate(time.Microsecond); !got.Std().Equal(want) {
		t.Errorf("%v became %v", want, got.Std())
	}
	if got.Milli() != at.UnixMilli() {
		t.Errorf("%d ms, want %d", got.Milli(), at.UnixMilli())
	}
	if Time(-1).Milli() != -1 || Time(-1000).Milli() != -1 || Time(999).Milli() != 0 {
		t.Error("milliseconds are not floored")
	}
}
