package report

import (
	"strings"
	"testing"

	"isuride/bench/world"
)

// TestQueueWarning checks when rides without a chair at the end make the percentiles
// doubtful.
func TestQueueWarning(t *testing.T) {
	for open, want := range map[int]bool{50: false, 51: true} {
		var r Record
		r.OpenLoop = &world.OpenLoop{Due: 1000, Unmatched: open}
		if list := r.Warnings(); (len(list) == 1 && strings.Contains(list[0], "51 of 1,000 rides")) != want {
			t.Errorf("%d open: %q", open, list)
		}
	}
}

func TestOpenLoopText(t *testing.T) {
	known := func(d world.Instant) *world.Instant { return &d }
	o := &world.OpenLoop{
		IntendedRate: 100, CreatedRate: 97.5, CompletedRate: 60, Due: 6012, Started: 6000, Late: 30, Waited: 20, NeverStarted: 12,
		Stages: []world.Stage{
			{Name: "created", Reached: 5850, Open: 162, P50: known(5200), P90: known(9100), P99: nil, P999: nil, Longest: 12_345_678},
		},
	}
	var b text
	b.openLoop(o)
	for _, want := range []string{
		"100 rides/s intended, 97.50 created, 60 completed",
		"6,012 rides due, 6,000 started, 30 of them late; 12 never started; 20 found all users riding",
		"5,850   162    5.20  9.10  > 12,346  > 12,346   12,346  created",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
