package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"isuride/tools/dev/allocs"
	"isuride/webapp/admission"
	"isuride/webapp/feed"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// TestEveryEndpointHasADuty: a new endpoint must say what it is worth, and whose session it asks for.
func TestEveryEndpointHasADuty(t *testing.T) {
	a, _ := newTestAPI(t)
	routed := map[string]bool{}
	for _, r := range a.routes {
		for _, e := range r.endpoints {
			routed[e.name] = true
			if _, ok := duties[e.name]; !ok {
				t.Errorf("%s has no row in duties", e.name)
			}
		}
	}
	for name, d := range duties {
		if !routed[name] {
			t.Errorf("duties has a row for %s, which is no endpoint", name)
		}
		for prefix, session := range map[string]string{"/api/app/": userSession, "/api/owner/": ownerSession, "/api/chair/": chairSession} {
			if strings.Contains(name, " "+prefix) && d.by != session && (d.by != "" || !d.writes) {
				t.Errorf("%s belongs to the session %q", name, d.by)
			}
		}
	}
}

// city is a server on loopback with a gate whose waits a test sets, and people of all kinds.
type city struct {
	*testing.T
	api                 *API
	http                *httpd.Server
	gate                *admission.Gate
	wait                time.Duration
	address             string
	rider, guest, owner string // cookies; the rider has a ride
	busy, idle          string
	ride, registration  string
	riderToken          string
}

func newCity(t *testing.T, mode admission.Mode) *city {
	a, s := newTestAPI(t)
	c := &city{T: t, api: a}
	c.gate = admission.New(admission.Options{Mode: mode, Now: func() time.Duration { return 0 }, // budgets do not grow back
		Sources: []admission.Source{{Name: "test", Low: func() (time.Duration, bool) { return c.wait, true }}}})
	a.opt.Gate = c.gate
	c.http = httpd.New(a.Serve, httpd.Options{Observe: a.Observe, Admit: a.Admit, Error: WriteProtocolError})
	l := mustBe[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	c.address = l.Addr().String()
	go c.http.Serve(l)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		c.http.Shutdown(ctx)
		a.Close()
	})
	c.populate(s)
	return c
}

// populate registers everybody and gives the rider a chair.
func (c *city) populate(s *state.Store) {
	user := func(name string) *state.User {
		u := mustBe[*state.User](c)(s.RegisterUser(state.NewUser{Username: name, Firstname: "a", Lastname: "b", DateOfBirth: "2000-01-01"}))
		return u
	}
	rider, guest := user("rider"), user("guest")
	owner := mustBe[*state.Owner](c)(s.RegisterOwner("owner"))
	chair := func(name string) *state.Chair {
		return mustBe[*state.Chair](c)(s.RegisterChair(owner.ChairRegisterToken, name, "SitEase"))
	}
	busy, idle := chair("busy"), chair("idle")
	c.must(s.SetActivity(busy, true))
	mustBe[isuride.Time](c)(s.Report(busy, isuride.Coordinate{}))
	ride := mustBe[*state.Ride](c)(s.RequestRide(rider, isuride.Coordinate{Latitude: 1}, isuride.Coordinate{Latitude: 9}))
	for ride.Chair() == nil {
		c.must(c.api.engine.Current().Match())
	}
	c.ride, c.registration, c.riderToken = ride.ID, owner.ChairRegisterToken, rider.AccessToken
	c.rider, c.guest, c.owner = "app_session="+rider.AccessToken, "app_session="+guest.AccessToken, "owner_session="+owner.AccessToken
	c.busy, c.idle = "chair_session="+busy.AccessToken(), "chair_session="+idle.AccessToken()
}

func (c *city) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// waits has the gate see requests wait for a time.
func (c *city) waits(d, during time.Duration) {
	for c.wait = d; during > 0; during -= 100 * time.Millisecond {
		c.gate.Look()
	}
}

// client is one connection.
type client struct {
	*city
	net.Conn
	from *bufio.Reader
}

func (c *city) dial() *client {
	nc := mustBe[net.Conn](c)(net.Dial("tcp", c.address))
	c.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(time.Minute))
	return &client{c, nc, bufio.NewReader(nc)}
}

// text is a request.
func text(method, path, cookie, body string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\nContent-Length: %d\r\n\r\n%s", method, path, cookie, len(body), body)
}

// answer reads an answer with its body; of a stream, the head alone.
func (c *client) answer() (*http.Response, string) {
	c.Helper()
	r := mustBe[*http.Response](c)(http.ReadResponse(c.from, nil))
	if r.ContentLength < 0 {
		return r, ""
	}
	return r, string(mustBe[[]byte](c)(io.ReadAll(r.Body)))
}

