package main

import (
	"isuride/bench/payment"
	"isuride/bench/world"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

type userClient struct {
	pager
	user  *state.User
	token string
	sub   subscriber
}

// NewUser implements world.Clients.
func (s *server) NewUser(e world.Entity) world.UserClient {
	c := &userClient{pager: pager{caller: caller{server: s, to: e}}}
	c.sub = subscriber{server: s, to: e, kind: world.EventUserNotified, side: state.ToUser, encode: s.toUser}
	return c
}

func (c *userClient) Close() {}

// must unwraps the result of a verb: the World makes no call that is refused.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (c *userClient) Register(p world.UserProfile) {
	c.connect()
	c.call(workRegister, func() world.Event {
		c.server.entities++
		c.user = must(c.server.store.RegisterUser(state.NewUser(p)))
		return world.Event{Kind: world.EventUserRegistered, Body: &world.UserAccount{ID: c.user.ID, InvitationCode: c.user.InvitationCode}}
	})
}

func (c *userClient) RegisterPayment(token string) {
	c.call(workRegister, func() world.Event {
		c.token = token
		must(0, c.server.store.SetPaymentToken(c.user, token))
		return world.Event{Kind: world.EventPaymentRegistered}
	})
}

func (c *userClient) Rides() {
	c.call(workHistory, func() world.Event {
		c.server.store.Noticed(c.user)
		rides := []world.PastRide{}
		c.user.History(func(r state.CompletedRide) { rides = append(rides, c.server.past(r)) })
		return world.Event{Kind: world.EventRides, Body: rides}
	})
}

func (s *server) past(r state.CompletedRide) world.PastRide {
	return world.PastRide{
		ID: r.ID, Pickup: point(r.Pickup), Destination: point(r.Destination),
		ChairID: r.Chair.ID, ChairOwner: r.Chair.Owner.Name, ChairName: r.Chair.Name(), ChairModel: s.chairs[r.Chair].model,
		Fare: r.Fare, Evaluation: r.Evaluation, RequestedAt: millis(r.CreatedAt), CompletedAt: millis(r.CompletedAt),
	}
}

func (c *userClient) NearbyChairs(at world.Point, within int) {
	c.call(workNearby, func() world.Event {
		c.server.store.Noticed(c.user)
		near := []world.NearbyChair{}
		for f := range c.server.store.Nearby(coordinate(at), within) {
			near = append(near, world.NearbyChair{ID: f.ID, Name: f.Name(), Model: c.server.chairs[f.Chair].model, Position: point(f.At)})
		}
		c.server.machine.take(atServer, workListed, float64(len(near)))
		c.server.machine.take(atClient, workListed, float64(len(near)))
		c.server.course.nearby(len(near))
		return world.Event{Kind: world.EventNearbyChairs, Body: near}
	})
}

func (c *userClient) EstimateFare(pickup, destination world.Point) {
	c.call(workEstimate, func() world.Event {
		fare, discount := c.user.Estimate(coordinate(pickup), coordinate(destination))
		return world.Event{Kind: world.EventFareEstimated, Body: &world.Estimate{Fare: fare, Discount: discount}}
	})
}

func (c *userClient) CreateRide(pickup, destination world.Point) {
	c.call(workRequest, func() world.Event {
		r := must(c.server.store.RequestRide(c.user, coordinate(pickup), coordinate(destination)))
		c.server.course.requested()
		c.server.open[r.ID] = r
		return world.Event{Kind: world.EventRideCreated, Body: &world.CreatedRide{ID: r.ID, Fare: r.Fare}}
	})
}

// Evaluate is answered when the payment has succeeded.
func (c *userClient) Evaluate(rideID string, rating int) {
	c.call(workRate, func() world.Event {
		charge, _, err := c.server.store.BeginCharge(c.user, rideID, rating)
		must(0, err)
		p := &payer{user: c, charge: charge, request: payment.Request{
			Key: rideID, Token: c.token, HasToken: true, Amount: charge.Ride.Fare, HasAmount: true,
		}}
		p.try()
		return world.Event{}
	})
}

// revealLimit is the engine's.
const revealLimit = 2500 * world.Millisecond

func (c *userClient) complete(charge *state.Charge) {
	s, r := c.server, charge.Ride
	at := must(s.store.Complete(charge))
	s.course.completed(r, s.way[r.ID])
	c.reply(world.Event{Kind: world.EventEvaluated, Time: millis(at)})
	s.store.Release(r)
	s.loop.After(revealLimit, taskFunc(func(world.Instant) { s.store.Reveal(r) }))
}

// OpenNotifications implements world.Notifications, as do the next two.
func (c *userClient) OpenNotifications()     { c.sub.open(&c.user.Log) }
func (c *userClient) CloseNotifications()    { c.sub.close(func() { c.server.store.Noticed(c.user) }) }
func (c *userClient) NotificationsTaken(int) {}

// A payer pays for one ride: one attempt after the other, without pauses, under one key.
type payer struct {
	user    *userClient
	charge  *state.Charge
	request payment.Request
	attempt *payment.Attempt
	arrived bool // the attempt has reached the payment service, which is the client's
}

// try sends an attempt.
func (p *payer) try() { p.user.server.machine.do(atServer, workPayment, p) }

// Run implements virtual.Task: it sends, begins and finishes attempts in turn.
func (p *payer) Run(now world.Instant) {
	switch {
	case !p.arrived:
		p.arrive()
	case p.attempt == nil:
		p.begin()
	default:
		p.finish(now)
	}
}

func (p *payer) arrive() {
	s := p.user.server
	p.arrived = true
	s.machine.take(atClient, workPaid, float64(s.paid)/1000)
	s.machine.do(atClient, workPayment, p)
}

func (p *payer) begin() {
	s := p.user.server
	attempt, status := s.core.Begin(p.request)
	if status != 0 {
		return // closed: the run is over
	}
	p.attempt = attempt
	s.loop.After(payment.PostDelay, p)
}

func (p *payer) finish(now world.Instant) {
	status := p.user.server.core.Finish(now, p.attempt)
	p.attempt, p.arrived = nil, false
	if status == 204 {
		p.user.server.paid++
		p.user.complete(p.charge)
		return
	}
	p.try()
}

func (s *server) toUser(m *state.Message) any {
	r := m.Ride
	n := &world.UserNotification{
		RideID: r.ID, Pickup: point(r.Pickup), Destination: point(r.Destination), Fare: r.Fare, Status: status(m.Status),
	}
	chair := r.Chair()
	if chair == nil {
		return n
	}
	stats := m.Stats
	if m.Status == isuride.Matching {
		stats = chair.Stats()
	}
	n.HasChair = true
	n.Chair = world.NotifiedChair{ID: chair.ID, Name: chair.Name(), Model: s.chairs[chair].model, TotalRides: int(stats.Rides)}
	if stats.Rides > 0 {
		n.Chair.EvaluationAvg = float64(stats.EvaluationSum) / float64(stats.Rides)
	}
	return n
}
