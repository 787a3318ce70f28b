package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/webapp/client"
	"isuride/webapp/servertest"
)

// TestRealtimeHandshake: who may open a WebSocket, and what others are told.
func TestRealtimeHandshake(t *testing.T) {
	t.Parallel()
	servertest.Protocols(t, func(t *testing.T, p *servertest.Process) {
		p.Bare()
		p.Start()
		host := strings.TrimPrefix(strings.TrimPrefix(p.URL, "https://"), "http://")
		p.Send("GET", "/api/realtime", "").Refused(t, 426, "WebSocket")
		p.Send("GET", "/api/realtime", "", "Origin", "https://evil.example").Refused(t, 403, "other sites")
		p.Send("GET", "/api/realtime", "", "Origin", "null").Refused(t, 403, "other sites")
		p.Send("GET", "/api/realtime", "", "Origin", "https://"+host).Refused(t, 426, "WebSocket")
		if p.HTTP2 {
			return // an upgrade is none of HTTP/2's
		}
		ask := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
		with := func(name, value string) []string {
			header := append([]string{}, ask...)
			return append(header, name, value)
		}
		if r := p.Send("GET", "/api/realtime", "", with("Sec-WebSocket-Version", "8")...); r.Status != 426 || r.Header.Get("Sec-WebSocket-Version") != "13" {
			t.Errorf("another version: %d %s, %v", r.Status, r.Body, r.Header)
		}
		p.Send("GET", "/api/realtime", "", with("Sec-WebSocket-Key", "short")...).Refused(t, 400, "Sec-WebSocket-Key")
		p.Send("GET", "/api/realtime", "", with("Authorization", "Bearer x")...).Refused(t, 401, "bearer token")
		p.Send("GET", "/api/realtime", "", with("Origin", "http://evil.example")...).Refused(t, 403, "other sites")
	})
}

// TestRealtimeOverInitialize: a new generation ends sessions, which are told, and goes on for
// the public.
func TestRealtimeOverInitialize(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.Bare()
	p.Start()
	p.Initialize()
	s := p.Scene()
	w := newWatch(t, api(p))
	w.subscribe("public", "", "city")
	if err := w.live.Notifications("told", bearer(s.User)); err != nil {
		t.Fatal(err)
	}
	w.until("the beginning", func(client.Frame) bool { return len(w.told["told"]) > 0 && len(w.copies["public"].Rows("city")) > 0 })
	begun, ended := make(chan bool, 1), make(chan []string, 1)
	go func() { ended <- framesOf(t, api(p).As(bearer(s.User)), begun) }()
	bound.Receive(t, "the beginning of a user's stream", begun)
	p.Initialize()
	if got := bound.Receive(t, "the end of the stream of a user who is gone", ended); got[len(got)-1] != "error unknown_viewer" {
		t.Errorf("the stream of a user who is gone: %q; the last should say so", got)
	}
	told := false
	w.until("the new generation", func(f client.Frame) bool {
		told = told || f.Sub == "told" && f.Action == "error" && f.Code == "closing"
		return told && w.copies["public"].Position() != "" && len(w.copies["public"].Rows("city")) == 0
	})
	if err := w.live.Notifications("told", bearer(s.User)); err != nil {
		t.Fatal(err)
	}
	w.until("the refusal of a token of before", func(f client.Frame) bool { return f.Sub == "told" && f.Code == "unknown_viewer" })
	another, _ := p.User("another", "")
	if err := w.live.Notifications("told", bearer(another)); err != nil {
		t.Fatal(err)
	}
	w.until("another session of that name", func(f client.Frame) bool { return f.Sub == "told" && f.Action == "notification" })
}

// framesOf reads the stream of the caller's own row until it ends; the first frame is signalled to begun.
func framesOf(t *testing.T, c *client.Client, begun chan<- bool) (frames []string) {
	_ = c.Frames(t.Context(), client.Subscription{Tables: "users"}, func(text []byte) error {
		var f client.Frame
		if err := json.Unmarshal(text, &f); err != nil {
			return err
		}
		if frames = append(frames, f.Action+" "+f.Code); len(frames) == 1 {
			begun <- true
		}
		return nil
	})
	return frames
}

// TestStopIsTold: readers learn that the server stops.
func TestStopIsTold(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.Bare()
	p.Start()
	w := newWatch(t, api(p))
	w.subscribe("public", "", "city")
	w.until("the beginning", func(f client.Frame) bool { return f.Sub == "public" })
	stopped := make(chan struct{})
	go func() { defer close(stopped); p.Stop() }()
	w.until("the end", func(f client.Frame) bool { return f.Action == "error" && f.Code == "closing" })
	<-stopped
}

// sessionsDriven is how many chairs, and how many riders, one connection serves in the test.
const sessionsDriven = 500

// TestManySessionsOnOneConnection drives 500 chairs and 500 riders from one browser: over one
// connection, by bearer tokens, while another rider stays logged in with the browser's cookie.
func TestManySessionsOnOneConnection(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.Bare()
	p.Start()
	p.Initialize()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Transport: servertest.HTTPClient.Transport, Jar: jar}
	logsIn(t, p, browser)
	d := &drive{watch: newWatch(t, api(p)), page: &client.Client{URL: p.URL, HTTP: browser}, accounts: map[string]*client.Client{}}
	d.register()
	for sub, c := range d.accounts {
		if err := d.watch.live.Notifications(sub, c.Token); err != nil {
			t.Fatal(err)
		}
	}
	d.run()
	staysLoggedIn(t, p, browser)
}

