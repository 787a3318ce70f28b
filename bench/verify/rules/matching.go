package rules

import (
	"net/http"

	"isuride/bench/verify/probe"
)

// rematching has three rides waiting for one chair.
func rematching() Scenario {
	return Scenario{
		name: "rematching",
		rules: []rule{
			{"one-ride-at-a-time", "S7.1", B, "a chair is notified of another ride only after its ride was completed"},
			{"completed-first", "S6.4", B, "on the chair's stream COMPLETED of a ride comes before MATCHING of the next"},
			{"reconnect-next-ride", "S6.4", B, "a stream that starts after MATCHING of the next ride has nothing of the one before"},
			{"completed-first-later", "S6.4", B, "the same order for a chair that had no stream when its ride was completed"},
		},
		play: func(t *trial) {
			waiting := map[string]*ride{}
			for range 3 {
				r := t.short(t.payingUser(""))
				waiting[r.id] = r
			}
			c, first := t.firstOf(waiting)
			first.drive(probe.Arrived)
			t.settle()
			other := c.stream.Statuses()
			alone := t.check("one-ride-at-a-time", len(onlyRide(other, first)) == len(other), sequence(other), c.stream)
			t.need(alone, "the chair has two rides", c.stream)
			first.drive(probe.Completed)
			next := t.nextAfter("completed-first", c, first)
			t.reconnectNext(c, first, next)
			second := waiting[next]
			t.need(second != nil, "the chair was sent to another ride")
			t.completedOffline(c, second)
			if third := waiting[t.nextAfter("completed-first-later", c, second)]; third != nil {
				third.chair = c
				third.drive(probe.Completed)
			}
		},
	}
}

// nextAfter waits for the chair's next ride and judges that the previous one was
// completed first.
func (t *trial) nextAfter(id string, c *chair, before *ride) string {
	next := c.nextRide()
	t.need(next != "", "the chair was not notified of the next ride", c.stream)
	wanted := []probe.Step{{Ride: before.id, Status: probe.Completed}, {Ride: next, Status: probe.Matching}}
	t.check(id, t.covers(c.stream, wanted), sequence(c.stream.Statuses()), c.stream)
	return next
}

// completedOffline completes a ride while the chair has no stream, leaves the matcher
// time, and opens a new stream.
func (t *trial) completedOffline(c *chair, r *ride) {
	r.chair = c
	r.drive(probe.Arrived)
	r.needs(c.stream, probe.Arrived)
	c.stream.HangUp()
	r.drive(probe.Completed)
	t.settle()
	c.stream = c.OpenStream(probe.ChairNoticePath)
}

// firstOf finds a chair that is sent to one of the rides.
func (t *trial) firstOf(waiting map[string]*ride) (*chair, *ride) {
	for range lost {
		c := t.owner().working(fastModel, t.at)
		next := c.nextRide()
		t.need(next != "", "no chair was notified of a ride", c.stream)
		if r := waiting[next]; r != nil {
			r.chair = c
			return c, r
		}
		c.retire()
	}
	t.stop("chairs are sent to other rides only")
	return nil, nil
}

// settle leaves the matcher time to do what it must not do.
func (t *trial) settle() {
	for range 2 {
		t.Sleep(quiet)
		if t.pilot.helped.Load() {
			t.help()
		}
	}
	t.Sleep(quiet)
}

func (t *trial) reconnectNext(c *chair, before *ride, next string) {
	c.stream.HangUp()
	c.stream = c.OpenStream(probe.ChairNoticePath)
	t.need(c.stream.Sees(next, probe.Matching), "a new stream does not start with MATCHING", c.stream)
	t.Sleep(quiet)
	seen := c.stream.Statuses()
	t.check("reconnect-next-ride", len(onlyRide(seen, before)) == 0, sequence(seen), c.stream)
}

// eligibility has a chair that must not be sent to a ride yet.
func eligibility() Scenario {
	return Scenario{
		name: "eligibility",
		rules: []rule{
			{"match-position", "S7.2", A, "an active chair is not assigned before it has reported a position"},
			{"match-inactive", "S4.15", M, "a chair that was deactivated gets no new ride"},
			{"inactive-continues", "S4.15", M, "a chair that is deactivated during a ride can complete it"},
		},
		play: func(t *trial) {
			c := t.owner().parked(fastModel)
			c.stream = c.OpenStream(probe.ChairNoticePath)
			_, ok := c.stream.Connected()
			t.need(ok, "a chair's notifications did not answer", c.stream)
			c.mustActivity(true)
			first := t.short(t.payingUser(""))
			t.settle()
			t.check("match-position", len(c.stream.Statuses()) == 0, sequence(c.stream.Statuses()), c.stream)
			c.mustReport(t.at)
			c = first.take(c, probe.Carrying)
			t.deactivated(c, first)
			t.inactiveWaits(c)
		},
	}
}

func (t *trial) deactivated(c *chair, r *ride) {
	c.mustActivity(false)
	p := c.report(r.to)
	w := r.rate(5)
	t.check("inactive-continues", w.Fine(), w.Summary(), p, w)
	t.need(w.Fine(), "the ride could not be completed", w)
}

func (t *trial) inactiveWaits(c *chair) {
	r := t.short(t.payingUser(""))
	t.settle()
	sent := c.stream.Find(r.id, probe.Matching) != nil
	t.check("match-inactive", !sent, sequence(c.stream.Statuses()), c.stream)
	if !sent {
		c.mustActivity(true)
	}
	r.take(c, probe.Completed)
}

// distantChair has no chair but one in the other region.
func distantChair() Scenario {
	return Scenario{
		name: "distant chair",
		rules: []rule{
			{"match-region", "S7.2", A, "a ride is not assigned a chair of the other region"},
		},
		play: func(t *trial) {
			far := t.owner().working(slowModel, probe.At(-45, -45))
			r := t.short(t.payingUser(""))
			t.settle()
			sent := far.stream.Find(r.id, probe.Matching) != nil
			t.check("match-region", !sent, "the chair was notified of the ride", r.requested, far.stream)
			if sent {
				r.take(far, probe.Completed)
				return
			}
			far.retire()
			r.take(nil, probe.Completed)
		},
	}
}

// matcherEndpoint comes after all rides, because only then is it known whether they
// needed help.
func matcherEndpoint() Scenario {
	return Scenario{
		name: "matcher endpoint",
		rules: []rule{
			{"matching-endpoint", "S4.19", A, "GET /api/internal/matching answers 204, also when there is nothing to do (from the loopback, unless a proxy forbids it)"},
			{"matching-alone", "S7.1", A, "rides are assigned without anybody calling that endpoint"},
		},
		play: func(t *trial) {
			w := t.help()
			t.check("matching-endpoint", w.Status == http.StatusNoContent, w.Summary(), w)
			t.need(!t.pilot.failed.Load(), "a ride was not assigned at all")
			t.check("matching-alone", !t.pilot.helped.Load(), "they needed help")
		},
	}
}
