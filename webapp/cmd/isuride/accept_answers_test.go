package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestAnswers is line 1 of appendix D: success status, headers and exact members of
// every endpoint (S4.0 to S4.19, S6.2).
func TestAnswers(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("every endpoint", everyEndpoint)
		p.rule("empty lists are arrays", emptyLists)
		p.rule("notifications", notificationMembers)
		p.rule("an empty query string is none", func(p *process) { // S4.0
			owner, _ := p.owner("owner")
			owner.want(200, "GET", "/api/owner/sales?", nil)
		})
	})
}

// answers calls an endpoint and checks status, headers and members. Without members
// there must be no body at all.
func (c *client) answers(status int, method, path string, body any, members object) object {
	c.t.Helper()
	r := c.call(method, path, body)
	if r.status != status {
		c.t.Fatalf("%s %s answers %d %s, want %d", method, path, r.status, r.body, status)
	}
	for _, name := range []string{"Etag", "Last-Modified", "Cache-Control", "Expires", "Content-Encoding"} {
		if v := r.header.Get(name); v != "" { // S4.0: no validators, no freshness
			c.t.Errorf("%s %s answers with %s: %s", method, path, name, v)
		}
	}
	if members == nil {
		if len(r.body) > 0 || r.header.Get("Content-Type") != "" {
			c.t.Errorf("%s %s answers %q as %q, want no body", method, path, r.body, r.header.Get("Content-Type"))
		}
		return nil
	}
	if got := r.header.Get("Content-Type"); got != jsonType {
		c.t.Errorf("%s %s answers as %q, want %q", method, path, got, jsonType)
	}
	o := r.object(c.t)
	if err := fits(o, members, method+" "+path); err != nil {
		c.t.Errorf("%v, in %s", err, r.body)
	}
	return o
}

