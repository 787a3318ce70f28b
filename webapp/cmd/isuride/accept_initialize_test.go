package main

import (
	"fmt"
	"sort"
	"sync"
	"testing"
	"time"
)

// TestInitialize is line 15 of appendix D (spec 9.1, trap T32): twice in a row and during
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
		p.start()
		p.nothingOf(old, nil)
		p.owner("owner")
		p.user("user", "") // the names are free again
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

// TestLoad is line 17 of appendix D: many chairs report every 30 ms while hundreds of
// streams are open. All are answered; the latencies are printed, since they are the
// machine's as much as the server's.
func TestLoad(t *testing.T) {
	const chairs, streams, reports = 40, 300, 60
	p := newProcess(t)
	p.bare()
	p.start()
	p.initialize()
	_, register := p.owner("owner")
	fleet := make([]*client, chairs)
	for i := range fleet {
		fleet[i] = p.chair(register, fmt.Sprint("chair", i), "SitEase", at(i, 0))
	}
	open := make([]*events, streams)
	for i := range open {
		open[i] = fleet[i%chairs].listen()
		open[i].next()
	}
	latencies := make([][]time.Duration, chairs)
	var wait sync.WaitGroup
	for i, c := range fleet {
		wait.Go(func() { latencies[i] = c.reportEachTick(reports) })
	}
	wait.Wait()
	var all []time.Duration
	for _, l := range latencies {
		all = append(all, l...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	if len(all) != chairs*reports {
		t.Fatalf("%d reports were answered, want %d", len(all), chairs*reports)
	}
	t.Logf("report p50 %v, p99 %v, longest %v", all[len(all)/2], all[len(all)*99/100], all[len(all)-1])
	user, _ := p.user("user", "")
	ride := user.request(at(0, 0), at(1, 1))
	told := map[*events]bool{} // every open stream of the chair that got the ride
	eventually(t, func() error {
		for _, e := range open {
			select {
			case line := <-e.lines:
				if m := (reply{body: []byte(line)}).object(t); m["ride_id"] == ride {
					told[e] = true
				}
			default:
			}
		}
		if len(told) < streams/chairs {
			return fmt.Errorf("%d streams were told of the ride, want at least %d", len(told), streams/chairs)
		}
		return nil
	})
}

// reportEachTick reports once in 30 ms, as a moving chair does, and never two at once.
func (c *client) reportEachTick(n int) (latencies []time.Duration) {
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	last := int64(0)
	for i := range n {
		<-tick.C
		began := time.Now()
		r, err := c.try("POST", "/api/chair/coordinate", at(i, i))
		if err != nil || r.status != 200 {
			c.t.Errorf("report: %d, %v", r.status, err)
			return latencies
		}
		latencies = append(latencies, time.Since(began))
		recorded := integer(c.t, r.object(c.t)["recorded_at"])
		if recorded <= last {
			c.t.Errorf("recorded_at %d follows %d", recorded, last)
		}
		last = recorded
	}
	return latencies
}
