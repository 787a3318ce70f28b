package calibration

import (
	"fmt"

	"isuride/bench/live"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// Values are the figures of one run of ours by name, whether a policy is compared by them or not.
type Values map[string]float64

// Names of figures. Requests have their endpoint's.
const (
	FigureScore     = "score"
	figureDone      = "rides done"
	figureCreated   = "rides created"
	figureUsers     = "users"
	figureChairs    = "chairs"
	figureMatching  = "matching met, %"
	figureDispatch  = "dispatch met, %"
	figurePickup    = "pickup met, %"
	figureDrive     = "drive met, %"
	figureInvited   = "users by invitation"
	figureAttracted = "users by reputation"
	figurePolls     = "polls"
)

// Names of intervals, as package live has them.
const (
	dispatching    = "DispatchedAt - MatchedAt - ideal"
	boarding       = "PickedUpAt - DispatchedAt"
	driving        = "ArrivedAt - PickedUpAt - ideal"
	completing     = "CompletedAt - ArrivedAt"
	trip           = "trip"
	pickupDistance = "pickup distance"
)

func shareOf(interval string, n int) string { return fmt.Sprintf("%s: %d, %%", interval, n) }
func meanOf(interval string) string         { return interval + ": mean" }
func ratingOf(n int) string                 { return fmt.Sprintf("rating %d, %%", n) }

// OfLive takes the figures of a run in real time.
func OfLive(r *live.Result) Values {
	v := Values{}
	v.addGrowth(r.Score, &r.World, r.Origins)
	v.addRides(r.Ratings, r.Criteria, r.Intervals)
	for _, e := range r.Endpoints {
		v[e.Name] = float64(e.Count)
	}
	v[figurePolls] = float64(r.Requests.Polls)
	return v
}

// OfVirtual takes the figures of a run in virtual time.
func OfVirtual(r *virtual.Result) Values {
	v, p, s := Values{}, r.World.Progress(), r.World.Stats()
	v.addGrowth(r.Score, &p, live.Origins(s))
	v.addRides(s.Ratings[1:], live.Criteria(s.Criteria), live.Intervals(s))
	for kind, n := range r.Events {
		if name := endpoints[world.EventKind(kind)]; name != "" {
			v[name] = float64(n)
		}
	}
	v[figurePolls] = float64(r.Events[world.EventUserNotified] + r.Events[world.EventChairNotified])
	return v
}

func (v Values) addGrowth(score int, p *world.Progress, origins map[string]int) {
	v[FigureScore] = float64(score)
	v[figureDone] = float64(p.RidesEvaluated)
	v[figureCreated] = float64(p.RidesCreated)
	v[figureUsers] = float64(p.Users)
	v[figureChairs] = float64(p.Chairs)
	v[figureInvited] = float64(origins["invitation"])
	v[figureAttracted] = float64(origins["reputation"])
}

func (v Values) addRides(ratings []int, c live.Criteria, intervals []live.Interval) {
	percent := func(n int) float64 { return 100 * float64(n) / max(v[figureDone], 1) }
	for i, n := range ratings {
		v[ratingOf(i+1)] = percent(n)
	}
	v[figureMatching], v[figureDispatch] = percent(c.Matching), percent(c.Dispatch)
	v[figurePickup], v[figureDrive] = percent(c.Pickup), percent(c.Drive)
	for _, i := range intervals {
		v[meanOf(i.Name)] = i.Mean
		for n, count := range i.Counts {
			v[shareOf(i.Name, n)] = percent(count)
		}
	}
}

// endpoints are the requests that events answer.
var endpoints = map[world.EventKind]string{
	world.EventPositionRecorded: "POST /api/chair/coordinate",
	world.EventNearbyChairs:     "GET /api/app/nearby-chairs",
	world.EventRides:            "GET /api/app/rides",
	world.EventFareEstimated:    "POST /api/app/rides/estimated-fare",
	world.EventRideCreated:      "POST /api/app/rides",
	world.EventEvaluated:        "POST /api/app/rides/{id}/evaluation",
	world.EventStatusPosted:     "POST /api/chair/rides/{id}/status",
	world.EventUserRegistered:   "POST /api/app/users",
	world.EventChairRegistered:  "POST /api/chair/chairs",
	world.EventOwnerChairs:      "GET /api/owner/chairs",
	world.EventOwnerSales:       "GET /api/owner/sales",
}