func everyEndpoint(p *process) {
	anyone := p.anonymous()
	anyone.answers(200, "POST", "/api/initialize", object{"payment_server": p.gatewayURL}, object{"language": aString})
	anyone.answers(204, "GET", "/api/internal/matching", nil, nil)
	anyone.answers(201, "POST", "/api/app/users", person("one"), object{"id": aString, "invitation_code": aString})
	register := anyone.answers(201, "POST", "/api/owner/owners", object{"name": "one"},
		object{"id": aString, "chair_register_token": aString})["chair_register_token"]
	anyone.answers(201, "POST", "/api/chair/chairs", object{"name": "one", "model": "SitEase", "chair_register_token": register},
		object{"id": aString, "owner_id": aString})

	s := p.scene()
	s.user.answers(204, "POST", "/api/app/payment-methods", object{"token": "another"}, nil)
	s.chair.answers(204, "POST", "/api/chair/activity", object{"is_active": true}, nil)
	s.chair.answers(200, "POST", "/api/chair/coordinate", at(1, 1), object{"recorded_at": anInteger})
	nearby := s.user.answers(200, "GET", "/api/app/nearby-chairs?latitude=0&longitude=0", nil, object{"retrieved_at": anInteger,
		"chairs": listOf{object{"id": aString, "name": aString, "model": aString, "current_coordinate": aCoordinate}}})
	s.user.answers(200, "POST", "/api/app/rides/estimated-fare", trip(pickup, destination),
		object{"fare": anInteger, "discount": anInteger})
	ride := s.user.answers(202, "POST", "/api/app/rides", trip(pickup, destination),
		object{"ride_id": aString, "fare": anInteger})["ride_id"].(string)
	s.drive(ride, "MATCHING", "ENROUTE")
	s.chair.answers(204, "POST", "/api/chair/rides/"+ride+"/status", object{"status": "ENROUTE"}, nil)
	s.drive(ride, "ENROUTE", "ARRIVED")
	s.user.answers(200, "POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5}, object{"completed_at": anInteger})
	history := s.user.answers(200, "GET", "/api/app/rides", nil, object{"rides": listOf{object{
		"id": aString, "pickup_coordinate": aCoordinate, "destination_coordinate": aCoordinate, "fare": anInteger,
		"chair":      object{"id": aString, "owner": aString, "name": aString, "model": aString},
		"evaluation": anInteger, "requested_at": anInteger, "completed_at": anInteger}}})
	sales := s.owner.answers(200, "GET", "/api/owner/sales", nil, object{"total_sales": anInteger,
		"chairs": listOf{object{"id": aString, "name": aString, "sales": anInteger}},
		"models": listOf{object{"model": aString, "sales": anInteger}}})
	for name, list := range map[string]any{"nearby": nearby["chairs"], "history": history["rides"],
		"sales by chair": sales["chairs"], "sales by model": sales["models"]} {
		if len(list.([]any)) != 1 {
			p.t.Errorf("%s has %d elements, want 1", name, len(list.([]any)))
		}
	}
	ownedChairs(s)
}

// ownedChairs: a chair that never reported has no total_distance_updated_at (S4.12).
func ownedChairs(s *scene) {
	fresh := s.p.anonymous().want(201, "POST", "/api/chair/chairs",
		object{"name": "fresh", "model": "SitEase", "chair_register_token": s.register})["id"]
	chairs := s.owner.want(200, "GET", "/api/owner/chairs", nil)["chairs"].([]any)
	if len(chairs) != 2 {
		s.p.t.Fatalf("the owner has %d chairs, want 2", len(chairs))
	}
	for _, c := range chairs {
		members := object{"id": aString, "name": aString, "model": aString, "active": aBoolean,
			"registered_at": anInteger, "total_distance": anInteger, "total_distance_updated_at": anInteger}
		if c.(object)["id"] == fresh {
			delete(members, "total_distance_updated_at")
		}
		if err := fits(c, members, "chair"); err != nil {
			s.p.t.Error(err)
		}
	}
}

// emptyLists: never null, never absent (S4.0, trap T27).
func emptyLists(p *process) {
	owner, _ := p.owner("owner")
	user, _ := p.user("rider", "")
	for _, c := range []struct {
		*client
		path, want string
	}{
		{owner, "/api/owner/chairs", `{"chairs":[]}`},
		{owner, "/api/owner/sales", `{"total_sales":0,"chairs":[],"models":[]}`},
		{user, "/api/app/rides", `{"rides":[]}`},
	} {
		if r := c.call("GET", c.path, nil); string(r.body) != c.want {
			p.t.Errorf("GET %s answers %s, want %s", c.path, r.body, c.want)
		}
	}
	nearby := user.want(200, "GET", "/api/app/nearby-chairs?latitude=0&longitude=0", nil)
	if chairs, ok := nearby["chairs"].([]any); !ok || len(chairs) != 0 {
		p.t.Errorf("nearby without chairs is %v, want an empty array", nearby)
	}
}

// userNotification are the members of S6.2; the chair's are there once it is
// assigned, and never null before.
func userNotification(assigned bool) object {
	o := object{"ride_id": aString, "pickup_coordinate": aCoordinate, "destination_coordinate": aCoordinate,
		"fare": anInteger, "status": aString, "created_at": anInteger, "updated_at": anInteger}
	if assigned {
		o["chair"] = object{"id": aString, "name": aString, "model": aString,
			"stats": object{"total_rides_count": anInteger, "total_evaluation_avg": aNumber}}
	}
	return o
}

var chairNotification = object{"ride_id": aString, "user": object{"id": aString, "name": aString},
	"pickup_coordinate": aCoordinate, "destination_coordinate": aCoordinate, "status": aString}

func notificationMembers(p *process) {
	s := p.scene()
	s.chair.want(204, "POST", "/api/chair/activity", object{"is_active": false})
	ride := s.user.request(pickup, destination)
	toUser, toChair := s.user.listen(), s.chair.listen()
	p.fitsOne(toUser.expect(ride, "MATCHING"), userNotification(false))
	if first := toChair.next(); first != nil {
		p.t.Errorf("a chair without a ride is told %v", first)
	}
	s.chair.want(204, "POST", "/api/chair/activity", object{"is_active": true})
	p.fitsOne(toChair.expect(ride, "MATCHING"), chairNotification)
	p.fitsOne(s.user.listen().expect(ride, "MATCHING"), userNotification(true))
	for _, status := range between("MATCHING", "COMPLETED") {
		s.step(ride, status)
		p.fitsOne(toUser.expect(ride, status), userNotification(true))
		p.fitsOne(toChair.expect(ride, status), chairNotification)
	}
}

func (p *process) fitsOne(message, members object) {
	p.t.Helper()
	if err := fits(message, members, "notification"); err != nil {
		p.t.Errorf("%v, in %v", err, message)
	}
}

// TestStreamFraming is line 1 of appendix D for event streams (S6.1): headers,
// and bytes that every reader understands.
func TestStreamFraming(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("a message is one data line and an empty one", func(p *process) {
			s := p.scene()
			header, first := s.chair.firstBytes()
			if first != "data: null\n\n" {
				p.t.Errorf("the stream of a chair without a ride begins with %q", first)
			}
			checkStreamHeader(p, header)
			ride := s.user.request(pickup, destination)
			header, first = s.user.firstBytes()
			if !strings.HasPrefix(first, `data: {"ride_id":"`+ride+`"`) || strings.Count(first, "\n") != 2 {
				p.t.Errorf("the stream of a rider begins with %q", first)
			}
			checkStreamHeader(p, header)
		})
	})
}