func (c *client) ask(method, path, cookie, body string) (*http.Response, string) {
	c.Helper()
	mustBe[int](c)(io.WriteString(c.Conn, text(method, path, cookie, body)))
	return c.answer()
}

// TestOverload: while all of class B and C is refused, what ends or advances admitted work is
// served, on connections that also carry what is refused; and nobody gets into class A who has no
// such work.
func TestOverload(t *testing.T) {
	c := newCity(t, admission.Strict)
	const here, trip = `{"latitude":1,"longitude":2}`, `{"pickup_coordinate":{"latitude":1,"longitude":2},"destination_coordinate":{"latitude":3,"longitude":4}}`
	c.waits(time.Second, time.Minute)
	status := "/api/chair/rides/" + c.ride + "/status"
	evaluation := "/api/app/rides/" + c.ride + "/evaluation"
	one := c.dial()
	for _, tc := range []struct {
		method, path, cookie, body string
		status                     int
	}{
		{"POST", "/api/chair/coordinate", c.busy, here, 200},
		{"POST", status, c.busy, `{"status":"ENROUTE"}`, 204},
		{"POST", evaluation, c.rider, `{"evaluation":5}`, 400}, // it is judged: not ARRIVED
		{"POST", "/api/chair/activity", c.busy, `{"is_active":false}`, 204},
		{"GET", "/api/internal/matching", "", "", 204},
		{"GET", "/api/realtime", c.rider, "", 426}, // it is judged: no WebSocket

		{"POST", "/api/chair/coordinate", c.idle, here, 503},
		{"POST", "/api/chair/activity", c.idle, `{"is_active":true}`, 503},
		{"POST", "/api/app/rides", c.guest, trip, 503},
		{"POST", "/api/app/payment-methods", c.guest, `{"token":"x"}`, 503},

		{"POST", "/api/app/users", "", `{}`, 503},
		{"POST", "/api/owner/owners", "", `{}`, 503},
		{"POST", "/api/chair/chairs", "", `{}`, 503},
		{"GET", "/api/app/rides", c.rider, "", 503},
		{"GET", "/api/app/nearby-chairs?latitude=0&longitude=0", c.rider, "", 503},
		{"POST", "/api/app/rides/estimated-fare", c.rider, trip, 503},
		{"GET", "/api/owner/sales", c.owner, "", 503},
		{"GET", "/api/owner/chairs", c.owner, "", 503},
		{"GET", "/api/feed?table=rides", c.rider, "", 503},
		{"GET", "/", "", "", 503},
		{"GET", "/api/nowhere", "", "", 503},
		{"DELETE", "/api/app/rides", c.rider, "", 503},

		// Who would like to be class A.
		{"POST", status, c.idle, `{"status":"ENROUTE"}`, 503},
		{"POST", "/api/chair/coordinate", "chair_session=made-up", here, 503},
		{"POST", "/api/chair/coordinate", c.rider, here, 503},
		{"POST", evaluation, c.guest, `{"evaluation":5}`, 503},
		{"POST", "/api/app/rides/made-up/evaluation", c.rider, `{"evaluation":5}`, 503},
		{"GET", "/api/app/notification", "app_session=made-up", "", 503},
		{"GET", "/api/chair/notification", "", "", 503},
		{"GET", "/api/realtime", "", "", 503},
		{"GET", "/api/realtime", "app_session=made-up", "", 503},
	} {
		answer, body := one.ask(tc.method, tc.path, tc.cookie, tc.body)
		if answer.StatusCode != tc.status {
			t.Errorf("%s %s by %q: %s %q, want %d", tc.method, tc.path, tc.cookie, answer.Status, body, tc.status)
		}
		if after, err := strconv.Atoi(answer.Header.Get("Retry-After")); tc.status == 503 && (err != nil || after < 1 || after > 3 ||
			body != fmt.Sprintf(`{"message":"the server is busy; try again in %d s"}`, after) || answer.Header.Get("Content-Type") != "application/json;charset=utf-8") {
			t.Errorf("%s %s: %v %q", tc.method, tc.path, answer.Header, body)
		}
	}
	for path, cookie := range map[string]string{"/api/app/notification": c.rider, "/api/chair/notification": c.idle} {
		if answer, _ := c.dial().ask("GET", path, cookie, ""); answer.StatusCode != 200 {
			t.Errorf("GET %s: %s", path, answer.Status)
		}
	}
	if s := c.http.Stats(); s.Conns != 3 {
		t.Errorf("%d connections, want one and two streams", s.Conns)
	}
	if s := c.gate.Stats(); s.Refused[admission.A][admission.Wait] != 0 || s.Refused[admission.B][admission.Wait] < 4 || s.Refused[admission.C][admission.Wait] < 11 {
		t.Errorf("counted are %v", s.Refused)
	}
	c.waits(0, 3*time.Second)
	if answer, body := one.ask("GET", "/api/app/rides", c.rider, ""); answer.StatusCode != 200 {
		t.Errorf("afterwards: %s %q", answer.Status, body)
	}
}

