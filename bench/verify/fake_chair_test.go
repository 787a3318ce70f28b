package verify

import (
	"net/http"
	"time"

	"isuride/bench/verify/probe"
)

func (s *fake) routeChairs(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/chair/chairs", s.postChair)
	as := func(h func(http.ResponseWriter, *http.Request, *fakeChair)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if c := s.chair(r); c != nil {
				h(w, r, c)
				return
			}
			s.unauthorized(w)
		}
	}
	mux.HandleFunc("POST /api/chair/activity", as(s.postActivity))
	mux.HandleFunc("POST /api/chair/coordinate", as(s.postPosition))
	mux.HandleFunc("POST /api/chair/rides/{id}/status", as(s.postStatus))
}

func (s *fake) chair(r *http.Request) *fakeChair {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.chairs[session(r, probe.ChairCookie)]
}

func (s *fake) postChair(w http.ResponseWriter, r *http.Request) {
	var f fakeChairForm
	if !s.read(w, r, &f) {
		return
	}
	if f.Name == "" || f.Model == "" && !s.is("chairs need no model") || f.Token == "" || f.Model == "no such model" && s.is("unknown models are refused") {
		refuse(w, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.world.owners {
		if o.invite != f.Token {
			continue
		}
		c := &fakeChair{id: s.id(), name: f.Name, model: f.Model, token: s.hex(64), owner: o, registered: now(), feed: newFakeFeed()}
		if s.is("registered_at is in seconds") {
			c.registered /= 1000
		}
		s.world.chairs[c.token] = c
		s.cookie(w, probe.ChairCookie, c.token)
		reply(w, http.StatusCreated, map[string]any{"id": c.id, "owner_id": o.id})
		return
	}
	if s.is("unknown register tokens answer 404") {
		refuse(w, http.StatusNotFound)
		return
	}
	s.unauthorized(w)
}

func (s *fake) postActivity(w http.ResponseWriter, r *http.Request, c *fakeChair) {
	var b struct {
		Active bool `json:"is_active"`
	}
	if !s.read(w, r, &b) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.active, c.wasActive = b.Active, c.wasActive || b.Active
	w.WriteHeader(http.StatusNoContent)
}

func (s *fake) postPosition(w http.ResponseWriter, r *http.Request, c *fakeChair) {
	var at probe.Point
	if !s.read(w, r, &at) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	recorded := s.clock()
	moved := !c.placed || at != c.at
	if moved || !s.is("unchanged positions are dropped") {
		c.updated = recorded
		s.move(c, at)
		if s.is("totals are torn") && c.distance == 20 {
			c.updated -= 7
		}
	}
	if c.ride != nil && s.arrives(c, moved) {
		s.reach(c.ride, at)
	}
	reply(w, http.StatusOK, map[string]any{"recorded_at": recorded})
}

// arrives reports whether a report can change the status of the chair's ride.
func (s *fake) arrives(c *fakeChair, moved bool) bool {
	switch {
	case !c.active && s.is("deactivated chairs do not arrive"):
		return false
	case c.ride.status == probe.Enroute && s.is("unchanged positions make no PICKUP"):
		return moved
	case c.ride.status == probe.Carrying && s.is("unchanged positions make no ARRIVED"):
		return moved
	}
	return true
}

// clock is the time of a report.
func (s *fake) clock() int64 {
	switch {
	case s.is("recorded_at is 5 s ahead"):
		return now() + 5000
	case s.is("recorded_at is in whole seconds"):
		return now() / 1000 * 1000
	}
	return now()
}

// move adds up the distance; s.mu is held.
func (s *fake) move(c *fakeChair, at probe.Point) {
	d := c.at.Distance(at)
	if s.is("jumps count 10 at most") {
		d = min(d, 10)
	}
	if c.placed || s.is("the first report adds distance") {
		c.distance += d
	}
	if !c.placed || !s.is("listed positions stay") {
		c.shownAt = at
	}
	c.at, c.placed = at, true
}

// reach turns a position into PICKUP or ARRIVED; s.mu is held.
func (s *fake) reach(r *fakeRide, at probe.Point) {
	near := 0
	if s.is("near is good enough") {
		near = 1
	}
	switch {
	case r.status == probe.Enroute && at.Distance(r.from) <= near:
		s.advance(r, probe.Pickup)
	case r.status == probe.Carrying && at.Distance(r.to) <= near:
		s.advance(r, probe.Arrived)
	case r.status == probe.Enroute && at == r.to && s.is("the destination counts too early"):
		s.repeat(r, probe.Arrived)
	case r.status == probe.Carrying && at == r.from && s.is("the pickup counts twice"):
		s.repeat(r, probe.Pickup)
	case r.status == probe.Pickup && at == r.from && s.is("repeated reports are notified"):
		s.repeat(r, probe.Pickup)
	}
}

// repeat notifies the user without a change; s.mu is held.
func (s *fake) repeat(r *fakeRide, status string) {
	now := r.status
	r.status = status
	s.tellUser(r)
	r.status = now
}

// advance is a change of status; s.mu is held.
func (s *fake) advance(r *fakeRide, status string) {
	r.status = status
	if s.is("PICKUP is repeated at ARRIVED for users") && status == probe.Arrived {
		defer s.repeat(r, probe.Pickup)
	}
	if s.is("PICKUP is repeated at ARRIVED for chairs") && status == probe.Arrived {
		r.status = probe.Pickup
		s.tellChair(r)
		r.status = probe.Arrived
	}
	tell := func() {
		if !s.is("no " + status + " for users") {
			s.tellUser(r)
		}
		if !s.is("no " + status + " for chairs") {
			s.tellChair(r)
		}
	}
	if s.is("late completions for chairs") && status == probe.Completed {
		s.tellUser(r)
		time.AfterFunc(200*time.Millisecond, func() { s.mu.Lock(); defer s.mu.Unlock(); s.tellChair(r) })
		return
	}
	if s.is("slow notifications") && status == probe.Pickup {
		time.AfterFunc(4*time.Second, func() { s.mu.Lock(); defer s.mu.Unlock(); tell() })
		return
	}
	tell()
}

func (s *fake) postStatus(w http.ResponseWriter, r *http.Request, c *fakeChair) {
	var b struct {
		Status string `json:"status"`
	}
	if !s.read(w, r, &b) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.setStatus(s.ride(r.PathValue("id")), c, b.Status)
	switch {
	case status == http.StatusNoContent && (s.is("accepting answers 200") && b.Status == probe.Enroute || s.is("departing answers 200") && b.Status == probe.Carrying):
		w.WriteHeader(http.StatusOK)
	case status == http.StatusNoContent:
		w.WriteHeader(status)
	case status == http.StatusBadRequest && s.is("statuses are refused with 409"):
		refuse(w, http.StatusConflict)
	default:
		refuse(w, status)
	}
}

// setStatus is the transition table of S4.18; s.mu is held.
func (s *fake) setStatus(x *fakeRide, c *fakeChair, status string) int {
	switch {
	case x == nil && s.is("statuses of unknown rides answer 400"):
		return http.StatusBadRequest
	case x == nil:
		return http.StatusNotFound
	case x.chair != c && (x.chair == nil && s.is("anybody may accept what waits") || x.chair != nil && s.is("any chair may accept")):
		return http.StatusNoContent
	case x.chair != c:
		return http.StatusBadRequest
	}
	return s.setOwnStatus(x, c, status)
}

// setOwnStatus is that of the ride's own chair.
func (s *fake) setOwnStatus(x *fakeRide, c *fakeChair, status string) int {
	switch {
	case status == probe.Enroute && x.status == probe.Matching:
		s.accepted(x)
	case status == probe.Carrying && x.status == probe.Pickup:
		s.advance(x, probe.Carrying)
		if s.is("ARRIVED is inferred") && c.at == x.to {
			s.advance(x, probe.Arrived)
		}
	case status == probe.Carrying && x.status == probe.Matching && s.is("refused statuses are notified"):
		s.repeat(x, probe.Carrying)
		return http.StatusBadRequest
	case status == probe.Carrying && x.status == probe.Matching && s.is("departing early is ignored"):
	case status == probe.Enroute && s.is("a late accept throws back") && x.status == probe.Carrying:
		x.status = probe.Enroute
	case status == probe.Enroute && x.status == probe.Enroute && !s.is("accepting twice is refused"):
	case status == probe.Carrying && x.status == probe.Carrying && !s.is("departing twice is refused"):
	case s.is("any status will do") && status == "enroute":
	default:
		return http.StatusBadRequest
	}
	return http.StatusNoContent
}

func (s *fake) accepted(x *fakeRide) {
	s.advance(x, probe.Enroute)
	if s.is("PICKUP is inferred") && x.chair.at == x.from {
		s.advance(x, probe.Pickup)
	}
}
