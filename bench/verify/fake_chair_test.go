package verify

import (
	"net/http"
	"time"
)

func (s *fake) routeChairs(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/chair/chairs", s.postChair)
	as := func(h func(http.ResponseWriter, *http.Request, *fakeChair)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if c := s.chair(r); c != nil {
				h(w, r, c)
				return
			}
			refuse(w, http.StatusUnauthorized)
		}
	}
	mux.HandleFunc("POST /api/chair/activity", as(s.postActivity))
	mux.HandleFunc("POST /api/chair/coordinate", as(s.postPosition))
	mux.HandleFunc("POST /api/chair/rides/{id}/status", as(s.postStatus))
}

func (s *fake) chair(r *http.Request) *fakeChair {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.chairs[session(r, chairCookie)]
}

func (s *fake) postChair(w http.ResponseWriter, r *http.Request) {
	var f chairForm
	if !read(w, r, &f) {
		return
	}
	if f.Name == "" || f.Model == "" || f.Token == "" {
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
		s.cookie(w, chairCookie, c.token)
		reply(w, http.StatusCreated, map[string]any{"id": c.id, "owner_id": o.id})
		return
	}
	refuse(w, http.StatusUnauthorized)
}

func (s *fake) postActivity(w http.ResponseWriter, r *http.Request, c *fakeChair) {
	var b struct {
		Active bool `json:"is_active"`
	}
	if !read(w, r, &b) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.active = b.Active
	w.WriteHeader(http.StatusNoContent)
}

func (s *fake) postPosition(w http.ResponseWriter, r *http.Request, c *fakeChair) {
	var at point
	if !read(w, r, &at) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at0, placed0 := c.at, c.placed
	recorded := now()
	switch {
	case s.is("unchanged positions are dropped") && placed0 && at == at0:
	case s.is("totals lag behind") && placed0 && c.distance == 30: // stuck for good
	default:
		c.updated = recorded
		if placed0 || s.is("the first report adds distance") {
			c.distance += at0.distance(at)
		}
		if s.is("distance is the straight line's") && placed0 {
			c.distance -= at0.distance(at) / 4
		}
		c.placed = true
		if !s.is("positions move once") || !placed0 {
			c.at = at
		}
	}
	if s.is("totals are torn") && c.distance == 20 {
		c.updated -= 7
	}
	moved := !s.is("unchanged positions make no status") || at != at0
	if c.ride != nil && moved && (c.active || !s.is("deactivated chairs do not arrive")) {
		s.reach(c.ride, at)
	}
	if s.is("recorded_at stands still") {
		recorded -= recorded % 1000
	}
	reply(w, http.StatusOK, map[string]any{"recorded_at": recorded})
}

// reach makes PICKUP and ARRIVED of a position; s.mu is held.
func (s *fake) reach(r *fakeRide, at point) {
	near := 0
	if s.is("near is good enough") {
		near = 1
	}
	switch {
	case r.status == enroute && at.distance(r.from) <= near:
		s.advance(r, pickup)
	case r.status == carrying && at.distance(r.to) <= near:
		s.advance(r, arrived)
	case r.status == carrying && at == r.from && s.is("the pickup counts twice"):
		s.repeat(r, pickup)
	case r.status == pickup && at == r.from && s.is("repeated reports are notified"):
		s.repeat(r, pickup)
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
	if status == enroute {
		r.countAt, r.starsBefore = r.chair.rated, r.chair.stars
	}
	tell := func() {
		if !s.is("no " + status + " for users") {
			s.tellUser(r)
		}
		if !s.is("no " + status + " for chairs") {
			s.tellChair(r)
		}
	}
	if s.is("late completions for chairs") && status == completed {
		s.tellUser(r)
		time.AfterFunc(200*time.Millisecond, func() { s.mu.Lock(); defer s.mu.Unlock(); s.tellChair(r) })
		return
	}
	if s.is("slow notifications") && status == pickup {
		time.AfterFunc(4*time.Second, func() { s.mu.Lock(); defer s.mu.Unlock(); tell() })
		return
	}
	tell()
}

func (s *fake) postStatus(w http.ResponseWriter, r *http.Request, c *fakeChair) {
	var b struct {
		Status string `json:"status"`
	}
	if !read(w, r, &b) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.ride(r.PathValue("id"))
	status := s.setStatus(x, c, b.Status)
	if status != http.StatusNoContent {
		refuse(w, status)
		return
	}
	w.WriteHeader(status)
}

// setStatus is the transition table of spec 4.18; s.mu is held.
func (s *fake) setStatus(x *fakeRide, c *fakeChair, status string) int {
	switch {
	case x == nil:
		return http.StatusNotFound
	case x.chair != c && !(x.chair != nil && s.is("any chair may accept")):
		return http.StatusBadRequest
	case status == enroute && x.status == matching:
		s.accepted(x)
	case status == carrying && x.status == pickup:
		s.advance(x, carrying)
		if s.is("ARRIVED is inferred") && c.at == x.to {
			s.advance(x, arrived)
		}
	case status == carrying && x.status == matching && s.is("refused statuses are notified"):
		s.repeat(x, carrying)
		return http.StatusBadRequest
	case status == enroute && s.is("a late accept throws back") && x.status == carrying:
		x.status = enroute
	case status == enroute && x.status == enroute && !s.is("accepting twice is refused"), status == carrying && x.status == carrying:
	case s.is("any status will do") && status == "enroute":
	default:
		return http.StatusBadRequest
	}
	return http.StatusNoContent
}

func (s *fake) accepted(x *fakeRide) {
	s.advance(x, enroute)
	if s.is("PICKUP is inferred") && x.chair.at == x.from {
		s.advance(x, pickup)
	}
}
