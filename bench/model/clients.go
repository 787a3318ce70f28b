package model

import (
	"isuride/bench/payment"
	"isuride/bench/world"
	"net/http"
)

// NewUser implements world.Clients.
func (s *Server) NewUser(e world.Entity) world.UserClient {
	c := &userClient{call: call{server: s, to: e}}
	c.user.stream = stream{server: s, to: e, kind: world.EventUserNotified}
	return c
}

// NewChair implements world.Clients.
func (s *Server) NewChair(e world.Entity) world.ChairClient {
	c := &chairClient{call: call{server: s, to: e}}
	c.chair.stream = stream{server: s, to: e, kind: world.EventChairNotified}
	return c
}

// NewOwner implements world.Clients.
func (s *Server) NewOwner(e world.Entity) world.OwnerClient {
	return &ownerClient{call: call{server: s, to: e}}
}

// serverNow is the time on the server's clock, in the unit of the API.
func (s *Server) serverNow() world.Millis { return s.loop.Now().Millis() }

type userClient struct {
	call
	user
	payer payer
}

func (c *userClient) Visit(world.Visit) { panic("BUG: the model server has no pages") }
func (c *userClient) Close()            {}

func (c *userClient) Register(p world.UserProfile) {
	c.start(func() world.Event {
		s, u := c.server, &c.user
		u.id, u.code = s.newID("U"), s.newID("I")
		u.name = p.Firstname + " " + p.Lastname
		u.coupons = []int{3000}
		s.users[u.code] = u
		if inviter := s.users[p.InvitationCode]; inviter != nil {
			u.coupons = append(u.coupons, 1500)
			inviter.coupons = append(inviter.coupons, 1000)
		}
		return world.Event{Kind: world.EventUserRegistered, Body: &world.UserAccount{ID: u.id, InvitationCode: u.code}}
	})
}

func (c *userClient) RegisterPayment(token string) {
	c.start(func() world.Event {
		c.user.token = token
		return world.Event{Kind: world.EventPaymentRegistered}
	})
}

func (c *userClient) Rides() {
	c.start(func() world.Event {
		past := []world.PastRide{}
		for _, r := range c.user.rides {
			if r.status == world.StatusCompleted {
				past = append(past, r.past())
			}
		}
		return world.Event{Kind: world.EventRides, Body: past}
	})
}

func (r *ride) past() world.PastRide {
	return world.PastRide{
		ID: r.id, Pickup: r.pickup, Destination: r.destination,
		ChairID: r.chair.id, ChairOwner: r.chair.owner.name, ChairName: r.chair.name, ChairModel: r.chair.model,
		Fare: r.fare(), Evaluation: r.rating, RequestedAt: r.createdAt, CompletedAt: r.completedAt,
	}
}

func (c *userClient) NearbyChairs(at world.Point, within int) {
	c.start(func() world.Event {
		s := c.server
		now := s.loop.Now()
		near := []world.NearbyChair{}
		for _, ch := range s.chairs {
			if ch.free(now) && distance(ch.position, at) <= within {
				near = append(near, world.NearbyChair{ID: ch.id, Name: ch.name, Model: ch.model, Position: ch.position})
			}
		}
		return world.Event{Kind: world.EventNearbyChairs, Body: near}
	})
}

func (c *userClient) EstimateFare(pickup, destination world.Point) {
	c.start(func() world.Event {
		r := ride{pickup: pickup, destination: destination, discount: c.user.coupon()}
		return world.Event{
			Kind: world.EventFareEstimated,
			Body: &world.Estimate{Fare: r.fare(), Discount: r.sales() - r.fare()},
		}
	})
}

// coupon is the discount of the next ride.
func (u *user) coupon() int {
	if len(u.coupons) == 0 {
		return 0
	}
	return u.coupons[0]
}

func (c *userClient) CreateRide(pickup, destination world.Point) {
	c.start(func() world.Event {
		s, u := c.server, &c.user
		r := &ride{
			id: s.newID("R"), user: u, pickup: pickup, destination: destination, discount: u.coupon(),
			status: world.StatusMatching, createdAt: s.serverNow(), requestedAt: s.loop.Now(),
		}
		if len(u.coupons) > 0 {
			u.coupons = u.coupons[1:]
		}
		u.rides = append(u.rides, r)
		s.rides[r.id] = r
		s.waiting = append(s.waiting, r)
		r.notifyUser()
		return world.Event{Kind: world.EventRideCreated, Body: &world.CreatedRide{ID: r.id, Fare: r.fare()}}
	})
}

// Evaluate is answered once the payment has succeeded.
func (c *userClient) Evaluate(rideID string, rating int) {
	r := c.server.rides[rideID]
	c.payer = payer{server: c.server, request: payment.Request{
		Key: r.id, Token: c.user.token, HasToken: true, Amount: r.fare(), HasAmount: true,
	}}
	c.payer.paid = func() { c.reply(c.complete(r, rating)) }
	c.server.loop.After(c.server.hop()+c.server.config.Delay, &c.payer)
}

func (c *userClient) complete(r *ride, rating int) world.Event {
	s, ch := c.server, r.chair
	r.rating, r.completedAt = rating, s.serverNow()
	ch.rides++
	ch.ratings += rating
	ch.ride = nil
	ch.freeAt = s.loop.Now() + freedPause
	ch.owner.completed = append(ch.owner.completed, r)
	r.set(world.StatusCompleted)
	return world.Event{Kind: world.EventEvaluated, Time: r.completedAt}
}

