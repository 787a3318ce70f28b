package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

func (s *fake) routeUsers(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/app/users", s.postUser)
	as := func(h func(http.ResponseWriter, *http.Request, *fakeUser)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if u := s.user(r); u != nil {
				h(w, r, u)
				return
			}
			refuse(w, http.StatusUnauthorized)
		}
	}
	mux.HandleFunc("POST /api/app/payment-methods", as(s.postPaymentMethod))
	mux.HandleFunc("GET /api/app/rides", as(s.getRides))
	mux.HandleFunc("POST /api/app/rides", as(s.postRide))
	mux.HandleFunc("POST /api/app/rides/estimated-fare", as(s.postEstimate))
	mux.HandleFunc("POST /api/app/rides/{id}/evaluation", as(s.postEvaluation))
	mux.HandleFunc("GET /api/app/nearby-chairs", as(s.getNearby))
}

func (s *fake) user(r *http.Request) *fakeUser {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := session(r, userCookie)
	if o := s.world.owners[token]; o != nil && s.is("owners are users, too") {
		return &fakeUser{feed: newFakeFeed()}
	}
	if token == "" && s.is("no session needed") {
		return &fakeUser{feed: newFakeFeed()}
	}
	return s.world.users[token]
}

func (s *fake) postUser(w http.ResponseWriter, r *http.Request) {
	var f userForm
	if !read(w, r, &f) {
		return
	}
	if f.Username == "" || f.First == "" || f.Last == "" || f.BirthDate == "" && !s.is("no birth date needed") {
		refuse(w, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.invite(f, func() { s.mu.Unlock(); time.Sleep(10 * time.Millisecond); s.mu.Lock() })
	if status != http.StatusCreated {
		refuse(w, status)
		return
	}
	u := s.addUser(f)
	if f.Code != "" {
		u.coupons = append(u.coupons, &fakeCoupon{kind: "INV", discount: 1500})
		s.rewardLater(f.Code)
	}
	s.cookie(w, userCookie, u.token)
	reply(w, http.StatusCreated, map[string]any{"id": u.id, "invitation_code": u.code})
}

func (s *fake) addUser(f userForm) *fakeUser {
	u := &fakeUser{id: s.id(), name: f.Username, full: f.First + " " + f.Last, token: s.hex(64), code: s.hex(30), feed: newFakeFeed()}
	if s.is("names are swapped") {
		u.full = f.Last + " " + f.First
	}
	u.coupons = []*fakeCoupon{{kind: "NEW", discount: 3000}}
	s.world.users[u.token] = u
	return u
}

// invite checks name and code; s.mu is held.
func (s *fake) invite(f userForm, race func()) int {
	for _, u := range s.world.users {
		if u.name == f.Username && !s.is("usernames are given twice") {
			return http.StatusConflict
		}
	}
	if f.Code == "" {
		return http.StatusCreated
	}
	inviter := s.inviter(f.Code)
	if inviter == nil || inviter.invited >= 3 && !s.is("codes are good for ever") {
		if s.is("refused invitations leave the user") {
			s.addUser(f)
		}
		return http.StatusBadRequest
	}
	if s.is("the invitation limit is racy") {
		race()
	}
	inviter.invited++
	return http.StatusCreated
}

func (s *fake) inviter(code string) *fakeUser {
	for _, u := range s.world.users {
		if u.code == code {
			return u
		}
	}
	return nil
}

// rewardLater grants the inviter's coupon; s.mu is held.
func (s *fake) rewardLater(code string) {
	u := s.inviter(code)
	grant := func() { u.coupons = append(u.coupons, &fakeCoupon{kind: "RWD", discount: 1000}) }
	switch {
	case s.is("rewards are late"):
		time.AfterFunc(200*time.Millisecond, func() { s.mu.Lock(); defer s.mu.Unlock(); grant() })
	case s.is("rewards come first"):
		u.coupons = append([]*fakeCoupon{{kind: "RWD", discount: 1000}}, u.coupons...)
		slices.SortStableFunc(u.coupons, func(a, b *fakeCoupon) int {
			return boolInt(b.kind == "NEW") - boolInt(a.kind == "NEW")
		})
	default:
		grant()
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *fake) postPaymentMethod(w http.ResponseWriter, r *http.Request, u *fakeUser) {
	var b struct {
		Token string `json:"token"`
	}
	if !read(w, r, &b) {
		return
	}
	if b.Token == "" {
		refuse(w, http.StatusBadRequest)
		return
	}
	if u.payment != "" && s.is("payment tokens cannot be repeated") {
		refuse(w, http.StatusInternalServerError)
		return
	}
	u.payment = b.Token
	w.WriteHeader(http.StatusNoContent)
}

// coupon is the one that a user's next ride uses, nil if there is none; s.mu is held.
func (u *fakeUser) coupon() *fakeCoupon {
	for _, c := range u.coupons {
		if c.ride == nil {
			return c
		}
	}
	return nil
}

func (r *fakeRide) fare() int {
	if r.coupon == nil {
		return fare(r.from, r.to, 0)
	}
	return fare(r.from, r.to, r.coupon.discount)
}

type fakeTrip struct {
	From *point `json:"pickup_coordinate"`
	To   *point `json:"destination_coordinate"`
}

func readTrip(w http.ResponseWriter, r *http.Request) (fakeTrip, bool) {
	var b fakeTrip
	if !read(w, r, &b) {
		return b, false
	}
	if b.From == nil || b.To == nil {
		refuse(w, http.StatusBadRequest)
		return b, false
	}
	return b, true
}

func (s *fake) postEstimate(w http.ResponseWriter, r *http.Request, u *fakeUser) {
	b, ok := readTrip(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &fakeRide{from: *b.From, to: *b.To, coupon: u.coupon()}
	full := fare(x.from, x.to, 0)
	discount := full - x.fare()
	if s.is("the discount is the coupon's face value") && x.coupon != nil {
		discount = x.coupon.discount
	}
	if s.is("estimates use up coupons") && x.coupon != nil {
		x.coupon.ride = x
	}
	reply(w, http.StatusOK, map[string]any{"fare": x.fare(), "discount": discount})
}

func (s *fake) postRide(w http.ResponseWriter, r *http.Request, u *fakeUser) {
	b, ok := readTrip(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.world.rides {
		if x.user == u && x.status != completed {
			if s.is("a second ride answers 429") {
				refuse(w, http.StatusTooManyRequests)
				return
			}
			refuse(w, http.StatusConflict)
			return
		}
	}
	if s.is("the one ride of a user is racy") {
		s.mu.Unlock()
		time.Sleep(10 * time.Millisecond)
		s.mu.Lock()
	}
	x := &fakeRide{id: s.id(), user: u, from: *b.From, to: *b.To, status: matching, created: now(), updated: now(), coupon: u.coupon(), charging: make(chan struct{}, 1)}
	if x.coupon != nil && !s.is("coupons are good for ever") {
		x.coupon.ride = x
	}
	s.world.rides = append(s.world.rides, x)
	s.tellUser(x)
	reply(w, http.StatusAccepted, map[string]any{"ride_id": x.id, "fare": x.fare()})
}

func (s *fake) ride(id string) *fakeRide {
	for _, x := range s.world.rides {
		if x.id == id {
			return x
		}
	}
	return nil
}

func (s *fake) getRides(w http.ResponseWriter, _ *http.Request, u *fakeUser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []any{}
	if s.is("an empty history is null") {
		all = nil
	}
	for _, x := range slices.Backward(s.world.rides) {
		if (x.user != u && !s.is("histories show everybody's rides")) || x.chair == nil || x.status != completed && !s.is("the history has unfinished rides") {
			continue
		}
		done := x.updated
		if s.is("completed_at is off by one in the history") {
			done++
		}
		price := x.fare()
		if s.is("the history has the full fare") {
			price = fare(x.from, x.to, 0)
		}
		owner := x.chair.owner.name
		if s.is("the history has the owner's id") {
			owner = x.chair.owner.id
		}
		all = append(all, map[string]any{
			"id": x.id, "pickup_coordinate": x.from, "destination_coordinate": x.to, "fare": price,
			"evaluation": x.stars, "requested_at": x.created, "completed_at": done,
			"chair": map[string]any{"id": x.chair.id, "owner": owner, "name": x.chair.name, "model": x.chair.model},
		})
	}
	reply(w, http.StatusOK, map[string]any{"rides": all})
}

func (s *fake) postEvaluation(w http.ResponseWriter, r *http.Request, u *fakeUser) {
	var b struct {
		Stars int `json:"evaluation"`
	}
	if !read(w, r, &b) {
		return
	}
	if (b.Stars < 1 || b.Stars > 5) && !s.is("any evaluation will do") {
		refuse(w, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	x := s.ride(r.PathValue("id"))
	s.mu.Unlock()
	if x == nil || x.user != u && !s.is("anybody may rate") {
		refuse(w, http.StatusNotFound)
		return
	}
	if !s.is("charges run at once") {
		x.charging <- struct{}{}
		defer func() { <-x.charging }()
	}
	status := s.rate(x, b.Stars)
	if status != http.StatusOK {
		refuse(w, status)
		return
	}
	reply(w, status, map[string]any{"completed_at": x.updated})
}

// rate charges and completes.
func (s *fake) rate(x *fakeRide, stars int) int {
	s.mu.Lock()
	legal := x.status == arrived || x.status == completed && s.is("rides are charged again") || x.status == carrying && s.is("rides may be rated on the way")
	again := x.status == completed
	s.mu.Unlock()
	if !legal {
		return http.StatusBadRequest
	}
	if x.user.payment == "" {
		return http.StatusBadRequest
	}
	if s.is("rides complete before payment") {
		s.complete(x, stars)
	}
	if s.is("payment is asynchronous") {
		s.running.Go(func() { time.Sleep(100 * time.Millisecond); s.charge(x) })
	} else if status := s.charge(x); status != http.StatusOK {
		return status
	}
	if !again {
		s.complete(x, stars)
	}
	return http.StatusOK
}

func (s *fake) complete(x *fakeRide, stars int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.status == completed {
		return
	}
	c := x.chair
	x.stars, x.updated = stars, now()
	if !s.is("ratings do not count") {
		c.stars += stars
	}
	c.rated++
	c.ride = nil
	if s.is("completed chairs stay off the list") {
		c.freeAt = time.Now().Add(5 * time.Second)
	}
	s.advance(x, completed)
}

// charge tries at the gateway; s.mu is not held.
func (s *fake) charge(x *fakeRide) int {
	amount := x.fare()
	if s.is("the full fare is charged") {
		amount = fare(x.from, x.to, 0)
	}
	key := x.id
	switch {
	case s.is("payments have no key"):
		key = ""
	case s.is("keys are the user's"):
		key = x.user.id
	case s.is("each attempt has its own key"):
		key = ""
	}
	tries := 8
	if s.is("three attempts at payment") {
		tries = 3
	}
	for range tries {
		status := s.pay(x.user.payment, key, amount)
		switch status {
		case http.StatusNoContent:
			return http.StatusOK
		case http.StatusBadRequest, http.StatusServiceUnavailable:
			if status == http.StatusBadRequest && s.is("refused payments are retried") {
				continue
			}
			if s.is("refused payments are forgiven") {
				return http.StatusOK
			}
			return http.StatusBadGateway
		case http.StatusConflict:
			if s.is("a conflict at the gateway is final") {
				return http.StatusBadGateway
			}
		}
	}
	return http.StatusBadGateway
}

// pay makes one attempt; 0 is no answer.
func (s *fake) pay(token, key string, amount int) int {
	body, _ := json.Marshal(map[string]int{"amount": amount})
	req, err := http.NewRequest(http.MethodPost, s.gateway+"/payments", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if s.is("payments have no content type") {
		req.Header.Set("Content-Type", "text/plain")
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func (s *fake) getNearby(w http.ResponseWriter, r *http.Request, _ *fakeUser) {
	q := r.URL.Query()
	lat, err1 := strconv.Atoi(q.Get("latitude"))
	lon, err2 := strconv.Atoi(q.Get("longitude"))
	distance, err3 := 50, error(nil)
	if s.is("the default distance is 40") {
		distance = 40
	}
	if q.Get("distance") != "" {
		distance, err3 = strconv.Atoi(q.Get("distance"))
	}
	if err1 != nil || err2 != nil || err3 != nil && !s.is("bad distances are ignored") {
		refuse(w, http.StatusBadRequest)
		return
	}
	if s.is("the distance is exclusive") {
		distance--
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	reply(w, http.StatusOK, map[string]any{"chairs": s.listed(point{lat, lon}, distance), "retrieved_at": now()})
}

// listed are the free chairs around a place; s.mu is held.
func (s *fake) listed(at point, distance int) []any {
	all := []any{}
	for _, c := range s.world.chairs {
		x := c.at
		free := c.ride == nil || s.is("assigned chairs are listed") && c.ride.status == matching || s.is("riding chairs are listed") && c.ride.status == carrying
		shown := c.active || s.is("inactive chairs are listed") && c.placed
		placed := c.placed || s.is("chairs without position are listed")
		if s.is("new chairs are listed late") && now() < c.registered+500 {
			placed = false
		}
		if free && shown && placed && x.distance(at) <= distance && !time.Now().Before(c.freeAt) {
			all = append(all, map[string]any{"id": c.id, "name": c.name, "model": c.model, "current_coordinate": x})
		}
	}
	return all
}

func (s *fake) String() string { return fmt.Sprintf("fake with %q", s.fault.name) }
