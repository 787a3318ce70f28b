package acceptance

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"isuride/webapp/servertest"
)

// TestBadInput: whatever comes in, the answer is the status of S4 and a message
// that names the field, and nothing that was accepted is lost (S4.0 to S4.18, trap
// T25).
func TestBadInput(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("malformed JSON", malformedBodies)
		p.Rule("wrong types", wrongTypes)
		p.Rule("an evaluation is from 1 to 5", evaluationRange)
		p.Rule("query parameters", badQueries)
		p.Rule("bodies over 1 MB", largeBodies)
		p.Rule("long values are not repeated in the message", longValues)
		p.Rule("names up to the width of their columns", nameWidths)
		p.Rule("a name is taken in any case and with any blanks after it", equalNames)
		p.Rule("a notification fits into a line of 64 KiB", longLines)
		p.Rule("an initialize that is refused changes nothing", refusedInitialize)
		p.Rule("a payment server that cannot be called", uselessPaymentServer)
		p.Rule("any legal JSON is understood", legalJSON)
	})
}

// input is an endpoint that takes a body, with one that it accepts.
type input struct {
	who  *servertest.Client
	path string
	body servertest.Object
}

func inputs(s *servertest.Scene) []input {
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	s.Drive(ride, "MATCHING", "PICKUP")
	invited := servertest.Person("newcomer")
	invited["invitation_code"] = ""
	return []input{
		{s.Process.Anonymous(), "/api/initialize", servertest.Object{"payment_server": s.Process.GatewayURL}},
		{s.Process.Anonymous(), "/api/app/users", invited},
		{s.User, "/api/app/payment-methods", servertest.Object{"token": "token"}},
		{s.User, "/api/app/rides", servertest.Trip(servertest.Pickup, servertest.Destination)},
		{s.User, "/api/app/rides/estimated-fare", servertest.Trip(servertest.Pickup, servertest.Destination)},
		{s.User, "/api/app/rides/" + ride + "/evaluation", servertest.Object{"evaluation": 5}},
		{s.Process.Anonymous(), "/api/owner/owners", servertest.Object{"name": "newcomer"}},
		{s.Process.Anonymous(), "/api/chair/chairs", servertest.Object{"name": "c", "model": "m", "chair_register_token": s.Register}},
		{s.Chair, "/api/chair/activity", servertest.Object{"is_active": true}},
		{s.Chair, "/api/chair/coordinate", servertest.At(1, 2)},
		{s.Chair, "/api/chair/rides/" + ride + "/status", servertest.Object{"status": "CARRYING"}},
	}
}

