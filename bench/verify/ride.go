package verify

// A ride is one from its request on.
type ride struct {
	t         *trial
	user      *user
	chair     *chair // nil until it has one
	id        string
	fare      int // as the request was answered
	due       int // as it should be
	from, to  point
	status    string // as far as the scenario has driven it
	requested *answer
	rated     *answer
	doneAt    int64 // completed_at, as the rating was answered
}

// request orders a ride; it may have been refused.
func (u *user) request(from, to point) *ride {
	w := u.post(ridesPath, trip{from, to})
	var b struct {
		ID   string `json:"ride_id"`
		Fare int    `json:"fare"`
	}
	w.decode(&b)
	return &ride{t: u.t, user: u, id: b.ID, fare: b.Fare, due: u.due(from, to), from: from, to: to, status: matching, requested: w}
}

// due is the fare of a user's next ride, if it has no coupons of invitations: the first has the one of the sign-up.
func (u *user) due(from, to point) int {
	if u.rides.Add(1) == 1 {
		return fare(from, to, signUp)
	}
	return fare(from, to, 0)
}

// order requests a ride that has to be there.
func (u *user) order(from, to point) *ride {
	r := u.request(from, to)
	u.t.need(r.requested.fine() && r.id != "", "a ride could not be requested", r.requested)
	return r
}

// short and long are trips from a place; the coupon of a new user covers the first and not the second.
func (t *trial) short(u *user) *ride { return u.order(t.at, t.at.plus(5, 5)) }
func (t *trial) long(u *user) *ride  { return u.order(t.at, t.at.plus(20, 20)) }

func (r *ride) accept() *answer { return r.chair.status(r.id, enroute) }
func (r *ride) depart() *answer { return r.chair.status(r.id, carrying) }

// rate completes the ride, or tries to.
func (r *ride) rate(stars int) *answer {
	w := r.user.rate(r.id, stars)
	if w.fine() {
		var b struct {
			At int64 `json:"completed_at"`
		}
		w.decode(&b)
		r.rated, r.doneAt, r.status = w, b.At, completed
	}
	return w
}

func (u *user) rate(ride string, stars int) *answer {
	return u.post(ratingPath(ride), map[string]int{"evaluation": stars})
}

// drive takes the ride, which has a chair, from one status to the next until the one given.
func (r *ride) drive(to string) {
	for r.status != to {
		switch r.status {
		case matching:
			r.advance(enroute, r.accept())
		case enroute:
			r.advance(pickup, r.chair.report(r.from).answer)
		case pickup:
			r.advance(carrying, r.depart())
		case carrying:
			r.advance(arrived, r.chair.report(r.to).answer)
		case arrived:
			r.advance(completed, r.rate(5))
		}
	}
}

func (r *ride) advance(status string, w *answer) {
	r.t.need(w.fine(), "a ride could not be brought to "+status, w)
	r.status = status
}

// take finds a chair for the ride, a new one if c is nil, and drives the ride to a status.
func (r *ride) take(c *chair, to string) *chair {
	c = r.match(c)
	r.drive(to)
	return c
}

// needs waits until a status of the ride is in a stream, for a scenario that judges something else.
func (r *ride) needs(s *stream, status string) {
	never := r.t.unseen[seen{s.path, status}]
	r.t.need(never || s.sees(r.id, status), status+" was not notified", s)
}
