package main

import (
	"net/http"
	"strconv"
)

func (s *server) postOwner(w http.ResponseWriter, r *http.Request) {
	var q struct{ Name string }
	read(r, &q)
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &owner{id: s.newID(), name: q.Name}
	token, register := s.newID(), s.newID()
	s.owners[token], s.byRegister[register] = o, o
	setSession(w, "owner_session", token)
	write(w, http.StatusCreated, map[string]string{"id": o.id, "chair_register_token": register})
}

func (s *server) getSales(w http.ResponseWriter, r *http.Request, o *owner) {
	until := int64(1) << 60
	if v, err := strconv.ParseInt(r.URL.Query().Get("until"), 10, 64); err == nil {
		until = v
	}
	s.mu.Lock()
	byChair, byModel, total := map[*chair]int{}, map[string]int{}, 0
	own := map[*chair]bool{}
	for _, c := range o.chairs {
		own[c] = true
		byModel[c.model] += 0
	}
	for _, t := range s.rides {
		if t.chair != nil && t.status == "COMPLETED" && t.completed <= until && own[t.chair] {
			byChair[t.chair] += t.sales()
			byModel[t.chair.model] += t.sales()
			total += t.sales()
		}
	}
	chairs, models := []any{}, []any{}
	for _, c := range o.chairs {
		chairs = append(chairs, map[string]any{"id": c.id, "name": c.name, "sales": byChair[c]})
	}
	for model, sales := range byModel {
		models = append(models, map[string]any{"model": model, "sales": sales})
	}
	s.mu.Unlock()
	write(w, http.StatusOK, map[string]any{"total_sales": total, "chairs": chairs, "models": models})
}

func (s *server) getChairs(w http.ResponseWriter, _ *http.Request, o *owner) {
	s.mu.Lock()
	list := []any{}
	for _, c := range o.chairs {
		e := map[string]any{"id": c.id, "name": c.name, "model": c.model, "active": c.active, "registered_at": c.registered, "total_distance": c.driven}
		if c.positioned {
			e["total_distance_updated_at"] = c.updated
		}
		list = append(list, e)
	}
	s.mu.Unlock()
	write(w, http.StatusOK, map[string]any{"chairs": list})
}