// logsIn registers a rider whose session is the browser's cookie.
func logsIn(t *testing.T, p *servertest.Process, browser *http.Client) {
	t.Helper()
	res, err := browser.Post(p.URL+"/api/app/users", "application/json", strings.NewReader(
		`{"username":"person","firstname":"Ann","lastname":"Lee","date_of_birth":"2000-01-01"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 201 {
		t.Fatalf("registered with %d", res.StatusCode)
	}
}

// staysLoggedIn: the cookie still belongs to the person, who has no rides.
func staysLoggedIn(t *testing.T, p *servertest.Process, browser *http.Client) {
	t.Helper()
	me := &client.Client{URL: p.URL, HTTP: browser}
	if rides, err := me.RideHistory(t.Context()); err != nil || len(rides) != 0 {
		t.Errorf("the rider with the cookie has %d rides: %v", len(rides), err)
	}
	if _, err := me.RequestRide(t.Context(), client.Coordinate{}, client.Coordinate{Latitude: 1}); err != nil {
		t.Errorf("the rider with the cookie cannot ride: %v", err)
	}
}

// drive makes a ride of each rider, told by one connection and driven by bearer tokens.
type drive struct {
	watch    *watch
	page     *client.Client // with the browser's cookies
	accounts map[string]*client.Client
	calls    sync.WaitGroup

	mu   sync.Mutex
	errs []error // guarded by mu
}

func (d *drive) register() {
	t := d.watch.t
	ctx := t.Context()
	_, owner, err := d.page.RegisterOwner(ctx, "owner")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	servertest.Together(t, 8, func(worker int) error {
		for i := worker; i < sessionsDriven; i += 8 {
			chair, _, err := d.page.RegisterChair(ctx, owner.ChairRegisterToken, fmt.Sprint("chair ", i), "SitEase")
			if err != nil {
				return err
			}
			_, err = chair.ReportPosition(ctx, client.Coordinate{Latitude: i % 50, Longitude: i / 50})
			rider, _, err2 := d.page.RegisterUser(ctx, client.Person{Username: fmt.Sprint("rider ", i), Firstname: "A", Lastname: "B", DateOfBirth: "x"})
			if err := errors.Join(err, err2, chair.SetActivity(ctx, true)); err != nil {
				return err
			}
			if err := rider.SetPaymentMethod(ctx, fmt.Sprint("token ", i)); err != nil {
				return err
			}
			mu.Lock()
			d.accounts[fmt.Sprint("chair ", i)], d.accounts[fmt.Sprint("rider ", i)] = chair, rider
			mu.Unlock()
		}
		return nil
	})
}

// run drives until every rider has been told COMPLETED.
func (d *drive) run() {
	t := d.watch.t
	completed := 0
	d.watch.until("500 riders to be told COMPLETED", func(f client.Frame) bool {
		if f.Action == "error" {
			t.Fatalf("%s: %s", f.Sub, f.Message)
		}
		if f.Action != "notification" {
			return false
		}
		told := d.watch.told[f.Sub]
		if strings.HasPrefix(f.Sub, "rider") && told[len(told)-1] == "COMPLETED" {
			completed++
		}
		d.react(f, told[len(told)-1])
		return completed == sessionsDriven
	})
	d.calls.Wait()
	for _, err := range d.errs {
		t.Error(err)
	}
	for sub, told := range d.watch.told {
		// A chair has as many rides as come to it.
		if got := strings.Join(told, " "); strings.HasPrefix(sub, "rider") && got != " MATCHING ENROUTE PICKUP CARRYING ARRIVED COMPLETED" {
			t.Errorf("%s was told %q", sub, got)
		}
	}
}

// react does what the account does when it is told a status.
func (d *drive) react(f client.Frame, status string) {
	c := d.accounts[f.Sub]
	ctx := d.watch.t.Context()
	var n struct {
		RideID      string            `json:"ride_id"`
		Pickup      client.Coordinate `json:"pickup_coordinate"`
		Destination client.Coordinate `json:"destination_coordinate"`
	}
	if len(f.Data) > 0 {
		if err := json.Unmarshal(f.Data[0], &n); err != nil {
			d.watch.t.Fatal(err)
		}
	}
	d.call(func() error {
		switch kind, _, _ := strings.Cut(f.Sub, " "); kind + " " + status {
		case "rider ":
			_, err := c.RequestRide(ctx, client.Coordinate{Latitude: 1}, client.Coordinate{Latitude: 2})
			return err
		case "rider ARRIVED":
			_, err := c.Rate(ctx, n.RideID, 5)
			return err
		case "chair MATCHING":
			return d.leg(ctx, c, n.RideID, "ENROUTE", n.Pickup)
		case "chair PICKUP":
			return d.leg(ctx, c, n.RideID, "CARRYING", n.Destination)
		}
		return nil
	})
}

func (d *drive) leg(ctx context.Context, c *client.Client, ride, status string, to client.Coordinate) error {
	if err := c.AdvanceRide(ctx, ride, status); err != nil {
		return err
	}
	_, err := c.ReportPosition(ctx, to)
	return err
}

func (d *drive) call(do func() error) {
	d.calls.Go(func() {
		if err := do(); err != nil {
			d.mu.Lock()
			d.errs = append(d.errs, err)
			d.mu.Unlock()
		}
	})
}
