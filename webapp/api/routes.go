package api

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// handler answers one request, or says why not.
type handler func(c call) error

// route is a path with what it takes by method.
type route struct {
	endpoints map[string]*endpoint
	allow     string // the methods, for 405
}

// ride_id is in the middle of two paths.
const (
	rideParameter  = "{ride_id}"
	appRidesPath   = "/api/app/rides/"
	evaluationPath = "/evaluation"
	chairRidesPath = "/api/chair/rides/"
	statusPath     = "/status"
)

// table returns all endpoints (S4.0).
func (a *API) table() map[string]route {
	t := map[string]route{}
	addClass := func(latency latencyClass, method, path string, h handler) {
		r, ok := t[path]
		if !ok {
			r = route{endpoints: map[string]*endpoint{}}
		}
		r.endpoints[method] = &endpoint{name: method + " " + path, handle: h, latency: latency}
		r.allow = strings.Join(slices.Sorted(maps.Keys(r.endpoints)), ", ")
		t[path] = r
	}
	add := func(method, path string, h handler) { addClass(own, method, path, h) }
	reading := func(path string, h handler) {
		add("GET", path, h)
		t[path].endpoints["GET"].stale = true
	}
	notifications := unbounded
	if a.opt.Polling {
		notifications = own
	}
	addClass(external, "POST", "/api/initialize", a.initialize)

	add("POST", "/api/app/users", writing(a.registerUser))
	add("POST", "/api/app/payment-methods", writing(asUser(a.setPaymentMethod)))
	reading("/api/app/rides", asUser(a.rideHistory))
	add("POST", "/api/app/rides", writing(asUser(a.requestRide)))
	add("POST", "/api/app/rides/estimated-fare", asUser(a.estimateFare))
	addClass(external, "POST", appRidesPath+rideParameter+evaluationPath, writing(asUser(a.rate)))
	addClass(notifications, "GET", "/api/app/notification", withUser(a.userNotification))
	reading("/api/app/nearby-chairs", asUser(a.nearbyChairs))
	t["/api/app/nearby-chairs"].endpoints["GET"].leased = true

	add("POST", "/api/owner/owners", writing(a.registerOwner))
	reading("/api/owner/sales", asOwner(a.ownerSales))
	reading("/api/owner/chairs", asOwner(a.ownerChairs))

	add("POST", "/api/chair/chairs", writing(a.registerChair))
	add("POST", "/api/chair/activity", writing(asChair(a.setActivity)))
	add("POST", "/api/chair/coordinate", writing(asChair(a.report)))
	addClass(notifications, "GET", "/api/chair/notification", asChair(a.chairNotification))
	add("POST", chairRidesPath+rideParameter+statusPath, writing(asChair(a.advance)))

	add("GET", "/api/internal/matching", local(a.match))
	// They say what is to be, or change nothing; a rating is charged under its ride's key.
	for _, path := range []string{"/api/app/payment-methods", "/api/app/rides/estimated-fare", appRidesPath + rideParameter + evaluationPath,
		"/api/chair/activity", "/api/chair/coordinate"} {
		t[path].endpoints["POST"].repeat = true
	}
	return t
}

// find looks a path up. rideID is a copy of that part of the path.
func (a *API) find(path []byte) (r route, rideID string, ok bool) {
	if r, ok = a.routes[string(path)]; ok {
		return r, "", true
	}
	if id, ok := between(path, chairRidesPath, statusPath); ok {
		return a.routes[chairRidesPath+rideParameter+statusPath], id, true
	}
	if id, ok := between(path, appRidesPath, evaluationPath); ok {
		return a.routes[appRidesPath+rideParameter+evaluationPath], id, true
	}
	return route{}, "", false
}

func between(path []byte, before, after string) (middle string, ok bool) {
	rest, ok := bytes.CutPrefix(path, []byte(before))
	if !ok {
		return "", false
	}
	id, ok := bytes.CutSuffix(rest, []byte(after))
	if !ok || len(id) == 0 || bytes.IndexByte(id, '/') >= 0 {
		return "", false
	}
	return string(id), true
}

// writing holds a request back while the tables trail the log by too much.
func writing(h handler) handler {
	return func(c call) error {
		if err := c.gen.Admit(); err != nil {
			return err
		}
		return h(c)
	}
}

// local refuses callers from other machines (S3). A proxy on this machine must
// guard these paths itself.
func local(h handler) handler {
	return func(c call) error {
		if !c.Local() {
			return isuride.Errorf(isuride.NotFound, "this path is internal")
		}
		return h(c)
	}
}

// The three kinds of sessions (S3). A session of one kind is nothing to the others.

func withUser(h func(call, *state.User) error) handler {
	return func(c call) error {
		u, ok := c.gen.Store.UserByToken(c.Cookie("app_session"))
		if !ok {
			return unauthorized("app_session")
		}
		c.SetOwner(u)
		return h(c, u)
	}
}

// asUser is for all calls but notifications: clients make them one after the other, so
// each shows that the answer before it was read.
func asUser(h func(call, *state.User) error) handler {
	return withUser(func(c call, u *state.User) error {
		c.gen.Store.Noticed(u)
		return h(c, u)
	})
}

func asOwner(h func(call, *state.Owner) error) handler {
	return func(c call) error {
		o, ok := c.gen.Store.OwnerByToken(c.Cookie("owner_session"))
		if !ok {
			return unauthorized("owner_session")
		}
		c.SetOwner(o)
		return h(c, o)
	}
}

func asChair(h func(call, *state.Chair) error) handler {
	return func(c call) error {
		chair, ok := c.gen.Store.ChairByToken(c.Cookie("chair_session"))
		if !ok {
			return unauthorized("chair_session")
		}
		c.SetOwner(chair)
		return h(c, chair)
	}
}

func unauthorized(cookie string) error {
	return isuride.Errorf(isuride.Unauthorized, "cookie %s is missing or belongs to no account", cookie)
}

// login sends the session cookie: name, value and path, nothing else, so that scripts
// see it and plain HTTP carries it (S3).
func (c call) login(cookie, token string) {
	c.SetHeader("Set-Cookie", cookie+"="+token+"; Path=/")
}
