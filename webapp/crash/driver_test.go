package crash

import (
	"fmt"
	"math/rand/v2"
	"time"

	"isuride/webapp/servertest"
)

// driver is a chair that drives every ride it gets. Between rides it wanders and
// takes breaks.
type driver struct {
	w     *world
	name  string
	rng   *rand.Rand
	c     *servertest.Client
	inbox inbox

	x, y    int
	active  bool
	wants   bool    // activity that was asked for; confirmed if equal to active
	reports []place // answered
	open    []place // reports whose outcome is unknown: one at most

	ride     servertest.Object // newest message
	legs     int               // reports to make on the way before the target
	answered string            // status whose call was answered
}

// place is a position report; at is recorded_at, in milliseconds.
type place struct {
	x, y int
	at   int64
}

func newDriver(w *world, name string, rng *rand.Rand) *driver {
	d := &driver{w: w, name: name, rng: rng, x: rng.IntN(60) - 30, y: rng.IntN(60) - 30, active: true, wants: true}
	d.c = w.p.Anonymous()
	r := d.c.Call("POST", "/api/chair/chairs", servertest.Object{"name": name, "model": "SitEase", "chair_register_token": w.clerk.register})
	d.c.Cookie, d.c.ID = r.CookieOf(), r.Object(w.t)["id"].(string)
	d.c.Switches(true)
	d.reports = []place{{d.x, d.y, d.c.Report(servertest.At(d.x, d.y))}}
	d.inbox = inbox{w: w, c: d.c}
	return d
}

// step does what the last status asks for, once, and then waits for the next one.
func (d *driver) step() error {
	last := d.inbox.last
	switch {
	case d.wants != d.active:
		return d.setActivity()
	case last.status == "" || last.status == "COMPLETED":
		return d.idle()
	case d.answered == last.ride+last.status || last.status == "ARRIVED":
		return d.listen(nil)
	}
	var err error
	switch last.status {
	case "MATCHING":
		err = d.advance("ENROUTE")
	case "ENROUTE":
		err = d.drive("pickup_coordinate")
	case "PICKUP":
		err = d.advance("CARRYING")
	case "CARRYING":
		err = d.drive("destination_coordinate")
	}
	return err
}

// idle waits a little for a ride, and does something of its own if none comes.
func (d *driver) idle() error {
	pause := time.NewTimer(time.Duration(1+d.rng.IntN(30)) * time.Millisecond)
	defer pause.Stop()
	before := d.inbox.last
	if err := d.listen(pause.C); err != nil || d.inbox.last != before {
		return err
	}
	switch d.rng.IntN(6) {
	case 0:
		d.wants = false
		return nil
	case 1:
		d.inbox.close()
		return nil
	}
	return d.report(d.x+d.rng.IntN(3)-1, d.y+d.rng.IntN(3)-1)
}

// setActivity repeats until it is confirmed. A break ends with the next step.
func (d *driver) setActivity() error {
	if _, err := d.w.demand(d.c, 204, "POST", "/api/chair/activity", servertest.Object{"is_active": d.wants}); err != nil {
		return err
	}
	d.active, d.wants = d.wants, true
	return nil
}

func (d *driver) listen(timer <-chan time.Time) error {
	m, again, err := d.inbox.receive(timer)
	if err != nil || m == nil {
		return err
	}
	if again && d.ride == nil {
		return fmt.Errorf("%v comes again, and has not come before", m)
	}
	d.ride = m
	if !again {
		d.legs = d.rng.IntN(4)
	}
	return nil
}

func (d *driver) advance(status string) error {
	path := fmt.Sprint("/api/chair/rides/", d.inbox.last.ride, "/status")
	if _, err := d.w.demand(d.c, 204, "POST", path, servertest.Object{"status": status}); err != nil {
		return err
	}
	d.answered = d.inbox.last.ride + d.inbox.last.status
	return nil
}

// drive reports a few places next to the target, and then the target.
func (d *driver) drive(target string) error {
	to := d.ride[target].(servertest.Object)
	x, y := int(servertest.Number(to["latitude"])), int(servertest.Number(to["longitude"]))
	if d.legs > 0 {
		d.legs--
		return d.report(x-1-d.legs, y)
	}
	if err := d.report(x, y); err != nil {
		return err
	}
	d.answered = d.inbox.last.ride + d.inbox.last.status
	return nil
}

func (d *driver) report(x, y int) error {
	d.open = append(d.open, place{x: x, y: y})
	o, err := d.w.demand(d.c, 200, "POST", "/api/chair/coordinate", servertest.At(x, y))
	if err != nil {
		return err
	}
	d.open = nil
	recorded := servertest.Number(o["recorded_at"])
	if newest := d.reports[len(d.reports)-1]; recorded <= newest.at {
		return fmt.Errorf("a report is recorded at %d, the one before at %d", recorded, newest.at)
	}
	d.reports = append(d.reports, place{x, y, recorded})
	d.x, d.y = x, y
	return nil
}

// way is the distance that the answered reports add up to.
func (d *driver) way() (sum int64) {
	for i, r := range d.reports[1:] {
		sum += int64(servertest.Abs(r.x-d.reports[i].x) + servertest.Abs(r.y-d.reports[i].y))
	}
	return sum
}

// compare looks at the chair in its owner's list, and learns the outcome of what was open.
func (d *driver) compare(listed servertest.Object) error {
	if listed == nil || listed["name"] != d.name {
		return fmt.Errorf("%s is listed as %v", d.name, listed)
	}
	active := listed["active"].(bool)
	if d.wants == d.active && active != d.active {
		return fmt.Errorf("%s is active: %v, want %v", d.name, active, d.active)
	}
	d.active = active
	at := servertest.Number(listed["total_distance_updated_at"])
	if newest := d.reports[len(d.reports)-1]; at > newest.at && len(d.open) == 1 {
		d.reports = append(d.reports, place{d.open[0].x, d.open[0].y, at})
	}
	d.open = nil
	newest := d.reports[len(d.reports)-1]
	if got := servertest.Number(listed["total_distance"]); at != newest.at || got != d.way() {
		return fmt.Errorf("%s has the distance %d at %d, want %d at %d", d.name, got, at, d.way(), newest.at)
	}
	return nil
}
