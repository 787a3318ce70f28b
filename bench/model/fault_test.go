package model_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"isuride/bench/client/answer"
	"isuride/bench/model"
	"isuride/bench/payment"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// good is a server that makes no mistake.
var good = model.Config{Seed: 1, Matcher: model.Nearest{Cap: 2}, Interval: 100 * world.Millisecond}

func TestGoodServer(t *testing.T) {
	for seed := range uint64(10) {
		c := good
		c.Seed, c.Polling = seed, seed%2 == 1
		r, err := virtual.Run(virtual.Config{World: world.Config{Seed: seed}, Load: 15 * world.Second}, model.New(c))
		if err != nil || r.Fatal != nil || r.World.Errors().Total() != 0 {
			t.Fatalf("seed %d: %v, %v, %d errors", seed, err, r.Fatal, r.World.Errors().Total())
		}
	}
}

// An ending is that of a run against a server with a fault.
type ending uint8

const (
	goesOn   ending = iota // soft: the load is as long as planned
	critical               // at once, because of this complaint
	tooMany                // soft, but there are more than the limit
	noLoad                 // the population fails
)

// A fault is one rule that a server breaks, with the reaction expected of the bench. It
// can be used for one run.
type fault struct {
	rule   string // broken, by what the server does
	tamper tamper // nil if there is a rig
	rig    func(*rig)
	load   world.Instant // 0: usualLoad

	code world.Code
	text string // part of the complaint
	ends ending
	also []world.Code // complaints about its consequences
}

const (
	usualLoad = 15 * world.Second
	longLoad  = 40 * world.Second // more than the 30 s that a user waits for ENROUTE
)

// Failures of calls.
var (
	serverError = world.Failure{Kind: world.FailureStatus, Status: 500}
	badGateway  = world.Failure{Kind: world.FailureStatus, Status: 502}
	reset       = world.Failure{Kind: world.FailureTransport}
	timeout     = world.Failure{Kind: world.FailureTimeout}
)

