package main

import (
	"fmt"
	"slices"
	"testing"
)

// TestNotifications is lines 7 and 9 of appendix D (S6.3 to S6.7), over event streams
// and over polling.
func TestNotifications(t *testing.T) {
	for _, transport := range []struct {
		name string
		open func(c *client) feed
		env  []string
	}{
		{"streams", func(c *client) feed { return c.listen() }, nil},
		{"polling", func(c *client) feed { return &polls{c: c} }, []string{"ISURIDE_NOTIFICATION=polling"}},
	} {
		t.Run(transport.name, func(t *testing.T) {
			rules(t, func(p *process) {
				n := notifications{transport.open}
				p.rule("null without a ride", n.nullWithoutRide)
				p.rule("all statuses in order over two rides", n.twoRides)
				p.rule("a client that connects late is told everything", n.late)
				p.rule("a user that reconnects goes on where it was", func(p *process) {
					s := p.scene()
					n.reconnect(s, s.user)
				})
				p.rule("a chair that reconnects goes on where it was", func(p *process) {
					s := p.scene()
					n.reconnect(s, s.chair)
				})
				p.rule("COMPLETED comes before MATCHING of the next ride", n.rematch)
				p.rule("COMPLETED comes first also for a chair that was away", n.rematchAway)
			}, transport.env...)
		})
	}
}

// feed is one client's reading of its notifications.
type feed interface {
	// next is the next message that is not the one before again; nil means "no ride".
	next() object
	expect(ride string, statuses ...string) object
	close()
}

// polls reads notifications by asking again and again (S6.1).
type polls struct {
	c    *client
	last string // ride and status of the last message
}

// poll asks once.
func (f *polls) poll() object {
	f.c.t.Helper()
	r := f.c.call("GET", f.c.notificationPath(), nil)
	if r.status != 200 || r.header.Get("Content-Type") != jsonType {
		f.c.t.Fatalf("a poll answers %d %s as %s", r.status, r.body, r.header.Get("Content-Type"))
	}
	o := r.object(f.c.t)
	if pause := integer(f.c.t, o["retry_after_ms"]); pause != 30 || len(o) != 2 {
		f.c.t.Errorf("a poll answers %s, want data and a pause of 30 ms", r.body)
	}
	message, _ := o["data"].(object)
	return message
}

func (f *polls) next() (message object) {
	f.c.t.Helper()
	eventually(f.c.t, func() error {
		message = f.poll()
		if key := fmt.Sprint(message["ride_id"], message["status"]); key != f.last {
			f.last = key
			return nil
		}
		return fmt.Errorf("nothing follows %s", f.last)
	})
	return message
}

func (f *polls) expect(ride string, statuses ...string) (last object) {
	f.c.t.Helper()
	for _, want := range statuses {
		last = f.next()
		if last["status"] != want || last["ride_id"] != ride {
			f.c.t.Fatalf("told %v of ride %v, want %s of %s", last["status"], last["ride_id"], want, ride)
		}
	}
	return last
}

func (f *polls) close() {}

// notifications are the rules of both transports.
type notifications struct{ open func(*client) feed }

func (n notifications) nullWithoutRide(p *process) {
	s := p.scene()
	toUser, toChair := n.open(s.user), n.open(s.chair)
	for _, f := range []feed{toUser, toChair} {
		if m := f.next(); m != nil {
			p.t.Errorf("without a ride %v is told", m)
		}
	}
	ride := s.user.request(pickup, destination)
	toUser.expect(ride, "MATCHING") // and nothing more before it
	toChair.expect(ride, "MATCHING")
}

// twoRides: both sides are told the six statuses of one ride and then those of the
// next, each once.
func (n notifications) twoRides(p *process) {
	s := p.scene()
	toUser, toChair := n.open(s.user), n.open(s.chair)
	toUser.next()
	toChair.next()
	for range 2 {
		ride := s.user.request(pickup, destination)
		m := toUser.expect(ride, "MATCHING")
		n.same(p, m, object{"pickup_coordinate": pickup, "destination_coordinate": destination})
		m = toChair.expect(ride, "MATCHING")
		n.same(p, m, object{"pickup_coordinate": pickup, "destination_coordinate": destination,
			"user": object{"id": s.user.id, "name": "Ann Lee"}})
		for _, status := range between("MATCHING", "COMPLETED") {
			s.step(ride, status)
			m := toUser.expect(ride, status)
			chair := m["chair"].(object)
			if chair["id"] != s.chair.id || chair["name"] != "chair" || chair["model"] != "SitEase" {
				p.t.Errorf("the chair is told as %v", chair)
			}
			toChair.expect(ride, status)
		}
	}
}

