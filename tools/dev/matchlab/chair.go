package main

import (
	"isuride/bench/world"
	"isuride/webapp/state"
)

type chairClient struct {
	caller
	chair *state.Chair
	model string
	sub   subscriber
}

// NewChair implements world.Clients.
func (s *server) NewChair(e world.Entity) world.ChairClient {
	c := &chairClient{caller: caller{server: s, to: e}}
	c.sub = subscriber{server: s, to: e, kind: world.EventChairNotified, side: state.ToChair, encode: toChair}
	return c
}

func (c *chairClient) Close() {}

func (c *chairClient) Register(p world.ChairProfile) {
	c.server.machine.connect()
	c.call(workRegister, func() world.Event {
		speed, _ := world.SpeedOf(p.Model)
		c.chair, c.model = must(c.server.store.RegisterChair(p.RegisterToken, p.Name, modelOf(speed))), p.Model
		c.server.chairs[c.chair] = c
		c.server.entities++
		return world.Event{Kind: world.EventChairRegistered, Body: &world.ChairAccount{ID: c.chair.ID, OwnerID: c.chair.Owner.ID}}
	})
}

func (c *chairClient) Activate() {
	c.server.course.begin(c.server.loop.Now())
	c.call(workStatus, func() world.Event {
		must(0, c.server.store.SetActivity(c.chair, true))
		return world.Event{Kind: world.EventActivated}
	})
}

func (c *chairClient) PostPosition(p world.Point) {
	c.call(workPosition, func() world.Event {
		at := must(c.server.store.Report(c.chair, coordinate(p)))
		return world.Event{Kind: world.EventPositionRecorded, Time: millis(at)}
	})
}

func (c *chairClient) PostStatus(rideID string, to world.Status) {
	c.call(workStatus, func() world.Event {
		must(0, c.server.store.Advance(c.chair, rideID, serverStatus(to)))
		if to == world.StatusEnroute {
			c.server.accepted(rideID, c.chair)
		}
		return world.Event{Kind: world.EventStatusPosted}
	})
}

// OpenNotifications implements world.Notifications, as do the next two.
func (c *chairClient) OpenNotifications()     { c.sub.open(&c.chair.Log) }
func (c *chairClient) CloseNotifications()    { c.sub.close(func() {}) }
func (c *chairClient) NotificationsTaken(int) {}

func toChair(m *state.Message) any {
	r := m.Ride
	return &world.ChairNotification{
		RideID: r.ID, UserID: r.User.ID, UserName: r.User.FullName(),
		Pickup: point(r.Pickup), Destination: point(r.Destination), Status: status(m.Status),
	}
}
