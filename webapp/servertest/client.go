package servertest

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Client is one user, owner or chair: a cookie and a way to call.
type Client struct {
	T       testing.TB
	Process *Process
	Cookie  string // "name=value", "" before registration
	ID      string
}

// Anonymous is a client without a session.
func (p *Process) Anonymous() *Client { return &Client{T: p.TB, Process: p} }

// Initialize starts a generation whose payments go to the test's gateway. One with the initial data may take longer than the
// server's limit on a busy machine; then nothing has changed, and it is asked for again.
func (p *Process) Initialize() {
	p.TB.Helper()
	ask := func() Reply {
		return p.Anonymous().Call("POST", "/api/initialize", Object{"payment_server": p.GatewayURL})
	}
	r := ask()
	for range 3 {
		if r.Status == http.StatusInternalServerError && strings.Contains(p.Output.String(), "context deadline exceeded") {
			p.TB.Logf("an initialize was too late: %s", r.Body)
			r = ask()
		}
	}
	if r.Status != http.StatusOK {
		p.TB.Fatalf("an initialize answers %d: %s", r.Status, r.Body)
	}
}

// Owner registers an owner, and returns their token for registering chairs as well.
func (p *Process) Owner(name string) (*Client, string) {
	p.TB.Helper()
	c, r := p.register("/api/owner/owners", Object{"name": name}, "name")
	o := r.Object(p.TB)
	c.Cookie, c.ID = r.CookieOf(), o["id"].(string)
	return c, o["chair_register_token"].(string)
}

// register makes an account. Where the outcome is unknown, as a server of a group has ceased to lead, it makes
// another one: under another name, if names of its kind must differ, in the member unique.
func (p *Process) register(path string, body Object, unique string) (c *Client, r Reply) {
	p.TB.Helper()
	c = p.Anonymous()
	name, n := body[unique], 1
	Eventually(p.TB, func() error {
		if r = c.Call("POST", path, body); p.Node == "" || !r.Uncertain() {
			return nil
		}
		if n++; unique != "" {
			body[unique] = fmt.Sprint(name, "-", n)
		}
		return errors.New("the servers go on changing their leader")
	})
	if r.Status != http.StatusCreated {
		p.TB.Fatalf("POST %s: %d %s", path, r.Status, r.Body)
	}
	return c, r
}

// Chair registers an active chair with a position.
func (p *Process) Chair(registerToken, name, model string, where Object) *Client {
	p.TB.Helper()
	c, r := p.register("/api/chair/chairs", Object{"name": name, "model": model, "chair_register_token": registerToken}, "")
	c.Cookie, c.ID = r.CookieOf(), r.Object(p.TB)["id"].(string)
	c.Want(204, "POST", "/api/chair/activity", Object{"is_active": true})
	c.Report(where)
	return c
}

// User registers a user with a payment token; the invitation code may be empty. It
// returns the user's own invitation code as well.
func (p *Process) User(name, invitation string) (*Client, string) {
	p.TB.Helper()
	c, r := p.register("/api/app/users", Object{"username": name, "firstname": "Ann", "lastname": "Lee",
		"date_of_birth": "2000-01-01", "invitation_code": invitation}, "username")
	o := r.Object(p.TB)
	c.Cookie, c.ID = r.CookieOf(), o["id"].(string)
	c.Want(204, "POST", "/api/app/payment-methods", Object{"token": "token-of-" + name})
	return c, o["invitation_code"].(string)
}

// Person is the body of a user's registration.
func Person(name string) Object {
	return Object{"username": name, "firstname": "Ann", "lastname": "Lee", "date_of_birth": "2000-01-01"}
}

// Reply is an answer as it came.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Object is a decoded JSON object; numbers are json.Number.
type Object = map[string]any

// Call sends a request with a JSON body, or a text as it is, and fails the test if no
// answer comes. Where a server of a group knows none that leads, or does not know whether a change took place that
// may take place twice, it asks again, as its clients do: on a busy machine leaders may change at any time.
func (c *Client) Call(method, path string, body any) (r Reply) {
	c.T.Helper()
	Eventually(c.T, func() (err error) {
		if r, err = c.Try(method, path, body); err != nil {
			c.T.Fatalf("%s %s: %v", method, path, err)
		}
		if c.Process.Node != "" && (r.Leaderless() || r.Uncertain() && repeatable(method, path)) {
			return fmt.Errorf("%s %s: no server leads for long: %s", method, path, r.Body)
		}
		return nil
	})
	return r
}

// repeatable says that a call may be made again when its outcome is unknown: it does not make something new each time.
// A report of the same place, a status that the ride has and a rating that was just taken are answered as before.
func repeatable(method, path string) bool {
	switch path {
	case "/api/owner/owners", "/api/chair/chairs", "/api/app/users", "/api/app/rides":
		return method == "GET"
	}
	return true
}

// Leaderless says that the server knows no leader of its group. Then nothing has changed.
func (r Reply) Leaderless() bool {
	return r.Status == http.StatusServiceUnavailable && bytes.Contains(r.Body, []byte("no server leads"))
}

// Uncertain says that the server ceased to lead its group while it made a change.
func (r Reply) Uncertain() bool {
	return r.Status == http.StatusServiceUnavailable && bytes.Contains(r.Body, []byte("ask whether the change took place"))
}

// Again is the pause of a client that was told so: an election takes some tenths of a second.
const Again = 50 * time.Millisecond

// Try is Call, once, and for goroutines other than the test's own.
func (c *Client) Try(method, path string, body any) (Reply, error) {
	var content io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return Reply{}, err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, c.Process.URL+path, content)
	if err != nil {
		return Reply{}, err
	}
	if c.Cookie != "" {
		req.Header.Set("Cookie", c.Cookie)
	}
	res, err := HTTPClient.Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return Reply{res.StatusCode, res.Header, text}, err
}

