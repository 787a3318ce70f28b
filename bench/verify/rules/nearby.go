package rules

import (
	"encoding/json"
	"net/http"
	"strconv"

	"isuride/bench/verify/probe"
)

// everywhere is a distance that spans the whole city.
const everywhere = 1_000_000

// nearby asks for chairs within a distance; a negative one leaves the parameter out.
func (u *user) nearby(at probe.Point, distance int) nearbyChairs {
	path := probe.NearbyPath + "?latitude=" + strconv.Itoa(at.Latitude) + "&longitude=" + strconv.Itoa(at.Longitude)
	if distance >= 0 {
		path += "&distance=" + strconv.Itoa(distance)
	}
	return nearbyChairs{Answer: u.Get(path), t: u.t}
}

// nearbyChairs is the answer of GET /api/app/nearby-chairs.
type nearbyChairs struct {
	*probe.Answer
	t *trial
}

type listedChair struct {
	ID    string      `json:"id"`
	Name  string      `json:"name"`
	Model string      `json:"model"`
	At    probe.Point `json:"current_coordinate"`
}

// chairs leaves out those that were free before the run.
func (n nearbyChairs) chairs() []listedChair {
	var b struct {
		Chairs []json.RawMessage `json:"chairs"`
	}
	n.Decode(&b)
	var all []listedChair
	for _, raw := range b.Chairs {
		var c listedChair
		_ = json.Unmarshal(raw, &c) // its shape is judged elsewhere
		if !n.t.foreign[c.ID] {
			all = append(all, c)
		}
	}
	return all
}

// find is nil if a chair is not listed.
func (n nearbyChairs) find(id string) *listedChair {
	for _, c := range n.chairs() {
		if c.ID == id {
			return &c
		}
	}
	return nil
}

// nearby follows one chair through everything that adds it to the list or removes it.
func nearby() Scenario {
	return Scenario{
		name: "nearby",
		rules: []rule{
			{"activity-answer", "S4.15", B, "POST /api/chair/activity answers 204"},
			{"activity-shown", "S4.12", M, "the owner's list shows whether a chair is active"},
			{"nearby-no-position", "S4.10", B, "an active chair that never reported a position is not listed, however wide the search"},
			{"nearby-first-position", "S4.10", B, "an active chair is listed at once after its first report"},
			{"nearby-answer", "S4.10", B, "nearby-chairs answers 200 with id, name, model and current_coordinate of each chair"},
			{"nearby-content", "S4.10", B, "name, model and position are the chair's"},
			{"nearby-boundary", "S4.10", B, "a chair at exactly the distance asked for is listed, one further away is not"},
			{"nearby-default-distance", "S4.10", M, "without a distance it is 50"},
			{"nearby-moved", "S4.10", B, "a new position is listed within 3 s"},
			{"nearby-assigned", "S4.10", B, "a chair that was assigned a ride is off the list within 3 s"},
			{"nearby-riding", "S4.10", B, "it stays off the list until the ride is completed"},
			{"nearby-completed", "S4.10", B, "after the rating it is listed again within 3 s"},
			{"nearby-deactivated", "S4.10", M, "a chair that was deactivated is off the list within 3 s"},
			{"nearby-inactive", "S4.10", M, "a chair that is not active is not listed, also if it reports"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			o := t.owner()
			c := o.parked(otherModel)
			t.nearbyInactive(u, o)
			t.nearbyStart(u, c)
			t.nearbyDistances(u, c)
			t.nearbyRide(u, c)
		},
	}
}

func (t *trial) nearbyInactive(u *user, o *owner) {
	idle := o.parked(slowModel)
	idle.mustReport(t.at)
	t.Sleep(quiet)
	n := u.nearby(t.at, 10)
	t.need(n.Fine(), "nearby chairs could not be listed", n)
	t.check("nearby-inactive", n.find(idle.id) == nil, "the chair is listed", idle.created, n)
	idle.retire()
}

func (t *trial) nearbyStart(u *user, c *chair) {
	c.stream = c.OpenStream(probe.ChairNoticePath)
	w := c.activity(true)
	t.answersWith("activity-answer", w, http.StatusNoContent, nil)
	t.need(w.Fine(), "a chair could not be activated", w)
	f := c.owner.fleet()
	x := f.find(c.id)
	t.check("activity-shown", x != nil && x.Active, "the chair is not shown as active", w, f)
	n := u.nearby(probe.At(0, 0), everywhere)
	t.check("nearby-no-position", n.find(c.id) == nil, "the chair is listed", w, n)
	p := c.mustReport(t.at)
	n = u.nearby(t.at, 0)
	t.answersWith("nearby-answer", n.Answer, http.StatusOK, probe.NearbyAnswer())
	t.check("nearby-first-position", n.find(c.id) != nil, "the chair is not listed", p, n)
	t.need(t.eventually(func() bool { n = u.nearby(t.at, 0); return n.find(c.id) != nil }), "the chair is never listed", n)
	y := n.find(c.id)
	t.check("nearby-content", y.Name == c.name && y.Model == c.model && y.At == c.at,
		words("wanted %s, %s, %s", c.name, c.model, c.at), n)
}

func (t *trial) nearbyDistances(u *user, c *chair) {
	t.edge("nearby-boundary", c, u.nearby(t.at.Plus(-3, 4), 7), u.nearby(t.at.Plus(-4, 4), 7))
	t.edge("nearby-default-distance", c, u.nearby(t.at.Plus(30, 20), -1), u.nearby(t.at.Plus(31, 20), -1))
	p := c.mustReport(t.at.Plus(2, -1))
	var n nearbyChairs
	ok := t.eventually(func() bool {
		n = u.nearby(c.at, 0)
		x := n.find(c.id)
		return x != nil && x.At == c.at
	})
	t.check("nearby-moved", ok, "not listed there", p, n)
}

// edge judges that the chair is listed on the edge of the search and not beyond it.
func (t *trial) edge(id string, c *chair, on, beyond nearbyChairs) {
	t.check(id, on.find(c.id) != nil, "a chair at exactly the distance is not listed", on)
	t.check(id, beyond.find(c.id) == nil, "a chair beyond the distance is listed", beyond)
}

func (t *trial) nearbyRide(u *user, c *chair) {
	r := t.short(u)
	c = r.match(c)
	t.gone("nearby-assigned", u, c)
	for _, status := range []string{probe.Enroute, probe.Pickup, probe.Carrying, probe.Arrived} {
		r.drive(status)
		t.gone("nearby-riding", u, c)
	}
	r.drive(probe.Completed)
	var n nearbyChairs
	back := t.eventually(func() bool { n = u.nearby(c.at, 10); return n.find(c.id) != nil })
	t.check("nearby-completed", back, "the chair is not listed", r.rated, n)
	w := c.activity(false)
	t.answersWith("activity-answer", w, http.StatusNoContent, nil)
	f := c.owner.fleet()
	x := f.find(c.id)
	t.check("activity-shown", x != nil && !x.Active, "the chair is still shown as active", w, f)
	t.gone("nearby-deactivated", u, c)
}

func (t *trial) gone(id string, u *user, c *chair) {
	var n nearbyChairs
	gone := t.eventually(func() bool {
		n = u.nearby(c.at, 10)
		return n.Fine() && n.find(c.id) == nil
	})
	t.check(id, gone, "chair "+c.id+" is listed", n)
}
