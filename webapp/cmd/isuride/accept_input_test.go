package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// TestBadInput: whatever comes in, the answer is the status of S4 and a message
// that names the field, and nothing that was accepted is lost (S4.0 to S4.18, trap
// T25).
func TestBadInput(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("malformed JSON", malformedBodies)
		p.rule("wrong types", wrongTypes)
		p.rule("an evaluation is from 1 to 5", evaluationRange)
		p.rule("query parameters", badQueries)
		p.rule("bodies over 1 MB", largeBodies)
		p.rule("long values are not repeated in the message", longValues)
		p.rule("names up to the width of their columns", nameWidths)
		p.rule("a name is taken in any case and with any blanks behind it", equalNames)
		p.rule("a notification fits into a line of 64 KiB", longLines)
		p.rule("an initialize that is refused changes nothing", refusedInitialize)
		p.rule("a payment server that cannot be called", uselessPaymentServer)
		p.rule("any legal JSON is understood", legalJSON)
	})
}

// input is an endpoint that takes a body, with one that it accepts.
type input struct {
	who  *client
	path string
	body object
}

func (s *scene) inputs() []input {
	ride := s.user.request(pickup, destination)
	s.drive(ride, "MATCHING", "PICKUP")
	invited := person("newcomer")
	invited["invitation_code"] = ""
	return []input{
		{s.p.anonymous(), "/api/initialize", object{"payment_server": s.p.gatewayURL}},
		{s.p.anonymous(), "/api/app/users", invited},
		{s.user, "/api/app/payment-methods", object{"token": "token"}},
		{s.user, "/api/app/rides", trip(pickup, destination)},
		{s.user, "/api/app/rides/estimated-fare", trip(pickup, destination)},
		{s.user, "/api/app/rides/" + ride + "/evaluation", object{"evaluation": 5}},
		{s.p.anonymous(), "/api/owner/owners", object{"name": "newcomer"}},
		{s.p.anonymous(), "/api/chair/chairs", object{"name": "c", "model": "m", "chair_register_token": s.register}},
		{s.chair, "/api/chair/activity", object{"is_active": true}},
		{s.chair, "/api/chair/coordinate", at(1, 2)},
		{s.chair, "/api/chair/rides/" + ride + "/status", object{"status": "CARRYING"}},
	}
}

