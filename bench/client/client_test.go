package client

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"isuride/bench/world"
)

// A script is a server that answers each request as scripted and notes it.
type script struct {
	mu    sync.Mutex
	asked []string
	reply map[string]string // by method and URL: status, blank, body
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	key := r.Method + " " + r.URL.RequestURI()
	s.mu.Lock()
	line := strings.TrimSpace(key + " " + string(body))
	if c := r.Header.Get("Cookie"); c != "" {
		line += " [" + c + "]"
	}
	s.asked = append(s.asked, line)
	reply := s.reply[key]
	s.mu.Unlock()
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/json; charset=utf-8" || r.Header.Get("User-Agent") != "isucandar" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	var status int
	fmt.Sscan(reply, &status)
	if strings.HasSuffix(key, "/api/app/users") {
		w.Header().Add("Set-Cookie", "app_session=token; Path=/")
	}
	w.WriteHeader(max(status, 100))
	_, text, _ := strings.Cut(reply, " ")
	io.WriteString(w, text)
}

// lines are the requests since the last call.
func (s *script) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// TestCalls makes every call once, over each protocol, and looks at both sides.
func TestCalls(t *testing.T) {
	for _, c := range []struct {
		name   string
		scheme string
		serve  func(*testing.T, http.Handler) string
		loops  int
	}{
		{"http", "http", serve, 0},
		{"http on other loops", "http", serve, 2},
		{"https", "https", func(t *testing.T, h http.Handler) string { return serveTLS(t, false, h) }, 0},
		{"https on other loops", "https", func(t *testing.T, h http.Handler) string { return serveTLS(t, false, h) }, 2},
		{"http2", "https", func(t *testing.T, h http.Handler) string { return serveTLS(t, true, h) }, 0},
		{"http2 on other loops", "https", func(t *testing.T, h http.Handler) string { return serveTLS(t, true, h) }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{reply: map[string]string{
				"POST /api/app/users":           `201 {"id":"U","invitation_code":"inv"}`,
				"POST /api/app/payment-methods": `204`,
				"GET /api/app/rides":            `200 {"rides":[]}`,
				"GET /api/app/nearby-chairs?distance=50&latitude=-3&longitude=299":  `200 {"chairs":[],"retrieved_at":1}`,
				"POST /api/app/rides/estimated-fare":                                `200 {"fare":500,"discount":3000}`,
				"POST /api/app/rides":                                               `202 {"ride_id":"R","fare":500}`,
				"POST /api/app/rides/a%2Fb/evaluation":                              `200 {"completed_at":7}`,
				"POST /api/chair/chairs":                                            `201 {"id":"C","owner_id":"O"}`,
				"POST /api/chair/activity":                                          `204`,
				"POST /api/chair/coordinate":                                        `200 {"recorded_at":8}`,
				"POST /api/chair/rides/R/status":                                    `204`,
				"POST /api/owner/owners":                                            `201 {"id":"O","chair_register_token":"t"}`,
				"GET /api/owner/chairs":                                             `200 {"chairs":[]}`,
				"GET /api/owner/sales?until=1700000000000":                          `200 {"total_sales":0,"chairs":[],"models":[]}`,
				"GET /api/app/nearby-chairs?distance=50&latitude=1&longitude=1":     `500 oh no`,
				"GET /api/app/nearby-chairs?distance=50&latitude=2&longitude=2":     `200 {"chairs":null,"retrieved_at":1}`,
				"GET /api/app/nearby-chairs?distance=50&latitude=100&longitude=200": `200 {"chairs":[],"retrieved_at":1}`,
			}}
			r := newRig(t, c.scheme, c.serve(t, s), func(cfg *Config) { cfg.Loops = c.loops })
			user, chair, owner := r.user(), r.chair(), r.engine.NewOwner(world.Entity{Kind: world.KindOwner, Index: 5})
			p, q := world.Point{X: -3, Y: 299}, world.Point{X: 4, Y: -5}
			for _, step := range []struct {
				call func()
				want world.Event
				line string
			}{
				{func() {
					user.Register(world.UserProfile{Username: "u", Firstname: "あ", Lastname: "l", DateOfBirth: "1999-12-31"})
				}, world.Event{Kind: world.EventUserRegistered, Body: &world.UserAccount{ID: "U", InvitationCode: "inv", Session: "app_session=token"}},
					`POST /api/app/users {"username":"u","firstname":"あ","lastname":"l","date_of_birth":"1999-12-31"}`},
				{func() { user.RegisterPayment("abc") }, world.Event{Kind: world.EventPaymentRegistered}, `POST /api/app/payment-methods {"token":"abc"} [app_session=token]`},
				{func() { user.Rides() }, world.Event{Kind: world.EventRides, Body: []world.PastRide{}}, `GET /api/app/rides [app_session=token]`},
				{func() { user.NearbyChairs(p, 50) }, world.Event{Kind: world.EventNearbyChairs, Body: []world.NearbyChair{}},
					`GET /api/app/nearby-chairs?distance=50&latitude=-3&longitude=299 [app_session=token]`},
				{func() { user.EstimateFare(p, q) }, world.Event{Kind: world.EventFareEstimated, Body: &world.Estimate{Fare: 500, Discount: 3000}},
					`POST /api/app/rides/estimated-fare {"pickup_coordinate":{"latitude":-3,"longitude":299},"destination_coordinate":{"latitude":4,"longitude":-5}} [app_session=token]`},
				{func() { user.CreateRide(p, q) }, world.Event{Kind: world.EventRideCreated, Body: &world.CreatedRide{ID: "R", Fare: 500}},
					`POST /api/app/rides {"pickup_coordinate":{"latitude":-3,"longitude":299},"destination_coordinate":{"latitude":4,"longitude":-5}} [app_session=token]`},
				{func() { user.Evaluate("a/b", 5) }, world.Event{Kind: world.EventEvaluated, Time: 7}, `POST /api/app/rides/a%2Fb/evaluation {"evaluation":5} [app_session=token]`},
				{func() { user.NearbyChairs(world.Point{X: 1, Y: 1}, 50) }, world.Event{Kind: world.EventNearbyChairs, Failure: &world.Failure{Kind: world.FailureStatus, Status: 500,
					Detail: `/api/app/nearby-chairs?distance=50&latitude=1&longitude=1: "oh no"`}}, `GET /api/app/nearby-chairs?distance=50&latitude=1&longitude=1 [app_session=token]`},
				{func() { user.NearbyChairs(world.Point{X: 2, Y: 2}, 50) }, world.Event{Kind: world.EventNearbyChairs, Failure: &world.Failure{Kind: world.FailureDecode, Status: 200,
					Detail: `undecodable answer: want '[' at byte 10`}}, `GET /api/app/nearby-chairs?distance=50&latitude=2&longitude=2 [app_session=token]`},
				{func() { user.Visit(world.VisitRideRequest) }, world.Event{Kind: world.EventVisited}, ``},
				{func() { chair.Register(world.ChairProfile{Name: "n", Model: "m", RegisterToken: "t"}) }, world.Event{Kind: world.EventChairRegistered, Body: &world.ChairAccount{ID: "C", OwnerID: "O"}},
					`POST /api/chair/chairs {"name":"n","model":"m","chair_register_token":"t"}`},
				{func() { chair.Activate() }, world.Event{Kind: world.EventActivated}, `POST /api/chair/activity {"is_active":true}`},
				{func() { chair.PostPosition(p) }, world.Event{Kind: world.EventPositionRecorded, Time: 8}, `POST /api/chair/coordinate {"latitude":-3,"longitude":299}`},
				{func() { chair.PostStatus("R", world.StatusCarrying) }, world.Event{Kind: world.EventStatusPosted}, `POST /api/chair/rides/R/status {"status":"CARRYING"}`},
				{func() { owner.Register("o") }, world.Event{Kind: world.EventOwnerRegistered, Body: &world.OwnerAccount{ID: "O", RegisterToken: "t"}}, `POST /api/owner/owners {"name":"o"}`},
				{func() { owner.Chairs() }, world.Event{Kind: world.EventOwnerChairs, Body: []world.OwnedChair{}}, `GET /api/owner/chairs`},
				{func() { owner.Sales(1700000000000) }, world.Event{Kind: world.EventOwnerSales,
					Body: &world.Sales{Chairs: []world.ChairSales{}, Models: []world.ModelSales{}}}, `GET /api/owner/sales?until=1700000000000`},
			} {
				got := r.one(step.call)
				got.To = world.Entity{}
				if !reflect.DeepEqual(got, step.want) {
					t.Errorf("%s: got %+v (%v), want %+v", step.line, got, got.Failure, step.want)
				}
				if line := strings.Join(s.lines(), "\n"); line != step.line {
					t.Errorf("asked %q, want %q", line, step.line)
				}
			}
			if d := r.engine.Dials(); d.Dials != 3 || d.Open != 3 || len(d.Errors) != 0 {
				t.Errorf("%+v: want one connection per entity", d)
			}
		})
	}
}
