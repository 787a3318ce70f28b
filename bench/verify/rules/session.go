package rules

import (
	"net/http"
	"strings"

	"isuride/bench/verify/probe"
)

func sessions() Scenario {
	return Scenario{
		name: "sessions",
		rules: []rule{
			{"cookie-user", "S3", B, "registration sets app_session with Path=/ and no Domain, Max-Age, Expires, Secure or HttpOnly"},
			{"cookie-owner", "S3", B, "registration sets owner_session with the same attributes"},
			{"cookie-chair", "S3", B, "registration sets chair_session with the same attributes"},
			{"tokens-random", "S3", R, "tokens are 64 hex digits, invitation codes 30 (S1.3)"},
		},
		play: func(t *trial) {
			u, o := t.newUser(""), t.owner()
			c := o.parked(slowModel)
			t.cookie("cookie-user", u.registered, probe.UserCookie)
			t.cookie("cookie-owner", o.created, probe.OwnerCookie)
			t.cookie("cookie-chair", c.created, probe.ChairCookie)
			t.checkTokens(u, o, c)
		},
	}
}

// unknownToken has the form of a token.
const unknownToken = "00000000000000000000000000000000000000000000000000000000deadbeef"

// cookie judges the attributes that the front end and the benchmarker's cookie jar depend
// on.
func (t *trial) cookie(id string, w *probe.Answer, name string) {
	c := w.Cookie(name)
	if !t.check(id, c != nil, "no cookie "+name, w) {
		return
	}
	plain := c.Path == "/" && c.Domain == "" && c.MaxAge == 0 && c.RawExpires == "" && !c.Secure && !c.HttpOnly
	t.check(id, plain, "the cookie is "+c.Raw, w)
}

func (t *trial) checkTokens(u *user, o *owner, c *chair) {
	for _, token := range []string{u.Token, o.Token, c.Token, o.invite} {
		t.check("tokens-random", hexDigits(token, 64), "a token is "+token, u.registered, o.created, c.created)
	}
	t.check("tokens-random", hexDigits(u.code, 30), "an invitation code is "+u.code, u.registered)
}

func hexDigits(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}

// strangers call without a session, or with one of another kind.
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
			t.unauthorized("session-missing", func(string) probe.Account { return t.Anonymous() })
			t.unauthorized("session-empty", func(cookie string) probe.Account { return t.Account(cookie, "") })
			t.unauthorized("session-unknown", func(cookie string) probe.Account { return t.Account(cookie, unknownToken) })
		},
	}
}

// unauthorized calls every endpoint that needs a session.
func (t *trial) unauthorized(id string, as func(cookie string) probe.Account) {
	for _, e := range protected() {
		w := as(e.cookie).Call(t.Context, e.method, e.path, e.body)
		refused := w.Err == nil && w.Status == http.StatusUnauthorized
		t.check(id, refused, w.Summary(), w)
		if refused {
			t.check("session-error-body", hasMessage(w), w.Summary(), w)
		}
	}
}

// A call is an endpoint that needs a session, with a valid body.
type call struct {
	cookie, method, path string
	body                 any
}

func protected() []call {
	const ride = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	return []call{
		{probe.UserCookie, http.MethodPost, probe.PaymentPath, map[string]string{"token": "t"}},
		{probe.UserCookie, http.MethodGet, probe.RidesPath, nil},
		{probe.UserCookie, http.MethodPost, probe.RidesPath, trip{}},
		{probe.UserCookie, http.MethodPost, probe.EstimatePath, trip{}},
		{probe.UserCookie, http.MethodPost, probe.RatingPath(ride), map[string]int{"evaluation": 5}},
		{probe.UserCookie, http.MethodGet, probe.UserNoticePath, nil},
		{probe.UserCookie, http.MethodGet, probe.NearbyPath + "?latitude=0&longitude=0", nil},
		{probe.OwnerCookie, http.MethodGet, probe.SalesPath, nil},
		{probe.OwnerCookie, http.MethodGet, probe.FleetPath, nil},
		{probe.ChairCookie, http.MethodPost, probe.ActivityPath, map[string]bool{"is_active": false}},
		{probe.ChairCookie, http.MethodPost, probe.PositionPath, probe.At(0, 0)},
		{probe.ChairCookie, http.MethodGet, probe.ChairNoticePath, nil},
		{probe.ChairCookie, http.MethodPost, probe.StatusPath(ride), map[string]string{"status": probe.Enroute}},
	}
}

// checkKinds carries each token in the cookies of the other kinds.
func (t *trial) checkKinds(u *user, o *owner, c *chair) {
	tokens := map[string]string{probe.UserCookie: u.Token, probe.OwnerCookie: o.Token, probe.ChairCookie: c.Token}
	for cookie, path := range map[string]string{probe.UserCookie: probe.RidesPath, probe.OwnerCookie: probe.FleetPath, probe.ChairCookie: probe.ChairNoticePath} {
		for kind, token := range tokens {
			if kind != cookie {
				w := t.Account(cookie, token).Get(path)
				t.refuses("session-kinds", w, http.StatusUnauthorized)
			}
		}
	}
}
