package crash

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"isuride/webapp/servertest"
)

// TestKillDuringInitialize: the server that starts after it has either the old generation
// or the new one, whole.
func TestKillDuringInitialize(t *testing.T) {
	rng := rand.New(rand.NewPCG(newSeed(t), 0))
	delays := []time.Duration{}
	for range 8 {
		delays = append(delays, time.Duration(rng.IntN(60))*time.Millisecond)
	}
	servertest.Rules(t, func(p *servertest.Process) {
		p.Initialize()
		kept := 0
		for i, delay := range delays {
			s := p.Scene()
			id := s.Arrived()
			at := s.User.Rate(id, 4)
			p.Anonymous().Call("GET", "/", nil) // so that a connection is there
			done := make(chan error, 1)
			go func() {
				r, err := p.Anonymous().Try("POST", "/api/initialize", servertest.Object{"payment_server": p.GatewayURL})
				if err == nil && r.Status != 200 {
					err = fmt.Errorf("initialize is answered %d %s", r.Status, r.Body)
				}
				done <- err
			}()
			<-time.After(delay) // a random point of initialize, which takes some 100 ms
			p.Kill()
			answered := <-done == nil
			p.Start()
			switch r := s.User.Call("GET", "/api/app/rides", nil); {
			case r.Status == 200 && !answered:
				kept++
				s.CompletedAt("in the old generation", map[string]int64{id: at})
			case r.Status == 401:
				p.NothingOf([]*servertest.Client{s.Owner, s.Chair, s.User}, nil)
			default:
				t.Errorf("kill %d: initialize was answered: %v, then the old user %d %s", i, answered, r.Status, r.Body)
			}
			p.Initialize() // as a client does that got no answer
		}
		t.Logf("the old generation was found %d times", kept)
	})
}
