package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// The tests in accept_*_test.go are the acceptance list of S appendix D, over real
// HTTP, on both databases. Each names the line and the chapter it stands for.

// bare has the server begin without accounts, rides and positions: master data is the
// whole initial data, so a start and an initialize take no time.
func (p *process) bare() {
	p.env = append(p.env, "ISURIDE_INITIAL_DATA=../../../sql/2-master-data.sql")
}

// rules runs a test on both databases against a running server with a bare data set,
// configured by env.
func rules(t *testing.T, test func(p *process), env ...string) {
	dialects(t, func(t *testing.T, p *process) {
		p.bare()
		p.env = append(p.env, env...)
		p.start()
		test(p)
	})
}

// rule checks one rule in a world of its own: initialize has just emptied the server.
func (p *process) rule(name string, check func(p *process)) {
	p.t.Run(name, func(t *testing.T) {
		outer := p.t // a restart within the rule is one of this very process
		p.t, p.tb = t, t
		defer func() { p.t, p.tb = outer, outer }()
		p.initialize()
		check(p)
	})
}

// send is a request with header fields, of which nothing is interpreted: no session, no
// decompression.
func (p *process) send(method, path, body string, header ...string) reply {
	p.t.Helper()
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity") // else the client would undo gzip by itself
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := httpClient.Do(req)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{res.StatusCode, res.Header, text}
}

// refused checks the error object: the status, and a message that speaks of a thing.
func (r reply) refused(t testing.TB, status int, thing string) {
	t.Helper()
	if r.status != status {
		t.Errorf("answered %d %s, want %d", r.status, r.body, status)
		return
	}
	if got := r.header.Get("Content-Type"); got != jsonType {
		t.Errorf("the error comes as %q, want %q", got, jsonType)
	}
	o := r.object(t)
	message, ok := o["message"].(string)
	if !ok || len(o) != 1 || !strings.Contains(message, thing) {
		t.Errorf("the error is %s, want one message that speaks of %q", r.body, thing)
	}
	if len(r.body) > 1000 {
		t.Errorf("the error has %d bytes", len(r.body))
	}
}

const jsonType = "application/json;charset=utf-8" // S4.0

// each runs n calls at once and returns how often each status came.
func (p *process) each(n int, call func(i int) (reply, error)) map[int]int {
	p.t.Helper()
	replies := make([]reply, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { replies[i], errs[i] = call(i) })
	}
	wg.Wait()
	counts := map[int]int{}
	for i := range n {
		if errs[i] != nil {
			p.t.Fatal(errs[i])
		}
		counts[replies[i].status]++
	}
	return counts
}

// scene is a rider and the one active chair of the server.
type scene struct {
	p                  *process
	owner, chair, user *client
	register           string // the owner's token for chairs
}

// Where the rides of a scene go, by default; the chair starts at the origin.
var (
	pickup      = at(2, 3)
	destination = at(7, 10)
)

func (p *process) scene() *scene {
	p.t.Helper()
	s := &scene{p: p}
	s.owner, s.register = p.owner("owner")
	s.chair = p.chair(s.register, "chair", "SitEase", at(0, 0))
	s.user, _ = p.user("rider", "")
	return s
}

// statuses in the order of S5.1.
var statuses = []string{"MATCHING", "ENROUTE", "PICKUP", "CARRYING", "ARRIVED", "COMPLETED"}

// step makes a ride enter a status, the default ride of a scene.
func (s *scene) step(ride, status string) {
	s.p.t.Helper()
	switch status {
	case "ENROUTE":
		s.chair.accept(ride)
	case "PICKUP":
		s.chair.report(pickup)
	case "CARRYING":
		s.chair.advance(ride, status)
	case "ARRIVED":
		s.chair.report(destination)
	case "COMPLETED":
		s.user.rate(ride, 5)
	}
}

// drive makes a ride enter all statuses up to one, from the one after another.
func (s *scene) drive(ride, after, to string) {
	s.p.t.Helper()
	for _, status := range between(after, to) {
		s.step(ride, status)
	}
}

// between lists the statuses behind after, up to and including to.
func between(after, to string) (list []string) {
	in := after == ""
	for _, status := range statuses {
		if in {
			list = append(list, status)
		}
		in = (in || status == after) && status != to
	}
	return list
}

// ride makes a whole ride and returns its id.
func (s *scene) ride() string {
	s.p.t.Helper()
	ride := s.user.request(pickup, destination)
	s.drive(ride, "MATCHING", "COMPLETED")
	return ride
}

// accept accepts a ride as soon as the chair has been given it.
func (c *client) accept(ride string) {
	c.t.Helper()
	eventually(c.t, func() error {
		r := c.call("POST", "/api/chair/rides/"+ride+"/status", object{"status": "ENROUTE"})
		if r.status == 204 {
			return nil
		}
		return fmt.Errorf("the chair cannot accept the ride: %d %s", r.status, r.body)
	})
}

// eventually repeats a check until it holds.
func eventually(t testing.TB, check func() error) {
	t.Helper()
	within(t, tellLimit, check)
}

// within is eventually with another limit.
func within(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	const pause = 5 * time.Millisecond
	for deadline := time.Now().Add(limit); ; time.Sleep(pause) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// Shapes of JSON values. An object stands for exactly its members, a list for any
// number of elements of one shape.
type shape string

const (
	aString  shape = "string"
	aNumber  shape = "number"
	aBoolean shape = "boolean"
	// anInteger has neither fraction nor exponent.
	anInteger shape = "integer"
)

type listOf struct{ element any }

var aCoordinate = object{"latitude": anInteger, "longitude": anInteger}

// fits compares a decoded value with a shape and tells the first difference.
func fits(value, want any, path string) error {
	switch want := want.(type) {
	case object:
		return fitsObject(value, want, path)
	case listOf:
		elements, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%s is %v, want an array", path, value)
		}
		for i, e := range elements {
			if err := fits(e, want.element, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if got := shapeOf(value); got != want && !(got == anInteger && want == aNumber) {
		return fmt.Errorf("%s is %v, want a value of type %v", path, value, want)
	}
	return nil
}

func fitsObject(value any, want object, path string) error {
	members, ok := value.(object)
	if !ok {
		return fmt.Errorf("%s is %v, want an object", path, value)
	}
	for name, shape := range want {
		v, ok := members[name]
		if !ok {
			return fmt.Errorf("%s.%s is missing", path, name)
		}
		if err := fits(v, shape, path+"."+name); err != nil {
			return err
		}
	}
	for name := range members {
		if _, ok := want[name]; !ok {
			return fmt.Errorf("%s.%s is one member too many", path, name)
		}
	}
	return nil
}

func shapeOf(value any) shape {
	switch v := value.(type) {
	case string:
		return aString
	case bool:
		return aBoolean
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return aNumber
		}
		return anInteger
	}
	return "null, an object or an array"
}
