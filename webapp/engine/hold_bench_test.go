//go:build lockwatch

package engine

import (
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
)

var (
	rateFlag = flag.Int("rate", 2_000, "verbs a second in BenchmarkHolds")
	holdFlag = flag.Duration("hold", time.Second, "how long each side of BenchmarkHolds takes")
)

// BenchmarkHolds reports the longest time that any lock was held while verbs come at a fixed rate,
// without snapshots and while one after the other is written. The town is that of BenchmarkRestart.
// Both have in them that a holder loses its CPU, so that the difference is the figure, and the
// machine should do nothing else.
func BenchmarkHolds(b *testing.B) {
	c := newCity(b)
	c.start()
	c.halt()
	foundTown(b, c, *townFlag)
	c.start()
	defer c.halt()
	for b.Loop() {
		lockwatch.Longest()
		c.bustle(*holdFlag, *rateFlag)
		without := lockwatch.Longest()
		var written sync.WaitGroup
		ended := make(chan struct{})
		snapshots := 0
		written.Go(func() {
			for ; !over(ended); snapshots++ {
				if _, err := c.Engine.Snapshot(); err != nil {
					b.Error(err)
					return
				}
			}
		})
		c.bustle(*holdFlag, *rateFlag)
		with := lockwatch.Longest()
		close(ended)
		written.Wait()
		b.Logf("without: %v by %s", without.For, without.By)
		b.Logf("with %d snapshots: %v by %s", snapshots, with.For, with.By)
		b.ReportMetric(float64(without.For.Microseconds()), "without-us")
		b.ReportMetric(float64(with.For.Microseconds()), "with-us")
		b.ReportMetric(float64(snapshots), "snapshots")
	}
}

func over(ended <-chan struct{}) bool {
	select {
	case <-ended:
		return true
	default:
		return false
	}
}

// bustle makes so many calls a second, in batches of a millisecond, by several goroutines.
func (c *city) bustle(d time.Duration, rate int) {
	const workers = 4
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			begin, made := time.Now(), 0
			for now := range tick.C {
				passed := now.Sub(begin)
				if passed >= d {
					return
				}
				for ; made*workers < int(passed.Seconds()*float64(rate)); made++ {
					c.someVerb(random)
				}
			}
		})
	}
	all.Wait()
}

// someVerb is a position report nine times of ten, else a part of a ride.
func (c *city) someVerb(random *rand.Rand) {
	s := c.Current().Store
	chair, ok := s.ChairByToken([]byte(townToken('C', random.IntN(max(1, *townFlag/10)))))
	user, ok2 := s.UserByToken([]byte(townToken('U', random.IntN(*townFlag))))
	if !ok || !ok2 {
		c.t.Error("nobody lives in the town")
		return
	}
	if random.IntN(10) > 0 {
		s.Report(chair, isuride.Coordinate{Latitude: random.Int32N(100)})
		return
	}
	r, err := s.RequestRide(user, isuride.Coordinate{}, isuride.Coordinate{Latitude: 40})
	if err != nil {
		return // one at a time
	}
	if given, _ := s.Assign(r, chair, nil); given {
		s.Advance(chair, r.ID, isuride.Enroute)
	}
}
