package acceptance

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"isuride/webapp/client"
	"isuride/webapp/servertest"
)

// TestFeed: tables as they change, over both transports.
func TestFeed(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("a person can read a stream", readableStream)
		p.Rule("a ride from all sides", feedOfRide)
		p.Rule("a stream that cannot be is refused", refusedStreams)
		p.Rule("cookies say who looks", feedByCookie)
	})
}

// api is a client for the calls and the feed of a server.
func api(p *servertest.Process) *client.Client {
	return &client.Client{URL: p.URL, HTTP: &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}}
}

// bearer is the token in a client's cookie.
func bearer(c *servertest.Client) string {
	_, token, _ := strings.Cut(c.Cookie, "=")
	return token
}

// operatorToken reads what the server has made.
func operatorToken(p *servertest.Process) string {
	p.T.Helper()
	text, err := os.ReadFile(filepath.Join(p.Data, "operator-token"))
	if err != nil {
		p.T.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// readableStream is what curl shows.
func readableStream(p *servertest.Process) {
	ctx, cancel := context.WithTimeout(p.T.Context(), servertest.TellLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", p.URL+"/api/feed?table=city", nil)
	if err != nil {
		p.T.Fatal(err)
	}
	res, err := servertest.HTTPClient.Do(req)
	if err != nil {
		p.T.Fatal(err)
	}
	defer res.Body.Close()
	checkStreamHeader(p, res.Header)
	in := bufio.NewScanner(res.Body)
	paragraph := func() string {
		var lines []string
		for in.Scan() && in.Text() != "" {
			lines = append(lines, in.Text())
		}
		return strings.Join(lines, "\n")
	}
	if got := paragraph(); got != ": the live feed of ISURIDE; what its frames mean is at /docs\nretry: 1000" {
		p.T.Errorf("the stream begins with %q", got)
	}
	first := regexp.MustCompile(`^id: \d+:\d+\ndata: \{"table":"city","action":"partial","keys":\["id"\],"epoch":\d+,"seq":\d+,"prev":0,.*"data":\[\]\}$`)
	if got := paragraph(); !first.MatchString(got) {
		p.T.Errorf("the first frame of an empty city is %q", got)
	}
}

// watch is a WebSocket with a copy of each subscription.
type watch struct {
	t      *testing.T
	live   *client.Realtime
	copies map[string]*client.Copy
	sums   map[string]string   // checksums by subscription
	told   map[string][]string // statuses by subscription; "" for no ride
	frames int
}

func newWatch(t *testing.T, c *client.Client) *watch {
	t.Helper()
	live, err := c.Realtime(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { live.Close() })
	return &watch{t: t, live: live, copies: map[string]*client.Copy{}, sums: map[string]string{}, told: map[string][]string{}}
}

func (w *watch) subscribe(sub, token, tables string) {
	w.t.Helper()
	if err := w.live.Subscribe(sub, token, client.Subscription{Tables: tables}); err != nil {
		w.t.Fatal(err)
	}
	w.copies[sub] = new(client.Copy)
}

// until reads frames until a condition holds after one.
func (w *watch) until(what string, holds func(client.Frame) bool) client.Frame {
	w.t.Helper()
	late := time.AfterFunc(servertest.RideLimit, func() { w.live.Close() })
	defer late.Stop()
	for {
		f, err := w.live.Next()
		if err != nil {
			w.t.Fatalf("before %s: %v", what, err)
		}
		w.take(f)
		if holds(f) {
			return f
		}
	}
}

func (w *watch) take(f client.Frame) {
	w.t.Helper()
	w.frames++
	switch f.Action {
	case "checksum":
		var sum struct{ CRC32C string }
		if err := json.Unmarshal(f.Data[0], &sum); err != nil {
			w.t.Fatal(err)
		}
		w.sums[f.Sub+"/"+f.Table] = sum.CRC32C
	case "notification":
		status := ""
		if len(f.Data) > 0 {
			var n struct{ Status string }
			if err := json.Unmarshal(f.Data[0], &n); err != nil {
				w.t.Fatal(err)
			}
			status = n.Status
		}
		w.told[f.Sub] = append(w.told[f.Sub], status)
	}
	if c := w.copies[f.Sub]; c != nil {
		if err := c.Apply(f); err != nil {
			w.t.Fatalf("%s: %v", f.Sub, err)
		}
	}
}

// same asks for a checksum and compares it with that of the copy as it is then.
func (w *watch) same(sub, table string) {
	w.t.Helper()
	if err := w.live.Checksum(sub, table); err != nil {
		w.t.Fatal(err)
	}
	w.until("the checksum of "+sub, func(f client.Frame) bool { return f.Sub == sub && f.Action == "checksum" })
	if got, want := w.copies[sub].Checksum(table), w.sums[sub+"/"+table]; got != want {
		w.t.Errorf("the copy of %s of %s has the checksum %s, the server %s: %v", table, sub, got, want, w.copies[sub].Rows(table))
	}
}

// feedOfRide follows one ride as the public, as its rider, its chair, the owner and the
// operator, all over one connection, and its notifications as well.
func feedOfRide(p *servertest.Process) {
	s := p.Scene()
	w := newWatch(p.T, api(p))
	w.subscribe("public", "", "city")
	w.subscribe("rider", bearer(s.User), "rides")
	w.subscribe("owner", bearer(s.Owner), "chairs")
	w.subscribe("operator", operatorToken(p), "rides,users")
	for sub, c := range map[string]*servertest.Client{"told rider": s.User, "told chair": s.Chair} {
		if err := w.live.Notifications(sub, bearer(c)); err != nil {
			p.T.Fatal(err)
		}
	}
	w.until("the beginnings", func(client.Frame) bool {
		begun := len(w.told["told rider"]) > 0 && len(w.told["told chair"]) > 0
		for _, c := range w.copies {
			begun = begun && c.Position() != ""
		}
		return begun
	})
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	s.Drive(ride, "MATCHING", "COMPLETED")
	w.until("the end of the ride", func(client.Frame) bool {
		return strings.Contains(fmt.Sprint(w.copies["operator"].Rows("rides")), `"evaluation":5`) &&
			len(w.told["told rider"]) > 6 && len(w.told["told chair"]) > 6
	})
	for sub, table := range map[string]string{"public": "city", "rider": "rides", "owner": "chairs", "operator": "rides"} {
		w.same(sub, table)
		if len(w.copies[sub].Rows(table)) == 0 {
			p.T.Errorf("%s has seen no %s", sub, table)
		}
	}
	for _, sub := range []string{"told rider", "told chair"} {
		if got := strings.Join(w.told[sub], " "); got != " MATCHING ENROUTE PICKUP CARRYING ARRIVED COMPLETED" {
			p.T.Errorf("%s: %q", sub, got)
		}
	}
	if rows := fmt.Sprint(w.copies["public"].Rows("city")); strings.Contains(rows, ride) || strings.Contains(rows, s.User.ID) {
		p.T.Errorf("the public sees who rides: %s", rows)
	}
	// What was told counts as delivered: a stream begins with the last status.
	for _, c := range []*servertest.Client{s.User, s.Chair} {
		c.Listen().Expect(ride, "COMPLETED")
	}
	w.commands(p, s)
}

// commands tries what else a client can say.
func (w *watch) commands(p *servertest.Process, s *servertest.Scene) {
	refusal := func(code string) func(client.Frame) bool {
		return func(f client.Frame) bool { return f.Action == "error" && f.Code == code && f.Message != "" }
	}
	for _, c := range []struct{ command, code string }{
		{`no JSON`, "bad_command"},
		{`[]`, "bad_command"},
		{`{"op":"dance"}`, "bad_command"},
		{`{"op":7}`, "bad_command"},
		{`{"op":"subscribe","sub":"x","table":"city","fliter":"a=b"}`, "bad_command"},
		{`{"op":"subscribe","sub":"x","table":"nothing"}`, "unknown_table"},
		{`{"op":"subscribe","sub":"x","table":"rides"}`, "no_right"},
		{`{"op":"subscribe","sub":"x","table":"city","filter":"=="}`, "bad_filter"},
		{`{"op":"subscribe","sub":"x","table":"city","resume":"1"}`, "bad_position"},
		{`{"op":"subscribe","sub":"x","table":"city","interval":7}`, "bad_interval"},
		{`{"op":"subscribe","sub":"x","table":"city","interval":[100]}`, "bad_command"},
		{`{"op":"subscribe","sub":"x","table":"city","since":999999999,"speed":10,"interval":100}`, "ahead"},
		{`{"op":"subscribe","sub":"x","table":"city","since":1,"speed":-1.5}`, "bad_speed"},
		{`{"op":"subscribe","sub":"x","table":"city","token":"` + strings.Repeat("0", 64) + `"}`, "unknown_viewer"},
		{`{"op":"subscribe","sub":"x","table":"notifications"}`, "no_right"},
		{`{"op":"subscribe","sub":"x","table":"notifications","token":"` + bearer(s.Owner) + `"}`, "no_right"},
		{`{"op":"subscribe","sub":"public","table":"city"}`, "name_taken"},
		{`{"op":"subscribe","sub":"told rider","table":"city"}`, "name_taken"},
		{`{"op":"subscribe","sub":"told rider","table":"notifications","token":"` + bearer(s.User) + `"}`, "name_taken"},
		{`{"op":"unsubscribe","sub":"nobody"}`, "unknown_name"},
		{`{"op":"checksum","sub":"nobody","table":"city"}`, "unknown_name"},
	} {
		if err := w.live.Send(c.command); err != nil {
			p.T.Fatal(err)
		}
		w.until(c.code+" for "+c.command, refusal(c.code))
	}
	if err := errors.Join(w.live.Ping(), w.live.Unsubscribe("told rider"), w.live.Unsubscribe("public")); err != nil {
		p.T.Fatal(err)
	}
	gone := map[string]bool{}
	w.until("pong and the ends of two subscriptions", func(f client.Frame) bool {
		gone[f.Sub+" "+f.Action] = true
		return gone[" pong"] && gone["told rider unsubscribed"] && gone["public unsubscribed"]
	})
}

// refusedStreams: a status, and the error in the frame that a subscription would have got.
func refusedStreams(p *servertest.Process) {
	s := p.Scene()
	for _, c := range []struct {
		query, token, code string
		status             int
	}{
		{"", "", "unknown_table", 400},
		{"?table=nothing", "", "unknown_table", 400},
		{"?table=city&filter===", "", "bad_filter", 400},
		{"?table=city&resume=x", "", "bad_position", 400},
		{"?table=city&since=yesterday", "", "bad_position", 400},
		{"?table=city&since=0&speed=fast", "", "bad_speed", 400},
		{"?table=city&interval=7", "", "bad_interval", 400},
		{"?table=city&since=2130-01-01T00:00:00Z", "", "ahead", 400},
		{"?table=city&since=999999999", "", "ahead", 400},
		{"?table=city&since=2001-01-01T00:00:00Z", "", "not_kept", 410},
		{"?table=server&since=1", "", "not_kept", 410},
		{"?table=rides", "", "no_right", 403},
		{"?table=users", bearer(s.Chair), "no_right", 403},
	} {
		header := []string{"Accept", "text/event-stream"}
		if c.token != "" {
			header = append(header, "Authorization", "Bearer "+c.token)
		}
		r := p.Send("GET", "/api/feed"+c.query, "", header...)
		o := r.Object(p.T)
		if r.Status != c.status || o["action"] != "error" || o["code"] != c.code || fmt.Sprint(o["message"]) == "" {
			p.T.Errorf("%s is answered %d %s, want %d %s", c.query, r.Status, r.Body, c.status, c.code)
		}
	}
	for _, c := range []struct {
		query, name, value, code, thing string
		status                          int
	}{
		{"", "Authorization", "Bearer x", "unknown_viewer", "bearer token", 401},
		{"&as=owner", "Cookie", s.User.Cookie, "unknown_viewer", "owner", 401},
		{"&as=king", "Cookie", "", "bad_command", "king", 400},
		{"&every=false", "Cookie", "", "bad_command", "every", 400},
	} {
		r := p.Send("GET", "/api/feed?table=city"+c.query, "", c.name, c.value)
		o := r.Object(p.T)
		if r.Status != c.status || o["action"] != "error" || o["code"] != c.code || !strings.Contains(fmt.Sprint(o["message"]), c.thing) {
			p.T.Errorf("%s with %s is answered %d %s, want %d %s and %q", c.query, c.name, r.Status, r.Body, c.status, c.code, c.thing)
		}
		if challenged := r.Header.Get("WWW-Authenticate") != ""; challenged != (c.status == 401) {
			p.T.Errorf("%s with %s is answered %d with the challenge %q", c.query, c.name, r.Status, r.Header.Get("WWW-Authenticate"))
		}
	}
}

// feedByCookie: a browser's cookies say who looks, and "as" which of them.
func feedByCookie(p *servertest.Process) {
	s := p.Scene()
	both := s.User.Cookie + "; " + s.Owner.Cookie
	for query, want := range map[string]string{"table=users": s.User.ID, "table=users&as=user": s.User.ID, "table=owners&as=owner": s.Owner.ID} {
		ctx, cancel := context.WithTimeout(p.T.Context(), servertest.TellLimit)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", p.URL+"/api/feed?"+query, nil)
		if err != nil {
			p.T.Fatal(err)
		}
		req.Header.Set("Cookie", both)
		res, err := servertest.HTTPClient.Do(req)
		if err != nil {
			p.T.Fatal(err)
		}
		defer res.Body.Close()
		in := bufio.NewScanner(res.Body)
		for in.Scan() && !strings.Contains(in.Text(), want) {
		}
		if err := in.Err(); err != nil || res.StatusCode != 200 {
			p.T.Errorf("%s: %d, %v, without %s", query, res.StatusCode, err, want)
		}
	}
	// A cookie that belongs to nobody does not keep the public out.
	r := p.Send("GET", "/api/feed?table=rides", "", "Cookie", "app_session=old")
	if r.Status != 403 || !strings.Contains(string(r.Body), "public") {
		p.T.Errorf("an old cookie is answered with %d %s", r.Status, r.Body)
	}
}
