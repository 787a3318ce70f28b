package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"isuride/bench/verify/probe"
)

// A fake is a small ISURIDE server that is right in everything, apart from its faults.
type fake struct {
	faults  []editor
	polling bool
	client  *http.Client // of the gateway
	server  *http.Server
	stop    chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex
	gateway string
	resets  int
	resetAt time.Time
	serial  int
	world   fakeWorld
}

// fakeWorld is what initialize forgets.
type fakeWorld struct {
	users  map[string]*fakeUser // by token; the others, too
	owners map[string]*fakeOwner
	chairs map[string]*fakeChair
	rides  []*fakeRide
}

type fakeUser struct {
	id, name, full, token, code, payment string
	invited                              int
	coupons                              []*fakeCoupon
	feed                                 *fakeFeed
}

type fakeCoupon struct {
	kind     string
	discount int
	ride     *fakeRide
}

type fakeOwner struct {
	id, name, token, invite string
}

type fakeChair struct {
	id, name, model, token string
	owner                  *fakeOwner
	active, placed, old    bool // old: from before an initialize
	at, shownAt            probe.Point
	distance               int
	registered, updated    int64
	ride                   *fakeRide // the unfinished one
	wasActive              bool
	hidden                 time.Time // not listed until then
	rated, stars           int
	feed                   *fakeFeed
}

type fakeRide struct {
	id                   string
	user                 *fakeUser
	chair                *fakeChair
	from, to             probe.Point
	coupon               *fakeCoupon
	status               string
	stars                int
	created, updated     int64
	charging             chan struct{} // a lock that, unlike a mutex, lets virtual time pass
	countAt, starsBefore int           // of the chair, at ENROUTE
	attempts             int           // at payment, as far as faults count them
	lost                 bool          // to a fault
}

type fakeUserForm struct {
	Username  string `json:"username"`
	First     string `json:"firstname"`
	Last      string `json:"lastname"`
	BirthDate string `json:"date_of_birth"`
	Code      string `json:"invitation_code"`
}

type fakeChairForm struct {
	Name  string `json:"name"`
	Model string `json:"model"`
	Token string `json:"chair_register_token"`
}

// fakeFare discounts the metered part only.
func fakeFare(from, to probe.Point, discount int) int {
	return 500 + max(100*from.Distance(to)-discount, 0)
}

// newFake serves on a listener until it is closed.
func newFake(p *pipes, polling bool, faults []fault) *fake {
	l, err := p.listen("isuride:80")
	if err != nil {
		panic(err)
	}
	s := &fake{polling: polling, stop: make(chan struct{}), world: newFakeWorld()}
	for _, f := range faults {
		s.faults = append(s.faults, newEditor(f))
	}
	s.client = &http.Client{Transport: &http.Transport{DialContext: p.dial}}
	s.server = &http.Server{Handler: s.handler(), IdleTimeout: time.Minute}
	if s.is("idle timeout of 5 s") {
		s.server.IdleTimeout = 5 * time.Second
	}
	s.running.Go(func() { _ = s.server.Serve(l) })
	s.running.Go(s.match)
	return s
}

func newFakeWorld() fakeWorld {
	return fakeWorld{users: map[string]*fakeUser{}, owners: map[string]*fakeOwner{}, chairs: map[string]*fakeChair{}}
}

func (s *fake) close() {
	close(s.stop)
	_ = s.server.Close()
	s.client.CloseIdleConnections()
	s.running.Wait()
}

// is says whether a certain fault is among the faults.
func (s *fake) is(name string) bool {
	return slices.ContainsFunc(s.faults, func(e editor) bool { return e.name == name })
}

// handler serves everything and lets the faults change answers.
func (s *fake) handler() http.Handler {
	mux := http.NewServeMux()
	s.routeUsers(mux)
	s.routeOwners(mux)
	s.routeChairs(mux)
	mux.HandleFunc("POST /api/initialize", s.initialize)
	mux.HandleFunc("GET /api/internal/matching", func(w http.ResponseWriter, _ *http.Request) {
		s.round()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /api/app/notification", func(w http.ResponseWriter, r *http.Request) {
		if u := s.user(r); u != nil {
			s.stream(w, r, u.feed)
		} else {
			s.unauthorized(w)
		}
	})
	mux.HandleFunc("GET /api/chair/notification", func(w http.ResponseWriter, r *http.Request) {
		if c := s.chair(r); c != nil {
			s.stream(w, r, c.feed)
		} else {
			s.unauthorized(w)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.page(mux, w, r) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.edit(mux, w, r) })
}

// edit passes streams on and lets the faults change all other answers.
func (s *fake) edit(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/notification") {
		mux.ServeHTTP(w, r)
		return
	}
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, r)
	body := rec.Body.String()
	if s.is("errors are text") && rec.Code >= 400 {
		body = "error"
	}
	for _, e := range s.faults {
		rec.Code, body = e.answer(r, rec.Code, body, w.Header())
	}
	for k, v := range rec.Header() {
		if w.Header().Get(k) == "" {
			w.Header()[k] = v
		}
	}
	w.WriteHeader(rec.Code)
	if rec.Code != http.StatusNoContent {
		_, _ = io.WriteString(w, body)
	}
}

