package crash

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"isuride/webapp/servertest"
)

// rider is a user who makes one ride after the other, invites friends and changes their
// payment token.
type rider struct {
	w     *world
	name  string
	rng   *rand.Rand
	c     *servertest.Client
	inbox inbox
	code  string // its invitation code

	token    string // for payments, as it was confirmed
	newToken string // asked for, not confirmed; "" if none
	coupons  []int  // unused discounts, in the order in which they will be used
	friends  []*servertest.Client
	friend   string // name of a friend whose registration is open, "" if none

	trips []*tour
	next  *tour // requested, not confirmed
}

// tour is a ride as its rider knows it.
type tour struct {
	id                     string // "" while the rider does not know it
	fromX, fromY, toX, toY int
	fare                   int64
	requestedAt            int64 // 0 until the first notification
	asked, rated           bool  // the call was made, whatever became of it
	evaluation             int64
	completedAt            int64 // 0 while unknown
	over                   bool  // read and compared with the history
}

func (t *tour) metered() int { return servertest.Metered(t.fromX, t.fromY, t.toX, t.toY) }

func newRider(w *world, name string, rng *rand.Rand) *rider {
	r := &rider{w: w, name: name, rng: rng, coupons: []int{3000}, token: "token-of-" + name}
	r.c, r.code = w.p.User(name, "")
	r.inbox = inbox{w: w, c: r.c}
	return r
}

// step finishes what is open, then goes on with the ride, then takes up something new.
func (r *rider) step() error {
	switch {
	case r.newToken != "":
		return r.setToken()
	case r.friend != "":
		return r.invite()
	case r.next != nil:
		return r.request()
	case len(r.trips) > 0 && !r.tour().over:
		return r.ride()
	}
	return r.begin()
}

func (r *rider) tour() *tour { return r.trips[len(r.trips)-1] }

func (r *rider) begin() error {
	switch r.rng.IntN(6) {
	case 0:
		r.newToken = fmt.Sprintf("token-%x", r.rng.Uint64())
	case 1:
		if len(r.friends) < 3 { // S4.2: a code is good for three
			r.friend = fmt.Sprintf("%x", r.rng.Uint64())
		}
	case 2:
		_, err := r.w.demand(r.c, 200, "GET", "/api/app/nearby-chairs?latitude=0&longitude=0", nil)
		return err
	case 3:
		return r.estimate()
	default:
		r.next = r.newTour()
	}
	return nil
}

// newTour plans a ride of at least one unit, within a region.
func (r *rider) newTour() *tour {
	t := &tour{fromX: r.rng.IntN(60) - 30, fromY: r.rng.IntN(60) - 30, evaluation: int64(1 + r.rng.IntN(5))}
	t.toX, t.toY = t.fromX+1+r.rng.IntN(19), t.fromY+r.rng.IntN(20)
	t.fare = int64(500 + t.metered() - min(r.discount(), t.metered()))
	return t
}

// discount is what the next ride's coupon is worth.
func (r *rider) discount() int {
	if len(r.coupons) == 0 {
		return 0
	}
	return r.coupons[0]
}

func (r *rider) estimate() error {
	t := r.newTour()
	o, err := r.w.demand(r.c, 200, "POST", "/api/app/rides/estimated-fare", servertest.Trip(servertest.At(t.fromX, t.fromY), servertest.At(t.toX, t.toY)))
	if err == nil && servertest.Number(o["fare"]) != t.fare {
		err = fmt.Errorf("the estimate is %v, want %d", o["fare"], t.fare)
	}
	return err
}

func (r *rider) setToken() error {
	if _, err := r.w.demand(r.c, 204, "POST", "/api/app/payment-methods", servertest.Object{"token": r.newToken}); err != nil {
		return err
	}
	r.token, r.newToken = r.newToken, ""
	return nil
}

// invite registers a friend. A name that is taken was registered by the call whose answer
// the server did not live to give: the friend exists, and their session is unknown.
func (r *rider) invite() error {
	body := servertest.Person(r.friend)
	body["invitation_code"] = r.code
	a, err := r.w.call(r.c, "POST", "/api/app/users", body)
	if err != nil {
		return err
	}
	friend := &servertest.Client{T: r.c.T, Process: r.c.Process, ID: r.friend}
	switch a.Status {
	case 201:
		friend.Cookie = a.CookieOf()
	case 409:
	default:
		return wrong(a, "POST", "/api/app/users")
	}
	r.friends, r.friend = append(r.friends, friend), ""
	r.coupons = append(r.coupons, 1000)
	return nil
}

