package acceptance

import (
	"fmt"
	"slices"
	"testing"

	"isuride/webapp/servertest"
)

// TestNotifications is lines 7 and 9 of appendix D (S6.3 to S6.7), over event streams
// and over polling.
func TestNotifications(t *testing.T) {
	t.Parallel()
	for _, transport := range []struct {
		name string
		open func(c *servertest.Client) feed
		env  []string
	}{
		{"streams", func(c *servertest.Client) feed { return c.Listen() }, nil},
		{"polling", func(c *servertest.Client) feed { return &polls{c: c} }, []string{"ISURIDE_NOTIFICATION=polling"}},
	} {
		t.Run(transport.name, func(t *testing.T) {
			servertest.Rules(t, func(p *servertest.Process) {
				n := notifications{transport.open}
				p.Rule("null without a ride", n.nullWithoutRide)
				p.Rule("all statuses in order over two rides", n.twoRides)
				p.Rule("a client that connects late gets everything", n.late)
				p.Rule("a user that reconnects goes on where it was", func(p *servertest.Process) {
					s := p.Scene()
					n.reconnect(s, s.User)
				})
				p.Rule("a chair that reconnects goes on where it was", func(p *servertest.Process) {
					s := p.Scene()
					n.reconnect(s, s.Chair)
				})
				p.Rule("COMPLETED comes before MATCHING of the next ride", n.rematch)
				p.Rule("COMPLETED comes first also for a chair that was away", n.rematchAway)
			}, transport.env...)
		})
	}
}

// feed is one client's reading of its notifications.
type feed interface {
	// next is the next message that is not the one before again; nil means "no ride".
	Next() servertest.Object
	Expect(ride string, statuses ...string) servertest.Object
	Close()
}

// polls reads notifications by asking again and again (S6.1).
type polls struct {
	c    *servertest.Client
	last string // ride and status of the last message
}

// poll asks once.
func (f *polls) poll() servertest.Object {
	f.c.T.Helper()
	r := f.c.Call("GET", f.c.NotificationPath(), nil)
	if r.Status != 200 || r.Header.Get("Content-Type") != servertest.JSONType {
		f.c.T.Fatalf("a poll answers %d %s as %s", r.Status, r.Body, r.Header.Get("Content-Type"))
	}
	o := r.Object(f.c.T)
	if pause := servertest.Integer(f.c.T, o["retry_after_ms"]); pause != 30 || len(o) != 2 {
		f.c.T.Errorf("a poll answers %s, want data and a pause of 30 ms", r.Body)
	}
	message, _ := o["data"].(servertest.Object)
	return message
}

func (f *polls) Next() (message servertest.Object) {
	f.c.T.Helper()
	servertest.Eventually(f.c.T, func() error {
		message = f.poll()
		if key := fmt.Sprint(message["ride_id"], message["status"]); key != f.last {
			f.last = key
			return nil
		}
		return fmt.Errorf("nothing follows %s", f.last)
	})
	return message
}

func (f *polls) Expect(ride string, statuses ...string) (last servertest.Object) {
	f.c.T.Helper()
	for _, want := range statuses {
		last = f.Next()
		if last["status"] != want || last["ride_id"] != ride {
			f.c.T.Fatalf("told %v of ride %v, want %s of %s", last["status"], last["ride_id"], want, ride)
		}
	}
	return last
}

func (f *polls) Close() {}

// notifications are the rules of both transports.
type notifications struct{ open func(*servertest.Client) feed }

func (n notifications) nullWithoutRide(p *servertest.Process) {
	s := p.Scene()
	toUser, toChair := n.open(s.User), n.open(s.Chair)
	for _, f := range []feed{toUser, toChair} {
		if m := f.Next(); m != nil {
			p.T.Errorf("without a ride %v comes", m)
		}
	}
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	toUser.Expect(ride, "MATCHING") // and nothing more before it
	toChair.Expect(ride, "MATCHING")
}

// twoRides: both sides get the six statuses of one ride and then those of the
// next, each once.
func (n notifications) twoRides(p *servertest.Process) {
	s := p.Scene()
	toUser, toChair := n.open(s.User), n.open(s.Chair)
	toUser.Next()
	toChair.Next()
	for range 2 {
		ride := s.User.Request(servertest.Pickup, servertest.Destination)
		m := toUser.Expect(ride, "MATCHING")
		n.same(p, m, servertest.Object{"pickup_coordinate": servertest.Pickup, "destination_coordinate": servertest.Destination})
		m = toChair.Expect(ride, "MATCHING")
		n.same(p, m, servertest.Object{"pickup_coordinate": servertest.Pickup, "destination_coordinate": servertest.Destination,
			"user": servertest.Object{"id": s.User.ID, "name": "Ann Lee"}})
		for _, status := range servertest.Between("MATCHING", "COMPLETED") {
			s.Step(ride, status)
			m := toUser.Expect(ride, status)
			chair := m["chair"].(servertest.Object)
			if chair["id"] != s.Chair.ID || chair["name"] != "chair" || chair["model"] != "SitEase" {
				p.T.Errorf("the message has the chair %v", chair)
			}
			toChair.Expect(ride, status)
		}
	}
}

