package recount

import "fmt"

// Paid is a ride that the gateway should know.
type Paid struct {
	Ride string
	Fare int
	Open bool // not completed: the gateway may or may not have it
}

// Gateway compares what a gateway has for a token with the books. Past are rides that it need not
// have, own those that it must have, as they were before and after it was asked; all in order.
// It returns the first difference, nil if there is none.
func Gateway(listed []int, past, before, after []Paid) *Difference {
	must := 0 // own rides that it must have
	for _, p := range before {
		if !p.Open {
			must++
		}
	}
	for n := min(len(after), len(listed)); n >= must; n-- { // own rides that it has
		if same(listed[len(listed)-n:], after[:n]) && within(listed[:len(listed)-n], past) {
			return nil
		}
	}
	return unlisted(listed, past, after[:min(must, len(after))])
}

// same reports whether the amounts are those of the rides.
func same(amounts []int, rides []Paid) bool {
	for i, yen := range amounts {
		if rides[i].Fare != yen {
			return false
		}
	}
	return true
}

// within reports whether the amounts are those of some of the rides, in order.
func within(amounts []int, rides []Paid) bool {
	for _, r := range rides {
		if len(amounts) > 0 && amounts[0] == r.Fare {
			amounts = amounts[1:]
		}
	}
	return len(amounts) == 0
}

// unlisted names what differs: the first ride that the gateway lacks, else the first amount that
// belongs to no ride.
func unlisted(listed []int, past, must []Paid) *Difference {
	rest := listed
	for _, p := range past {
		if len(rest) > len(must) && rest[0] == p.Fare {
			rest = rest[1:]
		}
	}
	for i, p := range must {
		switch {
		case i >= len(rest):
			return &Difference{Invariant: GatewayWord, Ride: p.Ride, Yen: int64(p.Fare),
				Message: fmt.Sprintf("ride %s was paid for with %d yen by the books, and the gateway has no such payment", p.Ride, p.Fare)}
		case rest[i] != p.Fare && len(rest) > len(must):
			return extra(rest[i], p.Ride)
		case rest[i] != p.Fare && len(rest) < len(must):
			return &Difference{Invariant: GatewayWord, Ride: p.Ride, Yen: int64(p.Fare),
				Message: fmt.Sprintf("ride %s was paid for with %d yen by the books, and the gateway has %d yen at its place and lacks a payment", p.Ride, p.Fare, rest[i])}
		case rest[i] != p.Fare:
			return &Difference{Invariant: GatewayWord, Ride: p.Ride, Yen: int64(p.Fare - rest[i]),
				Message: fmt.Sprintf("ride %s costs %d yen by the books, and the gateway has taken %d", p.Ride, p.Fare, rest[i])}
		}
	}
	return extra(rest[len(rest)-1], "")
}

// extra is a payment too many; it was found where that of a ride was expected, or at the end.
func extra(yen int, ride string) *Difference {
	before := ""
	if ride != "" {
		before = ", before that of ride " + ride
	}
	return &Difference{Invariant: GatewayWord, Ride: ride, Yen: -int64(yen),
		Message: fmt.Sprintf("the gateway has a payment of %d yen that belongs to no ride%s", yen, before)}
}