// request asks for the next ride. A conflict is right only if an earlier call, whose
// outcome is open, has made it.
func (r *rider) request() error {
	t := r.next
	again := t.asked
	t.asked = true
	a, err := r.w.call(r.c, "POST", "/api/app/rides", servertest.Trip(servertest.At(t.fromX, t.fromY), servertest.At(t.toX, t.toY)))
	if err != nil {
		return err
	}
	switch {
	case a.Status == 202:
		o, err := servertest.Decode(string(a.Body))
		if err != nil {
			return err
		}
		t.id = fmt.Sprint(o["ride_id"])
		if servertest.Number(o["fare"]) != t.fare {
			return fmt.Errorf("the ride costs %v, want %d", o["fare"], t.fare)
		}
	case a.Status == 409 && again: // the stream will tell the id
	default:
		return wrong(a, "POST", "/api/app/rides")
	}
	r.trips, r.next = append(r.trips, t), nil
	if len(r.coupons) > 0 {
		r.coupons = r.coupons[1:]
	}
	return nil
}

// ride listens and rates. Now and then it leaves the stream and comes back.
func (r *rider) ride() error {
	t := r.tour()
	if r.inbox.last == (notice{t.id, "ARRIVED"}) && t.completedAt == 0 {
		return r.rate()
	}
	if r.inbox.last == (notice{t.id, "COMPLETED"}) {
		return r.finish()
	}
	m, _, err := r.inbox.receive(nil)
	if err != nil || m == nil {
		return err
	}
	if err := r.read(m); err != nil {
		return err
	}
	if r.rng.IntN(8) == 0 {
		r.inbox.close()
	}
	return nil
}

// read compares a message with what the rider knows.
func (r *rider) read(m servertest.Object) error {
	t := r.tour()
	id := fmt.Sprint(m["ride_id"])
	if len(r.trips) > 1 && id == r.trips[len(r.trips)-2].id {
		return nil // the repetition with which a new stream began
	}
	if t.id == "" {
		t.id = id
	}
	if t.requestedAt == 0 {
		t.requestedAt = servertest.Number(m["created_at"])
	}
	if id != t.id || servertest.Number(m["fare"]) != t.fare || servertest.Number(m["created_at"]) != t.requestedAt {
		return fmt.Errorf("the message has ride %s, fare %v, created at %v; want %s, %d and %d", id, m["fare"], m["created_at"], t.id, t.fare, t.requestedAt)
	}
	return nil
}

// rate completes the ride. A refusal is right only if an earlier call has done it.
func (r *rider) rate() error {
	t := r.tour()
	again := t.rated
	t.rated = true
	a, err := r.w.call(r.c, "POST", "/api/app/rides/"+t.id+"/evaluation", servertest.Object{"evaluation": t.evaluation})
	if err != nil {
		return err
	}
	switch {
	case a.Status == 200:
		o, err := servertest.Decode(string(a.Body))
		if err != nil {
			return err
		}
		t.completedAt = servertest.Number(o["completed_at"])
	case a.Status == 400 && again && strings.Contains(string(a.Body), "COMPLETED"):
		return r.compare()
	default:
		return wrong(a, "POST", "evaluation")
	}
	return nil
}

// finish ends the ride: history, and mostly the stream, too.
func (r *rider) finish() error {
	if err := r.compare(); err != nil {
		return err
	}
	r.tour().over = true
	if r.rng.IntN(3) > 0 {
		r.inbox.close()
	}
	return nil
}

// compare looks up the history; a completion whose answer was lost is learnt.
func (r *rider) compare() error {
	o, err := r.w.demand(r.c, 200, "GET", "/api/app/rides", nil)
	if err != nil {
		return err
	}
	rides := map[string]servertest.Object{}
	list, _ := o["rides"].([]any)
	for _, v := range list {
		ride := v.(servertest.Object)
		rides[fmt.Sprint(ride["id"])] = ride
	}
	if len(rides) != len(list) {
		return fmt.Errorf("a ride is in the history twice: %v", list)
	}
	completed := 0
	for _, t := range r.trips {
		ride, ok := rides[t.id]
		if !ok && t.completedAt == 0 {
			continue
		}
		completed++
		if err := t.compare(ride); err != nil {
			return err
		}
	}
	if completed != len(rides) {
		return fmt.Errorf("the history has %d rides, want %d", len(rides), completed)
	}
	return nil
}

func (t *tour) compare(ride servertest.Object) error {
	if ride == nil {
		return fmt.Errorf("ride %s, completed at %d, is not in the history", t.id, t.completedAt)
	}
	if !t.rated {
		return fmt.Errorf("ride %s is completed, although it was not rated", t.id)
	}
	if t.completedAt == 0 {
		t.completedAt = servertest.Number(ride["completed_at"])
	}
	if t.requestedAt == 0 {
		t.requestedAt = servertest.Number(ride["requested_at"])
	}
	got := [4]int64{servertest.Number(ride["completed_at"]), servertest.Number(ride["requested_at"]), servertest.Number(ride["fare"]), servertest.Number(ride["evaluation"])}
	if want := [4]int64{t.completedAt, t.requestedAt, t.fare, t.evaluation}; got != want {
		return fmt.Errorf("ride %s: completed at, requested at, fare and evaluation are %v, want %v", t.id, got, want)
	}
	return nil
}
