package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// client is one user, owner or chair: a cookie and a way to call.
type client struct {
	t      testing.TB
	p      *process
	cookie string // "name=value", "" before registration
	id     string
}

// reply is an answer as it came.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// object is a decoded JSON object; numbers are json.Number.
type object = map[string]any

// call sends a request with a JSON body, or a text as it stands, and fails the test if
// no answer comes.
func (c *client) call(method, path string, body any) reply {
	c.t.Helper()
	r, err := c.try(method, path, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (c *client) try(method, path string, body any) (reply, error) {
	var content io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return reply{}, err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, c.p.url+path, content)
	if err != nil {
		return reply{}, err
	}
	if c.cookie != "" {
		req.Header.Set("Cookie", c.cookie)
	}
	res, err := httpClient.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, text}, err
}

var httpClient = &http.Client{
	Timeout:   20 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 100},
	CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	},
}

// want calls and checks the status; the answer comes decoded.
func (c *client) want(status int, method, path string, body any) object {
	c.t.Helper()
	r := c.call(method, path, body)
	if r.status != status {
		c.t.Fatalf("%s %s answers %d, want %d: %s", method, path, r.status, status, r.body)
	}
	return r.object(c.t)
}

func (r reply) object(t testing.TB) object {
	t.Helper()
	if len(r.body) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.UseNumber()
	var o object
	if err := d.Decode(&o); err != nil {
		t.Fatalf("the answer is no JSON object: %v: %s", err, r.body)
	}
	return o
}

func integer(t testing.TB, v any) int64 {
	t.Helper()
	n, ok := v.(json.Number)
	if !ok {
		t.Fatalf("%v is no number", v)
	}
	i, err := n.Int64()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// cookieOf is the session cookie that a registration set.
func (r reply) cookieOf() string {
	text, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	return text
}

// at is a coordinate in a body.
func at(latitude, longitude int) object { return object{"latitude": latitude, "longitude": longitude} }

func trip(from, to object) object {
	return object{"pickup_coordinate": from, "destination_coordinate": to}
}

func (p *process) anonymous() *client { return &client{t: p.tb, p: p} }

// initialize starts a generation whose payments go to the test's gateway.
func (p *process) initialize() {
	p.tb.Helper()
	p.anonymous().want(200, "POST", "/api/initialize", object{"payment_server": p.gatewayURL})
}

// owner registers an owner and returns its register token, too.
func (p *process) owner(name string) (*client, string) {
	p.tb.Helper()
	c := p.anonymous()
	r := c.call("POST", "/api/owner/owners", object{"name": name})
	if r.status != 201 {
		p.tb.Fatalf("register owner: %d %s", r.status, r.body)
	}
	o := r.object(p.tb)
	c.cookie, c.id = r.cookieOf(), o["id"].(string)
	return c, o["chair_register_token"].(string)
}

// chair registers a chair that stands at a place and is active.
func (p *process) chair(registerToken, name, model string, where object) *client {
	p.tb.Helper()
	c := p.anonymous()
	r := c.call("POST", "/api/chair/chairs", object{"name": name, "model": model, "chair_register_token": registerToken})
	if r.status != 201 {
		p.tb.Fatalf("register chair: %d %s", r.status, r.body)
	}
	c.cookie, c.id = r.cookieOf(), r.object(p.tb)["id"].(string)
	c.want(204, "POST", "/api/chair/activity", object{"is_active": true})
	c.report(where)
	return c
}

func (c *client) report(where object) int64 {
	c.t.Helper()
	return integer(c.t, c.want(200, "POST", "/api/chair/coordinate", where)["recorded_at"])
}

// user registers a user with a payment token; the code may be empty. It returns the
// user's own invitation code, too.
func (p *process) user(name, invitation string) (*client, string) {
	p.tb.Helper()
	c := p.anonymous()
	r := c.call("POST", "/api/app/users", object{"username": name, "firstname": "Ann", "lastname": "Lee",
		"date_of_birth": "2000-01-01", "invitation_code": invitation})
	if r.status != 201 {
		p.tb.Fatalf("register user: %d %s", r.status, r.body)
	}
	o := r.object(p.tb)
	c.cookie, c.id = r.cookieOf(), o["id"].(string)
	c.want(204, "POST", "/api/app/payment-methods", object{"token": "token-of-" + name})
	return c, o["invitation_code"].(string)
}

// request asks for a ride and returns its id.
func (c *client) request(from, to object) string {
	c.t.Helper()
	return c.want(202, "POST", "/api/app/rides", trip(from, to))["ride_id"].(string)
}

// advance is the chair's status call.
func (c *client) advance(ride, status string) {
	c.t.Helper()
	c.want(204, "POST", "/api/chair/rides/"+ride+"/status", object{"status": status})
}

// rate is the user's evaluation; it returns completed_at.
func (c *client) rate(ride string, evaluation int) int64 {
	c.t.Helper()
	return integer(c.t, c.want(200, "POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": evaluation})["completed_at"])
}

