package flush

import (
	"sync/atomic"
	"time"

	"isuride/webapp/internal/batch"
	"isuride/webapp/internal/histogram"
	"isuride/webapp/isuride"
)

// Lag is how far the tables trail the log.
type Lag struct {
	Events uint64
	Bytes  int64         // of the log that is not released: with the events that open charges hold
	Age    time.Duration // since the oldest event; 0 while none is being worked on
}

// Stats are the figures of a writer.
type Stats struct {
	// What was written so far, and how long each cut took.
	Cuts, Events, Rows uint64
	Took               histogram.Snapshot
	Retries            uint64

	Position uint64 // of the tables
	Lag      Lag
	Level    batch.Level
	CutRows  int // at which a cut is full now, so that it takes a second at most
	// Outage is the outage of the target that lasts; nil if there is none.
	Outage *Outage
}

// Outage is a period in which every attempt to write has failed.
type Outage struct {
	Since time.Time
	Err   error // of the first attempt
}

// counters are Stats while they grow. Run writes them.
type counters struct {
	cuts, events, rows, retries atomic.Uint64
	took                        histogram.Histogram
	outage                      atomic.Pointer[Outage]
}

// Lag reads the figures of this moment.
func (w *Writer) Lag() Lag {
	position := w.position.Load() // first, since the end of the log only moves on
	lag := Lag{Events: w.opt.Log.Appended() - position, Bytes: w.opt.Log.Backlog()}
	if since := isuride.Time(w.since.Load()); since != 0 {
		lag.Age = max(w.opt.Now().Sub(since), 0)
	}
	return lag
}

// Level says how full the log is of what the tables lack, in the words of all that batch: idle
// if nothing is, flowing, filling where Behind is true, paused where writers are held back.
func (w *Writer) Level() batch.Level {
	switch {
	case !w.Admitting():
		return batch.Paused
	case w.Behind():
		return batch.Filling
	case w.Lag().Events > 0:
		return batch.Flowing
	}
	return batch.Idle
}

// Stats reads all figures.
func (w *Writer) Stats() Stats {
	c := &w.counters
	return Stats{
		Cuts: c.cuts.Load(), Events: c.events.Load(), Rows: c.rows.Load(), Took: c.took.Snapshot(), Retries: c.retries.Load(),
		Position: w.position.Load(), Lag: w.Lag(), Outage: c.outage.Load(),
		Level: w.Level(), CutRows: w.pacer.size.Rows(),
	}
}

// count counts the cut that has just been written.
func (c *counters) count(cut *cut, took time.Duration) {
	c.cuts.Add(1)
	c.events.Add(uint64(cut.events))
	c.rows.Add(uint64(cut.rows()))
	c.took.Observe(took)
}

// happened returns when the event was recorded, by its newest row; now if it has none.
func (w *Writer) happened(e *isuride.Event) isuride.Time {
	switch {
	case e.Location != nil:
		return e.Location.CreatedAt
	case e.Status != nil:
		return max(e.Status.CreatedAt, e.Status.AppSentAt, e.Status.ChairSentAt)
	case e.Ride != nil:
		return e.Ride.UpdatedAt
	case e.Chair != nil:
		return e.Chair.UpdatedAt
	case e.User != nil:
		return e.User.CreatedAt
	case e.Token != nil:
		return e.Token.CreatedAt
	case e.Owner != nil:
		return e.Owner.CreatedAt
	}
	return w.opt.Now()
}