func (s *fake) page(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		status := unrouted(mux, r)
		if s.is("wrong methods answer 404") {
			status = http.StatusNotFound
		}
		if s.is("unknown paths answer 400") && status == http.StatusNotFound {
			status = http.StatusBadRequest
		}
		refuse(w, status)
		return
	}
	if s.is("no front end") {
		http.NotFound(w, r)
		return
	}
	if s.is("pages redirect") && r.URL.Path != "/" {
		http.Redirect(w, r, "/", http.StatusFound)
		return
	}
	w.Header().Set("Etag", `"page"`) // pages may be cached
	_, _ = io.WriteString(w, "<html></html>")
}

// unrouted tells a wrong method from an unknown path.
func unrouted(mux *http.ServeMux, r *http.Request) int {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if _, pattern := mux.Handler(&http.Request{Method: method, URL: r.URL}); pattern != "/" {
			return http.StatusMethodNotAllowed
		}
	}
	return http.StatusNotFound
}

func (s *fake) initialize(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Server string `json:"payment_server"`
	}
	if !s.read(w, r, &b) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateway, s.resets = b.Server, s.resets+1
	s.resetAt = time.Now()
	old := s.world
	s.world = newFakeWorld()
	if s.is("sessions survive initialize") {
		s.world.users = old.users
	}
	if s.is("chairs survive initialize") {
		for token, c := range old.chairs {
			c.old = true
			s.world.chairs["old "+token] = c
		}
	}
	if s.is("the second initialize fails") && s.resets == 2 {
		refuse(w, http.StatusInternalServerError)
		return
	}
	reply(w, http.StatusOK, map[string]any{"language": "go"})
}

// read answers 400 to unreadable bodies.
func (s *fake) read(w http.ResponseWriter, r *http.Request, v any) bool {
	if s.is("bodies have to be declared") && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		refuse(w, http.StatusUnsupportedMediaType)
		return false
	}
	d := json.NewDecoder(r.Body)
	if s.is("unknown members are refused") {
		d.DisallowUnknownFields()
	}
	err := d.Decode(v)
	if err == nil {
		return true
	}
	_, wrongType := errors.AsType[*json.UnmarshalTypeError](err)
	if wrongType && s.is("wrong types answer 500") || !wrongType && s.is("malformed JSON answers 500") {
		refuse(w, http.StatusInternalServerError)
		return false
	}
	refuse(w, http.StatusBadRequest)
	return false
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int) {
	reply(w, status, map[string]string{"message": http.StatusText(status)})
}

func (s *fake) unauthorized(w http.ResponseWriter) {
	if s.is("a 401 has no body") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	refuse(w, http.StatusUnauthorized)
}

// id makes one; s.mu is held.
func (s *fake) id() string {
	s.serial++
	return fmt.Sprintf("%026d", s.serial)
}

func (s *fake) hex(digits int) string {
	s.serial++
	if s.is("tokens are short") {
		digits = 16
	}
	return fmt.Sprintf("%0*x", digits, s.serial)
}

// cookie sets a session correctly, unless a fault is about that.
func (s *fake) cookie(w http.ResponseWriter, name, value string) {
	c := &http.Cookie{Name: name, Value: value, Path: "/"}
	c.HttpOnly = s.is(name + " is HttpOnly")
	c.Secure = s.is(name + " is Secure")
	if s.is(name + " expires") {
		c.MaxAge = 3600
	}
	http.SetCookie(w, c)
}

func session(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

func now() int64 { return time.Now().UnixMilli() }

// match assigns the oldest waiting ride to the nearest free chair of its region, every
// 50 ms.
func (s *fake) match() {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if !s.is("no matcher of its own") {
				s.round()
			}
		case <-s.stop:
			return
		}
	}
}

func (s *fake) round() {
	if s.is("nobody is matched") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.world.rides {
		if r.chair == nil {
			if c := s.best(r); c != nil {
				r.chair, c.ride, r.updated = c, r, now()
				r.countAt, r.starsBefore = c.rated, c.stars
				if !s.is("no MATCHING for chairs") {
					s.tellChair(r)
				}
				if s.is("ENROUTE is notified with the assignment") {
					s.repeat(r, probe.Enroute)
				}
			}
		}
	}
}

// best is the nearest eligible chair.
func (s *fake) best(r *fakeRide) *fakeChair {
	var all []*fakeChair
	for _, c := range s.world.chairs {
		if c.old {
			continue
		}
		near := c.placed && (c.at.Distance(r.from) <= 200 || s.is("matched across regions")) || !c.placed && s.is("matched without a position")
		free := c.ride == nil || s.is("two rides at a time") && c.ride.status != probe.Matching
		if (c.active || s.is("inactive chairs are matched") && c.placed) && near && free {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return slices.MinFunc(all, func(a, b *fakeChair) int {
		if d := a.at.Distance(r.from) - b.at.Distance(r.from); d != 0 {
			return d
		}
		return strings.Compare(a.id, b.id)
	})
}
