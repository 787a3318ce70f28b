package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A client is a user, an owner or a chair with its cookies.
type client struct {
	t      *testing.T
	url    string
	cookie *http.Cookie
}

func (c *client) call(method, path, body string, want int) (answer map[string]any) {
	c.t.Helper()
	r := c.send(method, path, body)
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	if r.StatusCode != want {
		c.t.Fatalf("%s %s: status %d, want %d: %s", method, path, r.StatusCode, want, b)
	}
	for _, cookie := range r.Cookies() {
		c.cookie = cookie
	}
	json.Unmarshal(b, &answer)
	return answer
}

func (c *client) send(method, path, body string) *http.Response {
	c.t.Helper()
	q, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.cookie != nil {
		q.AddCookie(c.cookie)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// statuses reads notifications until the named status, and returns all.
func (c *client) statuses(path, last string) (list []string) {
	c.t.Helper()
	r := c.send("GET", path, "")
	defer r.Body.Close()
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var n struct{ Status string }
			json.Unmarshal([]byte(data), &n)
			if list = append(list, n.Status); n.Status == last {
				return list
			}
		}
	}
	c.t.Fatalf("%s ended after %v", path, list)
	return nil
}

// TestRide drives one ride through all states.
func TestRide(t *testing.T) {
	attempts := 0
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		attempts++
		b, _ := io.ReadAll(r.Body)
		if string(b) != `{"amount":500}` || r.Header.Get("Authorization") != "Bearer card" || r.Header.Get("Idempotency-Key") == "" {
			t.Errorf("payment %s, %v", b, r.Header)
		}
		if attempts > 1 {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer gateway.Close()
	s := newServer()
	s.policy, s.limit = "greedy", 1
	web := httptest.NewServer(s.routes())
	defer web.Close()
	user, owner, chair := &client{t: t, url: web.URL}, &client{t: t, url: web.URL}, &client{t: t, url: web.URL}

	user.call("GET", "/api/app/rides", "", 401)
	user.call("POST", "/api/initialize", `{"payment_server":"`+gateway.URL+`"}`, 200)
	register := owner.call("POST", "/api/owner/owners", `{"name":"o"}`, 201)["chair_register_token"].(string)
	chair.call("POST", "/api/chair/chairs", `{"name":"c","model":"SitEase","chair_register_token":"`+register+`"}`, 201)
	chair.call("POST", "/api/chair/activity", `{"is_active":true}`, 204)
	chair.call("POST", "/api/chair/coordinate", `{"latitude":1,"longitude":2}`, 200)
	user.call("POST", "/api/app/users", `{"username":"u","firstname":"f","lastname":"l"}`, 201)
	user.call("POST", "/api/app/payment-methods", `{"token":"card"}`, 204)
	way := `{"pickup_coordinate":{"latitude":1,"longitude":3},"destination_coordinate":{"latitude":5,"longitude":3}}`
	if a := user.call("POST", "/api/app/rides/estimated-fare", way, 200); a["fare"] != 500.0 || a["discount"] != 400.0 {
		t.Errorf("estimated %v", a)
	}
	ride := user.call("POST", "/api/app/rides", way, 202)["ride_id"].(string)
	user.call("POST", "/api/app/rides", way, 409)
	s.match()
	status := "/api/chair/rides/" + ride + "/status"
	chair.call("POST", status, `{"status":"ENROUTE"}`, 204)
	chair.call("POST", "/api/chair/coordinate", `{"latitude":1,"longitude":3}`, 200)
	chair.call("POST", status, `{"status":"CARRYING"}`, 204)
	user.call("POST", "/api/app/rides/"+ride+"/evaluation", `{"evaluation":5}`, 400)
	chair.call("POST", "/api/chair/coordinate", `{"latitude":5,"longitude":3}`, 200)
	user.call("POST", "/api/app/rides/"+ride+"/evaluation", `{"evaluation":5}`, 200)

	want := "MATCHING ENROUTE PICKUP CARRYING ARRIVED COMPLETED"
	for path, c := range map[string]*client{"/api/app/notification": user, "/api/chair/notification": chair} {
		if got := strings.Join(c.statuses(path, "COMPLETED"), " "); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if list := user.call("GET", "/api/app/rides", "", 200)["rides"].([]any); len(list) != 1 || list[0].(map[string]any)["evaluation"] != 5.0 {
		t.Errorf("rides %v", list)
	}
	if sales := owner.call("GET", "/api/owner/sales", "", 200); sales["total_sales"] != 900.0 {
		t.Errorf("sales %v", sales)
	}
	if list := owner.call("GET", "/api/owner/chairs", "", 200)["chairs"].([]any); list[0].(map[string]any)["total_distance"] != 5.0 {
		t.Errorf("chairs %v", list)
	}
	if attempts != 2 {
		t.Errorf("%d attempts to pay, want 2", attempts)
	}
}
