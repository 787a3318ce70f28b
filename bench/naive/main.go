// Naive is a deliberately simple ISURIDE server and the project's measuring stick: one lock,
// net/http, encoding/json, everything in memory and nothing stored. It has two uses.
//
// It is what the benchmarker is calibrated against: its matching rules are exactly those of
// the official runs (B appendix D), so the same load must give the same scores.
//
// It is what the real server's speed is compared with. Stored ratios rest on its cost, so
// making it faster, or slower, spoils every comparison with earlier records. That is also why
// it shares no code with the server or the benchmarker: their improvements must not reach it.
//
// It is no example of how to write a server, knows no initial data (run the bench with
// -skip-data-check), and an initialize does not reset it: start it again for every run. Every
// 65 s, after the usual run, it prints the number of requests by endpoint.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

func main() {
	s := newServer()
	listen := flag.String("listen", ":8080", "`address` to listen on")
	flag.StringVar(&s.policy, "policy", "greedy", "greedy: the oldest ride first, each to the best free chair of its region; one: one ride a round, to a random free chair")
	interval := flag.Int("interval", 50, "`milliseconds` between rounds of matching")
	delay := flag.Int("delay", 0, "`milliseconds` added to every call but the notifications")
	flag.IntVar(&s.limit, "cap", 1<<30, "matches a round at most")
	flag.BoolVar(&s.polling, "poll", false, "answer notifications by polling instead of SSE")
	flag.Parse()
	s.delay = time.Duration(*delay) * time.Millisecond
	go func() {
		for range time.Tick(time.Duration(*interval) * time.Millisecond) {
			s.match()
		}
	}()
	go func() {
		for range time.Tick(65 * time.Second) {
			s.printCounts()
		}
	}()
	log.Fatal(http.ListenAndServe(*listen, s.routes()))
}

func (s *server) routes() *http.ServeMux {
	m := http.NewServeMux()
	for pattern, h := range map[string]http.HandlerFunc{
		"POST /api/initialize": s.initialize,

		"POST /api/app/users":                 s.postUser,
		"POST /api/app/payment-methods":       session(s, "app_session", s.users, s.postPaymentMethod),
		"GET /api/app/rides":                  session(s, "app_session", s.users, s.getRides),
		"POST /api/app/rides/estimated-fare":  session(s, "app_session", s.users, s.estimateFare),
		"POST /api/app/rides":                 session(s, "app_session", s.users, s.postRide),
		"POST /api/app/rides/{id}/evaluation": session(s, "app_session", s.users, s.evaluate),
		"GET /api/app/nearby-chairs":          s.getNearbyChairs,
		"GET /api/app/notification": session(s, "app_session", s.users, func(w http.ResponseWriter, r *http.Request, u *user) {
			s.notify(w, r, &u.stream)
		}),

		"POST /api/owner/owners": s.postOwner,
		"GET /api/owner/sales":   session(s, "owner_session", s.owners, s.getSales),
		"GET /api/owner/chairs":  session(s, "owner_session", s.owners, s.getChairs),

		"POST /api/chair/chairs":            s.postChair,
		"POST /api/chair/activity":          session(s, "chair_session", s.chairs, s.activate),
		"POST /api/chair/coordinate":        session(s, "chair_session", s.chairs, s.postCoordinate),
		"POST /api/chair/rides/{id}/status": s.postStatus,
		"GET /api/chair/notification": session(s, "chair_session", s.chairs, func(w http.ResponseWriter, r *http.Request, c *chair) {
			s.notify(w, r, &c.stream)
		}),
	} {
		m.HandleFunc(pattern, s.counted(pattern, h))
	}
	return m
}

func (s *server) counted(pattern string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.delay > 0 && !strings.Contains(pattern, "notification") {
			time.Sleep(s.delay)
		}
		s.mu.Lock()
		s.counts[pattern]++
		s.mu.Unlock()
		h(w, r)
	}
}

func (s *server) printCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pattern := range slices.Sorted(maps.Keys(s.counts)) {
		fmt.Println(s.counts[pattern], pattern)
	}
	fmt.Println("waiting", len(s.waiting), "chairs", len(s.chairs), "users", len(s.users), "rides", len(s.rides))
}

// session finds who sent the cookie of that name.
func session[T any](s *server, name string, known map[string]T, h func(http.ResponseWriter, *http.Request, T)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie(name)
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.mu.Lock()
		who, ok := known[cookie.Value]
		s.mu.Unlock()
		if !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h(w, r, who)
	}
}

func setSession(w http.ResponseWriter, name, token string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: token, Path: "/"})
}

func read(r *http.Request, v any) { json.NewDecoder(r.Body).Decode(v) }

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	b, _ := json.Marshal(v)
	w.WriteHeader(status)
	w.Write(b)
}
