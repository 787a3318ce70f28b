package acceptance

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"isuride/webapp/servertest"
)

// TestAnswers is line 1 of appendix D: success status, headers and exact members of
// every endpoint (S4.0 to S4.19, S6.2).
func TestAnswers(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("every endpoint", everyEndpoint)
		p.Rule("empty lists are arrays", emptyLists)
		p.Rule("notifications", notificationMembers)
		p.Rule("an empty query string is none", func(p *servertest.Process) { // S4.0
			owner, _ := p.Owner("owner")
			owner.Want(200, "GET", "/api/owner/sales?", nil)
		})
	})
}

// answers calls an endpoint and checks status, headers and members. Without members
// there must be no body at all.
func answers(c *servertest.Client, status int, method, path string, body any, members servertest.Object) servertest.Object {
	c.T.Helper()
	r := c.Call(method, path, body)
	if r.Status != status {
		c.T.Fatalf("%s %s answers %d %s, want %d", method, path, r.Status, r.Body, status)
	}
	for _, name := range []string{"Etag", "Last-Modified", "Cache-Control", "Expires", "Content-Encoding"} {
		if v := r.Header.Get(name); v != "" { // S4.0: no validators, no freshness
			c.T.Errorf("%s %s answers with %s: %s", method, path, name, v)
		}
	}
	if members == nil {
		if len(r.Body) > 0 || r.Header.Get("Content-Type") != "" {
			c.T.Errorf("%s %s answers %q as %q, want no body", method, path, r.Body, r.Header.Get("Content-Type"))
		}
		return nil
	}
	if got := r.Header.Get("Content-Type"); got != servertest.JSONType {
		c.T.Errorf("%s %s answers as %q, want %q", method, path, got, servertest.JSONType)
	}
	o := r.Object(c.T)
	if err := fits(o, members, method+" "+path); err != nil {
		c.T.Errorf("%v, in %s", err, r.Body)
	}
	return o
}

func everyEndpoint(p *servertest.Process) {
	anyone := p.Anonymous()
	answers(anyone, 200, "POST", "/api/initialize", servertest.Object{"payment_server": p.GatewayURL}, servertest.Object{"language": aString})
	answers(anyone, 204, "GET", "/api/internal/matching", nil, nil)
	answers(anyone, 201, "POST", "/api/app/users", servertest.Person("one"), servertest.Object{"id": aString, "invitation_code": aString})
	register := answers(anyone, 201, "POST", "/api/owner/owners", servertest.Object{"name": "one"},
		servertest.Object{"id": aString, "chair_register_token": aString})["chair_register_token"]
	answers(anyone, 201, "POST", "/api/chair/chairs", servertest.Object{"name": "one", "model": "SitEase", "chair_register_token": register},
		servertest.Object{"id": aString, "owner_id": aString})

	s := p.Scene()
	answers(s.User, 204, "POST", "/api/app/payment-methods", servertest.Object{"token": "another"}, nil)
	answers(s.Chair, 204, "POST", "/api/chair/activity", servertest.Object{"is_active": true}, nil)
	answers(s.Chair, 200, "POST", "/api/chair/coordinate", servertest.At(1, 1), servertest.Object{"recorded_at": anInteger})
	nearby := answers(s.User, 200, "GET", "/api/app/nearby-chairs?latitude=0&longitude=0", nil, servertest.Object{"retrieved_at": anInteger,
		"chairs": listOf{servertest.Object{"id": aString, "name": aString, "model": aString, "current_coordinate": aCoordinate}}})
	answers(s.User, 200, "POST", "/api/app/rides/estimated-fare", servertest.Trip(servertest.Pickup, servertest.Destination),
		servertest.Object{"fare": anInteger, "discount": anInteger})
	ride := answers(s.User, 202, "POST", "/api/app/rides", servertest.Trip(servertest.Pickup, servertest.Destination),
		servertest.Object{"ride_id": aString, "fare": anInteger})["ride_id"].(string)
	s.Drive(ride, "MATCHING", "ENROUTE")
	answers(s.Chair, 204, "POST", "/api/chair/rides/"+ride+"/status", servertest.Object{"status": "ENROUTE"}, nil)
	s.Drive(ride, "ENROUTE", "ARRIVED")
	answers(s.User, 200, "POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": 5}, servertest.Object{"completed_at": anInteger})
	history := answers(s.User, 200, "GET", "/api/app/rides", nil, servertest.Object{"rides": listOf{servertest.Object{
		"id": aString, "pickup_coordinate": aCoordinate, "destination_coordinate": aCoordinate, "fare": anInteger,
		"chair":      servertest.Object{"id": aString, "owner": aString, "name": aString, "model": aString},
		"evaluation": anInteger, "requested_at": anInteger, "completed_at": anInteger}}})
	sales := answers(s.Owner, 200, "GET", "/api/owner/sales", nil, servertest.Object{"total_sales": anInteger,
		"chairs": listOf{servertest.Object{"id": aString, "name": aString, "sales": anInteger}},
		"models": listOf{servertest.Object{"model": aString, "sales": anInteger}}})
	for name, list := range map[string]any{"nearby": nearby["chairs"], "history": history["rides"],
		"sales by chair": sales["chairs"], "sales by model": sales["models"]} {
		if len(list.([]any)) != 1 {
			p.T.Errorf("%s has %d elements, want 1", name, len(list.([]any)))
		}
	}
	ownedChairs(s)
}

