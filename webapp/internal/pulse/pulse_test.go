package pulse

import (
	"sync"
	"sync/atomic"
	"testing"

	"isuride/tools/dev/allocs"
)

// Sleepers see every change, whenever it comes.
func TestNoWakeUpIsLost(t *testing.T) {
	const beats, sleepers = 20_000, 4
	var p Pulse
	var n atomic.Int64
	var all sync.WaitGroup
	for range sleepers {
		all.Go(func() {
			for {
				next := p.Next()
				if n.Load() == beats {
					return
				}
				<-next
			}
		})
	}
	for range beats {
		n.Add(1)
		p.Beat()
	}
	all.Wait()
}

func TestBeatDoesNotAllocate(t *testing.T) {
	var p Pulse
	if n := allocs.PerRun(100, p.Beat); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