// TestRegistrationGoesOn: who was let in to register is not refused what that was for, when others
// of class C are.
func TestRegistrationGoesOn(t *testing.T) {
	c := newCity(t, admission.Strict)
	c.waits(25*time.Millisecond, time.Minute)
	cookie := ""
	for i := 0; cookie == ""; i++ { // half of the connections are refused
		answer, body := c.dial().ask("POST", "/api/app/users", "", fmt.Sprintf(`{"username":"new%d","firstname":"a","lastname":"b","date_of_birth":"2000-01-01"}`, i))
		switch {
		case answer.StatusCode == 201:
			cookie = strings.Split(answer.Header.Get("Set-Cookie"), ";")[0]
		case answer.StatusCode != 503 || i == 100:
			t.Fatalf("%s %q", answer.Status, body)
		}
	}
	c.waits(30*time.Millisecond, time.Second)
	one := c.dial()
	if answer, body := one.ask("GET", "/api/app/rides", cookie, ""); answer.StatusCode != 200 {
		t.Errorf("who has registered gets %s %q", answer.Status, body)
	}
	if answer, _ := one.ask("GET", "/api/app/rides", c.guest, ""); answer.StatusCode != 503 {
		t.Errorf("who was there before gets %s", answer.Status)
	}
}

// TestTablesAreRefused, but not the notifications of a session, over a connection that is there.
func TestTablesAreRefused(t *testing.T) {
	c := newCity(t, admission.Strict)
	gen := c.api.engine.Current()
	f := feed.New(feed.Options{Log: slog.New(slog.DiscardHandler), Now: gen.Now, Current: func() feed.Source {
		return feed.Source{Epoch: gen.Number(), Store: gen.Store, Journal: gen.Journal(), Folder: gen.Folder(), Secret: gen.Secret("feed")}
	}})
	t.Cleanup(f.Close)
	says := func(command string) string {
		r := &realtime{api: c.api, sessions: map[string]*told{}, feed: f.Open(func() {})}
		defer r.close()
		r.obey([]byte(command))
		m, _ := r.feed.Next()
		return string(m.JSON)
	}
	const table, own = `{"op":"subscribe","sub":"s","table":"chairs"}`, `{"op":"subscribe","sub":"n","table":"notifications","token":"made-up"}`
	c.waits(time.Second, time.Minute)
	if got := says(table); !strings.Contains(got, string(feed.Busy)) {
		t.Errorf("a table is answered by %s", got)
	}
	if got := says(own); !strings.Contains(got, string(feed.UnknownAccount)) { // it is judged
		t.Errorf("notifications are answered by %s", got)
	}
	c.waits(0, 3*time.Second)
	if got := says(table); strings.Contains(got, string(feed.Busy)) {
		t.Errorf("afterwards a table is answered by %s", got)
	}
}

// TestPipelinedOverload: refusals keep the order of answers.
func TestPipelinedOverload(t *testing.T) {
	c := newCity(t, admission.Strict)
	c.waits(time.Second, time.Minute)
	one := c.dial()
	report := text("POST", "/api/chair/coordinate", c.busy, `{"latitude":1,"longitude":2}`)
	look := text("GET", "/api/app/rides", c.rider, "")
	mustBe[int](c)(io.WriteString(one, report+look+report+look+look+report))
	for i, want := range []int{200, 503, 200, 503, 503, 200} {
		if answer, _ := one.answer(); answer.StatusCode != want {
			t.Errorf("answer %d: %s, want %d", i+1, answer.Status, want)
		}
	}
}

// TestOrdinaryLoad: what waits for a tenth of a second, as in a full run of the benchmarker, is
// served by default.
func TestOrdinaryLoad(t *testing.T) {
	c := newCity(t, admission.Default)
	c.waits(100*time.Millisecond, time.Hour)
	one := c.dial()
	for range 500 {
		if answer, body := one.ask("GET", "/api/app/rides", c.rider, ""); answer.StatusCode != 200 {
			t.Fatalf("%s %q", answer.Status, body)
		}
	}
	if s := c.gate.Stats(); s.Refused != (admission.Stats{}).Refused {
		t.Errorf("refused are %v", s.Refused)
	}
}

