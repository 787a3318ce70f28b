package model_test

import (
	"net/http"
	"slices"

	"isuride/bench/payment"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// A rig sits between the World and the server and breaks rules that tampering with events
// cannot break: it refuses calls before the server sees them, and makes payments that the
// server would not make.
type rig struct {
	world.Clients
	loop *virtual.Loop
	core *payment.Core

	// refuse, if not nil, names calls that fail; see the methods of the clients below.
	refuse func(call string) *world.Failure
	// pay, if not nil, runs before an evaluation reaches the server. It calls evaluate or
	// answers itself.
	pay func(u *riggedUser, rideID string, evaluate func())
	// tamper, if not nil, is for faults that depend on the time or on one of the
	// following.
	tamper tamper

	fares  map[string]int // by ride
	users  []*riggedUser
	asked  map[world.Entity]world.Point // where users last looked for chairs
	chairs map[world.Entity]world.ChairProfile
}

func newRig(server world.Clients, l *virtual.Loop, core *payment.Core) *rig {
	return &rig{
		Clients: server, loop: l, core: core, fares: map[string]int{},
		asked: map[world.Entity]world.Point{}, chairs: map[world.Entity]world.ChairProfile{},
	}
}

// see observes and tampers with each event.
func (r *rig) see(e world.Event) []world.Event {
	if created, ok := e.Body.(*world.CreatedRide); ok {
		r.fares[created.ID] = created.Fare
	}
	if r.tamper == nil {
		return untouched(e)
	}
	return r.tamper(e)
}

// latency of the rig's answers and of its way to the payment service.
const latency = world.Millisecond

// task is a function as a virtual.Task.
type task func()

func (t task) Run(world.Instant) { t() }

// answer makes the rig answer.
func (r *rig) answer(e world.Event) { r.loop.After(latency, task(func() { r.loop.Deliver(e) })) }

// call passes a call on unless it is refused.
func (r *rig) call(name string, to world.Entity, kind world.EventKind, pass func()) {
	if r.refuse != nil {
		if f := r.refuse(name); f != nil {
			r.answer(world.Event{To: to, Kind: kind, Failure: f})
			return
		}
	}
	pass()
}

// charge pays once and passes on the status of the payment service.
func (r *rig) charge(q payment.Request, done func(status int)) {
	q.HasToken, q.HasAmount = true, true
	r.loop.After(latency, task(func() {
		attempt, status := r.core.Begin(q)
		if attempt == nil {
			done(status)
			return
		}
		r.loop.After(payment.PostDelay, task(func() { done(r.core.Finish(r.loop.Now(), attempt)) }))
	}))
}

func (r *rig) NewUser(e world.Entity) world.UserClient {
	u := &riggedUser{UserClient: r.Clients.NewUser(e), rig: r, to: e}
	r.users = append(r.users, u)
	return u
}

func (r *rig) NewChair(e world.Entity) world.ChairClient {
	return riggedChair{r.Clients.NewChair(e), r, e}
}

func (r *rig) NewOwner(e world.Entity) world.OwnerClient {
	return riggedOwner{r.Clients.NewOwner(e), r, e}
}

type riggedUser struct {
	world.UserClient
	rig   *rig
	to    world.Entity
	token string
}

func (u *riggedUser) Register(p world.UserProfile) {
	u.rig.call("register user", u.to, world.EventUserRegistered, func() { u.UserClient.Register(p) })
}

func (u *riggedUser) RegisterPayment(token string) {
	u.token = token
	u.rig.call("payment method", u.to, world.EventPaymentRegistered, func() { u.UserClient.RegisterPayment(token) })
}

func (u *riggedUser) NearbyChairs(at world.Point, within int) {
	u.rig.asked[u.to] = at
	u.UserClient.NearbyChairs(at, within)
}

func (u *riggedUser) CreateRide(pickup, destination world.Point) {
	u.rig.call("create ride", u.to, world.EventRideCreated, func() { u.UserClient.CreateRide(pickup, destination) })
}

func (u *riggedUser) Evaluate(rideID string, rating int) {
	u.rig.call("evaluate", u.to, world.EventEvaluated, func() {
		evaluate := func() { u.UserClient.Evaluate(rideID, rating) }
		if u.rig.pay == nil {
			evaluate()
			return
		}
		u.rig.pay(u, rideID, evaluate)
	})
}

type riggedChair struct {
	world.ChairClient
	rig *rig
	to  world.Entity
}

func (c riggedChair) Register(p world.ChairProfile) {
	c.rig.chairs[c.to] = p
	c.rig.call("register chair", c.to, world.EventChairRegistered, func() { c.ChairClient.Register(p) })
}

func (c riggedChair) Activate() {
	c.rig.call("activate", c.to, world.EventActivated, c.ChairClient.Activate)
}

func (c riggedChair) PostPosition(p world.Point) {
	c.rig.call("report", c.to, world.EventPositionRecorded, func() { c.ChairClient.PostPosition(p) })
}

func (c riggedChair) PostStatus(rideID string, s world.Status) {
	name := map[world.Status]string{world.StatusEnroute: "accept", world.StatusCarrying: "depart"}[s]
	c.rig.call(name, c.to, world.EventStatusPosted, func() { c.ChairClient.PostStatus(rideID, s) })
}

type riggedOwner struct {
	world.OwnerClient
	rig *rig
	to  world.Entity
}

func (o riggedOwner) Register(name string) {
	o.rig.call("register owner", o.to, world.EventOwnerRegistered, func() { o.OwnerClient.Register(name) })
}

// Ways to break rules with a rig.

// refusing lets the n-th call of a name fail, from 1, or all with n = 0.
func refusing(call string, n int, f world.Failure) func(*rig) {
	return func(r *rig) {
		calls := 0
		r.refuse = func(name string) *world.Failure {
			if name != call {
				return nil
			}
			if calls++; n != 0 && calls != n {
				return nil
			}
			return &f
		}
	}
}

// paying makes one payment before each evaluation, however it ends.
func paying(request func(u *riggedUser, rideID string) payment.Request) func(*rig) {
	return func(r *rig) {
		r.pay = func(u *riggedUser, rideID string, evaluate func()) {
			r.charge(request(u, rideID), func(int) { evaluate() })
		}
	}
}

// wrongAmount charges one more than the fare.
func wrongAmount(u *riggedUser, rideID string) payment.Request {
	return payment.Request{Key: rideID, Token: u.token, Amount: u.rig.fares[rideID] + 1}
}

// anotherKey pays under a key of its own what the server then pays under its key.
func anotherKey(u *riggedUser, rideID string) payment.Request {
	return payment.Request{Key: "another " + rideID, Token: u.token, Amount: u.rig.fares[rideID]}
}

// anotherUser charges the user who registered first.
func anotherUser(u *riggedUser, rideID string) payment.Request {
	return payment.Request{Key: "another " + rideID, Token: u.rig.users[0].token, Amount: u.rig.fares[rideID]}
}

// keyless repeats a payment without a key until the answer is a success.
func keyless(r *rig) {
	r.pay = func(u *riggedUser, rideID string, evaluate func()) {
		var try func()
		try = func() {
			r.charge(payment.Request{Token: u.token, Amount: r.fares[rideID]}, func(status int) {
				if status != http.StatusNoContent {
					try()
					return
				}
				evaluate()
			})
		}
		try()
	}
}

// unpaid answers evaluations without paying.
func unpaid(r *rig) {
	r.pay = func(u *riggedUser, _ string, _ func()) {
		r.answer(world.Event{To: u.to, Kind: world.EventEvaluated, Time: r.loop.Now().Millis()})
	}
}

// afterwards pays again a second after the evaluation, when the user is done with the
// ride.
func afterwards(r *rig) {
	r.pay = func(u *riggedUser, rideID string, evaluate func()) {
		evaluate()
		r.loop.After(world.Second, task(func() { r.charge(anotherKey(u, rideID), func(int) {}) }))
	}
}

// belated repeats ARRIVED one tick after COMPLETED, when the user has finished the ride
// and not yet asked for another one.
func belated(r *rig) {
	r.tamper = first(userGets(world.StatusCompleted), func(e world.Event) []world.Event {
		r.loop.After(world.TickLength, task(func() { r.loop.Deliver(as(world.StatusArrived)(e)[0]) }))
		return untouched(e)
	})
}

// riderListed lists the first chair that carries a user, from 3 s later on (T17).
func riderListed(r *rig) {
	var rider world.NearbyChair
	var ride string
	var since world.Instant
	r.tamper = func(e world.Event) []world.Event {
		n, ok := e.Body.(*world.UserNotification)
		switch {
		case ok && n.Status == world.StatusCarrying && ride == "":
			rider = world.NearbyChair{ID: n.Chair.ID, Name: n.Chair.Name, Model: n.Chair.Model}
			ride, since = n.RideID, r.loop.Now()
		case ok && n.Status == world.StatusArrived && n.RideID == ride:
			return lost(e) // or the ride would be over
		case filled[world.NearbyChair](e) && ride != "" && r.loop.Now()-since > 3*world.Second:
			return list(func(l []world.NearbyChair) []world.NearbyChair {
				rider.Position = l[0].Position
				return append(l, rider)
			})(e)
		}
		return untouched(e)
	}
}

// stalePositions lists a chair where it picked up a user at least 5 s ago.
func stalePositions(r *rig) {
	type stay struct {
		at    world.Point
		until world.Instant
	}
	stays := map[string]stay{}
	r.tamper = func(e world.Event) []world.Event {
		if userGets(world.StatusCarrying)(e) {
			n := e.Body.(*world.UserNotification)
			stays[n.Chair.ID] = stay{n.Pickup, r.loop.Now()}
		}
		if !filled[world.NearbyChair](e) {
			return untouched(e)
		}
		return list(func(l []world.NearbyChair) []world.NearbyChair {
			for i, c := range l {
				s, ok := stays[c.ID]
				if ok && r.loop.Now()-s.until > 5*world.Second && near(s.at, r.asked[e.To]) {
					l[i].Position = s.at
				}
			}
			return l
		})(e)
	}
}

// near is within the distance at which users look for chairs (B4.3).
func near(a, b world.Point) bool {
	dx, dy := a.X-b.X, a.Y-b.Y
	return max(dx, -dx)+max(dy, -dy) <= 50
}

// listedUnplaced never activates chair 0 and lists it once, at the default position
// (T15).
func listedUnplaced(r *rig) {
	zero := world.Entity{Kind: world.KindChair}
	id, listed := "", false
	r.tamper = func(e world.Event) []world.Event {
		if account, ok := e.Body.(*world.ChairAccount); ok && e.To == zero {
			id = account.ID
		}
		if e.To == zero && e.Kind == world.EventActivated {
			return failed(world.FailureStatus, 500)(e)
		}
		if e.Kind != world.EventNearbyChairs || listed {
			return untouched(e)
		}
		listed = true
		p := r.chairs[zero]
		return list(func(l []world.NearbyChair) []world.NearbyChair {
			return append(l, world.NearbyChair{ID: id, Name: p.Name, Model: p.Model})
		})(e)
	}
}

// newcomersHidden does not list chairs before their first ride (T16).
func newcomersHidden(r *rig) {
	known := map[string]bool{}
	r.tamper = func(e world.Event) []world.Event {
		if n, ok := e.Body.(*world.UserNotification); ok {
			known[n.Chair.ID] = true
		}
		if !filled[world.NearbyChair](e) {
			return untouched(e)
		}
		return list(func(l []world.NearbyChair) []world.NearbyChair {
			return slices.DeleteFunc(l, func(c world.NearbyChair) bool { return !known[c.ID] && len(known) > 5 })
		})(e)
	}
}
