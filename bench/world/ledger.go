package world

import "math/rand/v2"

// A Ledger is a sample of what the server has acknowledged in a run, to be asked about
// again after a restart. What was sent but not acknowledged may have happened or not;
// both is right.
type Ledger struct {
	Users  []UserLedger  `json:"users"`
	Owners []OwnerLedger `json:"owners"`
}

// UserLedger is the part of one user.
type UserLedger struct {
	Name    string     `json:"name"`    // in this run
	Session string     `json:"session"` // the Cookie field of their requests
	Rides   []PastRide `json:"rides"`   // evaluated; the bench does not know when the server was asked for them
	Open    *OpenRide  `json:"open,omitempty"`
}

// An OpenRide was created, but its evaluation was not acknowledged. A user has one at
// most, the newest.
type OpenRide struct {
	ID          string `json:"id"`
	Pickup      Point  `json:"pickup"`
	Destination Point  `json:"destination"`
	Fare        int    `json:"fare"`
	Paid        bool   `json:"paid"` // the payment service has seen its payment; no other ride can have been completed
}

// OwnerLedger is the part of one owner.
type OwnerLedger struct {
	Name    string        `json:"name"`
	Session string        `json:"session"`
	Sales   Range         `json:"sales"` // of all chairs
	Chairs  []ChairLedger `json:"chairs"`
}

// ChairLedger is the part of one chair.
type ChairLedger struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Model      string `json:"model"`
	Active     bool   `json:"active"`
	Distance   Range  `json:"distance"`
	RecordedAt Millis `json:"recorded_at"` // the newest position; 0 without any
	Sales      Range  `json:"sales"`
}

// A Range runs from what was acknowledged to what it would be with everything that was
// sent.
type Range struct {
	Low  int `json:"low"`
	High int `json:"high"`
}

// Contains reports whether n can be right.
func (r Range) Contains(n int) bool { return r.Low <= n && n <= r.High }

// Ledger samples so many users of each region, which the seed chooses among those who
// registered, and takes all owners.
func (w *World) Ledger(usersPerRegion int) *Ledger {
	l := &Ledger{Users: []UserLedger{}, Owners: []OwnerLedger{}}
	random := newRand(w.config.Seed, Entity{Index: 2})
	for _, g := range w.regions {
		for _, u := range g.sample(w.users, usersPerRegion, random) {
			l.Users = append(l.Users, u.ledger())
		}
	}
	for _, o := range w.owners {
		if o.id != "" {
			l.Owners = append(l.Owners, o.ledger())
		}
	}
	return l
}

// sample draws at most n registered users of the region.
func (g *region) sample(users []*user, n int, random *rand.Rand) []*user {
	var all []*user
	for _, u := range users {
		if u.region == g && u.id != "" {
			all = append(all, u)
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}

func (u *user) ledger() UserLedger {
	l := UserLedger{Name: u.String(), Session: u.session, Rides: []PastRide{}}
	for _, r := range u.history {
		if r.evaluated {
			l.Rides = append(l.Rides, r.past())
		} else {
			l.Open = &OpenRide{r.id, r.pickup, r.destination, r.fare(), r.paid}
		}
	}
	return l
}

// past is the form in which the server must show an evaluated ride, but for the time of
// the request.
func (r *ride) past() PastRide {
	c := r.chair
	return PastRide{
		ID: r.id, Pickup: r.pickup, Destination: r.destination, Fare: r.fare(), Evaluation: r.rating, CompletedAt: r.serverCompletedAt,
		ChairID: c.id, ChairName: c.name, ChairModel: c.model.name, ChairOwner: c.owner.name,
	}
}

func (o *owner) ledger() OwnerLedger {
	l := OwnerLedger{Name: o.String(), Session: o.session, Chairs: []ChairLedger{}}
	for _, c := range o.chairs {
		k := c.ledger()
		l.Sales.Low += k.Sales.Low
		l.Sales.High += k.Sales.High
		l.Chairs = append(l.Chairs, k)
	}
	return l
}

func (c *chair) ledger() ChairLedger {
	l := ChairLedger{
		ID: c.id, Name: c.name, Model: c.model.name, Active: c.state >= chairActive,
		Distance: Range{0, c.travelled}, Sales: Range{c.sales, c.sales},
	}
	for _, f := range c.track {
		if f.at != 0 {
			l.Distance.Low, l.RecordedAt = int(f.travelled), f.at
		}
	}
	for _, r := range c.accepted {
		if r.paid && !r.evaluated {
			l.Sales.High += r.sales()
		}
	}
	return l
}
