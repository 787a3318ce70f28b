package verify

import (
	"net/http"
	"strings"
)

func sessions() Scenario {
	return Scenario{
		name: "sessions",
		rules: []rule{
			{"cookie-user", "S3", B, "registration sets app_session with Path=/ and no Domain, Max-Age, Expires, Secure or HttpOnly"},
			{"cookie-owner", "S3", B, "registration sets owner_session with the same attributes"},
			{"cookie-chair", "S3", B, "registration sets chair_session with the same attributes"},
			{"tokens-random", "S3", R, "tokens are 64 hex digits, invitation codes 30 (1.3)"},
		},
		play: func(t *trial) {
			u, o := t.newUser(""), t.owner()
			c := o.parked(slowModel)
			t.cookie("cookie-user", u.registered, userCookie)
			t.cookie("cookie-owner", o.created, ownerCookie)
			t.cookie("cookie-chair", c.created, chairCookie)
			t.checkTokens(u, o, c)
		},
	}
}

// unknownToken looks like one.
const unknownToken = "00000000000000000000000000000000000000000000000000000000deadbeef"

// cookie judges the attributes that the front end and the benchmarker's cookie jar depend on.
func (t *trial) cookie(id string, w *answer, name string) {
	c := w.cookieSet(name)
	if !t.check(id, c != nil, "no cookie "+name, w) {
		return
	}
	plain := c.Path == "/" && c.Domain == "" && c.MaxAge == 0 && c.RawExpires == "" && !c.Secure && !c.HttpOnly
	t.check(id, plain, "the cookie is "+c.Raw, w)
}

func (t *trial) checkTokens(u *user, o *owner, c *chair) {
	for _, token := range []string{u.token, o.token, c.token, o.invite} {
		t.check("tokens-random", hexDigits(token, 64), "a token is "+token, u.registered, o.created, c.created)
	}
	t.check("tokens-random", hexDigits(u.code, 30), "an invitation code is "+u.code, u.registered)
}

func hexDigits(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}

// strangers have no session, or one of another kind.
func strangers() Scenario {
	return Scenario{
		name: "strangers",
		rules: []rule{
			{"session-missing", "S3", M, "every endpoint that needs a session answers 401 without its cookie"},
			{"session-empty", "S3", M, "it answers 401 when the cookie is empty"},
			{"session-unknown", "S3", M, "it answers 401 when the token is unknown"},
			{"session-kinds", "S3", M, "a token is valid in the cookie of its own kind only"},
			{"session-error-body", "S3", M, "a 401 has an object with the string message as its body"},
		},
		play: func(t *trial) {
			u, o := t.newUser(""), t.owner()
			t.checkKinds(u, o, o.parked(slowModel))
			t.unauthorized("session-missing", func(string) account { return t.anonymous() })
			t.unauthorized("session-empty", func(cookie string) account { return t.account(cookie, "") })
			t.unauthorized("session-unknown", func(cookie string) account { return t.account(cookie, unknownToken) })
		},
	}
}

// unauthorized calls every endpoint that needs a session.
func (t *trial) unauthorized(id string, as func(cookie string) account) {
	for _, e := range protected() {
		w := as(e.cookie).call(t.ctx, e.method, e.path, e.body)
		refused := w.err == nil && w.status == http.StatusUnauthorized
		t.check(id, refused, w.summary(), w)
		if refused {
			t.check("session-error-body", hasMessage(w), w.summary(), w)
		}
	}
}

// A call is one of the endpoints that need a session, with a body that would be right.
type call struct {
	cookie, method, path string
	body                 any
}

func protected() []call {
	const ride = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	return []call{
		{userCookie, http.MethodPost, paymentPath, map[string]string{"token": "t"}},
		{userCookie, http.MethodGet, ridesPath, nil},
		{userCookie, http.MethodPost, ridesPath, trip{}},
		{userCookie, http.MethodPost, estimatePath, trip{}},
		{userCookie, http.MethodPost, ratingPath(ride), map[string]int{"evaluation": 5}},
		{userCookie, http.MethodGet, userNoticePath, nil},
		{userCookie, http.MethodGet, nearbyPath + "?latitude=0&longitude=0", nil},
		{ownerCookie, http.MethodGet, salesPath, nil},
		{ownerCookie, http.MethodGet, fleetPath, nil},
		{chairCookie, http.MethodPost, activityPath, map[string]bool{"is_active": false}},
		{chairCookie, http.MethodPost, positionPath, pointAt(0, 0)},
		{chairCookie, http.MethodGet, chairNoticePath, nil},
		{chairCookie, http.MethodPost, statusPath(ride), map[string]string{"status": enroute}},
	}
}

// checkKinds carries each token in the cookies of the other kinds.
func (t *trial) checkKinds(u *user, o *owner, c *chair) {
	tokens := map[string]string{userCookie: u.token, ownerCookie: o.token, chairCookie: c.token}
	for cookie, path := range map[string]string{userCookie: ridesPath, ownerCookie: fleetPath, chairCookie: chairNoticePath} {
		for kind, token := range tokens {
			if kind != cookie {
				w := t.account(cookie, token).get(path)
				t.refuses("session-kinds", w, http.StatusUnauthorized)
			}
		}
	}
}
