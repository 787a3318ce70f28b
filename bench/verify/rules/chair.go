package rules

import (
	"isuride/bench/verify/probe"
)

// Models of different speeds (S2.3); one of them is not ASCII.
const (
	slowModel  = "リラックスシート NEO"
	fastModel  = "Aurora Glow"
	otherModel = "匠座（たくみざ）プレミアム"
)

// A chair is an account that drives.
type chair struct {
	probe.Account
	t         *trial
	owner     *owner
	id        string
	name      string
	model     string
	created   *probe.Answer
	at        probe.Point
	placed    bool            // it has reported a position
	stream    *probe.Stream   // nil until it goes to work
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
	o.t.need(c.created.Fine() && c.Token != "", "a chair could not be registered", c.created)
	return c
}

func (o *owner) register(form chairForm) *chair {
	w := o.t.Anonymous().Post(probe.ChairsPath, form)
	var b struct {
		ID string `json:"id"`
	}
	w.Decode(&b)
	c := &chair{
		t:       o.t,
		Account: o.t.Account(probe.ChairCookie, w.Issued(probe.ChairCookie)),
		owner:   o, id: b.ID, name: form.Name, model: form.Model, created: w, knownRide: map[string]bool{},
	}
	o.t.chairs = append(o.t.chairs, c)
	return c
}

// working registers a chair that takes rides: in the order of the benchmarker, stream, activation, position.
func (o *owner) working(model string, at probe.Point) *chair {
	c := o.parked(model)
	c.goToWork(at)
	return c
}

func (c *chair) goToWork(at probe.Point) {
	c.stream = c.OpenStream(probe.ChairNoticePath)
	_, ok := c.stream.Connected()
	c.t.need(ok, "a chair's notifications did not answer", c.stream)
	c.mustActivity(true)
	c.mustReport(at)
}

func (c *chair) activity(active bool) *probe.Answer {
	return c.Post(probe.ActivityPath, map[string]bool{"is_active": active})
}

// limbo is where chairs go that are not needed any more, out of reach of all rides.
func limbo() probe.Point { return probe.At(-100_000, 100_000) }

// retire takes the chair out of the way of later rides: off duty, and far away for servers that do not care.
func (c *chair) retire() {
	c.activity(false)
	c.report(limbo())
}

func (c *chair) mustActivity(active bool) {
	w := c.activity(active)
	c.t.need(w.Fine(), "a chair could not set its activity", w)
}

func (c *chair) report(at probe.Point) position {
	w := c.Post(probe.PositionPath, at)
	p := position{Answer: w}
	w.Decode(&p)
	if w.Fine() {
		c.at, c.placed = at, true
	}
	return p
}

// A position is the answer to a report.
type position struct {
	*probe.Answer `json:"-"`
	RecordedAt    int64 `json:"recorded_at"`
}

func (c *chair) mustReport(at probe.Point) position {
	p := c.report(at)
	c.t.need(p.Fine(), "a chair could not report its position", p)
	return p
}

// status tells the server what the chair does with a ride.
func (c *chair) status(ride, status string) *probe.Answer {
	return c.Post(probe.StatusPath(ride), map[string]string{"status": status})
}
