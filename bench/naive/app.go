package main

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func (s *server) initialize(w http.ResponseWriter, r *http.Request) {
	var q struct{ Payment_server string }
	read(r, &q)
	s.mu.Lock()
	s.payment = q.Payment_server
	s.mu.Unlock()
	write(w, http.StatusOK, map[string]string{"language": "go"})
}

func (s *server) postUser(w http.ResponseWriter, r *http.Request) {
	var q struct{ Username, Firstname, Lastname, Invitation_code string }
	read(r, &q)
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &user{id: s.newID(), firstname: q.Firstname, lastname: q.Lastname, invitation: s.newID(), stream: newStream(), coupons: []int{3000}}
	if q.Invitation_code != "" {
		inviter := s.byInvitation[q.Invitation_code]
		if inviter == nil || inviter.invited >= 3 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		inviter.invited++
		u.coupons = append(u.coupons, 1500)
		inviter.coupons = append(inviter.coupons, 1000)
	}
	token := s.newID()
	s.users[token], s.byInvitation[u.invitation] = u, u
	setSession(w, "app_session", token)
	write(w, http.StatusCreated, map[string]string{"id": u.id, "invitation_code": u.invitation})
}

func (s *server) postPaymentMethod(w http.ResponseWriter, r *http.Request, u *user) {
	var q struct{ Token string }
	read(r, &q)
	s.mu.Lock()
	u.card = q.Token
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) getRides(w http.ResponseWriter, _ *http.Request, u *user) {
	s.mu.Lock()
	list := []any{}
	for _, r := range u.rides {
		if r.status != "COMPLETED" {
			continue
		}
		list = append(list, map[string]any{
			"id": r.id, "pickup_coordinate": r.pickup, "destination_coordinate": r.to, "fare": r.fare(), "evaluation": r.evaluation,
			"requested_at": r.created, "completed_at": r.completed,
			"chair": map[string]string{"id": r.chair.id, "owner": r.chair.owner.name, "name": r.chair.name, "model": r.chair.model},
		})
	}
	s.mu.Unlock()
	write(w, http.StatusOK, map[string]any{"rides": list})
}

type way struct{ Pickup_coordinate, Destination_coordinate coordinate }

func (s *server) estimateFare(w http.ResponseWriter, r *http.Request, u *user) {
	var q way
	read(r, &q)
	s.mu.Lock()
	discount := 0
	if len(u.coupons) > 0 {
		discount = u.coupons[0]
	}
	s.mu.Unlock()
	t := &ride{pickup: q.Pickup_coordinate, to: q.Destination_coordinate, discount: discount}
	write(w, http.StatusOK, map[string]int{"fare": t.fare(), "discount": t.sales() - t.fare()})
}

func (s *server) postRide(w http.ResponseWriter, r *http.Request, u *user) {
	var q way
	read(r, &q)
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.ride != nil {
		w.WriteHeader(http.StatusConflict)
		return
	}
	t := &ride{id: s.newID(), user: u, pickup: q.Pickup_coordinate, to: q.Destination_coordinate, status: "MATCHING", created: now()}
	if len(u.coupons) > 0 {
		t.discount, u.coupons = u.coupons[0], u.coupons[1:]
	}
	u.ride, u.rides = t, append(u.rides, t)
	s.rides[t.id] = t
	s.waiting = append(s.waiting, t)
	t.notifyUser()
	write(w, http.StatusAccepted, map[string]any{"ride_id": t.id, "fare": t.fare()})
}

func (s *server) evaluate(w http.ResponseWriter, r *http.Request, u *user) {
	var q struct{ Evaluation int }
	read(r, &q)
	s.mu.Lock()
	t, gateway, card := s.rides[r.PathValue("id")], s.payment, u.card
	arrived := t != nil && t.status == "ARRIVED"
	s.mu.Unlock()
	if !arrived {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for !pay(gateway, card, t) {
	}
	s.mu.Lock()
	completed := now()
	t.evaluation, t.completed = q.Evaluation, completed
	c := t.chair
	c.rides++
	c.ratings += q.Evaluation
	c.freeFrom = time.Now().Add(60 * time.Millisecond)
	u.ride, c.ride = nil, nil
	t.set("COMPLETED")
	s.mu.Unlock()
	write(w, http.StatusOK, map[string]int64{"completed_at": completed})
}

// pay makes one attempt, under the same key each time.
func pay(gateway, card string, t *ride) bool {
	q, _ := http.NewRequest("POST", gateway+"/payments", strings.NewReader(`{"amount":`+strconv.Itoa(t.fare())+`}`))
	q.Header.Set("Authorization", "Bearer "+card)
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Idempotency-Key", t.id)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return false
	}
	io.Copy(io.Discard, a.Body)
	a.Body.Close()
	return a.StatusCode == http.StatusNoContent
}

func (s *server) getNearbyChairs(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	latitude, _ := strconv.Atoi(q.Get("latitude"))
	longitude, _ := strconv.Atoi(q.Get("longitude"))
	distance, err := strconv.Atoi(q.Get("distance"))
	if err != nil {
		distance = 50
	}
	here, at := coordinate{latitude, longitude}, time.Now()
	list := []any{}
	s.mu.Lock()
	for _, c := range s.fleet {
		if c.free(at) && c.at.distance(here) <= distance {
			list = append(list, map[string]any{"id": c.id, "name": c.name, "model": c.model, "current_coordinate": c.at})
		}
	}
	s.mu.Unlock()
	write(w, http.StatusOK, map[string]any{"chairs": list, "retrieved_at": now()})
}
