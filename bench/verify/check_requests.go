package verify

import (
	"net/http"
	"net/http/httptrace"
	"time"
)

// unknownPath is none of the API.
const unknownPath = "/api/app/no-such-thing"

// idleTime is a little longer than clients keep connections without use (S4.0).
const idleTime = 10*time.Second + 500*time.Millisecond

// requests is how the server takes what is not as usual.
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
			w := u.post(estimatePath, `{"pickup_coordinate":{"latitude":1,"longitude":1},"destination_coordinate":{"latitude":2,"longitude":2},"extra":[{"deep":null}]}`)
			t.check("body-extra-member", w.fine(), w.summary(), w)
			t.check("body-content-type", t.plainText(u).fine(), "the call failed as text/plain", w)
			t.refuses("path-unknown", u.get(unknownPath), http.StatusNotFound)
			for _, w := range []*answer{u.get(paymentPath), c.get(positionPath), u.post(nearbyPath, `{}`)} {
				t.refuses("method-wrong", w, http.StatusMethodNotAllowed)
			}
		},
	}
}

func (t *trial) badBodies(u *user, c *chair) {
	for _, x := range []struct {
		as              account
		path, wrongType string
	}{
		{t.anonymous(), usersPath, `{"username":1}`},
		{t.anonymous(), ownersPath, `{"name":[]}`},
		{t.anonymous(), chairsPath, `{"name":{}}`},
		{u.account, paymentPath, `{"token":5}`},
		{u.account, estimatePath, `{"pickup_coordinate":1}`},
		{u.account, ridesPath, `{"pickup_coordinate":[]}`},
		{c.account, positionPath, `{"latitude":"1","longitude":2}`},
		{c.account, activityPath, `{"is_active":"no"}`},
	} {
		t.refuses("body-malformed", x.as.post(x.path, `{"latitude":1,`), http.StatusBadRequest)
		t.refuses("body-wrong-type", x.as.post(x.path, x.wrongType), http.StatusBadRequest)
	}
}

// plainText asks for an estimate with a content type that is not JSON's.
func (t *trial) plainText(u *user) *answer {
	req := u.account.request(t.ctx, http.MethodPost, estimatePath, trip{pointAt(0, 0), pointAt(1, 1)})
	req.Header.Set("Content-Type", "text/plain")
	return t.perform(t.client, req)
}

// idleConnection waits as long as a client keeps a connection that it does not use, and posts on it.
func idleConnection() Scenario {
	return Scenario{
		name: "idle connection",
		rules: []rule{
			{"idle-connection", "S4.0", B, "a connection that was idle for 10 s still takes a request"},
		},
		play: func(t *trial) {
			u := t.newUser("")
			client := *t.client
			transport := client.Transport.(*http.Transport).Clone()
			transport.MaxConnsPerHost = 1
			client.Transport = transport
			defer transport.CloseIdleConnections()
			first, _ := t.onConnection(&client, u)
			t.need(first.fine(), "an estimate failed", first)
			t.need(t.sleep(idleTime), "the run ended")
			second, reused := t.onConnection(&client, u)
			t.check("idle-connection", second.fine() && reused, "the server had closed the connection", first, second)
		},
	}
}

// onConnection makes a call and says whether it went over a connection that was there before.
func (t *trial) onConnection(client *http.Client, u *user) (w *answer, reused bool) {
	ctx := httptrace.WithClientTrace(t.ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused },
	})
	w = t.perform(client, u.account.request(ctx, http.MethodPost, estimatePath, trip{pointAt(0, 0), pointAt(1, 1)}))
	return w, reused
}

// frontEnd is about pages only, not about their content.
func frontEnd() Scenario {
	return Scenario{
		name: "front end",
		rules: []rule{
			{"page-fallback", "App. B", B, "paths outside /api/ that are no files answer 200 with the start page, without redirects"},
		},
		play: func(t *trial) {
			a := t.anonymous()
			start := a.get("/")
			if start.err == nil && start.status == http.StatusNotFound {
				t.skip("the server has no front end", "page-fallback")
				return
			}
			t.check("page-fallback", start.status == http.StatusOK, start.summary(), start)
			for _, path := range []string{"/index.html", "/client", "/client/history", "/owner", "/owner/sales", "/simulator"} {
				w := a.get(path)
				t.check("page-fallback", w.status == http.StatusOK && string(w.body) == string(start.body), w.summary(), start, w)
			}
		},
	}
}
