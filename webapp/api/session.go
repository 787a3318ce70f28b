package api

import (
	"bytes"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// The three kinds of sessions (S3). A session of one kind is nothing to the others.

// as is for calls of one kind of account, whose session is in a cookie of that name, or in the
// bearer token.
func as[A any](cookie string, find func(*state.Store, []byte) (A, bool), h func(call, A) error) handler {
	return func(c call) error {
		who, ok := find(c.gen.Store, c.token(cookie))
		if !ok {
			return c.unauthorized(cookie)
		}
		c.SetOwner(who)
		return h(c, who)
	}
}

func withUser(h func(call, *state.User) error) handler {
	return as(userSession, (*state.Store).UserByToken, h)
}

func asOwner(h func(call, *state.Owner) error) handler {
	return as(ownerSession, (*state.Store).OwnerByToken, h)
}

func asChair(h func(call, *state.Chair) error) handler {
	return as(chairSession, (*state.Store).ChairByToken, h)
}

// asUser is for all calls but notifications: clients make them one after the other, so
// each shows that the answer before it was read.
func asUser(h func(call, *state.User) error) handler {
	return withUser(func(c call, u *state.User) error {
		c.gen.Store.Noticed(u)
		return h(c, u)
	})
}

// Names of the cookies.
const (
	userSession  = "app_session"
	ownerSession = "owner_session"
	chairSession = "chair_session"
)

// token returns what names the caller's account. A bearer token wins over the cookie, right
// or wrong: a program in a browser says it on purpose, while the browser adds the cookie of
// the account that is logged in by itself.
//
// Fast path: without an Authorization field this is the cookie alone.
func (c call) token(cookie string) []byte {
	if t, ok := bearer(c.Authorization()); ok {
		return t
	}
	return c.Cookie(cookie)
}

// bearer reads "Bearer TOKEN" (RFC 6750 2.1). Other schemes are a proxy's affair.
func bearer(field []byte) (token []byte, ok bool) {
	const scheme = "bearer"
	if len(field) < len(scheme) || !bytes.EqualFold(field[:len(scheme)], []byte(scheme)) {
		return nil, false
	}
	if rest := field[len(scheme):]; len(rest) == 0 || rest[0] == ' ' {
		return bytes.TrimLeft(rest, " "), true
	}
	return nil, false
}

func (c call) unauthorized(cookie string) error {
	if _, ok := bearer(c.Authorization()); ok {
		return isuride.Errorf(isuride.Unauthorized, "the bearer token belongs to no account of the kind that has %s", cookie)
	}
	return isuride.Errorf(isuride.Unauthorized, "cookie %s is missing or belongs to no account", cookie)
}

// sessionField asks a registration for the token in the answer's body. Pages of other sites
// cannot send it: browsers ask us first whether they may, and we do not answer that.
const sessionField = "Isuride-Session"

// tokenInBody says how a registration hands over its token: in the body, or as a cookie.
func (c call) tokenInBody() (bool, error) {
	switch v := c.Header(sessionField); {
	case v == nil:
		return false, nil
	case string(v) == "body":
		return true, nil
	}
	return false, isuride.Errorf(isuride.InvalidInput, "the header field %s can only be \"body\", which puts the token into the answer instead of a cookie", sessionField)
}

// login hands a new account its token. It returns the token if it belongs into the body, else
// "". The cookie has name, value and path, nothing else, so that scripts see it and plain HTTP
// carries it (S3).
func (c call) login(cookie, token string, inBody bool) string {
	if inBody {
		return token
	}
	c.SetHeader("Set-Cookie", cookie+"="+token+"; Path=/")
	return ""
}
