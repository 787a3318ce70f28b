package rules

import (
	"mime"
	"net/http"
	"time"

	"isuride/bench/verify/probe"
)

// notices looks closely at the content and the form of one ride's notifications.
func notices() Scenario {
	return Scenario{
		name: "notices",
		rules: []rule{
			{"notice-transport", "S6.1", B, "both notification endpoints answer 200 at once, as application/json or text/event-stream"},
			{"notice-uncompressed", "S6.1", B, "they are never compressed, whatever the request accepts"},
			{"notice-no-ride", "S6.4", M, "without a ride the data is null (with polling, or absent)"},
			{"sse-framing", "S6.1", B, "each message is one data: line and an empty line, the first bytes are a data: line, no line exceeds 64 KiB"},
			{"sse-length", "S6.1", M, "a stream has no Content-Length"},
			{"sse-on-change", "S6.4", M, "after a stream has started, a message comes only with a change"},
			{"polling-envelope", "S6.1", B, "a poll answers data, and retry_after_ms as an integer or not at all"},
			{"user-notice-shape", "S6.2", B, "a user's notice has all members, with total_evaluation_avg also when it is 0, and no null"},
			{"user-notice-content", "S6.2", B, "its pickup, destination and fare are the ride's"},
			{"user-notice-chair", "S6.2", B, "from ENROUTE on it has the chair, with its id, name and model"},
			{"user-notice-times", "S6.2", M, "its created_at and updated_at are times of the ride in ms, at COMPLETED the completed_at of the rating"},
			{"chair-notice-shape", "S6.2", B, "a chair's notice has all members and no null"},
			{"chair-notice-content", "S6.2", B, "its user is the rider, name = firstname, space, lastname; its coordinates are the ride's"},
		},
		play: func(t *trial) {
			u := t.oddlyNamed()
			user := u.OpenStream(probe.UserNoticePath)
			c := t.owner().working(otherModel, t.at)
			t.checkTransport(user)
			t.checkTransport(c.stream)
			r := t.long(u)
			r.take(c, probe.Arrived)
			w := r.rate(5)
			t.need(w.Fine(), "the ride could not be rated", w)
			r.needs(user, probe.Completed)
			r.needs(r.chair.stream, probe.Completed)
			t.Sleep(quiet)
			t.checkUserNotices(r, user)
			t.checkChairNotices(r, r.chair.stream)
			t.checkFraming(user, r.chair.stream)
		},
	}
}

// oddlyNamed registers a user whose names need escaping.
func (t *trial) oddlyNamed() *user {
	form := t.userForm("")
	form.First, form.Last = `Zoë "Q" \`, `李 <&'>😀`
	u := t.signUp(form)
	w := u.addPayment()
	t.need(w.Fine(), "a user could not register a payment token", w)
	return u
}

func (t *trial) checkTransport(s *probe.Stream) {
	w, ok := s.Connected()
	if !t.check("notice-transport", ok, "no answer within 3 s", s) {
		t.stop("the notifications did not answer", s)
	}
	kind, _, err := mime.ParseMediaType(w.Header.Get("Content-Type"))
	known := err == nil && (kind == "application/json" || kind == "text/event-stream")
	t.check("notice-transport", known && w.Status == http.StatusOK, "not so", w)
	t.check("notice-uncompressed", w.Header.Get("Content-Encoding") == "", "not so", w)
	null := s.Await(probe.Grace, func() bool { return len(s.Received()) > 0 && s.Received()[0].Null })
	t.check("notice-no-ride", null, "the first message is not null", s)
}

// checkFraming comes last, when everything has been received.
func (t *trial) checkFraming(streams ...*probe.Stream) {
	for _, s := range streams {
		if !s.Pushes() {
			t.skip("the server is polled", "sse-framing", "sse-length", "sse-on-change")
			t.check("polling-envelope", len(s.Problems()) == 0, words("%q", s.Problems()), s)
			continue
		}
		t.skip("the server pushes", "polling-envelope")
		t.check("sse-framing", len(s.Problems()) == 0, words("%q", s.Problems()), s)
		t.check("sse-length", s.Answer().Header.Get("Content-Length") == "", "it has", s.Answer())
		repeated := ""
		all := s.Received()
		for i := 1; i < len(all); i++ {
			if all[i].Connection == all[i-1].Connection && all[i].Raw == all[i-1].Raw {
				repeated = all[i].Raw
			}
		}
		t.check("sse-on-change", repeated == "", "this message came twice in a row: "+repeated, s)
	}
}

