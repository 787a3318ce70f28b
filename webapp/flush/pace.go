package flush

import (
	"cmp"
	"time"

	"isuride/webapp/internal/batch"
)

// Pace says when a cut is made and how large it gets. Zero fields mean the defaults.
//
// Waiting saves work: a status row and its two deliveries become one row, and a commit
// costs the same for a thousand rows as for one. The journal has everything, so that
// only the restart gets longer with what is waiting.
type Pace struct {
	// Interval is the time from an event to its cut when there is little to do; 0 means
	// 500 ms.
	Interval time.Duration
	// Stretch is the longest pause before a cut when cuts take long, as they do while the
	// writer and the database compete with requests for the CPU; 0 means 2 s, Interval
	// that pauses never stretch.
	Stretch time.Duration
	// MinRows is the size of a cut until it is known how long cuts take, and on a database
	// for which any other takes too long; 0 means 1,000.
	MinRows int
	// MaxRows is the size of a cut at most; 0 means 20,000. Larger ones gain nothing in
	// rows/s, and a failed attempt is repeated as a whole.
	MaxRows int
}

func (p *Pace) complete() {
	p.Interval = cmp.Or(p.Interval, 500*time.Millisecond)
	p.Stretch = max(cmp.Or(p.Stretch, 2*time.Second), p.Interval)
	p.MinRows = cmp.Or(p.MinRows, 1_000)
	p.MaxRows = max(cmp.Or(p.MaxRows, 20_000), p.MinRows)
}

// restPerWork is the ratio of the writer's rest to its work. A third of the time is
// enough for 10,000 rows/s, more than any load so far writes.
const restPerWork = 2

// cutTarget is how long a full cut takes. An initialize waits for the one under way, and a
// failed one is repeated as a whole. At the 30,000 rows/s asked for MaxRows takes less.
const cutTarget = time.Second

// pacer applies a Pace to what the last cuts were like.
type pacer struct {
	pace Pace
	size *batch.Sizer
	took time.Duration // by the last cut
	full bool          // the last cut left events for the next
}

func newPacer(p Pace) pacer {
	return pacer{pace: p, size: batch.NewSizer(batch.Bounds{Target: cutTarget, MinRows: p.MinRows, MaxRows: p.MaxRows})}
}

// wrote learns from a cut.
func (p *pacer) wrote(rows int, took time.Duration, full bool) {
	p.took, p.full = took, full
	p.size.Wrote(rows, took)
}

// rest returns the pause before the next cut is filled, with so many events waiting. More
// of them than a cut can take are worked off without a pause.
func (p *pacer) rest(waiting uint64) time.Duration {
	rest := restPerWork * p.took
	switch {
	case waiting > uint64(p.pace.MaxRows):
		return 0
	case !p.full:
		rest = max(rest, p.pace.Interval)
	}
	return min(rest, p.pace.Stretch)
}