func malformedBodies(p *servertest.Process) {
	s := p.Scene()
	for _, in := range inputs(s) {
		valid, err := json.Marshal(in.body)
		if err != nil {
			p.T.Fatal(err)
		}
		for _, body := range []string{"", " ", "{", "}", `{"`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{'a':1}`,
			`{"a":01}`, `{"a":nul}`, `{"a":"\x"}`, "{\"a\":\"\n\"}", "nonsense", "[]", `"text"`, "1", "true", "null", " null\n", "\xff", "\xef\xbb\xbf{}",
			string(valid) + "x", string(valid) + string(valid), string(valid[:len(valid)-1]), "[" + string(valid) + "]",
			strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)} {
			r := in.who.Call("POST", in.path, body)
			r.Refused(p.T, 400, "body")
			if p.T.Failed() {
				p.T.Fatalf("%s with %.40q", in.path, body)
			}
		}
	}
}

// wrongTypes puts values of every other type into every field, coordinates' too.
func wrongTypes(p *servertest.Process) {
	for _, in := range inputs(p.Scene()) {
		for field, value := range in.body {
			for _, wrong := range otherThan(value) {
				in.wrong(p, field, wrong, field)
			}
			if _, ok := value.(servertest.Object); !ok {
				continue
			}
			for _, member := range []string{"latitude", "longitude"} {
				for _, wrong := range otherThan(1) {
					place := servertest.At(1, 1)
					place[member] = wrong
					in.wrong(p, field, place, member)
				}
			}
			in.wrong(p, field, nil, field) // missing, S4.5
		}
	}
}

// wrong sends the body with one value replaced; the refusal mentions thing.
func (in input) wrong(p *servertest.Process, field string, value any, thing string) {
	p.T.Helper()
	body := maps.Clone(in.body)
	body[field] = value
	in.who.Call("POST", in.path, body).Refused(p.T, 400, thing)
	if p.T.Failed() {
		p.T.Fatalf("%s with %s = %v", in.path, field, value)
	}
}

// otherThan lists values of other types, for an integer also those that no integer of
// 32 bits is.
func otherThan(value any) []any {
	wrong := []any{[]any{}, []any{value}}
	if _, ok := value.(servertest.Object); !ok {
		wrong = append(wrong, servertest.Object{})
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
func evaluationRange(p *servertest.Process) {
	s := p.Scene()
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	s.Drive(ride, "MATCHING", "ARRIVED")
	for _, ride := range []string{ride, "unknown"} {
		for _, body := range []any{servertest.Object{}, servertest.Object{"evaluation": nil}, servertest.Object{"evaluation": 0}, servertest.Object{"evaluation": 6},
			servertest.Object{"evaluation": -1}, servertest.Object{"evaluation": 1 << 31}} {
			s.User.Call("POST", "/api/app/rides/"+ride+"/evaluation", body).Refused(p.T, 400, "evaluation")
		}
	}
	s.User.Rate(ride, 1)
}

func badQueries(p *servertest.Process) {
	s := p.Scene()
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
		s.User.Call("GET", "/api/app/nearby-chairs?"+q.query, nil).Refused(p.T, 400, q.thing)
	}
	for _, field := range []string{"since", "until"} {
		for _, value := range []string{"x", "1.5", "1e3", "99999999999999999999", "%zz"} {
			s.Owner.Call("GET", "/api/owner/sales?"+field+"="+value, nil).Refused(p.T, 400, field)
		}
	}
}

const megabyte = 1 << 20

// largeBodies: every endpoint refuses them, whether or not their length is declared.
func largeBodies(p *servertest.Process) {
	body := `{"name":"` + strings.Repeat("x", megabyte) + `"}`
	for _, e := range endpoints {
		if e.method != "POST" {
			continue
		}
		p.Send("POST", e.path, body).Refused(p.T, 413, "body")
		req, err := http.NewRequest("POST", p.URL+e.path, io.MultiReader(strings.NewReader(body))) // in chunks
		if err != nil {
			p.T.Fatal(err)
		}
		res, err := servertest.HTTPClient.Do(req)
		if err != nil {
			p.T.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			p.T.Fatal(err)
		}
		servertest.Reply{Status: res.StatusCode, Header: res.Header, Body: text}.Refused(p.T, 413, "body")
	}
}

// longValues: every string beyond what its column holds is refused in a few words.
func longValues(p *servertest.Process) {
	long := strings.Repeat("x", 100_000)
	for _, in := range inputs(p.Scene()) {
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
			in.who.Call("POST", in.path, body).Refused(p.T, status, field)
		}
	}
	user, _ := p.User("another", "")
	user.Call("POST", "/api/app/rides/"+long[:10_000]+"/evaluation", servertest.Object{"evaluation": 5}).Refused(p.T, 404, "ride")
}

// nameWidths: 30 characters fit, and of a model 50, whatever their bytes, and come back
// byte for byte after a restart; more are refused at once, not at a flush later (S2.2).
func nameWidths(p *servertest.Process) {
	type account struct {
		owner, user *servertest.Client
		name, model string
	}
	var accounts []account
	for _, c := range []string{"x", "é", "ｅ", "椅", "😀", "😁", `"`, `\`, "\n", "\x00", "\u2028", "'", "%", "👍🏽"} {
		name := strings.Repeat(c, 30/len([]rune(c)))
		for field, path := range map[string]string{"name": "/api/owner/owners", "username": "/api/app/users", "firstname": "/api/app/users",
			"lastname": "/api/app/users", "date_of_birth": "/api/app/users"} {
			body := servertest.Person("unused")
			body[field] = name + "x"
			p.Anonymous().Call("POST", path, body).Refused(p.T, 400, field)
		}
		owner, register := p.Owner(name)
		p.Anonymous().Call("POST", "/api/chair/chairs", servertest.Object{"name": name + "x", "model": "m", "chair_register_token": register}).
			Refused(p.T, 400, "name")
		model := strings.Repeat(c, 50/len([]rune(c)))
		p.Anonymous().Call("POST", "/api/chair/chairs", servertest.Object{"name": name, "model": strings.Repeat(c, 51), "chair_register_token": register}).
			Refused(p.T, 400, "model is longer than 50 characters")
		p.Anonymous().Want(201, "POST", "/api/chair/chairs", servertest.Object{"name": name, "model": model, "chair_register_token": register})
		user := p.Anonymous()
		r := user.Call("POST", "/api/app/users", servertest.Object{"username": name, "firstname": name, "lastname": name, "date_of_birth": name})
		if r.Status != 201 {
			p.T.Fatalf("a name of 30 %q is refused: %s", c, r.Body)
		}
		user.Cookie = r.CookieOf()
		user.Call("POST", "/api/app/payment-methods", servertest.Object{"token": strings.Repeat(c, 256/len([]rune(c)))}).Refused(p.T, 400, "token")
		token := servertest.Object{"token": strings.Repeat(c, 255/len([]rune(c)))}
		if strings.Contains("\n\x00\u2028", c) { // no header could carry it to the gateway
			user.Call("POST", "/api/app/payment-methods", token).Refused(p.T, 400, "token")
		} else {
			user.Want(204, "POST", "/api/app/payment-methods", token)
		}
		accounts = append(accounts, account{owner: owner, user: user, name: name, model: model})
	}
	p.Stop()
	p.Start()
	_, register := p.Owner("another")
	chair := p.Chair(register, "chair", "SitEase", servertest.At(0, 0))
	toChair := chair.Listen()
	toChair.Next()
	for _, a := range accounts {
		chairs := a.owner.Want(200, "GET", "/api/owner/chairs", nil)["chairs"].([]any)
		if c := chairs[0].(servertest.Object); c["name"] != a.name || c["model"] != a.model {
			p.T.Errorf("the chair %q of model %q was registered as %q", c["name"], c["model"], a.name)
		}
		a.user.Want(202, "POST", "/api/app/rides", servertest.Trip(servertest.At(0, 0), servertest.At(0, 0)))
		told := toChair.Next()
		if name := told["user"].(servertest.Object)["name"]; name != a.name+" "+a.name {
			p.T.Errorf("the user %q was registered as %q", name, a.name+" "+a.name)
		}
		ride := told["ride_id"].(string)
		s := servertest.Scene{Chair: chair, User: a.user, Process: p}
		s.Chair.Accept(ride)
		s.Chair.Report(servertest.At(0, 0))
		s.Chair.Advance(ride, "CARRYING")
		s.Chair.Report(servertest.At(0, 0))
		toChair.Expect(ride, servertest.Between("MATCHING", "ARRIVED")...)
		s.User.Want(204, "POST", "/api/app/payment-methods", servertest.Object{"token": "one that can be sent"})
		s.User.Rate(ride, 5)
		toChair.Expect(ride, "COMPLETED")
	}
}

// equalNames: names that a unique key could take for equal are refused with 409, before
// and after a restart; others are not.
func equalNames(p *servertest.Process) {
	equal := []string{"Anna Bell", "anna bell", "ANNA BELL", "aNNA bELL", "Anna Bell ", "anna bell    ", "ÄÖÜß", "äöüß", "äÖüß ", "ЖУК", "жук"}
	different := []string{" Anna Bell", "Anna  Bell", "Anna Bell\t", "Anna Bel", "AnnaBell", "Ánna Bell", "ＡＮＮＡ"}
	take := func(name string, status int) {
		p.T.Helper()
		for path, body := range map[string]servertest.Object{"/api/app/users": servertest.Person(name), "/api/owner/owners": {"name": name}} {
			r := p.Anonymous().Call("POST", path, body)
			if r.Status != status {
				p.T.Errorf("%s: %q is answered %d %s, want %d", path, name, r.Status, r.Body, status)
			}
			if status == 409 {
				r.Refused(p.T, 409, "name")
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
	p.Stop()
	p.Start()
	for _, name := range append(equal, different...) {
		take(name, 409)
	}
}

// longLines: a reader of a stream may give up at a line of 64 KiB (S6.1), so no
// chair may be registered that would make one.
func longLines(p *servertest.Process) {
	s := p.Scene()
	s.Chair.Want(204, "POST", "/api/chair/activity", servertest.Object{"is_active": false})
	var chair *servertest.Client
	for length := 1 << 16; chair == nil; length /= 2 {
		r := p.Anonymous().Call("POST", "/api/chair/chairs",
			servertest.Object{"name": strings.Repeat("\x01", 30), "model": strings.Repeat("\x01", length-1), "chair_register_token": s.Register})
		if r.Status != 201 {
			r.Refused(p.T, 400, "model")
			continue
		}
		chair = &servertest.Client{T: p.T, Process: p, Cookie: r.CookieOf()}
	}
	chair.Want(204, "POST", "/api/chair/activity", servertest.Object{"is_active": true})
	chair.Report(servertest.At(0, 0))
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	chair.Accept(ride)
	// The listening client reads with a limit of 64 KiB a line.
	s.User.Listen().Expect(ride, "MATCHING", "ENROUTE")
}

// refusedInitialize: accounts and the payment server stay as they were.
func refusedInitialize(p *servertest.Process) {
	s := p.Scene()
	for _, body := range []any{"", "{", servertest.Object{}, servertest.Object{"payment_server": ""}, servertest.Object{"payment_server": nil}, servertest.Object{"payment_server": 1},
		servertest.Object{"payment_server": "http://" + strings.Repeat("x", 65535)}} {
		p.Anonymous().Call("POST", "/api/initialize", body).Refused(p.T, 400, "")
	}
	if paid := p.Gateway.ByKey(s.Ride()); len(paid) != 1 {
		p.T.Errorf("the ride was charged %d times", len(paid))
	}
}

// uselessPaymentServer: only the rating fails, and says why.
func uselessPaymentServer(p *servertest.Process) {
	for _, server := range []string{"nonsense", "ftp://localhost", "http://", "http://[", "\x00"} {
		p.Anonymous().Want(200, "POST", "/api/initialize", servertest.Object{"payment_server": server})
		s := p.Scene()
		ride := s.User.Request(servertest.Pickup, servertest.Destination)
		s.Drive(ride, "MATCHING", "ARRIVED")
		s.User.Call("POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": 5}).Refused(p.T, 502, "payment")
		s.User.Listen().Expect(ride, servertest.Between("", "ARRIVED")...)
	}
}

// legalJSON: any order, spacing, escapes, unknown members and content type (S4.0).
func legalJSON(p *servertest.Process) {
	s := p.Scene()
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	s.Chair.Accept(ride)
	for _, c := range []struct {
		who          *servertest.Client
		status       int
		path, body   string
		contentType  string
		wantedMember string
	}{
		{s.Chair, 200, "/api/chair/coordinate", " {\r\n\t\"longitude\" : 3 ,\"latitude\":2 } \n", "text/plain", "recorded_at"},
		{s.Chair, 204, "/api/chair/rides/" + ride + "/status", `{"x":[{"status":"a"},null],"st\u0061tus":"CARR\u0059ING"}`, "", ""},
		{s.Chair, 200, "/api/chair/coordinate", `{"latitude":7,"longitude":10,"altitude":{"m":[1e5,-0.5,true]}}`, "application/x-www-form-urlencoded", "recorded_at"},
		{s.User, 200, "/api/app/rides/" + ride + "/evaluation", `{"comment":"\ud83d\ude00 \"","evaluation":4}`, "application/json; charset=utf-8", "completed_at"},
		{s.User, 202, "/api/app/rides", `{"destination_coordinate":{},"pickup_coordinate":{"longitude":-0}}`, "", "ride_id"},
	} {
		r := p.Send("POST", c.path, c.body, "Cookie", c.who.Cookie, "Content-Type", c.contentType)
		if r.Status != c.status || c.wantedMember != "" && r.Object(p.T)[c.wantedMember] == nil {
			p.T.Errorf("%s with %s answers %d %s", c.path, c.body, r.Status, r.Body)
		}
	}
	m := s.User.Listen()
	m.Expect(ride, servertest.Statuses...)
	last := m.Next()
	if fmt.Sprint(last["pickup_coordinate"], last["destination_coordinate"]) != fmt.Sprint(servertest.At(0, 0), servertest.At(0, 0)) {
		p.T.Errorf("members that are missing in a coordinate are taken as %v", last)
	}
	r := p.Send("POST", "/api/app/users", "{\"username\":\"\xff\",\"firstname\":\"\\ud800\",\"lastname\":\"\\u0000\",\"date_of_birth\":\"x\"}")
	if r.Status != 201 {
		p.T.Errorf("a name that is not valid Unicode is answered %d %s", r.Status, r.Body)
	}
}