// events is an open notification stream.
type events struct {
	c      *client
	lines  chan string // closed when the stream ends
	header http.Header
	conn   *net.TCPConn
	cancel context.CancelFunc
}

// listen opens the client's notification stream: of a user or of a chair, by cookie.
func (c *client) listen() *events {
	c.t.Helper()
	e, err := c.open()
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// open is listen for goroutines other than the test's own.
func (c *client) open() (*events, error) {
	ctx, cancel := context.WithCancel(context.Background())
	c.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", c.p.url+c.notificationPath(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Cookie", c.cookie)
	e := &events{c: c, lines: make(chan string, 1000), cancel: cancel}
	res, err := e.transport().RoundTrip(req)
	if err != nil {
		return nil, err
	}
	e.header = res.Header
	if res.StatusCode != 200 {
		res.Body.Close()
		return nil, fmt.Errorf("the stream answers %d", res.StatusCode)
	}
	go func() {
		defer close(e.lines)
		defer res.Body.Close()
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			if text, ok := strings.CutPrefix(s.Text(), "data:"); ok {
				e.lines <- strings.TrimSpace(text)
			}
		}
	}()
	return e, nil
}

// transport makes a connection for each stream, as clients have.
func (e *events) transport() *http.Transport {
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, address)
		e.conn, _ = nc.(*net.TCPConn)
		return nc, err
	}}
}

// tellLimit is when a notification counts as missing (S10.2), with room for a
// busy machine.
const tellLimit = 10 * time.Second

// next is the next message, nil for "no ride".
func (e *events) next() object {
	e.c.t.Helper()
	select {
	case line, ok := <-e.lines:
		if !ok {
			e.c.t.Fatal("the stream has ended")
		}
		return reply{body: []byte(line)}.objectOrNull(e.c.t)
	case <-time.After(tellLimit):
		e.c.t.Fatal("nothing comes")
	}
	return nil
}

func (r reply) objectOrNull(t testing.TB) object {
	if string(r.body) == "null" {
		return nil
	}
	return r.object(t)
}

// expect reads one message for each status and returns the last.
func (e *events) expect(ride string, statuses ...string) (last object) {
	e.c.t.Helper()
	for _, want := range statuses {
		last = e.next()
		if last["status"] != want || last["ride_id"] != ride {
			e.c.t.Fatalf("told %v of ride %v, want %s of %s", last["status"], last["ride_id"], want, ride)
		}
	}
	return last
}

// close drops the connection, with whatever is on its way.
func (e *events) close() { e.cancel() }

// quit ends the stream without losing what is on its way: the client sends no more, the
// server ends the stream, and until then everything is read.
func (e *events) quit() (rest []string) {
	e.conn.CloseWrite()
	return e.rest()
}

// rest reads to the end of a stream that the server ends.
func (e *events) rest() (rest []string) {
	e.c.t.Helper()
	for {
		select {
		case line, ok := <-e.lines:
			if !ok {
				return rest
			}
			rest = append(rest, line)
		case <-time.After(tellLimit):
			e.c.t.Fatal("the stream does not end")
		}
	}
}