// ownedChairs: a chair that never reported has no total_distance_updated_at (S4.12).
func ownedChairs(s *servertest.Scene) {
	fresh := s.Process.Anonymous().Want(201, "POST", "/api/chair/chairs",
		servertest.Object{"name": "fresh", "model": "SitEase", "chair_register_token": s.Register})["id"]
	chairs := s.Owner.Want(200, "GET", "/api/owner/chairs", nil)["chairs"].([]any)
	if len(chairs) != 2 {
		s.Process.T.Fatalf("the owner has %d chairs, want 2", len(chairs))
	}
	for _, c := range chairs {
		members := servertest.Object{"id": aString, "name": aString, "model": aString, "active": aBoolean,
			"registered_at": anInteger, "total_distance": anInteger, "total_distance_updated_at": anInteger}
		if c.(servertest.Object)["id"] == fresh {
			delete(members, "total_distance_updated_at")
		}
		if err := fits(c, members, "chair"); err != nil {
			s.Process.T.Error(err)
		}
	}
}

// emptyLists: never null, never absent (S4.0, trap T27).
func emptyLists(p *servertest.Process) {
	owner, _ := p.Owner("owner")
	user, _ := p.User("rider", "")
	for _, c := range []struct {
		*servertest.Client
		path, want string
	}{
		{owner, "/api/owner/chairs", `{"chairs":[]}`},
		{owner, "/api/owner/sales", `{"total_sales":0,"chairs":[],"models":[]}`},
		{user, "/api/app/rides", `{"rides":[]}`},
	} {
		if r := c.Call("GET", c.path, nil); string(r.Body) != c.want {
			p.T.Errorf("GET %s answers %s, want %s", c.path, r.Body, c.want)
		}
	}
	nearby := user.Want(200, "GET", "/api/app/nearby-chairs?latitude=0&longitude=0", nil)
	if chairs, ok := nearby["chairs"].([]any); !ok || len(chairs) != 0 {
		p.T.Errorf("nearby without chairs is %v, want an empty array", nearby)
	}
}

// userNotification are the members of S6.2; the chair's are there once it is
// assigned, and never null before.
func userNotification(assigned bool) servertest.Object {
	o := servertest.Object{"ride_id": aString, "pickup_coordinate": aCoordinate, "destination_coordinate": aCoordinate,
		"fare": anInteger, "status": aString, "created_at": anInteger, "updated_at": anInteger}
	if assigned {
		o["chair"] = servertest.Object{"id": aString, "name": aString, "model": aString,
			"stats": servertest.Object{"total_rides_count": anInteger, "total_evaluation_avg": aNumber}}
	}
	return o
}

var chairNotification = servertest.Object{"ride_id": aString, "user": servertest.Object{"id": aString, "name": aString},
	"pickup_coordinate": aCoordinate, "destination_coordinate": aCoordinate, "status": aString}

