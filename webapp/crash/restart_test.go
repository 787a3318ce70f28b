package crash

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"isuride/webapp/servertest"
)

// TestCompletedAt is line 14 of appendix D (traps T20, T21): one time of completion,
// wherever and whenever it shows.
func TestCompletedAt(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Initialize()
		s := p.Scene()
		completed := map[string]int64{}
		ride := func() {
			id := s.Arrived()
			completed[id] = s.User.Rate(id, 4)
		}
		check := func(when string) {
			t.Helper()
			s.CompletedAt(when, completed)
		}
		for range 3 {
			ride()
			check("at once")
		}
		p.Stop()
		p.Start()
		check("after a stop")
		ride()
		p.Kill()
		p.Start()
		check("after a kill")
	})
}

// TestRestart is line 16 of appendix D (S6.4, S9.4): rides in every status, read by
// their users and chairs completely, in part and not at all, go on after a restart with
// what is pending.
func TestRestart(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("in good order", func(p *servertest.Process) { ridesGoOn(p, p.Stop) })
		p.Rule("by a kill, and by another one when the tables have everything", func(p *servertest.Process) {
			ridesGoOn(p, func() { p.Kill(); p.Start(); p.Flushed(); p.Kill() })
		})
	})
}

// parted is a ride that a restart finds in a status, with how many statuses its user and
// its chair have read until then.
type parted struct {
	servertest.Scene
	ride   string
	status int
	read   int
}

// ridesGoOn prepares rides, restarts the server, and drives them all to their end.
func ridesGoOn(p *servertest.Process, end func()) {
	owner, register := p.Owner("owner")
	var rides []*parted
	for status := len(servertest.Statuses) - 1; status >= 0; status-- { // completed ones first: their chairs leave
		for _, read := range slices.Compact([]int{status + 1, (status + 1) / 2, 0}) {
			rides = append(rides, part(p, owner, register, status, read))
		}
	}
	idle := p.Chair(register, "idle", "SitEase", servertest.At(300, 300))
	waiting, _ := p.User("waiting", "")
	watcher := p.Watcher()
	idle.Switches(false)
	asked := servertest.Answers{
		owner.Question("GET", "/api/owner/chairs", nil):                                     "",
		owner.Question("GET", "/api/owner/sales", nil):                                      "",
		waiting.Question("GET", "/api/app/rides", nil):                                      "",
		waiting.Question("POST", "/api/app/rides/estimated-fare", [4]int{0, 0, 0, 100}):     "",
		rides[0].User.Question("POST", "/api/app/rides/estimated-fare", [4]int{0, 0, 9, 9}): "",
	}
	for _, r := range rides {
		asked[r.User.Question("GET", "/api/app/rides", nil)] = ""
	}
	last := waiting.Request(servertest.At(300, 300), servertest.At(300, 301))
	before := p.Ask(asked)
	end()
	if p.Cmd == nil {
		p.Start()
	}
	before.Same(p.T, "after the restart", p.Ask(asked))
	for _, r := range rides {
		r.goOn()
	}
	waiting.Listen().Expect(last, "MATCHING")
	watcher.Lists(idle, false, nil)
	idle.Switches(true)
	idle.Accept(last)
}

// part brings a ride of a new user and a new chair into a status. Both listen until they
// have read so many statuses.
func part(p *servertest.Process, owner *servertest.Client, register string, status, read int) *parted {
	p.T.Helper()
	name := fmt.Sprintf("%s %d", servertest.Statuses[status], read)
	r := &parted{Scene: servertest.Scene{Process: p, Owner: owner}, status: status, read: read}
	r.Chair = p.Chair(register, name, "SitEase", servertest.At(0, 0))
	r.User, _ = p.User(name, "")
	toChair := r.Chair.Listen()
	toChair.Next() // no ride yet
	if read == 0 {
		leave(toChair)
	}
	r.ride = r.User.Request(servertest.Pickup, servertest.Destination)
	var toUser *servertest.Stream
	if read > 0 {
		toUser = r.User.Listen()
	}
	for i := 0; i <= status; i++ {
		if i > 0 {
			r.Step(r.ride, servertest.Statuses[i])
		}
		if i < read {
			toUser.Expect(r.ride, servertest.Statuses[i])
			toChair.Expect(r.ride, servertest.Statuses[i])
		}
		if i == read-1 {
			leave(toUser)
			leave(toChair)
		}
	}
	if status == 0 { // the chair must have it, so that it is not given to a later one
		servertest.Eventually(p.T, func() error {
			if chair := r.User.Nearby("latitude=0&longitude=0")[r.Chair.ID]; chair != nil {
				return fmt.Errorf("the ride is not assigned")
			}
			return nil
		})
	}
	if status == len(servertest.Statuses)-1 {
		r.Chair.Switches(false)
	}
	return r
}

// leave closes a stream and returns when the server knows: until then it may take for read
// what it writes to a connection that is gone.
func leave(e *servertest.Stream) {
	recipient := "user"
	if strings.HasPrefix(e.Client.Cookie, "chair") {
		recipient = "chair"
	}
	open := func() float64 { return e.Client.Process.Scrape().Value("isuride_streams_open", "recipient", recipient) }
	before := open()
	e.Close()
	servertest.Eventually(e.Client.T, func() error {
		if open() == before {
			return errors.New("the stream is open still")
		}
		return nil
	})
}

// goOn: new streams begin with the last status that was read, once more, or with the
// first that was not; nothing is left out. Then the ride goes on.
func (r *parted) goOn() {
	t := r.Process.T
	t.Helper()
	toUser, toChair := r.User.Listen(), r.Chair.Listen()
	for _, stream := range []*servertest.Stream{toUser, toChair} {
		first := stream.Next()
		at := r.read
		if at > 0 && first["status"] == servertest.Statuses[at-1] {
			at-- // the repetition
		}
		if at >= len(servertest.Statuses) || first["ride_id"] != r.ride || first["status"] != servertest.Statuses[at] {
			t.Errorf("%s, %d read: the stream begins with %v of %v", servertest.Statuses[r.status], r.read, first["status"], first["ride_id"])
			return
		}
		if at < r.status {
			stream.Expect(r.ride, servertest.Statuses[at+1:r.status+1]...)
		}
	}
	for _, status := range servertest.Between(servertest.Statuses[r.status], "COMPLETED") {
		r.Step(r.ride, status)
		toUser.Expect(r.ride, status)
		toChair.Expect(r.ride, status)
	}
	r.Process.PaidOnce(r.ride)
	r.Chair.Switches(false)
}
