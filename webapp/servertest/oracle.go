package servertest

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

// Oracle computes from rows what the server must answer to reading calls: S4 in plain
// words, with no code of the server's.
type Oracle struct {
	rows *isuride.Tables

	Statuses  map[string][]isuride.RideStatus // by ride, oldest first
	Discounts map[string]int                  // by the ride that used the coupon
	chairs    map[string]*isuride.Chair
	owners    map[string]*isuride.Owner
}

// NewOracle keeps the rows.
func NewOracle(rows *isuride.Tables) *Oracle {
	o := &Oracle{rows: rows, Statuses: map[string][]isuride.RideStatus{}, Discounts: map[string]int{},
		chairs: map[string]*isuride.Chair{}, owners: map[string]*isuride.Owner{}}
	for _, s := range rows.RideStatuses {
		o.Statuses[s.RideID] = append(o.Statuses[s.RideID], s)
	}
	for _, list := range o.Statuses {
		slices.SortFunc(list, func(a, b isuride.RideStatus) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) })
	}
	for _, c := range rows.Coupons {
		if c.UsedBy != "" {
			o.Discounts[c.UsedBy] = c.Discount
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

// Question is a reading call of an account.
type Question struct {
	cookie, method, path string
	body                 any
}

// Question is a reading call of the client's account.
func (c *Client) Question(method, path string, body any) Question {
	return Question{c.Cookie, method, path, body}
}

func (q Question) String() string {
	return fmt.Sprint(q.method, " ", q.path, " as ", q.cookie, " ", q.body)
}

// Answers holds questions with their answers in canonical form.
type Answers map[Question]string

// Trips that the oracle estimates: one whose fare is below every coupon's worth, and one
// above.
var (
	shortTrip = [4]int{10, 10, 13, 20}
	LongTrip  = [4]int{-10, -10, -21, 30}
)

// Answers computes the answers to all questions that the accounts in the tables can ask.
func (o *Oracle) Answers(t testing.TB) Answers {
	t.Helper()
	all := Answers{}
	for _, u := range o.rows.Users {
		all.add(t, Question{"app_session=" + u.AccessToken, "GET", "/api/app/rides", nil}, Object{"rides": o.history(u.ID)})
		for _, way := range [][4]int{shortTrip, LongTrip} {
			all.add(t, Question{"app_session=" + u.AccessToken, "POST", "/api/app/rides/estimated-fare", way}, o.estimate(u.ID, way))
		}
	}
	for _, owner := range o.rows.Owners {
		cookie := "owner_session=" + owner.AccessToken
		all.add(t, Question{cookie, "GET", "/api/owner/chairs", nil}, Object{"chairs": o.chairList(owner.ID)})
		all.add(t, Question{cookie, "GET", "/api/owner/sales", nil}, o.sales(owner.ID, 0, 1<<60))
		since, until := o.middle()
		all.add(t, Question{cookie, "GET", fmt.Sprintf("/api/owner/sales?since=%d&until=%d", since, until), nil}, o.sales(owner.ID, since, until))
	}
	return all
}

func (a Answers) add(t testing.TB, q Question, answer any) {
	t.Helper()
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	a[q] = Canonical(t, text)
}

// middle is a window that cuts off the first and the last quarter of the completions.
func (o *Oracle) middle() (since, until int64) {
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

func (o *Oracle) completed(r *isuride.Ride) bool {
	list := o.Statuses[r.ID]
	return len(list) > 0 && list[len(list)-1].Status == isuride.Completed
}

// Metered is the fare without its base, before a discount.
func Metered(x1, y1, x2, y2 int) int { return 100 * (Abs(x1-x2) + Abs(y1-y2)) }

// MeteredOf is Metered of a row.
func MeteredOf(r *isuride.Ride) int {
	return Metered(int(r.Pickup.Latitude), int(r.Pickup.Longitude), int(r.Destination.Latitude), int(r.Destination.Longitude))
}

func (o *Oracle) history(user string) []any {
	rides := []any{}
	for i := range o.rows.Rides {
		r := &o.rows.Rides[i]
		if r.UserID != user || !o.completed(r) {
			continue
		}
		c := o.chairs[r.ChairID]
		rides = append(rides, Object{"id": r.ID, "pickup_coordinate": point(r.Pickup), "destination_coordinate": point(r.Destination),
			"fare":       500 + max(MeteredOf(r)-o.Discounts[r.ID], 0),
			"chair":      Object{"id": c.ID, "owner": o.owners[c.OwnerID].Name, "name": c.Name, "model": c.Model},
			"evaluation": r.Evaluation, "requested_at": r.CreatedAt.Milli(), "completed_at": r.UpdatedAt.Milli()})
	}
	return rides
}

func point(c isuride.Coordinate) Object { return At(int(c.Latitude), int(c.Longitude)) }

// estimate: the unused sign-up coupon, else the oldest unused one (S4.6).
func (o *Oracle) estimate(user string, way [4]int) Object {
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
	full, discount := Metered(way[0], way[1], way[2], way[3]), 0
	if best != nil {
		discount = min(best.Discount, full)
	}
	return Object{"fare": 500 + full - discount, "discount": discount}
}

func (o *Oracle) chairList(owner string) []any {
	reports := map[string][]isuride.ChairLocation{}
	for _, l := range o.rows.ChairLocations {
		reports[l.ChairID] = append(reports[l.ChairID], l)
	}
	chairs := []any{}
	for _, c := range o.rows.Chairs {
		if c.OwnerID != owner {
			continue
		}
		item := Object{"id": c.ID, "name": c.Name, "model": c.Model, "active": c.IsActive, "registered_at": c.CreatedAt.Milli(), "total_distance": 0}
		list := reports[c.ID]
		slices.SortFunc(list, func(a, b isuride.ChairLocation) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) })
		total := 0
		for i, l := range list {
			if i > 0 {
				total += Abs(int(l.Latitude-list[i-1].Latitude)) + Abs(int(l.Longitude-list[i-1].Longitude))
			}
			item["total_distance"], item["total_distance_updated_at"] = total, l.CreatedAt.Milli()
		}
		chairs = append(chairs, item)
	}
	return chairs
}

// sales takes both ends of the window in milliseconds, inclusive.
func (o *Oracle) sales(owner string, since, until int64) Object {
	byChair, byModel, total := map[string]int{}, map[string]int{}, 0
	for i := range o.rows.Rides {
		r := &o.rows.Rides[i]
		c := o.chairs[r.ChairID]
		if at := r.UpdatedAt.Milli(); o.completed(r) && c.OwnerID == owner && at >= since && at <= until {
			sum := 500 + MeteredOf(r)
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
		chairs = append(chairs, Object{"id": c.ID, "name": c.Name, "sales": byChair[c.ID]})
		if !seen[c.Model] {
			models = append(models, Object{"model": c.Model, "sales": byModel[c.Model]})
		}
		seen[c.Model] = true
	}
	return Object{"total_sales": total, "chairs": chairs, "models": models}
}

// Canonical is a JSON text whose lists, the order of which is free, are sorted.
func Canonical(t testing.TB, text []byte) string {
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
	case Object:
		for name := range v {
			v[name] = sortLists(v[name])
		}
	}
	return v
}

// Ask asks the server the same questions.
func (p *Process) Ask(about Answers) Answers {
	p.T.Helper()
	questions := make(chan Question, len(about))
	for q := range about {
		questions <- q
	}
	close(questions)
	var mu sync.Mutex
	got := Answers{}
	Together(p.T, 4, func(int) error {
		for q := range questions {
			c := Client{T: p.T, Process: p, Cookie: q.cookie}
			body := q.body
			if way, ok := body.([4]int); ok {
				body = Trip(At(way[0], way[1]), At(way[2], way[3]))
			}
			r, err := c.Try(q.method, q.path, body)
			if err != nil || r.Status != 200 {
				return fmt.Errorf("%v is answered %d %s: %w", q, r.Status, r.Body, err)
			}
			mu.Lock()
			got[q] = string(r.Body)
			mu.Unlock()
		}
		return nil
	})
	for q := range got {
		got[q] = Canonical(p.T, []byte(got[q]))
	}
	return got
}

// Same compares answers and reports the first differences.
func (want Answers) Same(t testing.TB, when string, got Answers) {
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