// faults are in the order of the codes. T numbers are those of the traps in S11.
func faults() []fault {
	const (
		matching, enroute, pickup    = world.StatusMatching, world.StatusEnroute, world.StatusPickup
		carrying, arrived, completed = world.StatusCarrying, world.StatusArrived, world.StatusCompleted
	)
	return []fault{
		{rule: "a position report answers 500", rig: refusing("report", 50, serverError), code: 1, text: "500"},
		{rule: "a position report is cut off", rig: refusing("report", 50, reset), code: 1, text: "transport"},
		{rule: "a position report has no recorded_at", tamper: nth(world.EventPositionRecorded, 50, undecodable(answer.RecordedAt, `{}`)), code: 1, text: "undecodable"},
		{rule: "all position reports answer 500", rig: refusing("report", 0, serverError), code: 1, text: "500"},

		{rule: "a departure answers 500", rig: refusing("depart", 2, serverError), code: 2, text: "500"},
		{rule: "all departures answer 500", rig: refusing("depart", 0, serverError), code: 2, text: "500", ends: tooMany},
		{rule: "an acceptance answers 500", rig: refusing("accept", 2, serverError), code: 3, text: "500"},

		{rule: "an evaluation gives up after one try at the gateway (T30)", rig: refusing("evaluate", 2, badGateway), code: 5, text: "502"},
		{rule: "all evaluations answer 502", rig: refusing("evaluate", 0, badGateway), code: 5, text: "502", ends: tooMany},
		{rule: "an evaluation is not answered", rig: refusing("evaluate", 2, timeout), code: 6, text: "timeout", ends: critical},

		{rule: "the history answers 500", tamper: nth(world.EventRides, 12, failed(world.FailureStatus, 500)), code: 7, text: "500"},
		{rule: "the history answers 304 (T35)", tamper: nth(world.EventRides, 12, failed(world.FailureStatus, 304)), code: 7, text: "304"},
		{rule: "an empty history is null (T27)", tamper: nth(world.EventRides, 12, undecodable(answer.Rides, `{"rides":null}`)), code: 7, text: "undecodable"},
		{rule: "a ride is missing in the history", tamper: first(filled[world.PastRide], list(func(l []world.PastRide) []world.PastRide { return l[1:] })), code: 7, text: "0 rides in the history, expected 1"},
		{rule: "a ride is twice in the history", tamper: first(filled[world.PastRide], list(func(l []world.PastRide) []world.PastRide { return append(l, l[0]) })), code: 7, text: "2 rides in the history, expected 1"},
		{rule: "a foreign ride is in the history", tamper: first(filled[world.PastRide], item(func(r *world.PastRide) { r.ID = "foreign" })), code: 7, text: "foreign"},
		{rule: "the history shows the undiscounted fare", tamper: first(filled[world.PastRide], item(func(r *world.PastRide) { r.Fare += 100 })), code: 7, text: "fare"},
		{rule: "the history swaps pickup and destination", tamper: first(filled[world.PastRide], item(func(r *world.PastRide) { r.Pickup, r.Destination = r.Destination, r.Pickup })), code: 7, text: "pickup"},
		{rule: "the history shows another evaluation", tamper: first(filled[world.PastRide], item(func(r *world.PastRide) { r.Evaluation = 0 })), code: 7, text: "evaluation"},
		{rule: "the history shows a later completed_at (T20, T21)", tamper: first(filled[world.PastRide], item(func(r *world.PastRide) { r.CompletedAt++ })), code: 7, text: "completed"},
		{rule: "the history shows another chair", tamper: first(filled[world.PastRide], item(func(r *world.PastRide) { r.ChairName = "another" })), code: 7, text: "another"},
		{rule: "the history shows another owner", tamper: first(filled[world.PastRide], item(func(r *world.PastRide) { r.ChairOwner = "another" })), code: 7, text: "another"},

		{rule: "an estimate answers 500", tamper: nth(world.EventFareEstimated, 3, failed(world.FailureStatus, 500)), code: 8, text: "500"},
		{rule: "an estimate forgets the first coupon (T23, T24)", tamper: nth(world.EventFareEstimated, 3, body(func(e *world.Estimate) { e.Fare, e.Discount = e.Fare+e.Discount, 0 })), code: 8, text: "discount 0, expected"},
		{rule: "an estimate is one off", tamper: nth(world.EventFareEstimated, 3, body(func(e *world.Estimate) { e.Fare++ })), code: 8, text: "expected"},
		{rule: "a ride request answers 409", rig: refusing("create ride", 3, world.Failure{Kind: world.FailureStatus, Status: 409}), code: 8, text: "409"},

		{rule: "a user is told ARRIVED when the ride is over", rig: belated, code: 9, text: "got ARRIVED", ends: critical},

		{rule: "COMPLETED of a ride is sent to a chair without any", tamper: first(chairGets(matching), as(completed)), code: 10, text: "COMPLETED", ends: critical},

		{rule: "ENROUTE is sent, but the acceptance fails (T8)", tamper: nth(world.EventStatusPosted, 1, failed(world.FailureTransport, 0)), code: 11, text: "got ENROUTE", ends: critical, also: []world.Code{3}},
		{rule: "PICKUP is inferred at the acceptance (T6)", tamper: first(userGets(enroute), early(pickup)), code: 11, text: "got PICKUP", ends: critical},
		{rule: "ARRIVED is inferred at the departure (T6)", tamper: first(userGets(carrying), early(arrived)), code: 11, text: "got ARRIVED", ends: critical},
		{rule: "a user is told ARRIVED again behind COMPLETED", tamper: first(userGets(completed), early(arrived)), code: 11, text: "got ARRIVED", ends: critical},
		{rule: "COMPLETED is sent before the payment (T8)", tamper: first(userGets(arrived), early(completed)), code: 11, text: "got COMPLETED", ends: critical},
		{rule: "a new stream replays MATCHING (T4)", tamper: replayed(matching, enroute), code: 11, text: "got MATCHING", ends: critical},
		{rule: "a new stream replays PICKUP (T4)", tamper: replayed(pickup, carrying), code: 11, text: "got PICKUP", ends: critical},

		{rule: "a chair is told COMPLETED before the payment (T8, T22)", tamper: first(chairGets(arrived), early(completed)), code: 12, text: "ARRIVED", ends: critical},
		{rule: "a chair is told COMPLETED again on its next ride (T10)", tamper: resent(), code: 12, text: "COMPLETED", ends: critical, load: longLoad},

		{rule: "an activation answers 500", rig: refusing("activate", 3, serverError), code: 13, text: "500"},
		{rule: "all activations answer 500", rig: refusing("activate", 0, serverError), code: 13, text: "500", ends: tooMany},

		{rule: "a chair is given a ride before COMPLETED (T9)", tamper: aheadOfCompleted(), code: 15, text: "before COMPLETED", ends: critical},
		{rule: "a chair's COMPLETED is lost (T11)", tamper: first(chairGets(completed), lost), code: 15, text: "before COMPLETED", ends: critical, load: longLoad},

		{rule: "a registration of the population answers 500", rig: refusing("register user", 1, serverError), code: 17, text: "500", ends: noLoad},
		{rule: "a later registration answers 400 (T25)", rig: refusing("register user", 12, world.Failure{Kind: world.FailureStatus, Status: 400}), code: 17, text: "400"},
		{rule: "an owner is refused", rig: refusing("register owner", 1, serverError), code: 18, text: "500", ends: noLoad},
		{rule: "a chair of the population is refused", rig: refusing("register chair", 1, serverError), code: 19, text: "500", ends: noLoad},
		{rule: "a chair that was bought is refused", rig: refusing("register chair", 21, serverError), code: 19, text: "500"},
		{rule: "a payment method is refused", rig: refusing("payment method", 11, serverError), code: 21, text: "500"},

		{rule: "the sales answer 500", tamper: nth(world.EventOwnerSales, 2, failed(world.FailureStatus, 500)), code: 22, text: "500"},
		{rule: "no sales are null (T27)", tamper: nth(world.EventOwnerSales, 2, undecodable(answer.Sales, `{"total_sales":0,"chairs":null,"models":[]}`)), code: 22, text: "undecodable"},
		{rule: "the total is after discounts (T19)", tamper: nth(world.EventOwnerSales, 2, body(func(s *world.Sales) { s.Total -= 100 })), code: 24, text: "total"},
		{rule: "rides count before their payment (T22)", tamper: nth(world.EventOwnerSales, 2, body(func(s *world.Sales) { s.Total += 1000 })), code: 24, text: "total"},
		{rule: "a chair without sales is left out (T19)", tamper: nth(world.EventOwnerSales, 2, body(func(s *world.Sales) { s.Chairs = s.Chairs[1:] })), code: 24, text: "sales of 3 chairs, expected 4"},
		{rule: "a model is left out (T19)", tamper: nth(world.EventOwnerSales, 2, body(func(s *world.Sales) { s.Models = s.Models[1:] })), code: 24, text: "models, expected"},
		{rule: "a chair has another name in the sales", tamper: nth(world.EventOwnerSales, 2, body(func(s *world.Sales) {
			s.Chairs = append([]world.ChairSales{{ID: s.Chairs[0].ID, Name: "another"}}, s.Chairs[1:]...)
		})), code: 24, text: "another"},
		{rule: "until is ignored (T19)", tamper: nth(world.EventOwnerSales, 2, body(func(s *world.Sales) {
			s.Chairs = append([]world.ChairSales{}, s.Chairs...)
			s.Chairs[0].Sales += 1000
		})), code: 24, text: "sales of chair"},

		{rule: "the owner's chairs answer 500", tamper: nth(world.EventOwnerChairs, 2, failed(world.FailureStatus, 500)), code: 25, text: "500"},
		{rule: "the owner's chairs are null (T27)", tamper: nth(world.EventOwnerChairs, 2, undecodable(answer.OwnerChairs, `{"chairs":null}`)), code: 25, text: "undecodable"},
		{rule: "one of the owner's chairs is missing", tamper: nth(world.EventOwnerChairs, 2, list(func(l []world.OwnedChair) []world.OwnedChair { return l[1:] })), code: 26, text: "3 chairs in the list, expected 4"},
		{rule: "a foreign chair is among the owner's", tamper: nth(world.EventOwnerChairs, 2, item(func(c *world.OwnedChair) { c.ID = "foreign" })), code: 26, text: "missing"},
		{rule: "an owner's chair has another name", tamper: nth(world.EventOwnerChairs, 2, item(func(c *world.OwnedChair) { c.Name = "another" })), code: 26, text: "another"},
		{rule: "an owner's chair is of another model", tamper: nth(world.EventOwnerChairs, 2, item(func(c *world.OwnedChair) { c.Model = "another" })), code: 26, text: "another"},
		{rule: "distance and time are of different reports (T18)", tamper: nth(world.EventOwnerChairs, 2, item(func(c *world.OwnedChair) { c.TotalDistance++ })), code: 26, text: "distance"},
		{rule: "the distance is one of 10 s ago (T7, T37)", tamper: nth(world.EventOwnerChairs, 20, list(func(l []world.OwnedChair) []world.OwnedChair {
			for i := range l {
				l[i].UpdatedAt -= 10_000
			}
			return l
		})), code: 26, text: "old", load: longLoad},

		{rule: "a free chair is listed where it was long ago", rig: stalePositions, code: 27, text: "3 s"},

		{rule: "a chair's match names another user", tamper: first(chairGets(matching), body(func(n *world.ChairNotification) { n.UserName = "nobody" })), code: 29, text: "nobody"},
		{rule: "a chair's match has another pickup", tamper: first(chairGets(matching), body(func(n *world.ChairNotification) { n.Pickup.X++ })), code: 29, text: "pickup"},
		{rule: "a chair's match has another destination", tamper: first(chairGets(matching), body(func(n *world.ChairNotification) { n.Destination.Y++ })), code: 29, text: "destination"},
		{rule: "a chair is notified of another user on its way", tamper: first(chairGets(carrying), body(func(n *world.ChairNotification) { n.UserID = "nobody" })), code: 29, text: "nobody"},
		{rule: "a chair is notified of another destination on its way", tamper: first(chairGets(carrying), body(func(n *world.ChairNotification) { n.Destination.Y++ })), code: 29, text: "trip"},
		{rule: "a chair's COMPLETED names another user", tamper: first(chairGets(completed), body(func(n *world.ChairNotification) { n.UserName = "nobody" })), code: 29, text: "nobody", load: 3 * world.Second / 2},

		{rule: "nearby chairs are cut off", tamper: nth(world.EventNearbyChairs, 3, failed(world.FailureTransport, 0)), code: 30, text: "transport"},
		{rule: "no nearby chairs are null (T27)", tamper: nth(world.EventNearbyChairs, 3, undecodable(answer.NearbyChairs, `{"chairs":null,"retrieved_at":1}`)), code: 30, text: "undecodable"},
		{rule: "nearby coordinates have another member (T3)", tamper: nth(world.EventNearbyChairs, 3, undecodable(answer.NearbyChairs, `{"chairs":[{"id":"c","name":"n","model":"m","current_coordinate":{"latitude":1,"longitude":2,"x":3}}],"retrieved_at":1}`)), code: 30, text: "undecodable"},
		{rule: "a chair of the initial data is listed", tamper: nth(world.EventNearbyChairs, 3, item(func(c *world.NearbyChair) { c.ID = "foreign" })), code: 30, text: "unknown"},
		{rule: "a chair without a position is listed (T15)", rig: listedUnplaced, code: 30, text: "not active", load: 3 * world.Second, also: []world.Code{13}},
		{rule: "a listed chair has another name", tamper: nth(world.EventNearbyChairs, 3, item(func(c *world.NearbyChair) { c.Name = "another" })), code: 30, text: "another"},
		{rule: "a listed chair is of another model", tamper: nth(world.EventNearbyChairs, 3, item(func(c *world.NearbyChair) { c.Model = "another" })), code: 30, text: "another"},
		{rule: "a chair out of reach is listed", tamper: nth(world.EventNearbyChairs, 3, item(func(c *world.NearbyChair) { c.Position.X += 500 })), code: 30, text: "too far away"},
		{rule: "a chair with somebody aboard is listed (T17, T22)", rig: riderListed, code: 30, text: "is serving ride", ends: tooMany},
		{rule: "a chair is listed where it has never been", tamper: nth(world.EventNearbyChairs, 3, item(func(c *world.NearbyChair) { c.Position.X++ })), code: 30, text: "has never been"},

		{rule: "only one of the free chairs is listed", tamper: when(filled[world.NearbyChair], list(func(l []world.NearbyChair) []world.NearbyChair { return l[:1] })), code: 31, text: "idle chairs"},
		{rule: "new chairs are not listed (T16)", rig: newcomersHidden, code: 31, text: "idle chairs"},
		{rule: "a chair is never told of its match (T14)", tamper: first(chairGets(matching), lost), code: 31, text: "idle chairs"},

		{rule: "no ride is ever matched", tamper: when(chairGets(matching), lost), code: 32, text: "30 s", ends: critical, load: longLoad, also: []world.Code{31}},
		{rule: "an average of 0 is left out (T1)", tamper: wire(replace(`,"total_evaluation_avg":0}`, `}`)), code: 32, text: "30 s", ends: critical, load: longLoad},
		{rule: "coordinates in notifications have another member (T3)", tamper: wire(replace(`{"latitude"`, `{"x":1,"latitude"`)), code: 32, text: "30 s", ends: critical, load: longLoad},
		{rule: "notifications are compressed (T13)", tamper: wire(func(string) string { return "\x1f\x8b\x08" }), code: 32, text: "30 s", ends: critical, load: longLoad},
		{rule: "a user's stream is dead (T11)", tamper: when(func(e world.Event) bool {
			return e.To == world.Entity{Kind: world.KindUser} && e.Kind == world.EventUserNotified
		}, lost), code: 32, text: "30 s", ends: critical, load: longLoad},

		{rule: "a user is told the undiscounted fare (T23)", tamper: first(userGets(matching), body(func(n *world.UserNotification) { n.Fare += 3000 })), code: 33, text: "fare"},
		{rule: "a user is told another pickup", tamper: first(userGets(matching), body(func(n *world.UserNotification) { n.Pickup.X++ })), code: 33, text: "pickup"},
		{rule: "a user is told another destination", tamper: first(userGets(enroute), body(func(n *world.UserNotification) { n.Destination.X++ })), code: 33, text: "destination"},
		{rule: "ENROUTE lacks the chair", tamper: first(userGets(enroute), body(func(n *world.UserNotification) { n.HasChair = false })), code: 33, text: "the chair is missing"},
		{rule: "ENROUTE names a chair of the initial data", tamper: first(userGets(enroute), body(func(n *world.UserNotification) { n.Chair.ID = "foreign" })), code: 33, text: "unknown"},
		{rule: "ENROUTE has another name for the chair", tamper: first(userGets(enroute), body(func(n *world.UserNotification) { n.Chair.Name = "another" })), code: 33, text: "another"},
		{rule: "ENROUTE has an average without rides", tamper: first(userGets(enroute), body(func(n *world.UserNotification) { n.Chair.EvaluationAvg = 3 })), code: 33, text: "without any ride"},
		{rule: "the ride counts from ARRIVED on (T12)", tamper: first(userGets(arrived), body(func(n *world.UserNotification) { n.Chair.TotalRides++ })), code: 33, text: "1 rides with"},
		{rule: "the average changes during the ride (T12)", tamper: first(userGets(carrying), body(func(n *world.UserNotification) { n.Chair.EvaluationAvg += 0.5 })), code: 33, text: "average"},
		{rule: "COMPLETED does not count the ride", tamper: first(userGets(completed), body(func(n *world.UserNotification) { n.Chair.TotalRides-- })), code: 33, text: "0 rides, expected 1"},
		{rule: "COMPLETED has the average of before", tamper: first(userGets(completed), body(func(n *world.UserNotification) { n.Chair.EvaluationAvg = 0 })), code: 33, text: "average"},
		{rule: "only the latest status is sent, without ENROUTE (T5)", tamper: latestOnly(enroute), code: 33, text: "but ENROUTE said"},

		{rule: "an evaluation is answered without a payment (T28)", rig: unpaid, code: 34, text: "payment", ends: critical},

		{rule: "one too much is paid", rig: paying(wrongAmount), code: 35, text: "its fare is", ends: critical},
		{rule: "a ride is paid twice under two keys", rig: paying(anotherKey), code: 35, text: "twice", ends: critical},
		{rule: "a payment is repeated without a key (T29)", rig: keyless, code: 35, text: "twice", ends: critical},
		{rule: "another user pays", rig: paying(anotherUser), code: 35, text: "paid", ends: critical},
		{rule: "a ride is paid again when it is over", rig: afterwards, code: 35, text: "paid", ends: critical},
	}
}

