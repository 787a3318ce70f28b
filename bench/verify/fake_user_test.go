package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"isuride/bench/verify/probe"
)

func (s *fake) routeUsers(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/app/users", s.postUser)
	as := func(h func(http.ResponseWriter, *http.Request, *fakeUser)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if u := s.user(r); u != nil {
				h(w, r, u)
				return
			}
			s.unauthorized(w)
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
	token := session(r, probe.UserCookie)
	if strings.HasSuffix(token, "deadbeef") && s.is("unknown tokens are accepted") {
		return &fakeUser{feed: newFakeFeed()}
	}
	if o := s.world.owners[token]; o != nil && s.is("owners are users, too") {
		return &fakeUser{feed: newFakeFeed()}
	}
	if _, err := r.Cookie(probe.UserCookie); token == "" && (s.is("no cookie is needed") && err != nil || s.is("an empty cookie will do") && err == nil) {
		return &fakeUser{feed: newFakeFeed()}
	}
	return s.world.users[token]
}

func (s *fake) postUser(w http.ResponseWriter, r *http.Request) {
	f, raw, ok := s.readUser(w, r)
	if !ok {
		return
	}
	if f.Username == "" || f.First == "" || f.Last == "" || f.BirthDate == "" && !s.birthDateOptional(raw) {
		refuse(w, http.StatusBadRequest)
		return
	}
	if s.is("empty codes are looked up") && strings.Contains(raw, `"invitation_code":""`) {
		refuse(w, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is("initialize answers too early") && s.resets == 1 && time.Since(s.resetAt) < 100*time.Millisecond {
		refuse(w, http.StatusServiceUnavailable)
		return
	}
	status := s.invite(f, func() { s.mu.Unlock(); time.Sleep(10 * time.Millisecond); s.mu.Lock() })
	if status != http.StatusCreated {
		refuse(w, status)
		return
	}
	u := s.addUser(f)
	if f.Code != "" {
		if inv := (&fakeCoupon{kind: "INV", discount: 1500}); s.is("the invitation's coupon is older") {
			u.coupons = []*fakeCoupon{inv, u.coupons[0]}
		} else {
			u.coupons = append(u.coupons, inv)
		}
		s.rewardLater(f.Code)
	}
	s.cookie(w, probe.UserCookie, u.token)
	reply(w, http.StatusCreated, map[string]any{"id": u.id, "invitation_code": u.code})
}

func (s *fake) readUser(w http.ResponseWriter, r *http.Request) (f fakeUserForm, raw string, ok bool) {
	b, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(b))
	ok = s.read(w, r, &f)
	return f, string(b), ok
}

func (s *fake) birthDateOptional(raw string) bool {
	given := strings.Contains(raw, `"date_of_birth"`)
	return s.is("fields may be missing") && !given || s.is("fields may be empty") && given
}

func (s *fake) addUser(f fakeUserForm) *fakeUser {
	u := &fakeUser{id: s.id(), name: f.Username, full: f.First + " " + f.Last, token: s.hex(64), code: s.hex(30), feed: newFakeFeed()}
	if s.is("names are swapped") {
		u.full = f.Last + " " + f.First
	}
	if s.is("user ids are long") {
		u.id += "-0123456789"
	}
	u.coupons = []*fakeCoupon{{kind: "NEW", discount: 3000}}
	s.world.users[u.token] = u
	return u
}

// invite checks name and code; s.mu is held.
func (s *fake) invite(f fakeUserForm, race func()) int {
	for _, u := range s.world.users {
		if u.name == f.Username && !s.is("usernames are given twice") {
			if s.is("duplicates answer 500") {
				return http.StatusInternalServerError
			}
			return http.StatusConflict
		}
	}
	if f.Code == "" {
		return http.StatusCreated
	}
	if s.is("invitations are refused") {
		return http.StatusBadRequest
	}
	inviter := s.inviter(f.Code)
	if inviter == nil && s.is("unknown codes are ignored") {
		return http.StatusCreated
	}
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
	if u == nil {
		return
	}
	discount := 1000
	if s.is("rewards are 900") {
		discount = 900
	}
	grant := func() { u.coupons = append(u.coupons, &fakeCoupon{kind: "RWD", discount: discount}) }
	switch {
	case s.is("rewards are late"):
		time.AfterFunc(100*time.Millisecond, func() { s.mu.Lock(); defer s.mu.Unlock(); grant() })
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
	if !s.read(w, r, &b) {
		return
	}
	if b.Token == "" && !s.is("empty payment tokens are accepted") {
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
		return fakeFare(r.from, r.to, 0)
	}
	return fakeFare(r.from, r.to, r.coupon.discount)
}

type fakeTrip struct {
	From *probe.Point `json:"pickup_coordinate"`
	To   *probe.Point `json:"destination_coordinate"`
}

func (s *fake) readTrip(w http.ResponseWriter, r *http.Request, missing string) (fakeTrip, bool) {
	var b fakeTrip
	raw, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(raw))
	if !s.read(w, r, &b) {
		return b, false
	}
	if s.is(missing) {
		b.From, b.To = orZero(b.From), orZero(b.To)
	}
	if s.is("coordinates need both members") && bytes.Count(raw, []byte("itude")) < 4 {
		refuse(w, http.StatusBadRequest)
		return b, false
	}
	if b.From == nil || b.To == nil {
		refuse(w, http.StatusBadRequest)
		return b, false
	}
	return b, true
}

func orZero(p *probe.Point) *probe.Point {
	if p == nil {
		return &probe.Point{}
	}
	return p
}

func (s *fake) postEstimate(w http.ResponseWriter, r *http.Request, u *fakeUser) {
	b, ok := s.readTrip(w, r, "estimates need no destination")
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &fakeRide{from: *b.From, to: *b.To, coupon: u.coupon()}
	full := fakeFare(x.from, x.to, 0)
	price, discount := x.fare(), full-x.fare()
	if s.is("estimates take off 2900 at most") && discount > 2900 {
		price, discount = full-2900, 2900
	}
	if s.is("the discount is the coupon's face value") && x.coupon != nil {
		discount = x.coupon.discount
	}
	if s.is("estimates use up coupons") && x.coupon != nil {
		x.coupon.ride = x
	}
	reply(w, http.StatusOK, map[string]any{"fare": price, "discount": discount})
}

func (s *fake) postRide(w http.ResponseWriter, r *http.Request, u *fakeUser) {
	b, ok := s.readTrip(w, r, "rides need no destination")
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.world.rides {
		if x.user == u && x.status != probe.Completed {
			if c := u.coupon(); c != nil && s.is("refused rides use up coupons") {
				c.ride = x
			}
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
	x := &fakeRide{id: s.id(), user: u, from: *b.From, to: *b.To, status: probe.Matching, created: now(), updated: now(), coupon: u.coupon(), charging: make(chan struct{}, 1)}
	if x.coupon != nil && !s.is("coupons are good for ever") {
		x.coupon.ride = x
	}
	s.world.rides = append(s.world.rides, x)
	if s.is("a new ride drops what is pending") {
		u.feed.drop()
	}
	if !s.is("no MATCHING for users") {
		s.tellUser(x)
	}
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
	rides := slices.Clone(s.world.rides)
	if !s.is("the oldest ride comes first") {
		slices.Reverse(rides)
	}
	for _, x := range rides {
		late := s.is("the history is late") && now() < x.updated+100
		if (x.user != u && !s.is("histories show everybody's rides")) || x.chair == nil || late || x.status != probe.Completed && !s.is("the history has unfinished rides") {
			continue
		}
		done := x.updated
		if s.is("completed_at is off by one in the history") {
			done++
		}
		price := x.fare()
		if s.is("the history has the full fare") {
			price = fakeFare(x.from, x.to, 0)
		}
		owner := x.chair.owner.name
		if s.is("the history has the owner's id") {
			owner = x.chair.owner.id
		}
		all = append(all, map[string]any{
			"id": x.id, "pickup_coordinate": x.from, "destination_coordinate": x.to, "fare": price,
			"evaluation": x.stars, "requested_at": s.requestedAt(x), "completed_at": done,
			"chair": map[string]any{"id": x.chair.id, "owner": owner, "name": x.chair.name, "model": x.chair.model},
		})
	}
	reply(w, http.StatusOK, map[string]any{"rides": all})
}

func (s *fake) requestedAt(x *fakeRide) int64 {
	if s.is("requested_at is in seconds") {
		return x.created / 1000
	}
	return x.created
}

func (s *fake) postEvaluation(w http.ResponseWriter, r *http.Request, u *fakeUser) {
	var b struct {
		Stars int `json:"evaluation"`
	}
	if !s.read(w, r, &b) {
		return
	}
	s.mu.Lock()
	x := s.ride(r.PathValue("id"))
	s.mu.Unlock()
	if (b.Stars < 1 || b.Stars > 5) && !s.is("any evaluation will do") {
		s.refusedRating(x, b.Stars)
		refuse(w, http.StatusBadRequest)
		return
	}
	if x == nil || x.user != u && !s.is("anybody may rate") {
		s.refuseRating(w)
		return
	}
	if !s.is("charges run at once") {
		x.charging <- struct{}{}
		defer func() { <-x.charging }()
	}
	status := s.rate(r.Context(), x, b.Stars)
	if status != http.StatusOK {
		refuse(w, status)
		return
	}
	reply(w, status, map[string]any{"completed_at": x.updated})
}

// refusedRating is what faults do with a rating that is out of range.
func (s *fake) refusedRating(x *fakeRide, stars int) {
	if x == nil || x.status != probe.Arrived {
		return
	}
	if s.is("charges come before validation") {
		s.charge(context.Background(), x)
	}
	if s.is("refused ratings are notified") && stars == 6 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.repeat(x, probe.Completed)
	}
}

func (s *fake) refuseRating(w http.ResponseWriter) {
	if s.is("unknown rides answer 400") {
		refuse(w, http.StatusBadRequest)
		return
	}
	refuse(w, http.StatusNotFound)
}

// rate charges and completes.
func (s *fake) rate(ctx context.Context, x *fakeRide, stars int) int {
	s.mu.Lock()
	again := x.status == probe.Completed
	legal := x.status == probe.Arrived || again && (s.is("rides are charged again") || s.is("completed rides are rated again")) ||
		x.status == probe.Carrying && s.is("rides may be rated on the way")
	legal = legal && !x.lost
	s.mu.Unlock()
	if !legal || x.user.payment == "" && !s.is("no payment token needed") {
		return http.StatusBadRequest
	}
	if s.is("rides complete before payment") {
		s.complete(x, stars)
	}
	switch {
	case again && s.is("completed rides are rated again"), x.user.payment == "":
	case s.is("payment is asynchronous"):
		s.running.Go(func() { time.Sleep(100 * time.Millisecond); s.charge(context.Background(), x) })
	default:
		if status := s.charge(ctx, x); status != http.StatusOK {
			x.lost = x.lost || ctx.Err() != nil && s.is("abandoned ratings are lost")
			return status
		}
	}
	if !again {
		s.complete(x, stars)
	}
	return http.StatusOK
}

func (s *fake) complete(x *fakeRide, stars int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.status == probe.Completed {
		return
	}
	c := x.chair
	x.stars, x.updated = stars, now()
	if s.is("completed_at is 5 s ahead") {
		x.updated += 5000
	}
	if !s.is("ratings do not count") {
		c.stars += stars
	}
	c.rated++
	c.ride = nil
	if s.is("completed chairs stay off the list") {
		c.hidden = time.Now().Add(5 * time.Second)
	}
	s.advance(x, probe.Completed)
}

// charge tries at the gateway; s.mu is not held. What a fault ties to the inbound request
// ends with ctx.
func (s *fake) charge(ctx context.Context, x *fakeRide) int {
	amount := x.fare()
	if s.is("the full fare is charged") {
		amount = fakeFare(x.from, x.to, 0)
	}
	tries := 8
	if s.is("three attempts at payment") {
		tries = 3
	}
	if s.is("each ride is paid twice") {
		s.pay(context.Background(), x.user.payment, x.id+" again", amount)
	}
	for range tries {
		status := s.pay(s.chargeContext(ctx), x.user.payment, s.key(x), amount)
		if ctx.Err() != nil && (s.is("abandoned ratings charge again") || s.is("abandoned ratings are lost")) {
			x.attempts++
			return http.StatusBadGateway
		}
		if final, ok := s.verdict(x, status); ok {
			return final
		}
	}
	return http.StatusBadGateway
}

func (s *fake) chargeContext(ctx context.Context) context.Context {
	if s.is("abandoned ratings charge again") || s.is("abandoned ratings are lost") {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// key is the Idempotency-Key of a charge.
func (s *fake) key(x *fakeRide) string {
	switch {
	case s.is("payments have no key"):
		return ""
	case s.is("keys are the user's"):
		return x.user.id
	case s.is("each attempt has its own key"):
		x.attempts++
	case s.is("rides are charged again") && x.status == probe.Completed:
		return x.id + " again"
	}
	if x.attempts == 0 {
		return x.id
	}
	return fmt.Sprintf("%s %d", x.id, x.attempts)
}

// verdict is what an answer of the gateway means for the rating, if it is final.
func (s *fake) verdict(x *fakeRide, status int) (int, bool) {
	failed := http.StatusBadGateway
	if s.is("refused payments answer 500") {
		failed = http.StatusInternalServerError
	}
	switch {
	case status == http.StatusNoContent:
		return http.StatusOK, true
	case status == 0 && s.is("a cut connection needs a new key"):
		x.attempts++
	case status == http.StatusBadRequest && s.is("refused payments answer 400"):
		return http.StatusBadRequest, true
	case status == http.StatusBadRequest && s.is("refused payments are retried"):
	case status == http.StatusServiceUnavailable && s.is("a closed gateway is forgiven"):
		return http.StatusOK, true
	case status == http.StatusServiceUnavailable && s.is("rides are lost with the gateway"):
		x.lost = true
		return failed, true
	case status == http.StatusBadRequest, status == http.StatusServiceUnavailable:
		return failed, true
	case status == http.StatusConflict && s.is("a conflict at the gateway is final"):
		return failed, true
	}
	return 0, false
}

// pay makes one attempt; 0 is no answer.
func (s *fake) pay(ctx context.Context, token, key string, amount int) int {
	body, _ := json.Marshal(map[string]int{"amount": amount})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.gateway+"/payments", bytes.NewReader(body))
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
	if q.Get("latitude") == "" && s.is("a missing latitude is 0") {
		err1 = nil
	}
	if err1 != nil || err2 != nil || err3 != nil && !s.is("bad distances are ignored") {
		refuse(w, http.StatusBadRequest)
		return
	}
	if s.is("the distance is exclusive") && distance > 0 {
		distance--
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	reply(w, http.StatusOK, map[string]any{"chairs": s.listed(probe.At(lat, lon), distance), "retrieved_at": now()})
}

// listed are the free chairs around a place; s.mu is held.
func (s *fake) listed(at probe.Point, distance int) []any {
	all := []any{}
	for _, c := range s.world.chairs {
		x := c.shownAt
		free := c.ride == nil || s.is("assigned chairs are listed") && c.ride.status == probe.Matching || s.is("riding chairs are listed") && c.ride.status == probe.Carrying
		shown := c.active || s.is("inactive chairs are listed") || s.is("deactivated chairs are listed") && c.wasActive
		placed := c.placed || s.is("chairs without position are listed")
		if s.is("new chairs are listed late") && now() < c.registered+500 {
			placed = false
		}
		if free && shown && placed && x.Distance(at) <= distance && !time.Now().Before(c.hidden) {
			all = append(all, map[string]any{"id": c.id, "name": c.name, "model": c.model, "current_coordinate": x})
		}
	}
	if s.is("a phantom is listed") && len(s.world.rides) > 0 {
		all = append(all, map[string]any{"id": "phantom", "name": "x", "model": "y", "current_coordinate": at})
	}
	return all
}
