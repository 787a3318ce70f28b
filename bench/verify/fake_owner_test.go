package verify

import (
	"net/http"
	"strconv"
	"time"

	"isuride/bench/verify/probe"
)

func (s *fake) routeOwners(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/owner/owners", s.postOwner)
	as := func(h func(http.ResponseWriter, *http.Request, *fakeOwner)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			o := s.world.owners[session(r, probe.OwnerCookie)]
			s.mu.Unlock()
			if o == nil {
				s.unauthorized(w)
				return
			}
			h(w, r, o)
		}
	}
	mux.HandleFunc("GET /api/owner/chairs", as(s.getFleet))
	mux.HandleFunc("GET /api/owner/sales", as(s.getSales))
}

func (s *fake) postOwner(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Name string `json:"name"`
	}
	if !s.read(w, r, &b) {
		return
	}
	if b.Name == "" && !s.is("owners need no name") {
		refuse(w, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.world.owners {
		if o.name == b.Name && !s.is("owners' names are given twice") {
			if s.is("duplicates answer 500") {
				refuse(w, http.StatusInternalServerError)
				return
			}
			refuse(w, http.StatusConflict)
			return
		}
	}
	o := &fakeOwner{id: s.id(), name: b.Name, token: s.hex(64), invite: s.hex(64)}
	s.world.owners[o.token] = o
	s.cookie(w, probe.OwnerCookie, o.token)
	reply(w, http.StatusCreated, map[string]any{"id": o.id, "chair_register_token": o.invite})
}

// owned are an owner's chairs, or all of them; s.mu is held.
func (s *fake) owned(o *fakeOwner, everybodys bool) []*fakeChair {
	var all []*fakeChair
	for _, c := range s.world.chairs {
		if c.owner == o || everybodys {
			all = append(all, c)
		}
	}
	return all
}

func (s *fake) getFleet(w http.ResponseWriter, _ *http.Request, o *fakeOwner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []any{}
	for _, c := range s.owned(o, s.is("owners see all chairs")) {
		x := map[string]any{
			"id": c.id, "name": c.name, "model": c.model, "active": c.active && !s.is("activity is not shown"),
			"registered_at": c.registered, "total_distance": c.distance,
		}
		if c.placed {
			x["total_distance_updated_at"] = c.updated
			if s.is("total_distance_updated_at is off by one") {
				x["total_distance_updated_at"] = c.updated + 1
			}
		} else if s.is("total_distance_updated_at is null") {
			x["total_distance_updated_at"] = nil
		}
		all = append(all, x)
	}
	reply(w, http.StatusOK, map[string]any{"chairs": all})
}

func (s *fake) getSales(w http.ResponseWriter, r *http.Request, o *fakeOwner) {
	since, ok1 := window(r, "since", 0)
	until, ok2 := window(r, "until", 1<<62)
	if (!ok1 || !ok2) && !s.is("bad windows are ignored") {
		refuse(w, http.StatusBadRequest)
		return
	}
	if s.is("until is exclusive") {
		until--
	}
	if s.is("until is ignored") {
		until = 1 << 62
	}
	if s.is("since is exclusive") {
		since++
	}
	if s.is("since is ignored") {
		since = 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	reply(w, http.StatusOK, s.salesOf(o, since, until))
}

func window(r *http.Request, name string, otherwise int64) (int64, bool) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

func (s *fake) salesOf(o *fakeOwner, since, until int64) map[string]any {
	perChair, perModel, total := map[*fakeChair]int{}, map[string]int{}, 0
	for _, x := range s.world.rides {
		late := s.is("sales are late") && time.Now().UnixMilli() < x.updated+100
		if x.chair == nil || x.chair.owner != o || x.status != probe.Completed || x.updated < since || x.updated > until || late {
			continue
		}
		value := fakeFare(x.from, x.to, 0)
		if s.is("sales are discounted") {
			value = x.fare()
		}
		perChair[x.chair] += value
		perModel[x.chair.model] += value
		total += value
	}
	chairs, models := []any{}, []any{}
	for _, c := range s.owned(o, s.is("sales show all chairs")) {
		if perChair[c] == 0 && (s.is("sales omit idle chairs") && now() > c.registered+1 || s.is("sales omit new chairs") && now() < c.registered+100) {
			continue
		}
		chairs = append(chairs, map[string]any{"id": c.id, "name": c.name, "sales": perChair[c]})
		if _, there := perModel[c.model]; !there {
			perModel[c.model] = 0
		}
	}
	for m, v := range perModel {
		models = append(models, map[string]any{"model": m, "sales": v})
	}
	return map[string]any{"total_sales": total, "chairs": chairs, "models": models}
}
