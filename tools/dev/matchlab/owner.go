package main

import (
	"isuride/bench/world"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

type ownerClient struct {
	pager
	owner *state.Owner
}

// NewOwner implements world.Clients.
func (s *server) NewOwner(e world.Entity) world.OwnerClient {
	return &ownerClient{pager: pager{caller: caller{server: s, to: e}}}
}

func (c *ownerClient) Register(name string) {
	c.connect()
	c.call(workRegister, func() world.Event {
		c.owner = must(c.server.store.RegisterOwner(name))
		return world.Event{Kind: world.EventOwnerRegistered, Body: &world.OwnerAccount{ID: c.owner.ID, RegisterToken: c.owner.ChairRegisterToken}}
	})
}

func (c *ownerClient) Chairs() {
	c.call(workOwner, func() world.Event {
		list := []world.OwnedChair{}
		for _, ch := range c.owner.Chairs() {
			v := ch.View()
			list = append(list, world.OwnedChair{
				ID: ch.ID, Name: ch.Name(), Model: c.server.chairs[ch].model, Active: v.Active, RegisteredAt: millis(ch.RegisteredAt()),
				TotalDistance: int(v.Track.Distance), UpdatedAt: millis(v.Track.Reported), HasUpdatedAt: v.Track.Reported != 0,
			})
		}
		return world.Event{Kind: world.EventOwnerChairs, Body: list}
	})
}

func (c *ownerClient) Sales(until world.Millis) {
	c.call(workOwner, func() world.Event {
		end := isuride.Time(until.Instant() + world.Millisecond - 1) // bounds are inclusive to the millisecond
		s := &world.Sales{}
		byModel := map[string]int{}
		for _, ch := range c.owner.Chairs() {
			sales, model := ch.Sales(0, end), c.server.chairs[ch].model
			s.Total += sales
			s.Chairs = append(s.Chairs, world.ChairSales{ID: ch.ID, Name: ch.Name(), Sales: sales})
			byModel[model] += sales
		}
		for model, sales := range byModel {
			s.Models = append(s.Models, world.ModelSales{Model: model, Sales: sales})
		}
		return world.Event{Kind: world.EventOwnerSales, Body: s}
	})
}
