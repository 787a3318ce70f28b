package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"isuride/webapp/isuride"
)

// check is one request of the data check with its right answer (S9.3).
type check struct {
	Name       string `json:"name"`
	Method     string `json:"method"`
	Path       string `json:"path"`
	CookieName string `json:"cookie_name"`
	Cookie     string `json:"cookie"`
	Body       any    `json:"body"` // null without a body
	Status     int    `json:"status"`
	Expect     any    `json:"expect"`
	// Keys names the lists whose order is free, each with the member to sort by.
	Keys map[string]string `json:"keys"`
}

// The window of the sales check, both ends inclusive: twelve hours of the busiest day.
var salesSince, salesUntil = at(2024, 11, 26, 0, 0, 0), at(2024, 11, 26, 12, 0, 0)

// Base fare and fare of a distance unit in yen (S4.6).
const (
	baseFare    = 500
	farePerUnit = 100
)

// expectations are ten checks about four accounts with interesting histories.
func (w *world) expectations() ([]byte, error) {
	owner := &w.Owners[2]
	together, spread, newcomer := w.togetherUser(), w.spreadUser(), w.newcomer()
	if together == nil || spread == nil || newcomer == nil {
		return nil, errors.New("this seed makes no users that suit the data check; try another")
	}
	window := fmt.Sprintf("?since=%d&until=%d", salesSince.Milli(), salesUntil.Milli())
	short, long := [4]int32{10, 10, 13, 20}, [4]int32{-10, -10, -21, 0}
	checks := []check{
		ownerCheck("chairs of an owner", "/api/owner/chairs", owner, w.chairList(owner)),
		ownerCheck("sales of an owner", "/api/owner/sales", owner, w.sales(owner, 0, 1<<62)),
		ownerCheck("sales of an owner in a window", "/api/owner/sales"+window, owner, w.sales(owner, salesSince, salesUntil)),
		historyCheck("rides requested at the same time", together, w.history(together)),
		historyCheck("rides with and without coupon", spread, w.history(spread)),
		estimateCheck("estimate without coupon, short", spread, short, 0),
		estimateCheck("estimate without coupon, long", spread, long, 0),
		historyCheck("no rides", newcomer, w.history(newcomer)),
		estimateCheck("estimate with coupon, capped", newcomer, short, inviteDiscount),
		estimateCheck("estimate with coupon", newcomer, long, inviteDiscount),
	}
	b, err := json.MarshalIndent(checks, "", " ")
	return append(b, '\n'), err
}

func ownerCheck(name, path string, o *isuride.Owner, expect any) check {
	return check{Name: name, Method: "GET", Path: path, CookieName: "owner_session", Cookie: o.AccessToken,
		Status: 200, Expect: expect, Keys: map[string]string{"chairs": "id", "models": "model"}}
}

func historyCheck(name string, u *isuride.User, expect any) check {
	return check{Name: name, Method: "GET", Path: "/api/app/rides", CookieName: "app_session", Cookie: u.AccessToken,
		Status: 200, Expect: expect, Keys: map[string]string{"rides": "id"}}
}

// estimateCheck goes from the first two numbers to the last two.
func estimateCheck(name string, u *isuride.User, trip [4]int32, coupon int) check {
	from, to := isuride.Coordinate{Latitude: trip[0], Longitude: trip[1]}, isuride.Coordinate{Latitude: trip[2], Longitude: trip[3]}
	discount := min(coupon, farePerUnit*from.Distance(to))
	return check{Name: name, Method: "POST", Path: "/api/app/rides/estimated-fare", CookieName: "app_session", Cookie: u.AccessToken,
		Body:   map[string]any{"pickup_coordinate": toPoint(from), "destination_coordinate": toPoint(to)},
		Status: 200, Expect: map[string]int{"fare": fullFare(from, to) - discount, "discount": discount},
		Keys: map[string]string{}}
}

func fullFare(from, to isuride.Coordinate) int { return baseFare + farePerUnit*from.Distance(to) }

type point struct {
	Latitude  int32 `json:"latitude"`
	Longitude int32 `json:"longitude"`
}

func toPoint(c isuride.Coordinate) point { return point{c.Latitude, c.Longitude} }

// rides are those of a user, in the order of their ids.
func (w *world) rides(u *isuride.User) []isuride.Ride {
	var rides []isuride.Ride
	for _, r := range w.Rides {
		if r.UserID == u.ID {
			rides = append(rides, r)
		}
	}
	return rides
}

// unused counts the coupons that a user still has.
func (w *world) unused(u *isuride.User) int { return len(w.coupons[u.ID]) }

// togetherUser is the user with the most rides whose rides were all requested at one
// time.
func (w *world) togetherUser() (best *isuride.User) {
	most := 1
	for i := range w.Users {
		rides := w.rides(&w.Users[i])
		same := !slices.ContainsFunc(rides, func(r isuride.Ride) bool { return r.CreatedAt != rides[0].CreatedAt })
		if same && len(rides) > most {
			best, most = &w.Users[i], len(rides)
		}
	}
	return best
}

// spreadUser is the user with the most rides at different times, one of them paid with a
// coupon, and no coupon left.
func (w *world) spreadUser() (best *isuride.User) {
	most := 1
	for i := range w.Users {
		u := &w.Users[i]
		rides := w.rides(u)
		times := map[isuride.Time]bool{}
		for _, r := range rides {
			times[r.CreatedAt] = true
		}
		if len(times) == len(rides) && len(rides) > most && w.discounted(rides) && w.unused(u) == 0 {
			best, most = u, len(rides)
		}
	}
	return best
}

