package rules

import (
	"maps"
	"net/http"
	"slices"

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
	knownRide map[string]bool // rides it was notified of
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

// working registers a chair that takes rides, in the benchmarker's order: stream,
// activation, position.
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

// limbo is the place of chairs that are no longer needed, out of reach of all rides.
func limbo() probe.Point { return probe.At(-100_000, 100_000) }

// retire takes the chair out of the way of later rides: off duty, and far away in case
// the server ignores that.
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

// status reports what the chair does with a ride.
func (c *chair) status(ride, status string) *probe.Answer {
	return c.Post(probe.StatusPath(ride), map[string]string{"status": status})
}

func chairs() Scenario {
	return Scenario{
		name: "chairs",
		rules: []rule{
			{"chair-created", "S4.14", B, "POST /api/chair/chairs answers 201 with id and the owner's owner_id"},
			{"owner-chairs-new", "S4.12", B, "a new chair is in the owner's list at once: inactive, distance 0, without total_distance_updated_at"},
			{"owner-chairs-registered-at", "S4.12", M, "registered_at is the time of the registration in ms"},
			{"owner-chairs-own", "S4.12", M, "the list has no other owner's chairs"},
			{"owner-sales-new", "S4.13", B, "a new chair is in the owner's sales at once with 0, and its model once"},
			{"names-exact", "S4.0", B, "names and models come back as they were given, whatever their characters"},
		},
		play: func(t *trial) {
			o, other := t.owner(), t.owner()
			foreign := other.parked(slowModel)
			c := o.register(chairForm{t.name(`椅"\<&>'😀`), otherModel, o.invite})
			t.answersWith("chair-created", c.created, http.StatusCreated, probe.ChairAnswer())
			t.checkOwnerID(c)
			t.need(c.Token != "", "a chair could not be registered", c.created)
			twin := o.parked(otherModel)
			t.checkFleet(o, c, foreign)
			t.checkNewSales(o, c, twin)
		},
	}
}

func (t *trial) checkOwnerID(c *chair) {
	var b struct {
		Owner string `json:"owner_id"`
	}
	c.created.Decode(&b)
	t.check("chair-created", b.Owner == c.owner.id, words("owner_id is %q and the owner's id %q", b.Owner, c.owner.id), c.owner.created, c.created)
}

func (t *trial) checkFleet(o *owner, c, foreign *chair) {
	f := o.fleet()
	t.answersWith("owner-chairs-new", f.Answer, http.StatusOK, probe.FleetAnswer())
	x := f.find(c.id)
	if !t.check("owner-chairs-new", x != nil, "the new chair is not listed", c.created, f) {
		return
	}
	t.check("owner-chairs-new", !x.Active && x.Distance == 0 && x.UpdatedAt == nil, f.Summary(), c.created, f)
	t.check("owner-chairs-registered-at", c.created.During(x.RegisteredAt),
		words("registered_at is %d and the own clock said %d", x.RegisteredAt, c.created.Received.UnixMilli()), c.created, f)
	t.check("names-exact", x.Name == c.name && x.Model == c.model, words("%q and %q instead of %q and %q", x.Name, x.Model, c.name, c.model), c.created, f)
	t.check("owner-chairs-own", f.find(foreign.id) == nil, "another owner's chair "+foreign.id+" is listed", foreign.created, f)
}

func (t *trial) checkNewSales(o *owner, c, twin *chair) {
	r := o.sales("")
	t.answersWith("owner-sales-new", r.Answer, http.StatusOK, probe.SalesAnswer())
	sales, times := r.model(otherModel)
	ok := r.chair(c.id) == 0 && r.chair(twin.id) == 0 && sales == 0 && times == 1
	t.check("owner-sales-new", ok, r.Summary(), c.created, twin.created, r)
}

func wrongChairs() Scenario {
	return Scenario{
		name: "wrong chairs",
		rules: []rule{
			{"chair-field", "S4.14", M, "a missing or empty name, model or chair_register_token answers 400"},
			{"chair-register-token", "S4.14", M, "an unknown chair_register_token answers 401"},
			{"chair-unknown-model", "S2.3", R, "a model that is not in the table is accepted"},
		},
		play: func(t *trial) {
			o := t.owner()
			t.chairFields(o)
			w := o.register(chairForm{t.name("c"), "no such model", o.invite}).created
			t.check("chair-unknown-model", w.Fine(), w.Summary(), w)
		},
	}
}

func (t *trial) chairFields(o *owner) {
	form := map[string]string{"name": t.name("c"), "model": slowModel, "chair_register_token": o.invite}
	for _, field := range slices.Sorted(maps.Keys(form)) {
		missing, empty := maps.Clone(form), maps.Clone(form)
		delete(missing, field)
		empty[field] = ""
		for _, body := range []map[string]string{missing, empty} {
			t.refuses("chair-field", t.Anonymous().Post(probe.ChairsPath, body), http.StatusBadRequest)
		}
	}
	form["chair_register_token"] = unknownToken
	t.refuses("chair-register-token", t.Anonymous().Post(probe.ChairsPath, form), http.StatusUnauthorized)
}