// OpenNotifications implements world.Notifications, as do the next two.
func (c *userClient) OpenNotifications()       { c.user.stream.OpenNotifications() }
func (c *userClient) CloseNotifications()      { c.user.stream.CloseNotifications() }
func (c *userClient) NotificationsTaken(n int) { c.user.stream.NotificationsTaken(n) }

// A payer pays for one ride: attempt after attempt, without pauses, under one key.
type payer struct {
	server  *Server
	request payment.Request
	attempt *payment.Attempt
	paid    func()
}

// Run implements virtual.Task. It alternately begins and finishes attempts.
func (p *payer) Run(now world.Instant) {
	if p.attempt == nil {
		attempt, status := p.server.core.Begin(p.request)
		if status != 0 {
			return // closed: the run is over
		}
		p.attempt = attempt
		p.server.loop.After(payment.PostDelay, p)
		return
	}
	status := p.server.core.Finish(now, p.attempt)
	p.attempt = nil
	if status == http.StatusNoContent {
		p.paid()
		return
	}
	p.server.loop.After(2*p.server.hop(), p)
}

type chairClient struct {
	call
	chair
}

func (c *chairClient) Close() {}

func (c *chairClient) Register(p world.ChairProfile) {
	c.start(func() world.Event {
		s, ch := c.server, &c.chair
		ch.id, ch.name, ch.model = s.newID("C"), p.Name, p.Model
		ch.speed, _ = world.SpeedOf(p.Model)
		ch.owner = s.owners[p.RegisterToken]
		ch.registeredAt = s.serverNow()
		ch.owner.chairs = append(ch.owner.chairs, ch)
		s.chairs = append(s.chairs, ch)
		return world.Event{Kind: world.EventChairRegistered, Body: &world.ChairAccount{ID: ch.id, OwnerID: ch.owner.id}}
	})
}

func (c *chairClient) Activate() {
	c.start(func() world.Event {
		c.chair.active = true
		return world.Event{Kind: world.EventActivated}
	})
}

func (c *chairClient) PostPosition(p world.Point) {
	c.start(func() world.Event {
		at := c.server.serverNow()
		c.chair.moved(p, at)
		return world.Event{Kind: world.EventPositionRecorded, Time: at}
	})
}

func (c *chair) moved(p world.Point, at world.Millis) {
	if c.placed {
		c.travelled += distance(c.position, p)
	}
	c.placed, c.position, c.updatedAt = true, p, at
	switch r := c.ride; {
	case r == nil:
	case r.status == world.StatusEnroute && p == r.pickup:
		r.set(world.StatusPickup)
	case r.status == world.StatusCarrying && p == r.destination:
		r.set(world.StatusArrived)
	}
}

func (c *chairClient) PostStatus(rideID string, status world.Status) {
	c.start(func() world.Event {
		c.server.rides[rideID].set(status)
		return world.Event{Kind: world.EventStatusPosted}
	})
}

// OpenNotifications implements world.Notifications, as do the next two.
func (c *chairClient) OpenNotifications()       { c.chair.stream.OpenNotifications() }
func (c *chairClient) CloseNotifications()      { c.chair.stream.CloseNotifications() }
func (c *chairClient) NotificationsTaken(n int) { c.chair.stream.NotificationsTaken(n) }

type ownerClient struct {
	call
	owner
}

func (c *ownerClient) Visit(world.Visit) { panic("BUG: the model server has no pages") }

func (c *ownerClient) Register(name string) {
	c.start(func() world.Event {
		c.owner.id, c.owner.name = c.server.newID("O"), name
		token := c.server.newID("T")
		c.server.owners[token] = &c.owner
		return world.Event{Kind: world.EventOwnerRegistered, Body: &world.OwnerAccount{ID: c.owner.id, RegisterToken: token}}
	})
}

func (c *ownerClient) Chairs() {
	c.start(func() world.Event {
		list := []world.OwnedChair{}
		for _, ch := range c.owner.chairs {
			list = append(list, world.OwnedChair{
				ID: ch.id, Name: ch.name, Model: ch.model, Active: ch.active, RegisteredAt: ch.registeredAt,
				TotalDistance: ch.travelled, UpdatedAt: ch.updatedAt, HasUpdatedAt: ch.placed,
			})
		}
		return world.Event{Kind: world.EventOwnerChairs, Body: list}
	})
}

func (c *ownerClient) Sales(until world.Millis) {
	c.start(func() world.Event {
		sales := c.owner.sales(until)
		return world.Event{Kind: world.EventOwnerSales, Body: &sales}
	})
}

func (o *owner) sales(until world.Millis) world.Sales {
	var s world.Sales
	byChair, byModel := map[*chair]int{}, map[string]int{}
	for _, r := range o.completed {
		if r.completedAt <= until {
			s.Total += r.sales()
			byChair[r.chair] += r.sales()
			byModel[r.chair.model] += r.sales()
		}
	}
	seen := map[string]bool{}
	for _, c := range o.chairs {
		s.Chairs = append(s.Chairs, world.ChairSales{ID: c.id, Name: c.name, Sales: byChair[c]})
		if !seen[c.model] {
			seen[c.model] = true
			s.Models = append(s.Models, world.ModelSales{Model: c.model, Sales: byModel[c.model]})
		}
	}
	return s
}
