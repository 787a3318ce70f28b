package recount

import (
	"strings"
	"testing"
)

func TestGateway(t *testing.T) {
	ride := func(id string, fare int) Paid { return Paid{Ride: id, Fare: fare} }
	open := func(id string, fare int) Paid { return Paid{Ride: id, Fare: fare, Open: true} }
	type rides = []Paid
	past, own := rides{ride("p1", 700), ride("p2", 800)}, rides{ride("o1", 900), ride("o2", 1000)}
	for _, c := range []struct {
		name                string
		listed              []int
		past, before, after rides
		want                string // a part of the difference, "" for none
		yen                 int64
	}{
		{"nothing at all", nil, nil, nil, nil, "", 0},
		{"all of it", []int{700, 800, 900, 1000}, past, own, own, "", 0},
		{"none of the past", []int{900, 1000}, past, own, own, "", 0},
		{"a part of the past", []int{800, 900, 1000}, past, own, own, "", 0},
		{"paid in the meantime", []int{900, 1000}, nil, own[:1], own, "", 0},
		{"not yet paid", []int{900}, nil, own[:1], own, "", 0},
		{"an open ride that is paid", []int{900, 1000, 50}, nil, own, append(own[:2:2], open("o3", 50)), "", 0},
		{"an open ride that is not", []int{900, 1000}, nil, own, append(own[:2:2], open("o3", 50)), "", 0},
		{"two of one price", []int{900, 900}, nil, rides{ride("a", 900), ride("b", 900)}, rides{ride("a", 900), ride("b", 900)}, "", 0},
		{"a lost charge, the only one", nil, nil, own[:1], own[:1], "ride o1 was paid for with 900 yen", 900},
		{"a lost charge, the last one", []int{900}, nil, own, own, "ride o2 was paid for with 1000 yen", 1000},
		{"a lost charge, the first one", []int{1000}, nil, own, own, "ride o1", 900},
		{"a yen too much", []int{900, 1001}, nil, own, own, "ride o2 costs 1000 yen by the books, and the gateway has taken 1001", -1},
		{"charged twice", []int{900, 900, 1000}, nil, own, own, "900 yen that belongs to no ride, before that of ride o2", -900},
		{"a payment of nobody", []int{900, 1000, 1234}, nil, own, own, "1234 yen that belongs to no ride", -1234},
	} {
		d := Gateway(c.listed, c.past, c.before, c.after)
		switch {
		case (d == nil) != (c.want == ""):
			t.Errorf("%s: %v", c.name, d)
		case d != nil && (!strings.Contains(d.Message, c.want) || d.Yen != c.yen):
			t.Errorf("%s: %v, %d yen", c.name, d, d.Yen)
		}
	}
}