// tolerated are liberties that a server may take.
func tolerated() []fault {
	repeated := func(s world.Status) tamper { return when(userGets(s), twice) }
	chairs := func(s world.Status) tamper { return when(chairGets(s), twice) }
	return []fault{
		{rule: "MATCHING comes twice", tamper: repeated(world.StatusMatching)},
		{rule: "ENROUTE comes twice", tamper: repeated(world.StatusEnroute)},
		{rule: "PICKUP comes twice", tamper: repeated(world.StatusPickup)},
		{rule: "CARRYING comes twice", tamper: repeated(world.StatusCarrying)},
		{rule: "ARRIVED comes twice", tamper: repeated(world.StatusArrived)},
		{rule: "COMPLETED comes twice", tamper: repeated(world.StatusCompleted)},
		{rule: "a chair's MATCHING comes twice", tamper: chairs(world.StatusMatching)},
		{rule: "a chair's PICKUP comes twice", tamper: chairs(world.StatusPickup)},
		{rule: "a chair's COMPLETED comes twice", tamper: chairs(world.StatusCompleted)},
		{rule: "MATCHING is lost", tamper: when(userGets(world.StatusMatching), lost)},
		{rule: "MATCHING has a chair of null and is lost (T2)", tamper: wire(replace(`"status":"MATCHING"`, `"chair":null,"status":"MATCHING"`))},
		{rule: "messages have other members", tamper: wire(replace(`{"ride_id"`, `{"x":{"y":[null]},"ride_id"`))},
		{rule: "a status has an unknown name", tamper: first(userGets(world.StatusCarrying), func(e world.Event) []world.Event {
			return append(as(world.StatusUnknown)(e), e)
		})},
		{rule: "lists have another order", tamper: func(e world.Event) []world.Event {
			switch {
			case filled[world.NearbyChair](e):
				return list(reversed[world.NearbyChair])(e)
			case filled[world.PastRide](e):
				return list(reversed[world.PastRide])(e)
			case filled[world.OwnedChair](e):
				return list(reversed[world.OwnedChair])(e)
			}
			return untouched(e)
		}},
		{rule: "a chair is listed twice", tamper: when(filled[world.NearbyChair], list(func(l []world.NearbyChair) []world.NearbyChair { return append(l, l[0]) }))},
		{rule: "chairs have no total_distance_updated_at", tamper: when(filled[world.OwnedChair], item(func(c *world.OwnedChair) { c.HasUpdatedAt = false }))},
		{rule: "requested_at is another", tamper: when(filled[world.PastRide], item(func(r *world.PastRide) { r.RequestedAt = 0 }))},
	}
}