func notificationMembers(p *servertest.Process) {
	s := p.Scene()
	s.Chair.Want(204, "POST", "/api/chair/activity", servertest.Object{"is_active": false})
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	toUser, toChair := s.User.Listen(), s.Chair.Listen()
	fitsOne(p, toUser.Expect(ride, "MATCHING"), userNotification(false))
	if first := toChair.Next(); first != nil {
		p.T.Errorf("a chair without a ride gets %v", first)
	}
	s.Chair.Want(204, "POST", "/api/chair/activity", servertest.Object{"is_active": true})
	fitsOne(p, toChair.Expect(ride, "MATCHING"), chairNotification)
	fitsOne(p, s.User.Listen().Expect(ride, "MATCHING"), userNotification(true))
	for _, status := range servertest.Between("MATCHING", "COMPLETED") {
		s.Step(ride, status)
		fitsOne(p, toUser.Expect(ride, status), userNotification(true))
		fitsOne(p, toChair.Expect(ride, status), chairNotification)
	}
}

func fitsOne(p *servertest.Process, message, members servertest.Object) {
	p.T.Helper()
	if err := fits(message, members, "notification"); err != nil {
		p.T.Errorf("%v, in %v", err, message)
	}
}

// TestStreamFraming is line 1 of appendix D for event streams (S6.1): headers,
// and bytes that every reader understands.
func TestStreamFraming(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("a message is one data line and an empty one", func(p *servertest.Process) {
			s := p.Scene()
			header, first := firstBytes(s.Chair)
			if first != "data: null\n\n" {
				p.T.Errorf("the stream of a chair without a ride begins with %q", first)
			}
			checkStreamHeader(p, header)
			ride := s.User.Request(servertest.Pickup, servertest.Destination)
			header, first = firstBytes(s.User)
			if !strings.HasPrefix(first, `data: {"ride_id":"`+ride+`"`) || strings.Count(first, "\n") != 2 {
				p.T.Errorf("the stream of a rider begins with %q", first)
			}
			checkStreamHeader(p, header)
		})
	})
}

func checkStreamHeader(p *servertest.Process, header http.Header) {
	p.T.Helper()
	if got := header.Get("Content-Type"); !strings.Contains(got, "text/event-stream") {
		p.T.Errorf("the stream's Content-Type is %q", got)
	}
	if got := header.Get("X-Accel-Buffering"); got != "no" {
		p.T.Errorf("X-Accel-Buffering is %q: a proxy may hold messages back", got)
	}
	for _, name := range []string{"Content-Length", "Content-Encoding"} {
		if v := header.Get(name); v != "" {
			p.T.Errorf("the stream has %s: %s", name, v)
		}
	}
}

// firstBytes opens a stream as the contest's clients do, offering compression, and
// reads up to the end of the first message.
func firstBytes(c *servertest.Client) (http.Header, string) {
	c.T.Helper()
	req, err := http.NewRequest("GET", c.Process.URL+c.NotificationPath(), nil)
	if err != nil {
		c.T.Fatal(err)
	}
	req.Header.Set("Cookie", c.Cookie)
	req.Header.Set("Accept-Encoding", "gzip, deflate, br")
	res, err := new(servertest.Stream).Transport().RoundTrip(req)
	if err != nil {
		c.T.Fatal(err)
	}
	defer res.Body.Close()
	var first []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(first), "\n\n"); first = append(first, b[0]) {
		if _, err := io.ReadFull(res.Body, b); err != nil {
			c.T.Fatalf("the stream ends after %q: %v", first, err)
		}
	}
	return res.Header, string(first)
}

// TestUnknownPathsAndMethods is the rest of S4.0: 404 and 405, with an error object.
func TestUnknownPathsAndMethods(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("unknown paths", func(p *servertest.Process) {
			for _, path := range []string{"/api", "/api/", "/api/app", "/api/app/", "/api/app/users/", "/api/app/rides/",
				"/api/app/rides/x", "/api/app/rides//evaluation", "/api/app/rides/a/b/evaluation", "/api/app/rides/x/evaluation/",
				"/api/chair/rides//status", "/api/chair/rides/x/", "/api/owner/nothing", "/api/internal", "/API/owner/sales"} {
				for _, method := range []string{"GET", "POST"} {
					if strings.HasPrefix(path, "/API") {
						continue // not below /api/, so it is a page: appendix B
					}
					p.Send(method, path, "").Refused(p.T, 404, path)
				}
			}
		})
		p.Rule("wrong methods", func(p *servertest.Process) {
			for _, e := range endpoints {
				for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
					if allowed(e.path, method) {
						continue
					}
					r := p.Send(method, e.path, "")
					r.Refused(p.T, 405, method)
					if allow := r.Header.Get("Allow"); !strings.Contains(allow, e.method) {
						p.T.Errorf("%s %s: Allow is %q, want %s in it", method, e.path, allow, e.method)
					}
				}
				if r := p.Send("HEAD", e.path, ""); r.Status != 405 || len(r.Body) > 0 {
					p.T.Errorf("HEAD %s answers %d %s", e.path, r.Status, r.Body)
				}
			}
		})
	})
}

