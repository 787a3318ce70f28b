package acceptance

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"isuride/webapp/servertest"
)

// TestLoad is line 17 of appendix D: many chairs report every 30 ms and hundreds of
// streams are open, while others ride. Answers and messages are as on an idle
// server; the latencies are only printed, since they are the machine's as much as the
// server's.
func TestLoad(t *testing.T) {
	const wanderers, streams, reports, riders, rides = 40, 300, 60, 5, 3
	servertest.Rules(t, func(p *servertest.Process) {
		p.Initialize()
		owner, register := p.Owner("owner")
		fleet(p, register, riders)
		var users, chairs []*servertest.Client
		for i := range riders {
			user, _ := p.User(fmt.Sprint("rider ", i), "")
			users = append(users, user)
		}
		for i := range wanderers {
			chair := p.Chair(register, fmt.Sprint("wanderer ", i), "SitEase", servertest.At(0, 0))
			chair.Switches(false) // reports, but gets no ride
			chairs = append(chairs, chair)
		}
		var idle []*servertest.Stream
		for i := range streams {
			idle = append(idle, chairs[i%wanderers].Listen())
		}
		latencies := make([][]time.Duration, wanderers)
		var wandering sync.WaitGroup
		for i, chair := range chairs {
			wandering.Go(func() { latencies[i] = wander(chair, reports) })
		}
		servertest.Together(t, riders, func(i int) error {
			for range rides {
				if _, _, err := travel(users[i], servertest.Pickup, servertest.Destination); err != nil {
					return err
				}
			}
			return nil
		})
		wandering.Wait()
		owner.WantSales(riders*rides*1700, "")
		printLatencies(t, slices.Concat(latencies...))
		listed := owner.Listed()
		for _, chair := range chairs {
			if got := servertest.Integer(t, listed[chair.ID]["total_distance"]); got != reports {
				t.Errorf("a chair that made %d steps has the distance %d", reports, got)
			}
		}
		for _, stream := range idle {
			if m := stream.Next(); m != nil {
				t.Errorf("a chair without a ride gets %v", m)
			}
			if n := len(stream.Lines); n > 0 {
				t.Errorf("a chair without a ride gets %d more messages", n)
			}
		}
	})
}

// wander makes a step and reports it at each tick of 30 ms, or at the next one if the
// answer has not come until then, as the contest's chairs do.
func wander(c *servertest.Client, steps int) (latencies []time.Duration) {
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	last := int64(0)
	for i := range steps {
		<-tick.C
		began := time.Now()
		o, err := do(c, 200, "POST", "/api/chair/coordinate", servertest.At(0, i+1))
		if err != nil {
			c.T.Error(err)
			return latencies
		}
		latencies = append(latencies, time.Since(began))
		if recorded := servertest.Number(o["recorded_at"]); recorded <= last {
			c.T.Errorf("a report is recorded at %d, the one before at %d", recorded, last)
		} else {
			last = recorded
		}
	}
	return latencies
}

func printLatencies(t testing.TB, all []time.Duration) {
	t.Helper()
	slices.Sort(all)
	inTime, _ := slices.BinarySearch(all, 30*time.Millisecond)
	t.Logf("%d reports: median %v, 99th percentile %v, longest %v; %.1f %% within a tick", len(all),
		all[len(all)/2], all[len(all)*99/100], all[len(all)-1], 100*float64(inTime)/float64(len(all)))
}