func reversed[T any](l []T) []T {
	slices.Reverse(l)
	return l
}

// run exposes the World to the fault.
func (f fault) run() (virtual.Result, error) {
	see := f.tamper
	c := virtual.Config{World: world.Config{Seed: 1}, Load: f.load, Tamper: func(e world.Event) []world.Event {
		if see == nil {
			return untouched(e)
		}
		return see(e)
	}}
	return virtual.Run(c, func(l *virtual.Loop, core *payment.Core) world.Clients {
		server := model.New(good)(l, core)
		if f.rig == nil {
			return server
		}
		r := newRig(server, l, core)
		f.rig(r)
		see = r.see
		return r
	})
}

// raisedBy names the party whose turn or answer a code is about (B12.2).
func raisedBy(c world.Code) world.EntityKind {
	switch c {
	case 1, 2, 3, 10, 12, 13, 15, 19, 29:
		return world.KindChair
	case 18, 22, 24, 25, 26:
		return world.KindOwner
	}
	return world.KindUser
}

// check compares a run with the expected reaction.
func (f fault) check(r virtual.Result, err error) error {
	log := r.World.Errors()
	examples := log.Examples(f.code)
	if len(examples) == 0 || !strings.Contains(examples[0].Error(), f.text) {
		return fmt.Errorf("code %d with %q is missing: %v", f.code, f.text, examples)
	}
	if by := examples[0].Entity.Kind; by != raisedBy(f.code) {
		return fmt.Errorf("code %d is about a %v", f.code, by)
	}
	for _, c := range log.Codes() {
		if c != f.code && !slices.Contains(f.also, c) {
			return fmt.Errorf("code %d, too: %v", c, log.Examples(c))
		}
	}
	planned := int((f.load + world.TickLength - 1) / world.TickLength)
	var fatal world.Complaint
	switch over := errors.As(r.Fatal, &fatal); f.ends {
	case goesOn:
		if err != nil || r.Fatal != nil || r.Ticks != planned || log.Total() > world.ErrorLimit {
			return fmt.Errorf("the run does not go on to its end: %d ticks of %d, %d errors, %v, %v", r.Ticks, planned, log.Total(), r.Fatal, err)
		}
	case critical:
		if !over || fatal.Code != f.code || !f.code.Critical() || r.Ticks == planned || log.Count(f.code) != 1 {
			return fmt.Errorf("the run does not end by it: %d ticks, %d times, %v", r.Ticks, log.Count(f.code), r.Fatal)
		}
	case tooMany:
		if !over || f.code.Critical() || log.Total() != world.ErrorLimit+1 || !strings.Contains(r.Fatal.Error(), "too many errors") {
			return fmt.Errorf("the run does not end by too many errors: %d, %v", log.Total(), r.Fatal)
		}
	case noLoad:
		if err == nil || r.Ticks != 0 {
			return fmt.Errorf("the population does not fail: %d ticks, %v", r.Ticks, err)
		}
	}
	return nil
}

func TestFaults(t *testing.T) {
	for _, f := range faults() {
		if f.load == 0 {
			f.load = usualLoad
		}
		t.Run(f.rule, func(t *testing.T) {
			t.Parallel()
			if err := f.check(f.run()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestEveryCodeHasAFault finds codes that no fault leads to.
func TestEveryCodeHasAFault(t *testing.T) {
	covered := map[world.Code]bool{
		world.CodeUnclassified: true, // nothing raises it
	}
	for _, f := range faults() {
		covered[f.code] = true
	}
	for c := range world.CodePayment + 1 {
		if c.String() != "" && !covered[c] {
			t.Errorf("no fault leads to code %d (%v)", c, c)
		}
	}
}

func TestTolerated(t *testing.T) {
	for _, f := range tolerated() {
		t.Run(f.rule, func(t *testing.T) {
			t.Parallel()
			f.load = usualLoad
			r, err := f.run()
			if err != nil || r.Fatal != nil || r.World.Errors().Total() != 0 {
				t.Errorf("%v, %v, complaints %v", err, r.Fatal, r.World.Errors().Codes())
			}
		})
	}
}
