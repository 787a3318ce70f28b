package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"isuride/webapp/isuride"
)

// oracle knows what the server has to answer to reading calls when its tables are these:
// S4 in plain words over rows, with nothing of the server's own.
type oracle struct {
	rows *isuride.Tables

	statuses  map[string][]isuride.RideStatus // by ride, oldest first
	discounts map[string]int                  // by the ride that used the coupon
	chairs    map[string]*isuride.Chair
	owners    map[string]*isuride.Owner
}

func newOracle(rows *isuride.Tables) *oracle {
	o := &oracle{rows: rows, statuses: map[string][]isuride.RideStatus{}, discounts: map[string]int{},
		chairs: map[string]*isuride.Chair{}, owners: map[string]*isuride.Owner{}}
	for _, s := range rows.RideStatuses {
		o.statuses[s.RideID] = append(o.statuses[s.RideID], s)
	}
	for _, list := range o.statuses {
		slices.SortFunc(list, func(a, b isuride.RideStatus) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) })
	}
	for _, c := range rows.Coupons {
		if c.UsedBy != "" {
			o.discounts[c.UsedBy] = c.Discount
		}
	}
	for i := range rows.Chairs {
		o.chairs[rows.Chairs[i].ID] = &rows.Chairs[i]
	}
	for i := range rows.Owners {
		o.owners[rows.Owners[i].ID] = &rows.Owners[i]
	}
	return o
}

// question is a reading call of an account.
type question struct {
	cookie, method, path string
	body                 any
}

func (q question) String() string {
	return fmt.Sprint(q.method, " ", q.path, " as ", q.cookie, " ", q.body)
}

// answers holds questions with their answers in canonical form.
type answers map[question]string

// trips that the oracle estimates: one whose fare is below every coupon's worth, and one
// above.
var (
	shortTrip = [4]int{10, 10, 13, 20}
	longTrip  = [4]int{-10, -10, -21, 30}
)

// answers are those to all questions that the accounts in the tables can ask.
func (o *oracle) answers(t testing.TB) answers {
	t.Helper()
	all := answers{}
	for _, u := range o.rows.Users {
		all.add(t, question{"app_session=" + u.AccessToken, "GET", "/api/app/rides", nil}, object{"rides": o.history(u.ID)})
		for _, way := range [][4]int{shortTrip, longTrip} {
			all.add(t, question{"app_session=" + u.AccessToken, "POST", "/api/app/rides/estimated-fare", way}, o.estimate(u.ID, way))
		}
	}
	for _, owner := range o.rows.Owners {
		cookie := "owner_session=" + owner.AccessToken
		all.add(t, question{cookie, "GET", "/api/owner/chairs", nil}, object{"chairs": o.chairList(owner.ID)})
		all.add(t, question{cookie, "GET", "/api/owner/sales", nil}, o.sales(owner.ID, 0, 1<<60))
		since, until := o.middle()
		all.add(t, question{cookie, "GET", fmt.Sprintf("/api/owner/sales?since=%d&until=%d", since, until), nil}, o.sales(owner.ID, since, until))
	}
	return all
}

func (a answers) add(t testing.TB, q question, answer any) {
	t.Helper()
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	a[q] = canonical(t, text)
}

// middle is a window that cuts off the first and the last quarter of the completions.
func (o *oracle) middle() (since, until int64) {
	var times []int64
	for i := range o.rows.Rides {
		if r := &o.rows.Rides[i]; o.completed(r) {
			times = append(times, r.UpdatedAt.Milli())
		}
	}
	if len(times) == 0 {
		return 0, 0
	}
	slices.Sort(times)
	return times[len(times)/4], times[3*len(times)/4]
}

func (o *oracle) completed(r *isuride.Ride) bool {
	list := o.statuses[r.ID]
	return len(list) > 0 && list[len(list)-1].Status == isuride.Completed
}

func metered(x1, y1, x2, y2 int) int { return 100 * (abs(x1-x2) + abs(y1-y2)) }

func meteredOf(r *isuride.Ride) int {
	return metered(int(r.Pickup.Latitude), int(r.Pickup.Longitude), int(r.Destination.Latitude), int(r.Destination.Longitude))
}

func (o *oracle) history(user string) []any {
	rides := []any{}
	for i := range o.rows.Rides {
		r := &o.rows.Rides[i]
		if r.UserID != user || !o.completed(r) {
			continue
		}
		c := o.chairs[r.ChairID]
		rides = append(rides, object{"id": r.ID, "pickup_coordinate": point(r.Pickup), "destination_coordinate": point(r.Destination),
			"fare":       500 + max(meteredOf(r)-o.discounts[r.ID], 0),
			"chair":      object{"id": c.ID, "owner": o.owners[c.OwnerID].Name, "name": c.Name, "model": c.Model},
			"evaluation": r.Evaluation, "requested_at": r.CreatedAt.Milli(), "completed_at": r.UpdatedAt.Milli()})
	}
	return rides
}

