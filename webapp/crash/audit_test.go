package crash

import (
	"fmt"
	"slices"
	"strings"

	"isuride/tools/dev/paymentmock/gateway"
	"isuride/webapp/servertest"
)

// audit looks up, while the actors rest, everything that they were told. What was open
// when the server died is learnt.
func (w *world) audit() {
	w.t.Helper()
	w.life.Store(&life{killed: make(chan struct{})}) // of the test's own calls
	for _, r := range w.riders {
		w.settle(r)
	}
	for _, r := range w.riders {
		w.must(r.name, r.compare())
		w.must(r.name, r.sessions())
	}
	w.auditChairs()
	w.auditSales()
	w.auditPayments()
	w.auditIdlers()
	w.camera.count()
	w.sound()
}

func (w *world) must(who string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Errorf("after the restart: %s: %v", who, err)
	}
}

// settle finds out what became of a rating under way. A payment that had come to the
// gateway goes on by itself; one that had not may be unknown to the server.
func (w *world) settle(r *rider) {
	w.t.Helper()
	if len(r.trips) == 0 || !r.tour().rated || r.tour().completedAt != 0 {
		return
	}
	t := r.tour()
	if !w.trap.saw(t.id) {
		w.must(r.name, r.rate())
		return
	}
	w.resumed++
	servertest.Eventually(w.t, func() error {
		if err := r.compare(); err != nil {
			w.t.Fatal(err)
		}
		if t.completedAt == 0 {
			return fmt.Errorf("%s: the payment for ride %s does not go on", r.name, t.id)
		}
		return nil
	})
}

// sessions: the rider's friends can come in, and have nothing but their coupons.
func (r *rider) sessions() error {
	for _, friend := range r.friends {
		if friend.Cookie == "" {
			continue
		}
		o, err := r.w.demand(friend, 200, "POST", "/api/app/rides/estimated-fare", servertest.Trip(servertest.At(0, 0), servertest.At(0, 100)))
		if err != nil {
			return err
		}
		if servertest.Number(o["discount"]) != 3000 {
			return fmt.Errorf("a friend's estimate is %v", o)
		}
	}
	if r.next != nil || r.friend != "" {
		return nil // which coupon is next is unknown
	}
	return r.estimate()
}

func (w *world) auditChairs() {
	w.t.Helper()
	k := w.clerk
	listed := k.c.Listed()
	for _, d := range w.drivers {
		w.must(d.name, d.compare(listed[d.c.ID]))
		delete(listed, d.c.ID)
	}
	for id, name := range k.chairs {
		if chair := listed[id]; chair == nil || chair["name"] != name || chair["active"] != false {
			w.t.Errorf("chair %s of the clerk is listed as %v", name, chair)
		}
		delete(listed, id)
	}
	for id, chair := range listed {
		i := slices.Index(k.open, fmt.Sprint(chair["name"]))
		if i < 0 {
			w.t.Errorf("an unknown chair is listed: %v", chair)
			continue
		}
		k.open = slices.Delete(k.open, i, i+1)
		k.chairs[id] = fmt.Sprint(chair["name"])
	}
	k.open = nil
}

func (w *world) auditSales() {
	w.t.Helper()
	total := int64(0)
	w.completed(func(_ *rider, t *tour) {
		total += int64(500 + t.metered())
		includes(w.clerk.c, t)
	})
	w.clerk.c.WantSales(total, "")
}

// includes: the sales of the ride's millisecond have at least the ride in them.
func includes(c *servertest.Client, t *tour) {
	c.T.Helper()
	query := fmt.Sprintf("?since=%d&until=%d", t.completedAt, t.completedAt)
	if got := c.Sales(query).Total; got < int64(500+t.metered()) {
		c.T.Errorf("sales at %d are %d, which is less than the ride completed then", t.completedAt, got)
	}
}

func (w *world) completed(visit func(*rider, *tour)) {
	for _, r := range w.riders {
		for _, t := range r.trips {
			if t.completedAt != 0 {
				visit(r, t)
			}
		}
	}
}

// auditPayments: one payment for each completed ride, and none for any other.
func (w *world) auditPayments() {
	w.t.Helper()
	paid := map[string]gateway.Charge{}
	for _, c := range w.p.Gateway.Charges() {
		if _, twice := paid[c.Key]; twice {
			w.t.Errorf("ride %s was paid twice", c.Key)
		}
		paid[c.Key] = c
	}
	w.completed(func(r *rider, t *tour) {
		c, ok := paid[t.id]
		if !ok || int64(c.Amount) != t.fare || !strings.HasPrefix(c.Token, "token-") {
			w.t.Errorf("%s: for ride %s of %d the gateway has %+v", r.name, t.id, t.fare, c)
		}
		delete(paid, t.id)
	})
	for key := range paid {
		w.t.Errorf("ride %s was paid and is not completed", key)
	}
}

func (w *world) auditIdlers() {
	w.t.Helper()
	for _, c := range w.clerk.idlers {
		path := "/api/owner/chairs"
		if strings.HasPrefix(c.Cookie, "app_session") {
			path = "/api/app/rides"
		}
		if r := c.Call("GET", path, nil); r.Status != 200 {
			w.t.Errorf("an account is answered %d %s", r.Status, r.Body)
		}
	}
}
