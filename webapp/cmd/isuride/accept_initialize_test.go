package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestInitialize is line 15 of appendix D (S9.1, trap T32): twice in a row and during
// traffic; nothing of the old generation shows in the new one, also after restarts.
func TestInitialize(t *testing.T) {
	dialects(t, func(t *testing.T, p *process) {
		p.bare()
		p.start()
		p.initialize()
		owner, register := p.owner("owner")
		chair := p.chair(register, "chair", "SitEase", at(0, 0))
		user, _ := p.user("user", "")
		old := []*client{owner, chair, user}
		ride := user.request(at(0, 0), at(3, 3))
		toUser := user.listen()
		toUser.expect(ride, "MATCHING")

		stop := make(chan struct{})
		var traffic sync.WaitGroup
		for _, c := range old {
			traffic.Go(func() { c.keepCalling(stop) })
		}
		for range 3 {
			began := time.Now()
			p.initialize()
			t.Logf("initialize took %v", time.Since(began).Round(time.Millisecond))
		}
		close(stop)
		traffic.Wait()
		p.nothingOf(old, toUser)

		p.kill()
		p.start()
		p.nothingOf(old, nil)
		p.stop()
		p.onlyInitial()
		p.start()
		p.nothingOf(old, nil)
		p.owner("owner")
		p.user("user", "") // the names are free again
	})
}

// onlyInitial looks into the tables for rows of the old generation: a cut of it that came
// late would have left some. Visitors registered behind it, and have no rides.
func (p *process) onlyInitial() {
	p.tb.Helper()
	rows := p.tables()
	visitors := len(rows.Users)
	for _, u := range rows.Users {
		if !strings.HasPrefix(u.Username, "visitor") {
			p.tb.Errorf("user %s of the old generation has a row", u.Username)
		}
	}
	rows.ChairModels, rows.Settings = nil, nil
	if n := rows.Rows(); n != 3*visitors { // user, token, coupon
		p.tb.Errorf("beside those of %d visitors there are rows: %+v", visitors, rows)
	}
}

// TestInitializeDuringPayment: a payment under way belongs to the old generation. Its
// rating is not answered as done, and neither the gateway's late answer nor a restart
// brings it into the new one (S9.1 point 1).
func TestInitializeDuringPayment(t *testing.T) {
	rules(t, func(p *process) {
		gate := p.gate()
		s := p.scene()
		ride := s.arrived()
		gate.hold()
		rated := make(chan reply, 1)
		go func() {
			r, err := s.user.try("POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5})
			if err != nil {
				t.Error(err)
			}
			rated <- r
		}()
		gate.await(ride)
		p.initialize()
		if r := <-rated; r.status != 502 && r.status != 503 {
			t.Errorf("the rating is answered %d %s", r.status, r.body)
		}
		gate.release()
		next := p.scene() // with the same names
		id := next.arrived()
		at := next.user.rate(id, 5)
		check := func(when string) {
			p.paidOnce(id)
			next.completedAt(when, map[string]int64{id: at})
			if r := next.user.call("POST", "/api/app/rides/"+ride+"/evaluation", object{"evaluation": 5}); r.status != 404 {
				t.Errorf("%s: the old ride is answered %d %s", when, r.status, r.body)
			}
		}
		check("after initialize")
		p.kill()
		p.start()
		check("after a kill")
		if n := len(gate.arrived); n > 0 {
			t.Errorf("%d payments more came to the old gateway", n)
		}
	})
}

// TestKillDuringInitialize: the server that starts after it has either the old generation
// or the new one, whole.
func TestKillDuringInitialize(t *testing.T) {
	rng := rand.New(rand.NewPCG(newSeed(t), 0))
	delays := []time.Duration{}
	for range 8 {
		delays = append(delays, time.Duration(rng.IntN(60))*time.Millisecond)
	}
	rules(t, func(p *process) {
		p.initialize()
		kept := 0
		for i, delay := range delays {
			s := p.scene()
			id := s.arrived()
			at := s.user.rate(id, 4)
			p.anonymous().call("GET", "/", nil) // so that a connection is there
			done := make(chan error, 1)
			go func() {
				r, err := p.anonymous().try("POST", "/api/initialize", object{"payment_server": p.gatewayURL})
				if err == nil && r.status != 200 {
					err = fmt.Errorf("initialize is answered %d %s", r.status, r.body)
				}
				done <- err
			}()
			<-time.After(delay) // a random point of initialize, which takes some 100 ms
			p.kill()
			answered := <-done == nil
			p.start()
			switch r := s.user.call("GET", "/api/app/rides", nil); {
			case r.status == 200 && !answered:
				kept++
				s.completedAt("in the old generation", map[string]int64{id: at})
			case r.status == 401:
				p.nothingOf([]*client{s.owner, s.chair, s.user}, nil)
			default:
				t.Errorf("kill %d: initialize was answered: %v, then the old user %d %s", i, answered, r.status, r.body)
			}
			p.initialize() // as whoever got no answer does
		}
		t.Logf("the old generation was found %d times", kept)
	})
}

// TestParallelInitialize: each of several at once is answered as done, and the server is
// usable afterwards.
func TestParallelInitialize(t *testing.T) {
	rules(t, func(p *process) {
		counts := p.each(3, func(int) (reply, error) {
			return p.anonymous().try("POST", "/api/initialize", object{"payment_server": p.gatewayURL})
		})
		if counts[200] != 3 {
			t.Errorf("three at once are answered %v", counts)
		}
		p.scene().ride()
	})
}

// keepCalling makes calls of which those after initialize fail, but none hangs.
func (c *client) keepCalling(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		for _, call := range [][2]string{
			{"POST", "/api/chair/coordinate"}, {"POST", "/api/app/rides/estimated-fare"}, {"POST", "/api/owner/owners"}, {"GET", "/api/owner/chairs"},
		} {
			r, err := c.try(call[0], call[1], trip(at(1, 1), at(2, 2)))
			if err != nil || r.status == 500 {
				c.t.Errorf("%s %s during initialize: %d, %v", call[0], call[1], r.status, err)
				return
			}
		}
	}
}

// nothingOf checks that no account of the old generation is known, and that its streams
// have ended.
func (p *process) nothingOf(old []*client, stream *events) {
	p.tb.Helper()
	for i, path := range []string{"/api/owner/chairs", "/api/chair/notification", "/api/app/rides"} {
		if r := old[i].call("GET", path, nil); r.status != 401 {
			p.tb.Errorf("GET %s with a session of the old generation answers %d", path, r.status)
		}
	}
	visitor, _ := p.user(unusedName(), "")
	near := visitor.want(200, "GET", "/api/app/nearby-chairs?latitude=0&longitude=0&distance=1000", nil)["chairs"].([]any)
	if len(near) != 0 {
		p.tb.Errorf("chairs of the old generation are listed: %v", near)
	}
	if stream == nil {
		return
	}
	select {
	case line, ok := <-stream.lines:
		if ok {
			p.tb.Errorf("the old stream goes on with %s", line)
		}
	case <-time.After(tellLimit):
		p.tb.Error("the old stream does not end")
	}
}

var unusedNames struct {
	sync.Mutex
	n int
}

func unusedName() string {
	unusedNames.Lock()
	defer unusedNames.Unlock()
	unusedNames.n++
	return fmt.Sprint("visitor", unusedNames.n)
}