func point(c isuride.Coordinate) object { return at(int(c.Latitude), int(c.Longitude)) }

// estimate: the unused sign-up coupon, else the oldest unused one (S4.6).
func (o *oracle) estimate(user string, way [4]int) object {
	var best *isuride.Coupon
	for i := range o.rows.Coupons {
		c := &o.rows.Coupons[i]
		if c.UserID != user || c.UsedBy != "" {
			continue
		}
		if best == nil || c.Code == "CP_NEW2024" || best.Code != "CP_NEW2024" && c.CreatedAt < best.CreatedAt {
			best = c
		}
	}
	full, discount := metered(way[0], way[1], way[2], way[3]), 0
	if best != nil {
		discount = min(best.Discount, full)
	}
	return object{"fare": 500 + full - discount, "discount": discount}
}

func (o *oracle) chairList(owner string) []any {
	reports := map[string][]isuride.ChairLocation{}
	for _, l := range o.rows.ChairLocations {
		reports[l.ChairID] = append(reports[l.ChairID], l)
	}
	chairs := []any{}
	for _, c := range o.rows.Chairs {
		if c.OwnerID != owner {
			continue
		}
		item := object{"id": c.ID, "name": c.Name, "model": c.Model, "active": c.IsActive, "registered_at": c.CreatedAt.Milli(), "total_distance": 0}
		list := reports[c.ID]
		slices.SortFunc(list, func(a, b isuride.ChairLocation) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) })
		total := 0
		for i, l := range list {
			if i > 0 {
				total += abs(int(l.Latitude-list[i-1].Latitude)) + abs(int(l.Longitude-list[i-1].Longitude))
			}
			item["total_distance"], item["total_distance_updated_at"] = total, l.CreatedAt.Milli()
		}
		chairs = append(chairs, item)
	}
	return chairs
}

// sales takes both ends of the window in milliseconds, inclusive.
func (o *oracle) sales(owner string, since, until int64) object {
	byChair, byModel, total := map[string]int{}, map[string]int{}, 0
	for i := range o.rows.Rides {
		r := &o.rows.Rides[i]
		c := o.chairs[r.ChairID]
		if at := r.UpdatedAt.Milli(); o.completed(r) && c.OwnerID == owner && at >= since && at <= until {
			sum := 500 + meteredOf(r)
			byChair[c.ID] += sum
			byModel[c.Model] += sum
			total += sum
		}
	}
	chairs, models, seen := []any{}, []any{}, map[string]bool{}
	for _, c := range o.rows.Chairs {
		if c.OwnerID != owner {
			continue
		}
		chairs = append(chairs, object{"id": c.ID, "name": c.Name, "sales": byChair[c.ID]})
		if !seen[c.Model] {
			models = append(models, object{"model": c.Model, "sales": byModel[c.Model]})
		}
		seen[c.Model] = true
	}
	return object{"total_sales": total, "chairs": chairs, "models": models}
}

// canonical is a JSON text whose lists, the order of which is free, are sorted.
func canonical(t testing.TB, text []byte) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v, in %s", err, text)
	}
	sorted, err := json.Marshal(sortLists(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(sorted)
}

func sortLists(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = sortLists(v[i])
		}
		slices.SortFunc(v, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	case object:
		for name := range v {
			v[name] = sortLists(v[name])
		}
	}
	return v
}

// ask asks the server the same questions.
func (p *process) ask(about answers) answers {
	p.t.Helper()
	questions := make(chan question, len(about))
	for q := range about {
		questions <- q
	}
	close(questions)
	var mu sync.Mutex
	got := answers{}
	together(p.t, 4, func(int) error {
		for q := range questions {
			c := client{t: p.t, p: p, cookie: q.cookie}
			body := q.body
			if way, ok := body.([4]int); ok {
				body = trip(at(way[0], way[1]), at(way[2], way[3]))
			}
			r, err := c.try(q.method, q.path, body)
			if err != nil || r.status != 200 {
				return fmt.Errorf("%v is answered %d %s: %w", q, r.status, r.body, err)
			}
			mu.Lock()
			got[q] = string(r.body)
			mu.Unlock()
		}
		return nil
	})
	for q := range got {
		got[q] = canonical(p.t, []byte(got[q]))
	}
	return got
}

// same compares answers and tells the first differences.
func (want answers) same(t testing.TB, when string, got answers) {
	t.Helper()
	differences := 0
	for q, text := range want {
		if got[q] == text {
			continue
		}
		if differences++; differences <= 3 {
			t.Errorf("%s: %v is answered\n%.2000s\nwant\n%.2000s", when, q, got[q], text)
		}
	}
	if differences > 3 {
		t.Errorf("%s: %d answers differ", when, differences)
	}
}
