package api

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"isuride/webapp/isuride"
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
		name := method + " " + path
		r.endpoints[method] = &endpoint{name: name, handle: h, latency: latency, duty: duties[name]}
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

	addClass(unbounded, "GET", "/api/feed", a.followFeed)
	addClass(unbounded, "GET", "/api/realtime", a.openRealtime)

	add("GET", "/api/operator/questions", a.asOperator(a.listQuestions))
	addClass(external, "GET", "/api/operator/answers", a.asOperator(a.askQuestion))

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