func (t *trial) checkUserNotices(r *ride, s *probe.Stream) {
	for _, m := range s.Received() {
		if m.Null {
			continue
		}
		bad := probe.Misfit(probe.UserNotice(), []byte(m.Raw))
		t.check("user-notice-shape", bad == "", bad, s)
		ok := m.RideID == r.id && m.Pickup == r.from && m.Destination == r.to && m.Fare == r.due
		t.check("user-notice-content", ok, words("wanted %s to %s, fare %d: %s", r.from, r.to, r.due, m.Raw), r.requested, s)
		if m.Status != probe.Matching {
			c := r.chair
			ok := m.Chair != nil && m.Chair.ID == c.id && m.Chair.Name == c.name && m.Chair.Model == c.model
			t.check("user-notice-chair", ok, words("wanted %s %s %s: %s", c.id, c.name, c.model, m.Raw), s)
		}
		ok = r.requested.During(m.CreatedAt) && probe.Between(m.UpdatedAt, r.requested.Sent, time.Now()) &&
			(m.Status != probe.Completed || m.UpdatedAt == r.doneAt)
		t.check("user-notice-times", ok, m.Raw, r.requested, r.rated, s)
	}
}

func (t *trial) checkChairNotices(r *ride, s *probe.Stream) {
	name := r.user.first + " " + r.user.last
	for _, m := range s.Received() {
		if m.Null {
			continue
		}
		bad := probe.Misfit(probe.ChairNotice(), []byte(m.Raw))
		t.check("chair-notice-shape", bad == "", bad, s)
		ok := m.RideID == r.id && m.User.ID == r.user.id && m.User.Name == name && m.Pickup == r.from && m.Destination == r.to
		t.check("chair-notice-content", ok, words("wanted %s %s, %s to %s: %s", r.user.id, name, r.from, r.to, m.Raw), r.user.registered, r.requested, s)
	}
}

// stats has one chair drive two rides.
func stats() Scenario {
	return Scenario{
		name: "stats",
		rules: []rule{
			{"stats-new", "S6.3", B, "during a chair's first ride its stats are 0 rides and average 0"},
			{"stats-frozen", "S6.3", B, "from ENROUTE to ARRIVED the stats are those before the ride, always the same"},
			{"stats-mean", "S6.3", B, "COMPLETED shows the mean of all evaluations: 3.5 after 5 and 2"},
			{"stats-count", "S6.3", B, "and their number: 2"},
		},
		play: func(t *trial) {
			c, first := t.watched(nil, 5)
			t.checkStats("stats-new", first, 0, 0)
			again, second := t.watched(c, 2)
			t.need(again == c, "the chair was sent to another ride")
			t.checkStats("stats-frozen", second, 1, 5)
			m := second.stream.Find(second.ride.id, probe.Completed)
			t.need(m != nil && m.Chair != nil, "COMPLETED was not notified", second.stream)
			t.check("stats-mean", near(m.Chair.Stats.Average, 3.5), m.Raw, second.stream)
			t.check("stats-count", m.Chair.Stats.Rides == 2, m.Raw, second.stream)
		},
	}
}

// A view is a ride with its user's notifications.
type view struct {
	ride   *ride
	stream *probe.Stream
}

func (t *trial) watched(c *chair, stars int) (*chair, view) {
	u := t.payingUser("")
	r := t.short(u)
	s := u.OpenStream(probe.UserNoticePath)
	c = r.take(c, probe.Arrived)
	w := r.rate(stars)
	t.need(w.Fine(), "the ride could not be rated", w)
	s.Sees(r.id, probe.Completed)
	return c, view{r, s}
}

// checkStats looks at the notices from ENROUTE to ARRIVED.
func (t *trial) checkStats(id string, v view, rides int, average float64) {
	for _, m := range v.stream.Received() {
		if m.RideID != v.ride.id || m.Status == probe.Matching || m.Status == probe.Completed || m.Chair == nil {
			continue
		}
		s := m.Chair.Stats
		t.check(id, s.Rides == rides && near(s.Average, average), words("wanted %d and %g: %s", rides, average, m.Raw), v.stream)
	}
}
