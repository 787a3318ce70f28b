package official

import (
	"fmt"

	"isuride/bench/client"
	"isuride/bench/live"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// Values are the figures of one run of ours by name, whether a policy is compared by them or
// not.
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
	percent := func(n int) float64 { return 100 * float64(n) / float64(max(r.World.RidesEvaluated, 1)) }
	v := Values{
		FigureScore:     float64(r.Score),
		figureDone:      float64(r.World.RidesEvaluated),
		figureCreated:   float64(r.World.RidesCreated),
		figureUsers:     float64(r.World.Users),
		figureChairs:    float64(r.World.Chairs),
		figureMatching:  percent(r.Criteria.Matching),
		figureDispatch:  percent(r.Criteria.Dispatch),
		figurePickup:    percent(r.Criteria.Pickup),
		figureDrive:     percent(r.Criteria.Drive),
		figureInvited:   float64(r.Origins["invitation"]),
		figureAttracted: float64(r.Origins["reputation"]),
		figurePolls:     float64(r.Requests.Polls),
	}
	for i, n := range r.Ratings {
		v[ratingOf(i+1)] = percent(n)
	}
	for _, i := range r.Intervals {
		v[meanOf(i.Name)] = i.Mean
		for n, count := range i.Counts {
			v[shareOf(i.Name, n)] = percent(count)
		}
	}
	for _, e := range r.Endpoints {
		v[e.Name] = float64(e.Count)
	}
	return v
}

// OfVirtual takes the figures of a run in virtual time.
func OfVirtual(r *virtual.Result) Values {
	s := r.World.Stats()
	l := live.Result{
		Score: r.Score, World: r.World.Progress(), Origins: live.Origins(s),
		Ratings: s.Ratings[1:], Criteria: live.Criteria(s.Criteria), Intervals: live.Intervals(s),
		Requests: client.Counts{Polls: int64(r.Events[world.EventUserNotified] + r.Events[world.EventChairNotified])},
	}
	for kind, name := range endpoints {
		l.Endpoints = append(l.Endpoints, live.Latency{Name: name, Count: r.Events[kind]})
	}
	return OfLive(&l)
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