// TestStaleRequest: what is older than its client's patience gets no answer.
func TestStaleRequest(t *testing.T) {
	c := newCity(t, admission.Default)
	c.waits(2*time.Second, time.Second)
	a := c.api
	srv := httpd.New(a.Serve, httpd.Options{Admit: func(ctx *httpd.Ctx) bool {
		e, who := a.asked(ctx)
		return a.decide(who, admission.Request{Class: e.duty.class, Waited: time.Minute})
	}})
	conn := &memoryConn{request: []byte(text("GET", "/api/app/rides", c.rider, "")), left: 2, closed: make(chan struct{})}
	srv.Serve(&memoryListener{conn: conn})
	if conn.last != nil || conn.left != 1 {
		t.Errorf("the answer is %q, and %d more requests were read", conn.last, 1-conn.left)
	}
	if n := c.gate.Stats().Refused[admission.C][admission.Stale]; n != 1 {
		t.Errorf("%d are counted", n)
	}
}

// TestFloodOfOneSession: who sends more than a ride needs gets 429, even for what is otherwise
// never refused, and others notice nothing.
func TestFloodOfOneSession(t *testing.T) {
	c := newCity(t, admission.Strict)
	c.waits(15*time.Millisecond, time.Second) // nobody is refused yet
	one, other := c.dial(), c.dial()
	const body = `{"latitude":1,"longitude":2}`
	n := map[int]int{}
	for range 2000 {
		answer, _ := one.ask("POST", "/api/chair/coordinate", c.busy, body)
		if n[answer.StatusCode]++; answer.StatusCode == 429 && answer.Header.Get("Retry-After") == "" {
			t.Fatal("429 without Retry-After")
		}
	}
	if n[200] != 200 || n[429] != 1800 {
		t.Errorf("the statuses are %v", n)
	}
	if answer, _ := other.ask("GET", "/api/app/rides", c.guest, ""); answer.StatusCode != 200 {
		t.Errorf("another session gets %s", answer.Status)
	}
}

// TestDoorDoesNotAllocate, while nothing is wrong and for the hottest requests while everything is.
func TestDoorDoesNotAllocate(t *testing.T) {
	c := newCity(t, admission.Strict)
	request := text("POST", "/api/chair/coordinate", c.busy, `{"latitude":1,"longitude":2}`)
	run := func(request string) func() {
		return func() {
			conn := &memoryConn{request: []byte(request), left: 10_000, closed: make(chan struct{})}
			httpd.New(c.api.Serve, httpd.Options{Observe: c.api.Observe, Admit: c.api.Admit}).Serve(&memoryListener{conn: conn})
		}
	}
	for what, wait := range map[string]time.Duration{"nothing waits": 0, "everything waits": time.Second} {
		c.waits(wait, time.Minute)
		for kind, request := range map[string]string{"report": request, "refusal": text("GET", "/api/app/nearby-chairs", c.rider, "")} {
			if kind == "refusal" && wait == 0 {
				continue
			}
			if n := allocs.PerRun(1, run(request)) / 10_000; n >= mostAllocations {
				t.Errorf("%s, %s: %v allocations", what, kind, n)
			}
		}
	}
}

// BenchmarkRefusal is a refusal from the request's bytes to those of the answer, without a network.
func BenchmarkRefusal(b *testing.B) {
	a, s := newTestAPI(b)
	a.opt.Gate = admission.New(admission.Options{Mode: admission.Strict,
		Sources: []admission.Source{{Name: "test", Low: func() (time.Duration, bool) { return time.Second, true }}}})
	for range 100 {
		a.opt.Gate.Look()
	}
	u := mustBe[*state.User](b)(s.RegisterUser(state.NewUser{Username: "u", Firstname: "a", Lastname: "b", DateOfBirth: "2000-01-01"}))
	request := text("GET", "/api/app/nearby-chairs?latitude=1&longitude=2", "app_session="+u.AccessToken, "")
	b.ReportAllocs()
	b.ResetTimer()
	conn := &memoryConn{request: []byte(request), left: b.N, closed: make(chan struct{})}
	httpd.New(a.Serve, httpd.Options{Observe: a.Observe, Admit: a.Admit}).Serve(&memoryListener{conn: conn})
}