func malformedBodies(p *process) {
	s := p.scene()
	for _, in := range s.inputs() {
		valid, err := json.Marshal(in.body)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, body := range []string{"", " ", "{", "}", `{"`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{'a':1}`,
			`{"a":01}`, `{"a":nul}`, `{"a":"\x"}`, "{\"a\":\"\n\"}", "nonsense", "[]", `"text"`, "1", "true", "\xff", "\xef\xbb\xbf{}",
			string(valid) + "x", string(valid) + string(valid), string(valid[:len(valid)-1]), "[" + string(valid) + "]",
			strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)} {
			r := in.who.call("POST", in.path, body)
			r.refused(p.t, 400, "body")
			if p.t.Failed() {
				p.t.Fatalf("%s with %.40q", in.path, body)
			}
		}
	}
}

// wrongTypes puts values of every other type into every field, coordinates' too.
func wrongTypes(p *process) {
	for _, in := range p.scene().inputs() {
		for field, value := range in.body {
			for _, wrong := range otherThan(value) {
				in.wrong(p, field, wrong, field)
			}
			if _, ok := value.(object); !ok {
				continue
			}
			for _, member := range []string{"latitude", "longitude"} {
				for _, wrong := range otherThan(1) {
					place := at(1, 1)
					place[member] = wrong
					in.wrong(p, field, place, member)
				}
			}
			in.wrong(p, field, nil, field) // missing, S4.5
		}
	}
}

// wrong sends the body with one value replaced; the refusal speaks of thing.
func (in input) wrong(p *process, field string, value any, thing string) {
	p.t.Helper()
	body := maps.Clone(in.body)
	body[field] = value
	in.who.call("POST", in.path, body).refused(p.t, 400, thing)
	if p.t.Failed() {
		p.t.Fatalf("%s with %s = %v", in.path, field, value)
	}
}

// otherThan lists values of other types, for an integer also those that no integer of
// 32 bits is.
func otherThan(value any) []any {
	wrong := []any{[]any{}, []any{value}}
	if _, ok := value.(object); !ok {
		wrong = append(wrong, object{})
	}
	if _, ok := value.(string); !ok {
		wrong = append(wrong, "", "1", "true")
	}
	if _, ok := value.(bool); !ok {
		wrong = append(wrong, true, false)
	}
	if _, ok := value.(int); !ok {
		return append(wrong, 0, 1)
	}
	for _, n := range []string{"1.5", "1.0", "1e3", "-0.1", "2147483648", "-2147483649", "99999999999999999999", "1e400"} {
		wrong = append(wrong, json.RawMessage(n))
	}
	return wrong
}

// evaluationRange: the range is checked first, then the ride (S4.8).
func evaluationRange(p *process) {
	s := p.scene()
	ride := s.user.request(pickup, destination)
	s.drive(ride, "MATCHING", "ARRIVED")
	for _, ride := range []string{ride, "unknown"} {
		for _, body := range []any{object{}, object{"evaluation": nil}, object{"evaluation": 0}, object{"evaluation": 6},
			object{"evaluation": -1}, object{"evaluation": 1 << 31}, "null"} {
			s.user.call("POST", "/api/app/rides/"+ride+"/evaluation", body).refused(p.t, 400, "evaluation")
		}
	}
	s.user.rate(ride, 1)
}

func badQueries(p *process) {
	s := p.scene()
	for _, q := range []struct{ query, thing string }{
		{"", "latitude"},
		{"longitude=1", "latitude"},
		{"latitude=1", "longitude"},
		{"latitude=&longitude=1", "latitude"},
		{"latitude=1&longitude=", "longitude"},
		{"latitude=x&longitude=1", "latitude"},
		{"latitude=1.5&longitude=1", "latitude"},
		{"latitude=1&longitude=1e1", "longitude"},
		{"latitude=2147483648&longitude=1", "latitude"},
		{"latitude=1&longitude=-2147483649", "longitude"},
		{"latitude=1&longitude=1&distance=x", "distance"},
		{"latitude=1&longitude=1&distance=1.5", "distance"},
		{"latitude=1&longitude=1&distance=99999999999999999999", "distance"},
		{"latitude=%zz&longitude=1", "latitude"},
	} {
		s.user.call("GET", "/api/app/nearby-chairs?"+q.query, nil).refused(p.t, 400, q.thing)
	}
	for _, field := range []string{"since", "until"} {
		for _, value := range []string{"x", "1.5", "1e3", "99999999999999999999", "%zz"} {
			s.owner.call("GET", "/api/owner/sales?"+field+"="+value, nil).refused(p.t, 400, field)
		}
	}
}

const megabyte = 1 << 20

// largeBodies: refused whether or not the length is told in advance, by every endpoint.
func largeBodies(p *process) {
	body := `{"name":"` + strings.Repeat("x", megabyte) + `"}`
	for _, e := range endpoints {
		if e.method != "POST" {
			continue
		}
		p.send("POST", e.path, body).refused(p.t, 413, "body")
		req, err := http.NewRequest("POST", p.url+e.path, io.MultiReader(strings.NewReader(body))) // in chunks
		if err != nil {
			p.t.Fatal(err)
		}
		res, err := httpClient.Do(req)
		if err != nil {
			p.t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			p.t.Fatal(err)
		}
		reply{res.StatusCode, res.Header, text}.refused(p.t, 413, "body")
	}
}

// longValues: every string beyond what its column holds is refused in a few words.
func longValues(p *process) {
	long := strings.Repeat("x", 100_000)
	for _, in := range p.scene().inputs() {
		for field, value := range in.body {
			if _, ok := value.(string); !ok {
				continue
			}
			status := 400
			if field == "chair_register_token" {
				status = 401
			}
			body := maps.Clone(in.body)
			body[field] = long
			in.who.call("POST", in.path, body).refused(p.t, status, field)
		}
	}
	user, _ := p.user("another", "")
	user.call("POST", "/api/app/rides/"+long[:10_000]+"/evaluation", object{"evaluation": 5}).refused(p.t, 404, "ride")
}

// nameWidths: 30 characters fit, and of a model 50, whatever their bytes, and come back byte for byte after
// a restart; more are refused at once, not at a flush later (S2.2).
func nameWidths(p *process) {
	type account struct {
		owner, user *client
		name, model string
	}
	var accounts []account
	for _, c := range []string{"x", "é", "ｅ", "椅", "😀", "😁", `"`, `\`, "\n", "\x00", "\u2028", "'", "%", "👍🏽"} {
		name := strings.Repeat(c, 30/len([]rune(c)))
		for field, path := range map[string]string{"name": "/api/owner/owners", "username": "/api/app/users", "firstname": "/api/app/users",
			"lastname": "/api/app/users", "date_of_birth": "/api/app/users"} {
			body := person("unused")
			body[field] = name + "x"
			p.anonymous().call("POST", path, body).refused(p.t, 400, field)
		}
		owner, register := p.owner(name)
		p.anonymous().call("POST", "/api/chair/chairs", object{"name": name + "x", "model": "m", "chair_register_token": register}).
			refused(p.t, 400, "name")
		model := strings.Repeat(c, 50/len([]rune(c)))
		p.anonymous().call("POST", "/api/chair/chairs", object{"name": name, "model": strings.Repeat(c, 51), "chair_register_token": register}).
			refused(p.t, 400, "model is longer than 50 characters")
		p.anonymous().want(201, "POST", "/api/chair/chairs", object{"name": name, "model": model, "chair_register_token": register})
		user := p.anonymous()
		r := user.call("POST", "/api/app/users", object{"username": name, "firstname": name, "lastname": name, "date_of_birth": name})
		if r.status != 201 {
			p.t.Fatalf("a name of 30 %q is refused: %s", c, r.body)
		}
		user.cookie = r.cookieOf()
		user.call("POST", "/api/app/payment-methods", object{"token": strings.Repeat(c, 256/len([]rune(c)))}).refused(p.t, 400, "token")
		token := object{"token": strings.Repeat(c, 255/len([]rune(c)))}
		if strings.Contains("\n\x00\u2028", c) { // no header could carry it to the gateway
			user.call("POST", "/api/app/payment-methods", token).refused(p.t, 400, "token")
		} else {
			user.want(204, "POST", "/api/app/payment-methods", token)
		}
		accounts = append(accounts, account{owner: owner, user: user, name: name, model: model})
	}
	p.stop()
	p.start()
	_, register := p.owner("another")
	chair := p.chair(register, "chair", "SitEase", at(0, 0))
	toChair := chair.listen()
	toChair.next()
	for _, a := range accounts {
		chairs := a.owner.want(200, "GET", "/api/owner/chairs", nil)["chairs"].([]any)
		if c := chairs[0].(object); c["name"] != a.name || c["model"] != a.model {
			p.t.Errorf("the chair %q of model %q was registered as %q", c["name"], c["model"], a.name)
		}
		a.user.want(202, "POST", "/api/app/rides", trip(at(0, 0), at(0, 0)))
		told := toChair.next()
		if name := told["user"].(object)["name"]; name != a.name+" "+a.name {
			p.t.Errorf("the user %q was registered as %q", name, a.name+" "+a.name)
		}
		ride := told["ride_id"].(string)
		s := scene{chair: chair, user: a.user, p: p}
		s.chair.accept(ride)
		s.chair.report(at(0, 0))
		s.chair.advance(ride, "CARRYING")
		s.chair.report(at(0, 0))
		toChair.expect(ride, between("MATCHING", "ARRIVED")...)
		s.user.want(204, "POST", "/api/app/payment-methods", object{"token": "one that can be sent"})
		s.user.rate(ride, 5)
		toChair.expect(ride, "COMPLETED")
	}
}

// equalNames: names that a unique key could take for equal are refused with 409, before
// and after a restart; others are not.
func equalNames(p *process) {
	equal := []string{"Anna Bell", "anna bell", "ANNA BELL", "aNNA bELL", "Anna Bell ", "anna bell    ", "ÄÖÜß", "äöüß", "äÖüß ", "ЖУК", "жук"}
	different := []string{" Anna Bell", "Anna  Bell", "Anna Bell\t", "Anna Bel", "AnnaBell", "Ánna Bell", "ＡＮＮＡ"}
	take := func(name string, status int) {
		p.t.Helper()
		for path, body := range map[string]object{"/api/app/users": person(name), "/api/owner/owners": {"name": name}} {
			r := p.anonymous().call("POST", path, body)
			if r.status != status {
				p.t.Errorf("%s: %q is answered %d %s, want %d", path, name, r.status, r.body, status)
			}
			if status == 409 {
				r.refused(p.t, 409, "name")
			}
		}
	}
	first := map[string]bool{"Anna Bell": true, "ÄÖÜß": true, "ЖУК": true}
	for _, name := range equal {
		if first[name] {
			take(name, 201)
		}
		take(name, 409)
	}
	for _, name := range different {
		take(name, 201)
		take(name, 409)
	}
	p.stop()
	p.start()
	for _, name := range append(equal, different...) {
		take(name, 409)
	}
}

// longLines: a reader of a stream may give up at a line of 64 KiB (S6.1), so no
// chair may be registered that would make one.
func longLines(p *process) {
	s := p.scene()
	s.chair.want(204, "POST", "/api/chair/activity", object{"is_active": false})
	var chair *client
	for length := 1 << 16; chair == nil; length /= 2 {
		r := p.anonymous().call("POST", "/api/chair/chairs",
			object{"name": strings.Repeat("\x01", 30), "model": strings.Repeat("\x01", length-1), "chair_register_token": s.register})
		if r.status != 201 {
			r.refused(p.t, 400, "model")
			continue
		}
		chair = &client{t: p.t, p: p, cookie: r.cookieOf()}
	}
	chair.want(204, "POST", "/api/chair/activity", object{"is_active": true})
	chair.report(at(0, 0))
	ride := s.user.request(pickup, destination)
	chair.accept(ride)
	// The listening client reads with a limit of 64 KiB a line.
	s.user.listen().expect(ride, "MATCHING", "ENROUTE")
}

// refusedInitialize: accounts and the payment server stay as they were.
func refusedInitialize(p *process) {
	s := p.scene()
	for _, body := range []any{"", "{", object{}, object{"payment_server": ""}, object{"payment_server": nil}, object{"payment_server": 1},
		object{"payment_server": "http://" + strings.Repeat("x", 65535)}} {
		p.anonymous().call("POST", "/api/initialize", body).refused(p.t, 400, "")
	}
	if paid := p.gateway.ByKey(s.ride()); len(paid) != 1 {
		p.t.Errorf("the ride was charged %d times", len(paid))
	}
}

// uselessPaymentServer: only the rating fails, and says why.
func uselessPaymentServer(p *process) {
	for _, server := range []string{"nonsense", "ftp://localhost", "http://", "http://[", "\x00"} {
		p.anonymous().want(200, "POST", "/api/initialize", object{"payment_server": server})
		s := p.scene()
		ride := s.user.request(pickup, destination)
		s.drive(ride, "MATCHING", "ARRIVED")
		s.user.call("POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5}).refused(p.t, 502, "payment")
		s.user.listen().expect(ride, between("", "ARRIVED")...)
	}
}

// legalJSON: any order, spacing, escapes, unknown members and content type (S4.0).
func legalJSON(p *process) {
	s := p.scene()
	ride := s.user.request(pickup, destination)
	s.chair.accept(ride)
	for _, c := range []struct {
		who          *client
		status       int
		path, body   string
		contentType  string
		wantedMember string
	}{
		{s.chair, 200, "/api/chair/coordinate", " {\r\n\t\"longitude\" : 3 ,\"latitude\":2 } \n", "text/plain", "recorded_at"},
		{s.chair, 204, "/api/chair/rides/" + ride + "/status", `{"x":[{"status":"a"},null],"st\u0061tus":"CARR\u0059ING"}`, "", ""},
		{s.chair, 200, "/api/chair/coordinate", `{"latitude":7,"longitude":10,"altitude":{"m":[1e5,-0.5,true]}}`, "application/x-www-form-urlencoded", "recorded_at"},
		{s.user, 200, "/api/app/rides/" + ride + "/evaluation", `{"comment":"\ud83d\ude00 \"","evaluation":4}`, "application/json; charset=utf-8", "completed_at"},
		{s.user, 202, "/api/app/rides", `{"destination_coordinate":{},"pickup_coordinate":{"longitude":-0}}`, "", "ride_id"},
	} {
		r := p.send("POST", c.path, c.body, "Cookie", c.who.cookie, "Content-Type", c.contentType)
		if r.status != c.status || c.wantedMember != "" && r.object(p.t)[c.wantedMember] == nil {
			p.t.Errorf("%s with %s answers %d %s", c.path, c.body, r.status, r.body)
		}
	}
	m := s.user.listen()
	m.expect(ride, statuses...)
	last := m.next()
	if fmt.Sprint(last["pickup_coordinate"], last["destination_coordinate"]) != fmt.Sprint(at(0, 0), at(0, 0)) {
		p.t.Errorf("members that are missing in a coordinate are taken as %v", last)
	}
	r := p.send("POST", "/api/app/users", "{\"username\":\"\xff\",\"firstname\":\"\\ud800\",\"lastname\":\"\\u0000\",\"date_of_birth\":\"x\"}")
	if r.status != 201 {
		p.t.Errorf("a name that is not valid Unicode is answered %d %s", r.status, r.body)
	}
}