// same compares members as they print.
func (n notifications) same(p *servertest.Process, message, want servertest.Object) {
	p.T.Helper()
	for name, value := range want {
		if fmt.Sprint(message[name]) != fmt.Sprint(value) {
			p.T.Errorf("%s is %v, want %v", name, message[name], value)
		}
	}
}

// late: nobody listens during a whole ride and half of the next; then both are told
// everything in order, across the rides (S6.4 point 1).
func (n notifications) late(p *servertest.Process) {
	s := p.Scene()
	first := s.Ride()
	second := s.User.Request(servertest.Pickup, servertest.Destination)
	s.Drive(second, "MATCHING", "PICKUP")
	for _, c := range []*servertest.Client{s.User, s.Chair} {
		f := n.open(c)
		f.Expect(first, servertest.Statuses...)
		f.Expect(second, "MATCHING", "ENROUTE", "PICKUP")
	}
}

// reconnect: between any two statuses of two rides the client goes and comes back. It is
// never told an older status than the last one it had, nor the older ride once it knows
// the newer one (traps T4 and T10).
func (n notifications) reconnect(s *servertest.Scene, c *servertest.Client) {
	t := s.Process.T
	lastRide, last := "", ""
	for range 2 {
		ride := s.User.Request(servertest.Pickup, servertest.Destination)
		for _, status := range servertest.Statuses {
			if status != "MATCHING" {
				s.Step(ride, status)
			}
			f := n.open(c)
			m := f.Next()
			for m == nil && lastRide == "" || m["ride_id"] == lastRide && m["status"] == last {
				m = f.Next() // no ride yet, or once more what was delivered last
			}
			if m["ride_id"] != ride || m["status"] != status {
				t.Fatalf("after %s of %q comes %v of %v, want %s of %s", last, lastRide, m["status"], m["ride_id"], status, ride)
			}
			f.Close()
			f = n.open(c) // nothing has happened meanwhile: the same once more
			f.Expect(ride, status)
			f.Close()
			lastRide, last = ride, status
		}
	}
}

// rematch: while the chair drives one rider the other waits for it, so that the next
// match follows each rating at once (trap T9).
func (n notifications) rematch(p *servertest.Process) {
	s := p.Scene()
	other, _ := p.User("other", "")
	toChair := n.open(s.Chair)
	toChair.Next()
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	toChair.Expect(ride, "MATCHING")
	for range 5 {
		waiting := other.Request(servertest.Pickup, servertest.Destination)
		s.Drive(ride, "MATCHING", "ARRIVED")
		toChair.Expect(ride, servertest.Between("MATCHING", "ARRIVED")...)
		s.Step(ride, "COMPLETED")
		toChair.Expect(ride, "COMPLETED")
		toChair.Expect(waiting, "MATCHING")
		ride, s.User, other = waiting, other, s.User
	}
}

func (n notifications) rematchAway(p *servertest.Process) {
	s := p.Scene()
	other, _ := p.User("other", "")
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	s.Drive(ride, "MATCHING", "ARRIVED")
	before := n.open(s.Chair)
	before.Expect(ride, servertest.Between("", "ARRIVED")...)
	before.Close()
	next := other.Request(servertest.Pickup, servertest.Destination)
	s.User.Rate(ride, 5)
	s.Chair.Accept(next)
	toChair := n.open(s.Chair)
	expectAgain(p.T, toChair, ride, "ARRIVED", "COMPLETED")
	toChair.Expect(next, "MATCHING", "ENROUTE")
}

// expectAgain is expect of a client that has just connected: the status delivered last
// may come once more before (S6.4, S8).
func expectAgain(t *testing.T, f feed, ride, delivered, then string) {
	t.Helper()
	m := f.Next()
	if m["ride_id"] == ride && m["status"] == delivered {
		m = f.Next()
	}
	if m["ride_id"] != ride || m["status"] != then {
		t.Fatalf("after %s comes %v of ride %v, want %s of %s", delivered, m["status"], m["ride_id"], then, ride)
	}
}

