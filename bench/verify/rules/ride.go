package rules

import (
	"isuride/bench/verify/probe"
)

// A ride is one from its request on.
type ride struct {
	t         *trial
	user      *user
	chair     *chair // nil until it has one
	id        string
	fare      int // as the request was answered
	due       int // as it should be
	from, to  probe.Point
	status    string // as far as the scenario has driven it
	requested *probe.Answer
	rated     *probe.Answer
	doneAt    int64 // completed_at, as the rating was answered
}

// request orders a ride; it may have been refused.
func (u *user) request(from, to probe.Point) *ride {
	w := u.Post(probe.RidesPath, trip{from, to})
	var b struct {
		ID   string `json:"ride_id"`
		Fare int    `json:"fare"`
	}
	w.Decode(&b)
	return &ride{t: u.t, user: u, id: b.ID, fare: b.Fare, due: u.due(from, to), from: from, to: to, status: probe.Matching, requested: w}
}

// due is the fare of a user's next ride, if it has no coupons of invitations: the first has the one of the sign-up.
func (u *user) due(from, to probe.Point) int {
	if u.rides.Add(1) == 1 {
		return fare(from, to, signUp)
	}
	return fare(from, to, 0)
}

// order requests a ride that has to be there.
func (u *user) order(from, to probe.Point) *ride {
	r := u.request(from, to)
	u.t.need(r.requested.Fine() && r.id != "", "a ride could not be requested", r.requested)
	return r
}

// short and long are trips from a place; the coupon of a new user covers the first and not the second.
func (t *trial) short(u *user) *ride { return u.order(t.at, t.at.Plus(5, 5)) }
func (t *trial) long(u *user) *ride  { return u.order(t.at, t.at.Plus(20, 20)) }

func (r *ride) accept() *probe.Answer { return r.chair.status(r.id, probe.Enroute) }
func (r *ride) depart() *probe.Answer { return r.chair.status(r.id, probe.Carrying) }

// rate completes the ride, or tries to.
func (r *ride) rate(stars int) *probe.Answer {
	w := r.user.rate(r.id, stars)
	if w.Fine() {
		var b struct {
			At int64 `json:"completed_at"`
		}
		w.Decode(&b)
		r.rated, r.doneAt, r.status = w, b.At, probe.Completed
	}
	return w
}

func (u *user) rate(ride string, stars int) *probe.Answer {
	return u.Post(probe.RatingPath(ride), map[string]int{"evaluation": stars})
}

// drive takes the ride, which has a chair, from one status to the next until the one given.
func (r *ride) drive(to string) {
	for r.status != to {
		switch r.status {
		case probe.Matching:
			r.advance(probe.Enroute, r.accept())
		case probe.Enroute:
			r.advance(probe.Pickup, r.chair.report(r.from).Answer)
		case probe.Pickup:
			r.advance(probe.Carrying, r.depart())
		case probe.Carrying:
			r.advance(probe.Arrived, r.chair.report(r.to).Answer)
		case probe.Arrived:
			r.advance(probe.Completed, r.rate(5))
		}
	}
}

func (r *ride) advance(status string, w *probe.Answer) {
	r.t.need(w.Fine(), "a ride could not be brought to "+status, w)
	r.status = status
}

// take finds a chair for the ride, a new one if c is nil, and drives the ride to a status.
func (r *ride) take(c *chair, to string) *chair {
	c = r.match(c)
	r.drive(to)
	return c
}

// needs waits until a status of the ride is in a stream, for a scenario that judges something else.
func (r *ride) needs(s *probe.Stream, status string) {
	never := r.t.unseen[seen{s.Path, status}]
	r.t.need(never || s.Sees(r.id, status), status+" was not notified", s)
}
