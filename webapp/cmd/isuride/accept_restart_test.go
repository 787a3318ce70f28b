package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestCompletedAt is line 14 of appendix D (traps T20, T21): one time of completion,
// wherever and whenever it shows.
func TestCompletedAt(t *testing.T) {
	rules(t, func(p *process) {
		p.initialize()
		s := p.scene()
		completed := map[string]int64{}
		ride := func() {
			id := s.arrived()
			completed[id] = s.user.rate(id, 4)
		}
		check := func(when string) {
			t.Helper()
			s.completedAt(when, completed)
		}
		for range 3 {
			ride()
			check("at once")
		}
		p.stop()
		p.start()
		check("after a stop")
		ride()
		p.kill()
		p.start()
		check("after a kill")
	})
}

func (s *scene) completedAt(when string, completed map[string]int64) {
	t := s.p.t
	t.Helper()
	rides := s.user.want(200, "GET", "/api/app/rides", nil)["rides"].([]any)
	if len(rides) != len(completed) {
		t.Errorf("%s: the history has %d rides, want %d", when, len(rides), len(completed))
	}
	for _, v := range rides {
		ride := v.(object)
		at := completed[ride["id"].(string)]
		if got := integer(t, ride["completed_at"]); got != at {
			t.Errorf("%s: the history says %d, the rating said %d", when, got, at)
		}
		s.owner.wantSales(1700, fmt.Sprintf("?since=%d&until=%d", at, at))
		s.owner.wantSales(0, fmt.Sprintf("?since=%d&until=%d", at+1, at))
	}
}

// TestRestart is line 16 of appendix D (S6.4, S9.4): rides in every status, told to
// their users and chairs completely, in part and not at all, go on after a restart with
// what is pending.
func TestRestart(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("in good order", func(p *process) { ridesGoOn(p, p.stop) })
		p.rule("by a kill, and by another one when the tables have everything", func(p *process) {
			ridesGoOn(p, func() { p.kill(); p.start(); p.flushed(); p.kill() })
		})
	})
}

// parted is a ride that a restart finds in a status, with how many statuses its user and
// its chair have read until then.
type parted struct {
	scene
	ride   string
	status int
	told   int
}

// ridesGoOn prepares rides, restarts the server, and drives them all to their end.
func ridesGoOn(p *process, end func()) {
	owner, register := p.owner("owner")
	var rides []*parted
	for status := len(statuses) - 1; status >= 0; status-- { // completed ones first: their chairs leave
		for _, told := range slices.Compact([]int{status + 1, (status + 1) / 2, 0}) {
			rides = append(rides, p.part(owner, register, status, told))
		}
	}
	idle := p.chair(register, "idle", "SitEase", at(300, 300))
	waiting, _ := p.user("waiting", "")
	watcher := p.watcher()
	idle.switches(false)
	asked := answers{
		{owner.cookie, "GET", "/api/owner/chairs", nil}:                                     "",
		{owner.cookie, "GET", "/api/owner/sales", nil}:                                      "",
		{waiting.cookie, "GET", "/api/app/rides", nil}:                                      "",
		{waiting.cookie, "POST", "/api/app/rides/estimated-fare", [4]int{0, 0, 0, 100}}:     "",
		{rides[0].user.cookie, "POST", "/api/app/rides/estimated-fare", [4]int{0, 0, 9, 9}}: "",
	}
	for _, r := range rides {
		asked[question{r.user.cookie, "GET", "/api/app/rides", nil}] = ""
	}
	last := waiting.request(at(300, 300), at(300, 301))
	before := p.ask(asked)
	end()
	if p.cmd == nil {
		p.start()
	}
	before.same(p.t, "after the restart", p.ask(asked))
	for _, r := range rides {
		r.goOn()
	}
	waiting.listen().expect(last, "MATCHING")
	watcher.lists(idle, false, nil)
	idle.switches(true)
	idle.accept(last)
}

// part brings a ride of a new user and a new chair into a status. Both listen until they
// have been told so many statuses.
func (p *process) part(owner *client, register string, status, told int) *parted {
	p.t.Helper()
	name := fmt.Sprintf("%s %d", statuses[status], told)
	r := &parted{scene: scene{p: p, owner: owner}, status: status, told: told}
	r.chair = p.chair(register, name, "SitEase", at(0, 0))
	r.user, _ = p.user(name, "")
	toChair := r.chair.listen()
	toChair.next() // no ride yet
	if told == 0 {
		toChair.leave()
	}
	r.ride = r.user.request(pickup, destination)
	var toUser *events
	if told > 0 {
		toUser = r.user.listen()
	}
	for i := 0; i <= status; i++ {
		if i > 0 {
			r.step(r.ride, statuses[i])
		}
		if i < told {
			toUser.expect(r.ride, statuses[i])
			toChair.expect(r.ride, statuses[i])
		}
		if i == told-1 {
			toUser.leave()
			toChair.leave()
		}
	}
	if status == 0 { // the chair must have it, so that it is not given to a later one
		eventually(p.t, func() error {
			if chair := r.user.nearby("latitude=0&longitude=0")[r.chair.id]; chair != nil {
				return fmt.Errorf("the ride is not assigned")
			}
			return nil
		})
	}
	if status == len(statuses)-1 {
		r.chair.switches(false)
	}
	return r
}

// leave closes a stream and returns when the server knows: until then it may take for read
// what it writes to a connection that is gone.
func (e *events) leave() {
	recipient := "user"
	if strings.HasPrefix(e.c.cookie, "chair") {
		recipient = "chair"
	}
	open := func() float64 { return e.c.p.scrape().value("isuride_streams_open", "recipient", recipient) }
	before := open()
	e.close()
	eventually(e.c.t, func() error {
		if open() == before {
			return errors.New("the stream is open still")
		}
		return nil
	})
}

// goOn: new streams begin with the last status that was read, once more, or with the
// first that was not; nothing is left out. Then the ride goes on.
func (r *parted) goOn() {
	t := r.p.t
	t.Helper()
	toUser, toChair := r.user.listen(), r.chair.listen()
	for _, stream := range []*events{toUser, toChair} {
		first := stream.next()
		at := r.told
		if at > 0 && first["status"] == statuses[at-1] {
			at-- // the repetition
		}
		if at >= len(statuses) || first["ride_id"] != r.ride || first["status"] != statuses[at] {
			t.Errorf("%s, told %d: the stream begins with %v of %v", statuses[r.status], r.told, first["status"], first["ride_id"])
			return
		}
		if at < r.status {
			stream.expect(r.ride, statuses[at+1:r.status+1]...)
		}
	}
	for _, status := range between(statuses[r.status], "COMPLETED") {
		r.step(r.ride, status)
		toUser.expect(r.ride, status)
		toChair.expect(r.ride, status)
	}
	r.p.paidOnce(r.ride)
	r.chair.switches(false)
}

// flushed returns when everything recorded is in the database.
func (p *process) flushed() {
	p.t.Helper()
	eventually(p.t, func() error {
		if n := p.scrape().value("isuride_flush_backlog"); n > 0 {
			return fmt.Errorf("%v events are not in the database", n)
		}
		return nil
	})
}
