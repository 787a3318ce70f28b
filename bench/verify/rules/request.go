package rules

import (
	"net/http"
	"net/http/httptrace"
	"time"

	"isuride/bench/verify/probe"
)

// unknownPath is none of the API.
const unknownPath = "/api/app/no-such-thing"

// idleTime is a little longer than clients keep an unused connection (S4.0).
const idleTime = 10*time.Second + 500*time.Millisecond

// requests sends unusual requests.
func requests() Scenario {
	return Scenario{
		name: "requests",
		rules: []rule{
			{"body-malformed", "S4.0", R, "malformed JSON answers 400"},
			{"body-wrong-type", "S4.0", R, "a member of a wrong type answers 400"},
			{"body-extra-member", "S4.0", R, "unknown members of a body are ignored"},
			{"body-content-type", "S4.0", R, "a request's Content-Type does not matter"},
			{"path-unknown", "S4.0", R, "an unknown path below /api answers 404"},
			{"method-wrong", "S4.0", R, "a wrong method answers 405"},
		},
		play: func(t *trial) {
			u, o := t.newUser(""), t.owner()
			c := o.parked(slowModel)
			t.badBodies(u, c)
			w := u.Post(probe.EstimatePath, `{"pickup_coordinate":{"latitude":1,"longitude":1},"destination_coordinate":{"latitude":2,"longitude":2},"extra":[{"deep":null}]}`)
			t.check("body-extra-member", w.Fine(), w.Summary(), w)
			t.check("body-content-type", t.plainText(u).Fine(), "the call failed as text/plain", w)
			t.refuses("path-unknown", u.Get(unknownPath), http.StatusNotFound)
			for _, w := range []*probe.Answer{u.Get(probe.PaymentPath), c.Get(probe.PositionPath), u.Post(probe.NearbyPath, `{}`)} {
				t.refuses("method-wrong", w, http.StatusMethodNotAllowed)
			}
		},
	}
}

func (t *trial) badBodies(u *user, c *chair) {
	for _, x := range []struct {
		as              probe.Account
		path, wrongType string
	}{
		{t.Anonymous(), probe.UsersPath, `{"username":1}`},
		{t.Anonymous(), probe.OwnersPath, `{"name":[]}`},
		{t.Anonymous(), probe.ChairsPath, `{"name":{}}`},
		{u.Account, probe.PaymentPath, `{"token":5}`},
		{u.Account, probe.EstimatePath, `{"pickup_coordinate":1}`},
		{u.Account, probe.RidesPath, `{"pickup_coordinate":[]}`},
		{c.Account, probe.PositionPath, `{"latitude":"1","longitude":2}`},
		{c.Account, probe.ActivityPath, `{"is_active":"no"}`},
	} {
		t.refuses("body-malformed", x.as.Post(x.path, `{"latitude":1,`), http.StatusBadRequest)
		t.refuses("body-wrong-type", x.as.Post(x.path, x.wrongType), http.StatusBadRequest)
	}
}

// plainText asks for an estimate with a content type that is not JSON's.
func (t *trial) plainText(u *user) *probe.Answer {
	req := u.Account.Request(t.Context, http.MethodPost, probe.EstimatePath, trip{probe.At(0, 0), probe.At(1, 1)})
	req.Header.Set("Content-Type", "text/plain")
	return t.Perform(t.Client, req)
}

// idleConnection leaves a connection unused as long as clients may, and posts on it.
func idleConnection() Scenario {
	return Scenario{
		name: "idle connection",
		rules: []rule{
			{"idle-connection", "S4.0", B, "a connection that was idle for 10 s still takes a request"},
		},
		play: func(t *trial) {
			u := t.newUser("")
			client := *t.Client
			transport := client.Transport.(*http.Transport).Clone()
			transport.MaxConnsPerHost = 1
			client.Transport = transport
			defer transport.CloseIdleConnections()
			first, _ := t.onConnection(&client, u)
			t.need(first.Fine(), "an estimate failed", first)
			t.need(t.Sleep(idleTime), "the run ended")
			second, reused := t.onConnection(&client, u)
			t.check("idle-connection", second.Fine() && reused, "the server had closed the connection", first, second)
		},
	}
}

// onConnection makes a call and reports whether it reused a connection.
func (t *trial) onConnection(client *http.Client, u *user) (w *probe.Answer, reused bool) {
	ctx := httptrace.WithClientTrace(t.Context, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused },
	})
	w = t.Perform(client, u.Account.Request(ctx, http.MethodPost, probe.EstimatePath, trip{probe.At(0, 0), probe.At(1, 1)}))
	return w, reused
}

// frontEnd asks for pages and does not judge their content.
func frontEnd() Scenario {
	return Scenario{
		name: "front end",
		rules: []rule{
			{"page-fallback", "App. B", B, "paths outside /api/ that are no files answer 200 with the start page, without redirects"},
		},
		play: func(t *trial) {
			a := t.Anonymous()
			start := a.Get("/")
			if start.Err == nil && start.Status == http.StatusNotFound {
				t.skip("the server has no front end", "page-fallback")
				return
			}
			t.check("page-fallback", start.Status == http.StatusOK, start.Summary(), start)
			for _, path := range []string{"/index.html", "/client", "/client/history", "/owner", "/owner/sales", "/simulator"} {
				w := a.Get(path)
				t.check("page-fallback", w.Status == http.StatusOK && string(w.Body) == string(start.Body), w.Summary(), start, w)
			}
		},
	}
}
