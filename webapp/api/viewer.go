package api

import (
	"crypto/subtle"

	"isuride/webapp/engine"
	"isuride/webapp/feed"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// account is who a token belongs to: a user, an owner or a chair, or the operator, who is
// none of them.
type account struct {
	user  *state.User
	owner *state.Owner
	chair *state.Chair

	operator bool
}

// viewer is what the feed calls it.
func (a account) viewer() feed.Viewer {
	switch {
	case a.operator:
		return feed.Viewer{Class: feed.Operator}
	case a.user != nil:
		return feed.Viewer{Class: feed.User, ID: a.user.ID}
	case a.owner != nil:
		return feed.Viewer{Class: feed.Owner, ID: a.owner.ID}
	case a.chair != nil:
		return feed.Viewer{Class: feed.Chair, ID: a.chair.ID}
	}
	return feed.Viewer{Class: feed.Public}
}

// accountOf finds the account of a token of any kind.
func (a *API) accountOf(gen *engine.Generation, token []byte) (found account, ok bool) {
	if a.opt.Operator != "" && subtle.ConstantTimeCompare(token, []byte(a.opt.Operator)) == 1 {
		return account{operator: true}, true
	}
	if u, ok := gen.Store.UserByToken(token); ok {
		return account{user: u}, true
	}
	if o, ok := gen.Store.OwnerByToken(token); ok {
		return account{owner: o}, true
	}
	if c, ok := gen.Store.ChairByToken(token); ok {
		return account{chair: c}, true
	}
	return account{}, false
}

// cookieKinds are the cookies by what a caller says it wants to be seen as.
var cookieKinds = [...]struct{ as, cookie string }{{"user", userSession}, {"owner", ownerSession}, {"chair", chairSession}}

// caller finds who follows the feed. A bearer token must be right, since it is said on
// purpose. Of cookies, which a browser sends by itself, the first that belongs to somebody
// counts, or the one of the kind that the parameter "as" names; without any, the caller is
// one of the public.
func (a *API) caller(c call) (account, error) {
	if token, ok := bearer(c.Authorization()); ok {
		found, ok := a.accountOf(c.gen, token)
		if !ok {
			return found, isuride.Errorf(isuride.Unauthorized, "the bearer token belongs to no account")
		}
		return found, nil
	}
	as, err := c.queryValue("as")
	if err != nil {
		return account{}, err
	}
	return a.callerByCookie(c, as)
}

func (a *API) callerByCookie(c call, as string) (account, error) {
	known := as == ""
	for _, kind := range cookieKinds {
		if as != "" && as != kind.as {
			continue
		}
		known = true
		// The cookie's name says nothing about the token in it: it must be of that kind.
		if found, ok := a.accountOf(c.gen, c.Cookie(kind.cookie)); ok && !found.operator && found.kind() == kind.as {
			return found, nil
		}
	}
	switch {
	case !known:
		return account{}, isuride.Errorf(isuride.InvalidInput, "as is %.40q; it can be user, owner or chair", as)
	case as != "":
		return account{}, isuride.Errorf(isuride.Unauthorized, "there is no cookie of an account that is a %s", as)
	}
	return account{}, nil
}

func (a account) kind() string {
	switch {
	case a.user != nil:
		return "user"
	case a.owner != nil:
		return "owner"
	}
	return "chair"
}

// pointer names the account to the HTTP server, nil for the public and the operator, whose
// connections count for themselves.
func (a account) pointer() any {
	switch {
	case a.user != nil:
		return a.user
	case a.owner != nil:
		return a.owner
	case a.chair != nil:
		return a.chair
	}
	return nil
}