// TestEndpointsAreListed: the table below has all endpoints that the server counts, so that
// the rules for all of them are tried with each.
func TestEndpointsAreListed(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.Bare()
	p.Start()
	served := map[string]bool{"static": true, "other": true}
	for _, e := range endpoints {
		served[e.method+" "+strings.Replace(e.path, "01JDFEDF00B09BNMV8MP0RB34G", "{ride_id}", 1)] = true
	}
	for _, m := range p.Scrape().Families["isuride_http_requests_total"].GetMetric() {
		for _, l := range m.Label {
			if l.GetName() == "endpoint" && !served[l.GetValue()] {
				t.Errorf("%s is not in the list of endpoints", l.GetValue())
			}
		}
	}
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
	{"GET", "/api/feed", ""},
	{"GET", "/api/realtime", ""},
	{"GET", "/api/operator/questions", ""}, // the operator's token is no session: TestQuestions
	{"GET", "/api/operator/answers", ""},
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

// TestSessions is line 2 of appendix D (S3).
func TestSessions(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("a registration sets one plain cookie", plainCookies)
		p.Rule("no session, no answer", sessionsNeeded)
		p.Rule("the session is found among other cookies", func(p *servertest.Process) {
			user, _ := p.User("rider", "")
			r := p.Send("GET", "/api/app/rides", "", "Cookie", "a=b; x_app_session=wrong; "+user.Cookie+"; owner_session=; c")
			if r.Status != 200 {
				p.T.Errorf("answered %d %s", r.Status, r.Body)
			}
		})
	})
}

// sessions registers an account of each kind and returns their tokens.
func sessions(p *servertest.Process) map[string]string {
	p.T.Helper()
	s := p.Scene()
	tokens := map[string]string{}
	for kind, c := range map[string]*servertest.Client{"app": s.User, "owner": s.Owner, "chair": s.Chair} {
		tokens[kind] = strings.TrimPrefix(c.Cookie, kind+"_session=")
	}
	return tokens
}

func plainCookies(p *servertest.Process) {
	_, register := p.Owner("first")
	for kind, r := range map[string]servertest.Reply{
		"app":   p.Anonymous().Call("POST", "/api/app/users", servertest.Person("rider")),
		"owner": p.Anonymous().Call("POST", "/api/owner/owners", servertest.Object{"name": "owner"}),
		"chair": p.Anonymous().Call("POST", "/api/chair/chairs", servertest.Object{"name": "c", "model": "m", "chair_register_token": register}),
	} {
		set := r.Header.Values("Set-Cookie")
		if len(set) != 1 {
			p.T.Fatalf("%s: cookies are %q, want one", kind, set)
		}
		token := strings.TrimSuffix(strings.TrimPrefix(set[0], kind+"_session="), "; Path=/")
		if set[0] != fmt.Sprintf("%s_session=%s; Path=/", kind, token) || len(token) != 64 || strings.Trim(token, "0123456789abcdef") != "" {
			p.T.Errorf("%s: Set-Cookie is %q", kind, set[0])
		}
	}
}

// sessionsNeeded: every endpoint that wants an account answers 401 to a missing, empty
// or unknown token and to those of the two other kinds, whatever the body.
func sessionsNeeded(p *servertest.Process) {
	tokens := sessions(p)
	for _, e := range endpoints {
		if e.kind == "" {
			continue
		}
		cookie := e.kind + "_session"
		p.Send(e.method, e.path, "{").Refused(p.T, 401, cookie)
		cookies := []string{"", cookie, cookie + "=", cookie + `=""`, cookie + "=0123", cookie + "=" + strings.Repeat("a", 64),
			cookie + "=" + strings.ToUpper(tokens[e.kind]), cookie + "=" + tokens[e.kind] + "0"}
		for kind, token := range tokens {
			if kind != e.kind {
				cookies = append(cookies, cookie+"="+token, kind+"_session="+token, kind+"_session="+tokens[e.kind])
			}
		}
		for _, c := range cookies {
			p.Send(e.method, e.path, "{", "Cookie", c).Refused(p.T, 401, cookie)
		}
	}
}