// same compares members as they print.
func (n notifications) same(p *process, message, want object) {
	p.t.Helper()
	for name, value := range want {
		if fmt.Sprint(message[name]) != fmt.Sprint(value) {
			p.t.Errorf("%s is %v, want %v", name, message[name], value)
		}
	}
}

// late: nobody listens during a whole ride and half of the next; then both are told
// everything in order, across the rides (S6.4 point 1).
func (n notifications) late(p *process) {
	s := p.scene()
	first := s.ride()
	second := s.user.request(pickup, destination)
	s.drive(second, "MATCHING", "PICKUP")
	for _, c := range []*client{s.user, s.chair} {
		f := n.open(c)
		f.expect(first, statuses...)
		f.expect(second, "MATCHING", "ENROUTE", "PICKUP")
	}
}

// reconnect: between any two statuses of two rides the client goes and comes back. It is
// never told an older status than the last one it had, nor the older ride once it knows
// the newer one (traps T4 and T10).
func (n notifications) reconnect(s *scene, c *client) {
	t := s.p.t
	lastRide, last := "", ""
	for range 2 {
		ride := s.user.request(pickup, destination)
		for _, status := range statuses {
			if status != "MATCHING" {
				s.step(ride, status)
			}
			f := n.open(c)
			m := f.next()
			for m == nil && lastRide == "" || m["ride_id"] == lastRide && m["status"] == last {
				m = f.next() // no ride yet, or once more what was delivered last
			}
			if m["ride_id"] != ride || m["status"] != status {
				t.Fatalf("behind %s of %q comes %v of %v, want %s of %s", last, lastRide, m["status"], m["ride_id"], status, ride)
			}
			f.close()
			f = n.open(c) // nothing has happened meanwhile: the same once more
			f.expect(ride, status)
			f.close()
			lastRide, last = ride, status
		}
	}
}

// rematch: while the chair drives one rider the other waits for it, so that the next
// match follows each rating at once (trap T9).
func (n notifications) rematch(p *process) {
	s := p.scene()
	other, _ := p.user("other", "")
	toChair := n.open(s.chair)
	toChair.next()
	ride := s.user.request(pickup, destination)
	toChair.expect(ride, "MATCHING")
	for range 5 {
		waiting := other.request(pickup, destination)
		s.drive(ride, "MATCHING", "ARRIVED")
		toChair.expect(ride, between("MATCHING", "ARRIVED")...)
		s.step(ride, "COMPLETED")
		toChair.expect(ride, "COMPLETED")
		toChair.expect(waiting, "MATCHING")
		ride, s.user, other = waiting, other, s.user
	}
}

func (n notifications) rematchAway(p *process) {
	s := p.scene()
	other, _ := p.user("other", "")
	ride := s.user.request(pickup, destination)
	s.drive(ride, "MATCHING", "ARRIVED")
	before := n.open(s.chair)
	before.expect(ride, between("", "ARRIVED")...)
	before.close()
	next := other.request(pickup, destination)
	s.user.rate(ride, 5)
	s.chair.accept(next)
	toChair := n.open(s.chair)
	expectAgain(p.t, toChair, ride, "ARRIVED", "COMPLETED")
	toChair.expect(next, "MATCHING", "ENROUTE")
}

// expectAgain is expect of a client that has just connected: the status delivered last
// may come once more before (S6.4, S8).
func expectAgain(t *testing.T, f feed, ride, delivered, then string) {
	t.Helper()
	m := f.next()
	if m["ride_id"] == ride && m["status"] == delivered {
		m = f.next()
	}
	if m["ride_id"] != ride || m["status"] != then {
		t.Fatalf("behind %s comes %v of ride %v, want %s of %s", delivered, m["status"], m["ride_id"], then, ride)
	}
}