// HTTPClient is shared by all calls of a package; it follows no redirects.
var HTTPClient = &http.Client{
	Timeout:   time.Minute,
	Transport: recorded(&http.Transport{MaxIdleConnsPerHost: 100, TLSClientConfig: trusting(), ForceAttemptHTTP2: true}),
	CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	},
}

// trusting takes any certificate. Each transport needs its own, which it changes.
func trusting() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// Want calls and checks the status; the answer comes decoded.
func (c *Client) Want(status int, method, path string, body any) Object {
	c.T.Helper()
	r := c.Call(method, path, body)
	if r.Status != status {
		c.T.Fatalf("%s %s answers %d, want %d: %s", method, path, r.Status, status, r.Body)
	}
	return r.Object(c.T)
}

// Send sends a request with these header fields and nothing else: no session, no
// decompression.
func (p *Process) Send(method, path, body string, header ...string) Reply {
	p.T.Helper()
	req, err := http.NewRequest(method, p.URL+path, strings.NewReader(body))
	if err != nil {
		p.T.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity") // else the client would undo gzip by itself
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := HTTPClient.Do(req)
	if err != nil {
		p.T.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.T.Fatalf("%s %s: %v", method, path, err)
	}
	return Reply{res.StatusCode, res.Header, text}
}

// Refused checks the error object: the status, and a message that mentions the thing.
func (r Reply) Refused(t testing.TB, status int, thing string) {
	t.Helper()
	if r.Status != status {
		t.Errorf("answered %d %s, want %d", r.Status, r.Body, status)
		return
	}
	if got := r.Header.Get("Content-Type"); got != JSONType {
		t.Errorf("the error comes as %q, want %q", got, JSONType)
	}
	o := r.Object(t)
	message, ok := o["message"].(string)
	if !ok || len(o) != 1 || !strings.Contains(message, thing) {
		t.Errorf("the error is %s, want one message that mentions %q", r.Body, thing)
	}
	if len(r.Body) > 1000 {
		t.Errorf("the error has %d bytes", len(r.Body))
	}
}

// JSONType is the content type of all JSON answers.
const JSONType = "application/json;charset=utf-8" // S4.0

// Object decodes the answer.
func (r Reply) Object(t testing.TB) Object {
	t.Helper()
	if len(r.Body) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(r.Body))
	d.UseNumber()
	var o Object
	if err := d.Decode(&o); err != nil {
		t.Fatalf("the answer is no JSON object: %v: %s", err, r.Body)
	}
	return o
}

// CookieOf is the session cookie that a registration set.
func (r Reply) CookieOf() string {
	text, _, _ := strings.Cut(r.Header.Get("Set-Cookie"), ";")
	return text
}

// Integer is a member that must be an integer.
func Integer(t testing.TB, v any) int64 {
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

// Number is a member as an integer, 0 if it is none.
func Number(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}

// Decode decodes a JSON object, or null.
func Decode(text string) (Object, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var o Object
	if err := d.Decode(&o); err != nil {
		return nil, fmt.Errorf("%w, in %s", err, text)
	}
	return o, nil
}

// At is a coordinate in a body.
func At(latitude, longitude int) Object { return Object{"latitude": latitude, "longitude": longitude} }

// Trip is the body of a ride request and of an estimate.
func Trip(from, to Object) Object {
	return Object{"pickup_coordinate": from, "destination_coordinate": to}
}

// Switches sets the chair's activity.
func (c *Client) Switches(on bool) {
	c.T.Helper()
	c.Want(204, "POST", "/api/chair/activity", Object{"is_active": on})
}

// Report reports a chair's position and returns recorded_at.
func (c *Client) Report(where Object) int64 {
	c.T.Helper()
	return Integer(c.T, c.Want(200, "POST", "/api/chair/coordinate", where)["recorded_at"])
}

// Request asks for a ride and returns its id.
func (c *Client) Request(from, to Object) string {
	c.T.Helper()
	var r Reply
	unknown := false
	Eventually(c.T, func() error {
		r = c.Call("POST", "/api/app/rides", Trip(from, to))
		if c.Process.Node == "" || !r.Uncertain() {
			return nil
		}
		unknown = true
		return errors.New("the servers go on changing their leader")
	})
	if unknown && r.Status == http.StatusConflict {
		return c.requested()
	}
	if r.Status != http.StatusAccepted {
		c.T.Fatalf("POST /api/app/rides answers %d, want 202: %s", r.Status, r.Body)
	}
	return r.Object(c.T)["ride_id"].(string)
}

// requested is the ride that a user has asked for without hearing of it.
func (c *Client) requested() string {
	c.T.Helper()
	e := c.Listen()
	defer e.Close()
	for {
		if m := e.Next(); m != nil && m["status"] != "COMPLETED" { // which would be that of the ride before
			return m["ride_id"].(string)
		}
	}
}

// Advance is the chair's status call.
func (c *Client) Advance(ride, status string) {
	c.T.Helper()
	c.Want(204, "POST", "/api/chair/rides/"+ride+"/status", Object{"status": status})
}

// Rate is the user's evaluation; it returns completed_at.
func (c *Client) Rate(ride string, evaluation int) int64 {
	c.T.Helper()
	return Integer(c.T, c.Want(200, "POST", "/api/app/rides/"+ride+"/evaluation", Object{"evaluation": evaluation})["completed_at"])
}

// Together runs n goroutines and fails the test with their errors.
func Together(t testing.TB, n int, run func(i int) error) {
	t.Helper()
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			if err := run(i); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	running.Wait()
}