func (w *world) discounted(rides []isuride.Ride) bool {
	return slices.ContainsFunc(rides, func(r isuride.Ride) bool { return w.discount(&r) > 0 })
}

// newcomer is a user without rides that has the coupon of an invited user.
func (w *world) newcomer() *isuride.User {
	for i := range w.Users {
		u := &w.Users[i]
		if unused := w.coupons[u.ID]; len(unused) == 1 && w.invited(u) && len(w.rides(u)) == 0 {
			return u
		}
	}
	return nil
}

func (w *world) invited(u *isuride.User) bool {
	return slices.ContainsFunc(w.Coupons, func(c isuride.Coupon) bool { return c.UserID == u.ID && c.Discount == inviteDiscount })
}

// discount is the amount of the coupon that the ride used.
func (w *world) discount(r *isuride.Ride) int {
	for _, c := range w.Coupons {
		if c.UsedBy == r.ID {
			return min(c.Discount, farePerUnit*r.Pickup.Distance(r.Destination))
		}
	}
	return 0
}

type historyAnswer struct {
	Rides []historyRide `json:"rides"`
}

type historyRide struct {
	ID          string       `json:"id"`
	Pickup      point        `json:"pickup_coordinate"`
	Destination point        `json:"destination_coordinate"`
	Fare        int          `json:"fare"`
	Chair       historyChair `json:"chair"`
	Evaluation  int          `json:"evaluation"`
	RequestedAt int64        `json:"requested_at"`
	CompletedAt int64        `json:"completed_at"`
}

type historyChair struct {
	ID    string `json:"id"`
	Owner string `json:"owner"`
	Name  string `json:"name"`
	Model string `json:"model"`
}

func (w *world) history(u *isuride.User) historyAnswer {
	answer := historyAnswer{Rides: []historyRide{}}
	for _, r := range w.rides(u) {
		answer.Rides = append(answer.Rides, historyRide{ID: r.ID, Pickup: toPoint(r.Pickup), Destination: toPoint(r.Destination),
			Fare: fullFare(r.Pickup, r.Destination) - w.discount(&r), Chair: w.historyChair(r.ChairID), Evaluation: r.Evaluation,
			RequestedAt: r.CreatedAt.Milli(), CompletedAt: r.UpdatedAt.Milli()})
	}
	return answer
}

func (w *world) historyChair(id string) historyChair {
	c := w.Chairs[slices.IndexFunc(w.Chairs, func(c isuride.Chair) bool { return c.ID == id })]
	o := w.Owners[slices.IndexFunc(w.Owners, func(o isuride.Owner) bool { return o.ID == c.OwnerID })]
	return historyChair{ID: c.ID, Owner: o.Name, Name: c.Name, Model: c.Model}
}

type chairListAnswer struct {
	Chairs []listedChair `json:"chairs"`
}

type listedChair struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Model         string `json:"model"`
	Active        bool   `json:"active"`
	RegisteredAt  int64  `json:"registered_at"`
	TotalDistance int    `json:"total_distance"`
	// UpdatedAt is left out for a chair that never reported.
	UpdatedAt int64 `json:"total_distance_updated_at,omitempty"`
}

func (w *world) chairList(o *isuride.Owner) chairListAnswer {
	answer := chairListAnswer{Chairs: []listedChair{}}
	for _, c := range w.ownedBy(o) {
		listed := listedChair{ID: c.ID, Name: c.Name, Model: c.Model, Active: c.IsActive, RegisteredAt: c.CreatedAt.Milli()}
		var last *isuride.ChairLocation
		for i := range w.ChairLocations {
			l := &w.ChairLocations[i]
			if l.ChairID != c.ID {
				continue
			}
			if last != nil {
				listed.TotalDistance += last.Distance(l.Coordinate)
			}
			listed.UpdatedAt, last = l.CreatedAt.Milli(), l
		}
		answer.Chairs = append(answer.Chairs, listed)
	}
	return answer
}

func (w *world) ownedBy(o *isuride.Owner) []isuride.Chair {
	var chairs []isuride.Chair
	for _, c := range w.Chairs {
		if c.OwnerID == o.ID {
			chairs = append(chairs, c)
		}
	}
	return chairs
}

type salesAnswer struct {
	TotalSales int          `json:"total_sales"`
	Chairs     []chairSales `json:"chairs"`
	Models     []modelSales `json:"models"`
}

type chairSales struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Sales int    `json:"sales"`
}

type modelSales struct {
	Model string `json:"model"`
	Sales int    `json:"sales"`
}

// sales sums up the full fares of the rides completed from since to until, to the end of
// its millisecond.
func (w *world) sales(o *isuride.Owner, since, until isuride.Time) salesAnswer {
	answer := salesAnswer{Chairs: []chairSales{}, Models: []modelSales{}}
	for _, c := range w.ownedBy(o) {
		s := chairSales{ID: c.ID, Name: c.Name}
		for _, r := range w.Rides {
			if r.ChairID == c.ID && r.UpdatedAt >= since && r.UpdatedAt.Milli() <= until.Milli() {
				s.Sales += fullFare(r.Pickup, r.Destination)
			}
		}
		answer.TotalSales += s.Sales
		answer.Chairs = append(answer.Chairs, s)
		i := slices.IndexFunc(answer.Models, func(m modelSales) bool { return m.Model == c.Model })
		if i < 0 {
			i = len(answer.Models)
			answer.Models = append(answer.Models, modelSales{Model: c.Model})
		}
		answer.Models[i].Sales += s.Sales
	}
	return answer
}
