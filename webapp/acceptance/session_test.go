package acceptance

import (
	"strings"
	"testing"

	"isuride/webapp/servertest"
)

// TestBearerSessions: a program needs no cookies (S3).
func TestBearerSessions(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("a registration hands over its token in the body", tokensInBody)
		p.Rule("a bearer token does what a cookie does", bearersAsCookies)
		p.Rule("a bearer token wins over a cookie, right or wrong", bearersWin)
	})
}

func tokensInBody(p *servertest.Process) {
	owner := registersInBody(p, "/api/owner/owners", `{"name":"in body"}`)
	chair := registersInBody(p, "/api/chair/chairs", `{"name":"c","model":"SitEase","chair_register_token":"`+owner["chair_register_token"].(string)+`"}`)
	user := registersInBody(p, "/api/app/users", `{"username":"in body","firstname":"Ann","lastname":"Lee","date_of_birth":"2000-01-01"}`)
	for path, account := range map[string]servertest.Object{"/api/owner/chairs": owner, "/api/app/rides": user} {
		if r := p.Send("GET", path, "", "Authorization", "Bearer "+account["access_token"].(string)); r.Status != 200 {
			p.T.Errorf("GET %s answers %d %s", path, r.Status, r.Body)
		}
	}
	if r := p.Send("POST", "/api/chair/activity", `{"is_active":true}`, "Authorization", "Bearer "+chair["access_token"].(string)); r.Status != 204 {
		p.T.Errorf("a chair's call answers %d %s", r.Status, r.Body)
	}
	p.Send("POST", "/api/owner/owners", `{"name":"nobody"}`, "Isuride-Session", "cookies").Refused(p.T, 400, "Isuride-Session")
	if o := p.Anonymous().Want(201, "POST", "/api/owner/owners", servertest.Object{"name": "nobody"}); o["access_token"] != nil {
		p.T.Errorf("without the header field the token comes all the same: %v", o)
	}
}

func registersInBody(p *servertest.Process, path, body string) servertest.Object {
	p.T.Helper()
	r := p.Send("POST", path, body, "Isuride-Session", "body")
	if r.Status != 201 || len(r.Header.Values("Set-Cookie")) > 0 {
		p.T.Fatalf("POST %s answers %d %s, with cookies %q", path, r.Status, r.Body, r.Header.Values("Set-Cookie"))
	}
	o := r.Object(p.T)
	if token, _ := o["access_token"].(string); len(token) != 64 {
		p.T.Fatalf("POST %s answers %s, without a token", path, r.Body)
	}
	return o
}

// bearersAsCookies: every endpoint that wants an account takes the token of that kind, and
// no other.
func bearersAsCookies(p *servertest.Process) {
	tokens := sessions(p)
	for _, e := range endpoints {
		if e.kind == "" || strings.HasSuffix(e.path, "/notification") {
			continue
		}
		if r := p.Send(e.method, e.path, "{", "Authorization", "bearer "+tokens[e.kind]); r.Status == 401 || r.Status >= 500 {
			p.T.Errorf("%s %s answers %d %s", e.method, e.path, r.Status, r.Body)
		}
		for kind, token := range tokens {
			if kind != e.kind {
				p.Send(e.method, e.path, "{", "Authorization", "Bearer "+token).Refused(p.T, 401, "bearer token")
			}
		}
		for _, field := range []string{"Bearer", "Bearer 0123", "Bearer " + tokens[e.kind] + "0"} {
			p.Send(e.method, e.path, "{", "Authorization", field).Refused(p.T, 401, "bearer token")
		}
		p.Send(e.method, e.path, "{", "Authorization", tokens[e.kind]).Refused(p.T, 401, "cookie")
	}
}

func bearersWin(p *servertest.Process) {
	one, _ := p.User("one", "")
	two, _ := p.User("two", "")
	token := strings.TrimPrefix(two.Cookie, "app_session=")
	ride := `{"pickup_coordinate":{"latitude":0,"longitude":0},"destination_coordinate":{"latitude":1,"longitude":1}}`
	if r := p.Send("POST", "/api/app/rides", ride, "Cookie", one.Cookie, "Authorization", "Bearer "+token); r.Status != 202 {
		p.T.Fatalf("a ride of the second user: %d %s", r.Status, r.Body)
	}
	if r := p.Send("POST", "/api/app/rides", ride, "Cookie", one.Cookie); r.Status != 202 {
		p.T.Errorf("the first user, who has no ride yet, is answered %d %s", r.Status, r.Body)
	}
	p.Send("POST", "/api/app/rides", ride, "Cookie", two.Cookie).Refused(p.T, 409, "ride")
	p.Send("GET", "/api/app/rides", "", "Cookie", one.Cookie, "Authorization", "Bearer wrong").Refused(p.T, 401, "bearer token")
	if r := p.Send("GET", "/api/app/rides", "", "Cookie", one.Cookie, "Authorization", "Basic YTpi"); r.Status != 200 {
		p.T.Errorf("with a proxy's password: %d %s", r.Status, r.Body)
	}
}
