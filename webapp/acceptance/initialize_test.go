package acceptance

import (
	"strings"
	"sync"
	"testing"
	"time"

	"isuride/webapp/servertest"
)

// TestInitialize is line 15 of appendix D (S9.1, trap T32): twice in a row and during
// traffic; nothing of the old generation shows in the new one, also after restarts.
func TestInitialize(t *testing.T) {
	servertest.Dialects(t, func(t *testing.T, p *servertest.Process) {
		p.Bare()
		p.Start()
		p.Initialize()
		owner, register := p.Owner("owner")
		chair := p.Chair(register, "chair", "SitEase", servertest.At(0, 0))
		user, _ := p.User("user", "")
		old := []*servertest.Client{owner, chair, user}
		ride := user.Request(servertest.At(0, 0), servertest.At(3, 3))
		toUser := user.Listen()
		toUser.Expect(ride, "MATCHING")

		stop := make(chan struct{})
		var traffic sync.WaitGroup
		for _, c := range old {
			traffic.Go(func() { keepCalling(c, stop) })
		}
		for range 3 {
			began := time.Now()
			p.Initialize()
			t.Logf("initialize took %v", time.Since(began).Round(time.Millisecond))
		}
		close(stop)
		traffic.Wait()
		p.NothingOf(old, toUser)

		p.Kill()
		p.Start()
		p.NothingOf(old, nil)
		p.Stop()
		onlyInitial(p)
		p.Start()
		p.NothingOf(old, nil)
		p.Owner("owner")
		p.User("user", "") // the names are free again
	})
}

// onlyInitial looks into the tables for rows of the old generation: a cut of it that came
// late would have left some. Visitors registered after it, and have no rides.
func onlyInitial(p *servertest.Process) {
	p.TB.Helper()
	rows := p.Tables()
	visitors := len(rows.Users)
	for _, u := range rows.Users {
		if !strings.HasPrefix(u.Username, "visitor") {
			p.TB.Errorf("user %s of the old generation has a row", u.Username)
		}
	}
	rows.ChairModels, rows.Settings = nil, nil
	if n := rows.Rows(); n != 3*visitors { // user, token, coupon
		p.TB.Errorf("there are rows other than those of %d visitors: %+v", visitors, rows)
	}
}

// TestInitializeDuringPayment: a payment under way belongs to the old generation. Its
// rating is not answered as done, and neither the gateway's late answer nor a restart
// brings it into the new one (S9.1 point 1).
func TestInitializeDuringPayment(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		gate := newGate(p)
		s := p.Scene()
		ride := s.Arrived()
		gate.hold()
		rated := make(chan servertest.Reply, 1)
		go func() {
			r, err := s.User.Try("POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": 5})
			if err != nil {
				t.Error(err)
			}
			rated <- r
		}()
		gate.await(ride)
		p.Initialize()
		if r := <-rated; r.Status != 502 && r.Status != 503 {
			t.Errorf("the rating is answered %d %s", r.Status, r.Body)
		}
		gate.forget() // attempts of before: an initialize may take longer than one of them
		gate.release()
		next := p.Scene() // with the same names
		id := next.Arrived()
		at := next.User.Rate(id, 5)
		check := func(when string) {
			p.PaidOnce(id)
			next.CompletedAt(when, map[string]int64{id: at})
			if r := next.User.Call("POST", "/api/app/rides/"+ride+"/evaluation", servertest.Object{"evaluation": 5}); r.Status != 404 {
				t.Errorf("%s: the old ride is answered %d %s", when, r.Status, r.Body)
			}
		}
		check("after initialize")
		p.Kill()
		p.Start()
		check("after a kill")
		if n := len(gate.arrived); n > 0 {
			t.Errorf("%d payments more came to the old gateway", n)
		}
	})
}

// TestParallelInitialize: each of several at once is answered as done, and the server is
// usable afterwards.
func TestParallelInitialize(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		counts := each(p, 3, func(int) (servertest.Reply, error) {
			return p.Anonymous().Try("POST", "/api/initialize", servertest.Object{"payment_server": p.GatewayURL})
		})
		if counts[200] != 3 {
			t.Errorf("three at once are answered %v", counts)
		}
		p.Scene().Ride()
	})
}

// keepCalling makes calls of which those after initialize fail, but none hangs.
func keepCalling(c *servertest.Client, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		for _, call := range [][2]string{
			{"POST", "/api/chair/coordinate"}, {"POST", "/api/app/rides/estimated-fare"}, {"POST", "/api/owner/owners"}, {"GET", "/api/owner/chairs"},
		} {
			r, err := c.Try(call[0], call[1], servertest.Trip(servertest.At(1, 1), servertest.At(2, 2)))
			if err != nil || r.Status == 500 {
				c.T.Errorf("%s %s during initialize: %d, %v", call[0], call[1], r.Status, err)
				return
			}
		}
	}
}