func checkStreamHeader(p *process, header http.Header) {
	p.t.Helper()
	if got := header.Get("Content-Type"); !strings.Contains(got, "text/event-stream") {
		p.t.Errorf("the stream's Content-Type is %q", got)
	}
	if got := header.Get("X-Accel-Buffering"); got != "no" {
		p.t.Errorf("X-Accel-Buffering is %q: a proxy may hold messages back", got)
	}
	for _, name := range []string{"Content-Length", "Content-Encoding"} {
		if v := header.Get(name); v != "" {
			p.t.Errorf("the stream has %s: %s", name, v)
		}
	}
}

// firstBytes opens a stream as the contest's clients do, offering compression, and
// reads up to the end of the first message.
func (c *client) firstBytes() (http.Header, string) {
	c.t.Helper()
	req, err := http.NewRequest("GET", c.p.url+c.notificationPath(), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Cookie", c.cookie)
	req.Header.Set("Accept-Encoding", "gzip, deflate, br")
	res, err := new(events).transport().RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	var first []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(first), "\n\n"); first = append(first, b[0]) {
		if _, err := io.ReadFull(res.Body, b); err != nil {
			c.t.Fatalf("the stream ends after %q: %v", first, err)
		}
	}
	return res.Header, string(first)
}

func (c *client) notificationPath() string {
	if strings.HasPrefix(c.cookie, "chair_session") {
		return "/api/chair/notification"
	}
	return "/api/app/notification"
}

// TestUnknownPathsAndMethods is the rest of S4.0: 404 and 405, with an error object.
func TestUnknownPathsAndMethods(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("unknown paths", func(p *process) {
			for _, path := range []string{"/api", "/api/", "/api/app", "/api/app/", "/api/app/users/", "/api/app/rides/",
				"/api/app/rides/x", "/api/app/rides//evaluation", "/api/app/rides/a/b/evaluation", "/api/app/rides/x/evaluation/",
				"/api/chair/rides//status", "/api/chair/rides/x/", "/api/owner/nothing", "/api/internal", "/API/owner/sales"} {
				for _, method := range []string{"GET", "POST"} {
					if strings.HasPrefix(path, "/API") {
						continue // not below /api/, so it is a page: appendix B
					}
					p.send(method, path, "").refused(p.t, 404, path)
				}
			}
		})
		p.rule("wrong methods", func(p *process) {
			for _, e := range endpoints {
				for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
					if allowed(e.path, method) {
						continue
					}
					r := p.send(method, e.path, "")
					r.refused(p.t, 405, method)
					if allow := r.header.Get("Allow"); !strings.Contains(allow, e.method) {
						p.t.Errorf("%s %s: Allow is %q, want %s in it", method, e.path, allow, e.method)
					}
				}
				if r := p.send("HEAD", e.path, ""); r.status != 405 || len(r.body) > 0 {
					p.t.Errorf("HEAD %s answers %d %s", e.path, r.status, r.body)
				}
			}
		})
	})
}

// endpoint is a row of the table of S4.0; kind is the account it wants.
type endpoint struct{ method, path, kind string }