// TestSeveralStreams is the rest of line 7 (S6.4, S8): every open stream of an
// account gets every new status, and one that opens in the middle starts with the
// last delivered.
func TestSeveralStreams(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("each stream of a user", func(p *servertest.Process) {
			s := p.Scene()
			severalStreams(s, s.User)
		})
		p.Rule("each stream of a chair", func(p *servertest.Process) {
			s := p.Scene()
			severalStreams(s, s.Chair)
		})
		p.Rule("an abandoned stream takes nothing away", func(p *servertest.Process) {
			s := p.Scene()
			gone, stays := s.User.Listen(), s.User.Listen()
			gone.Next()
			stays.Next()
			ride := s.User.Request(servertest.Pickup, servertest.Destination)
			gone.Close()
			stays.Expect(ride, "MATCHING")
			for _, status := range servertest.Between("MATCHING", "COMPLETED") {
				s.User.Listen().Close() // leaves as soon as it has come
				s.Step(ride, status)
				stays.Expect(ride, status)
			}
		})
	})
}

// severalStreams opens one more stream at every status.
func severalStreams(s *servertest.Scene, c *servertest.Client) {
	streams := []*servertest.Stream{c.Listen(), c.Listen()}
	for _, e := range streams {
		e.Next() // no ride
	}
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	for _, status := range servertest.Statuses {
		if status != "MATCHING" {
			s.Step(ride, status)
		}
		for _, e := range streams {
			e.Expect(ride, status)
		}
		e := c.Listen()
		e.Expect(ride, status)
		streams = append(streams, e)
	}
}

// TestParallelPolls is the same for polling: every status reaches some client, and none
// gets an older one after a newer one.
func TestParallelPolls(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("all statuses come in order", func(p *servertest.Process) {
			s := p.Scene()
			const pollers = 4
			told := make([][]string, pollers)
			ride := s.User.Request(servertest.Pickup, servertest.Destination)
			s.Drive(ride, "MATCHING", "COMPLETED")
			each(p, pollers, func(i int) (servertest.Reply, error) {
				f := polls{c: s.User}
				for len(told[i]) == 0 || told[i][len(told[i])-1] != "COMPLETED" {
					told[i] = append(told[i], f.Next()["status"].(string))
				}
				return servertest.Reply{}, nil
			})
			seen := map[string]bool{}
			for i := range told {
				for k, status := range told[i] {
					seen[status] = true
					if k > 0 && place(status) <= place(told[i][k-1]) {
						p.T.Errorf("client %d gets %v", i, told[i])
					}
				}
			}
			if len(seen) != len(servertest.Statuses) {
				p.T.Errorf("only %v came", seen)
			}
		})
		p.Rule("once nothing is pending the last status comes again", func(p *servertest.Process) {
			s := p.Scene()
			ride := s.User.Request(servertest.Pickup, servertest.Destination)
			f := polls{c: s.User}
			f.Expect(ride, "MATCHING")
			s.Chair.Accept(ride)
			f.Expect(ride, "ENROUTE")
			for range 3 {
				if m := f.poll(); m["status"] != "ENROUTE" {
					p.T.Errorf("told %v", m)
				}
			}
		})
		p.Rule("an assignment shows in MATCHING", assignmentShows)
		p.Rule("members", func(p *servertest.Process) {
			s := p.Scene()
			ride := s.User.Request(servertest.Pickup, servertest.Destination)
			s.Chair.Accept(ride)
			toUser, toChair := polls{c: s.User}, polls{c: s.Chair}
			fitsOne(p, toUser.Next(), userNotification(true))
			fitsOne(p, toChair.Next(), chairNotification)
		})
	}, "ISURIDE_NOTIFICATION=polling")
}

// assignmentShows: an assignment is no new message, but a poll after it has the chair
// (S6.4).
func assignmentShows(p *servertest.Process) {
	s := p.Scene()
	s.Chair.Want(204, "POST", "/api/chair/activity", servertest.Object{"is_active": false})
	ride := s.User.Request(servertest.Pickup, servertest.Destination)
	f := polls{c: s.User}
	if m := f.Expect(ride, "MATCHING"); m["chair"] != nil {
		p.T.Errorf("before the assignment the chair is %v", m["chair"])
	}
	s.Chair.Want(204, "POST", "/api/chair/activity", servertest.Object{"is_active": true})
	servertest.Eventually(p.T, func() error {
		m := f.poll()
		if chair, ok := m["chair"].(servertest.Object); m["status"] != "MATCHING" || ok && chair["id"] != s.Chair.ID {
			p.T.Fatalf("told %v", m)
		} else if ok {
			return nil
		}
		return fmt.Errorf("the chair does not show")
	})
}

// place is a status's place in the order of S5.1.
func place(status string) int { return slices.Index(servertest.Statuses, status) }
