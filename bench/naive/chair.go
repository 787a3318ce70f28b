package main

import "net/http"

func (s *server) postChair(w http.ResponseWriter, r *http.Request) {
	var q struct{ Name, Model, Chair_register_token string }
	read(r, &q)
	s.mu.Lock()
	defer s.mu.Unlock()
	o, speed := s.byRegister[q.Chair_register_token], speedOf(q.Model)
	if o == nil || speed == 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c := &chair{id: s.newID(), name: q.Name, model: q.Model, owner: o, speed: speed, registered: now(), stream: newStream()}
	token := s.newID()
	s.chairs[token] = c
	o.chairs, s.fleet = append(o.chairs, c), append(s.fleet, c)
	setSession(w, "chair_session", token)
	write(w, http.StatusCreated, map[string]string{"id": c.id, "owner_id": o.id})
}

func (s *server) activate(w http.ResponseWriter, _ *http.Request, c *chair) {
	s.mu.Lock()
	c.active = true
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) postCoordinate(w http.ResponseWriter, r *http.Request, c *chair) {
	var at coordinate
	read(r, &at)
	s.mu.Lock()
	recorded := now()
	if c.positioned {
		c.driven += c.at.distance(at)
	}
	c.positioned, c.at, c.updated = true, at, recorded
	switch t := c.ride; {
	case t == nil:
	case t.status == "ENROUTE" && t.pickup == at:
		t.set("PICKUP")
	case t.status == "CARRYING" && t.to == at:
		t.set("ARRIVED")
	}
	s.mu.Unlock()
	write(w, http.StatusOK, map[string]int64{"recorded_at": recorded})
}

func (s *server) postStatus(w http.ResponseWriter, r *http.Request) {
	var q struct{ Status string }
	read(r, &q)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.rides[r.PathValue("id")]
	if t == nil || t.chair == nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	t.set(q.Status)
	w.WriteHeader(http.StatusNoContent)
}