// TestSeveralStreams is the rest of line 7 (S6.4, S8): every open stream of an
// account is told every new status, and one that opens in the middle starts with the
// last delivered.
func TestSeveralStreams(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("each stream of a user", func(p *process) {
			s := p.scene()
			severalStreams(s, s.user)
		})
		p.rule("each stream of a chair", func(p *process) {
			s := p.scene()
			severalStreams(s, s.chair)
		})
		p.rule("an abandoned stream takes nothing away", func(p *process) {
			s := p.scene()
			gone, stays := s.user.listen(), s.user.listen()
			gone.next()
			stays.next()
			ride := s.user.request(pickup, destination)
			gone.close()
			stays.expect(ride, "MATCHING")
			for _, status := range between("MATCHING", "COMPLETED") {
				s.user.listen().close() // leaves as soon as it has come
				s.step(ride, status)
				stays.expect(ride, status)
			}
		})
	})
}

// severalStreams opens one more stream at every status.
func severalStreams(s *scene, c *client) {
	streams := []*events{c.listen(), c.listen()}
	for _, e := range streams {
		e.next() // no ride
	}
	ride := s.user.request(pickup, destination)
	for _, status := range statuses {
		if status != "MATCHING" {
			s.step(ride, status)
		}
		for _, e := range streams {
			e.expect(ride, status)
		}
		e := c.listen()
		e.expect(ride, status)
		streams = append(streams, e)
	}
}

// TestParallelPolls is the same for polling: every status is told to somebody, and
// nobody is told an older one after a newer one.
func TestParallelPolls(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("all statuses are told in order", func(p *process) {
			s := p.scene()
			const pollers = 4
			told := make([][]string, pollers)
			ride := s.user.request(pickup, destination)
			s.drive(ride, "MATCHING", "COMPLETED")
			p.each(pollers, func(i int) (reply, error) {
				f := polls{c: s.user}
				for len(told[i]) == 0 || told[i][len(told[i])-1] != "COMPLETED" {
					told[i] = append(told[i], f.next()["status"].(string))
				}
				return reply{}, nil
			})
			seen := map[string]bool{}
			for i := range told {
				for k, status := range told[i] {
					seen[status] = true
					if k > 0 && place(status) <= place(told[i][k-1]) {
						p.t.Errorf("client %d is told %v", i, told[i])
					}
				}
			}
			if len(seen) != len(statuses) {
				p.t.Errorf("only %v were told", seen)
			}
		})
		p.rule("once nothing is pending the last status is told again", func(p *process) {
			s := p.scene()
			ride := s.user.request(pickup, destination)
			f := polls{c: s.user}
			f.expect(ride, "MATCHING")
			s.chair.accept(ride)
			f.expect(ride, "ENROUTE")
			for range 3 {
				if m := f.poll(); m["status"] != "ENROUTE" {
					p.t.Errorf("told %v", m)
				}
			}
		})
		p.rule("an assignment shows in MATCHING", assignmentShows)
		p.rule("members", func(p *process) {
			s := p.scene()
			ride := s.user.request(pickup, destination)
			s.chair.accept(ride)
			toUser, toChair := polls{c: s.user}, polls{c: s.chair}
			p.fitsOne(toUser.next(), userNotification(true))
			p.fitsOne(toChair.next(), chairNotification)
		})
	}, "ISURIDE_NOTIFICATION=polling")
}

// assignmentShows: an assignment is no new message, but a poll behind it has the chair
// (S6.4).
func assignmentShows(p *process) {
	s := p.scene()
	s.chair.want(204, "POST", "/api/chair/activity", object{"is_active": false})
	ride := s.user.request(pickup, destination)
	f := polls{c: s.user}
	if m := f.expect(ride, "MATCHING"); m["chair"] != nil {
		p.t.Errorf("before the assignment the chair is %v", m["chair"])
	}
	s.chair.want(204, "POST", "/api/chair/activity", object{"is_active": true})
	eventually(p.t, func() error {
		m := f.poll()
		if chair, ok := m["chair"].(object); m["status"] != "MATCHING" || ok && chair["id"] != s.chair.id {
			p.t.Fatalf("told %v", m)
		} else if ok {
			return nil
		}
		return fmt.Errorf("the chair does not show")
	})
}

// place is a status's place in the order of S5.1.
func place(status string) int { return slices.Index(statuses, status) }
