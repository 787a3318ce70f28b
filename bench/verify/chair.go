package verify

// Models of different speeds (S2.3); one of them is not ASCII.
const (
	slowModel  = "リラックスシート NEO"
	fastModel  = "Aurora Glow"
	otherModel = "匠座（たくみざ）プレミアム"
)

// A chair is an account that drives.
type chair struct {
	account
	t         *trial
	owner     *owner
	id        string
	name      string
	model     string
	created   *answer
	at        point
	placed    bool            // it has reported a position
	stream    *stream         // nil until it goes to work
	knownRide map[string]bool // rides it was told of
}

// chairForm is the body of a registration.
type chairForm struct {
	Name  string `json:"name"`
	Model string `json:"model"`
	Token string `json:"chair_register_token"`
}

// parked registers a chair that is neither active nor anywhere.
func (o *owner) parked(model string) *chair {
	c := o.register(chairForm{o.t.name("c"), model, o.invite})
	o.t.need(c.created.fine() && c.token != "", "a chair could not be registered", c.created)
	return c
}

func (o *owner) register(form chairForm) *chair {
	w := o.t.anonymous().post(chairsPath, form)
	var b struct {
		ID string `json:"id"`
	}
	w.decode(&b)
	c := &chair{
		t:       o.t,
		account: o.t.account(chairCookie, w.issued(chairCookie)),
		owner:   o, id: b.ID, name: form.Name, model: form.Model, created: w, knownRide: map[string]bool{},
	}
	o.t.chairs = append(o.t.chairs, c)
	return c
}

// working registers a chair that takes rides: in the order of the benchmarker, stream, activation, position.
func (o *owner) working(model string, at point) *chair {
	c := o.parked(model)
	c.goToWork(at)
	return c
}

func (c *chair) goToWork(at point) {
	c.stream = c.openStream(chairNoticePath)
	_, ok := c.stream.connected()
	c.t.need(ok, "a chair's notifications did not answer", c.stream)
	c.mustActivity(true)
	c.mustReport(at)
}

func (c *chair) activity(active bool) *answer {
	return c.post(activityPath, map[string]bool{"is_active": active})
}

// limbo is where chairs go that are not needed any more, out of reach of all rides.
func limbo() point { return pointAt(-100_000, 100_000) }

// retire takes the chair out of the way of later rides: off duty, and far away for servers that do not care.
func (c *chair) retire() {
	c.activity(false)
	c.report(limbo())
}

func (c *chair) mustActivity(active bool) {
	w := c.activity(active)
	c.t.need(w.fine(), "a chair could not set its activity", w)
}

func (c *chair) report(at point) position {
	w := c.post(positionPath, at)
	p := position{answer: w}
	w.decode(&p)
	if w.fine() {
		c.at, c.placed = at, true
	}
	return p
}

// A position is the answer to a report.
type position struct {
	*answer    `json:"-"`
	RecordedAt int64 `json:"recorded_at"`
}

func (c *chair) mustReport(at point) position {
	p := c.report(at)
	c.t.need(p.fine(), "a chair could not report its position", p)
	return p
}

// status tells the server what the chair does with a ride.
func (c *chair) status(ride, status string) *answer {
	return c.post(statusPath(ride), map[string]string{"status": status})
}
