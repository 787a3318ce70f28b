package api

import (
	"isuride/webapp/engine"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
	"isuride/webapp/wire"
)

// recipient is a user or chair with what its notifications need.
type recipient struct {
	log    *state.Log
	side   state.Side
	encode func(dst []byte, m *state.Message) []byte
	left   func() // called when a stream has ended
}

func (a *API) userNotification(c call, u *state.User) error {
	return a.notify(c, toUser(c.gen, u))
}

func (a *API) chairNotification(c call, chair *state.Chair) error {
	return a.notify(c, toChair(chair))
}

func toUser(gen *engine.Generation, u *state.User) recipient {
	// A client ends the stream when it has read COMPLETED and the answer to its rating.
	return recipient{&u.Log, state.ToUser, appendToUser, func() { gen.Store.Noticed(u) }}
}

func toChair(chair *state.Chair) recipient {
	return recipient{&chair.Log, state.ToChair, appendToChair, func() {}}
}

func (a *API) notify(c call, to recipient) error {
	if a.opt.Polling {
		a.poll(c, to)
		return nil
	}
	c.Stream((&eventStream{gen: c.gen, writers: a.writers, to: to, counters: &a.recipients[to.side]}).open)
	return nil
}

// poll answers with the oldest pending message, else with the last one again. It
// counts as delivered once the answer is written (S6.4, S7).
func (a *API) poll(c call, to recipient) {
	m, n, ok := to.log.Current()
	body := wire.AppendPollOpen(c.Out(0))
	if !ok {
		body = wire.AppendNoRide(body)
	} else {
		body = to.encode(body, &m)
		store := c.gen.Store
		c.AfterWrite(func(err error) {
			if err == nil {
				a.recipients[to.side].sent.Add(1)
				store.Delivered(to.log, to.side, n) // else it stays pending and is sent again
			}
		})
	}
	c.json(200, wire.AppendPollClose(body, a.opt.PollPause))
}

func appendToUser(dst []byte, m *state.Message) []byte {
	r := m.Ride
	n := wire.UserNotification{RideID: r.ID, Pickup: r.Pickup, Destination: r.Destination, Fare: r.Fare,
		Status: m.Status, CreatedAt: r.CreatedAt, UpdatedAt: m.UpdatedAt}
	c := r.Chair()
	if c == nil {
		return wire.AppendUserNotification(dst, &n)
	}
	stats := m.Stats
	if m.Status == isuride.Matching { // assigned after the message was made
		stats = c.Stats()
	}
	chair := wire.NotifiedChair{ID: c.ID, Name: c.Name(), Model: c.Model(),
		RidesCount: int(stats.Rides), EvaluationSum: int(stats.EvaluationSum)}
	n.Chair = &chair
	return wire.AppendUserNotification(dst, &n)
}

func appendToChair(dst []byte, m *state.Message) []byte {
	r := m.Ride
	return wire.AppendChairNotification(dst, &wire.ChairNotification{RideID: r.ID,
		UserID: r.User.ID, UserFirstname: r.User.Firstname, UserLastname: r.User.Lastname,
		Pickup: r.Pickup, Destination: r.Destination, Status: m.Status})
}