var endpoints = []endpoint{
	{"POST", "/api/initialize", ""},
	{"POST", "/api/app/users", ""},
	{"POST", "/api/app/payment-methods", "app"},
	{"GET", "/api/app/rides", "app"},
	{"POST", "/api/app/rides", "app"},
	{"POST", "/api/app/rides/estimated-fare", "app"},
	{"POST", "/api/app/rides/01JDFEDF00B09BNMV8MP0RB34G/evaluation", "app"},
	{"GET", "/api/app/notification", "app"},
	{"GET", "/api/app/nearby-chairs", "app"},
	{"POST", "/api/owner/owners", ""},
	{"GET", "/api/owner/sales", "owner"},
	{"GET", "/api/owner/chairs", "owner"},
	{"POST", "/api/chair/chairs", ""},
	{"POST", "/api/chair/activity", "chair"},
	{"POST", "/api/chair/coordinate", "chair"},
	{"GET", "/api/chair/notification", "chair"},
	{"POST", "/api/chair/rides/01JDFEDF00B09BNMV8MP0RB34G/status", "chair"},
	{"GET", "/api/internal/matching", ""},
}

func allowed(path, method string) bool {
	for _, e := range endpoints {
		if e.path == path && e.method == method {
			return true
		}
	}
	return false
}

// person is the body of a user's registration.
func person(name string) object {
	return object{"username": name, "firstname": "Ann", "lastname": "Lee", "date_of_birth": "2000-01-01"}
}

// TestSessions is line 2 of appendix D (S3).
func TestSessions(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("a registration sets one plain cookie", plainCookies)
		p.rule("no session, no answer", sessionsNeeded)
		p.rule("the session is found among other cookies", func(p *process) {
			user, _ := p.user("rider", "")
			r := p.send("GET", "/api/app/rides", "", "Cookie", "a=b; x_app_session=wrong; "+user.cookie+"; owner_session=; c")
			if r.status != 200 {
				p.t.Errorf("answered %d %s", r.status, r.body)
			}
		})
	})
}

// sessions registers an account of each kind and returns their tokens.
func (p *process) sessions() map[string]string {
	p.t.Helper()
	s := p.scene()
	tokens := map[string]string{}
	for kind, c := range map[string]*client{"app": s.user, "owner": s.owner, "chair": s.chair} {
		tokens[kind] = strings.TrimPrefix(c.cookie, kind+"_session=")
	}
	return tokens
}

func plainCookies(p *process) {
	_, register := p.owner("first")
	for kind, r := range map[string]reply{
		"app":   p.anonymous().call("POST", "/api/app/users", person("rider")),
		"owner": p.anonymous().call("POST", "/api/owner/owners", object{"name": "owner"}),
		"chair": p.anonymous().call("POST", "/api/chair/chairs", object{"name": "c", "model": "m", "chair_register_token": register}),
	} {
		set := r.header.Values("Set-Cookie")
		if len(set) != 1 {
			p.t.Fatalf("%s: cookies are %q, want one", kind, set)
		}
		token := strings.TrimSuffix(strings.TrimPrefix(set[0], kind+"_session="), "; Path=/")
		if set[0] != fmt.Sprintf("%s_session=%s; Path=/", kind, token) || len(token) != 64 || strings.Trim(token, "0123456789abcdef") != "" {
			p.t.Errorf("%s: Set-Cookie is %q", kind, set[0])
		}
	}
}

// sessionsNeeded: every endpoint that wants an account answers 401 to a missing, empty
// or unknown token and to those of the two other kinds, whatever the body.
func sessionsNeeded(p *process) {
	tokens := p.sessions()
	for _, e := range endpoints {
		if e.kind == "" {
			continue
		}
		cookie := e.kind + "_session"
		p.send(e.method, e.path, "{").refused(p.t, 401, cookie)
		cookies := []string{"", cookie, cookie + "=", cookie + `=""`, cookie + "=0123", cookie + "=" + strings.Repeat("a", 64),
			cookie + "=" + strings.ToUpper(tokens[e.kind]), cookie + "=" + tokens[e.kind] + "0"}
		for kind, token := range tokens {
			if kind != e.kind {
				cookies = append(cookies, cookie+"="+token, kind+"_session="+token, kind+"_session="+tokens[e.kind])
			}
		}
		for _, c := range cookies {
			p.send(e.method, e.path, "{", "Cookie", c).refused(p.t, 401, cookie)
		}
	}
}
