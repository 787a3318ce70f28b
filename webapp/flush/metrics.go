package flush

import (
	"time"

	"isuride/webapp/isuride"
)

// Lag is what the tables are behind the log.
type Lag struct {
	Events uint64
	Bytes  int64         // of the log that is not released: with the events that open charges hold
	Age    time.Duration // since the oldest event; 0 while none is being worked on
}

// Counts are what the writer has done so far.
type Counts struct {
	Cuts, Events, Rows uint64
	Retries            uint64
	LastCut            time.Duration // how long writing the last cut took
}

// Metrics are the figures of a writer.
type Metrics struct {
	Counts
	Position uint64 // of the tables
	Lag      Lag
}

// Lag reads the figures of this moment.
func (w *Writer) Lag() Lag {
	position := w.position.Load() // first, since the end of the log only moves on
	lag := Lag{Events: w.opt.Log.Appended() - position, Bytes: w.opt.Log.Backlog()}
	if since := isuride.Time(w.since.Load()); since != 0 {
		lag.Age = max(isuride.TimeOf(time.Now()).Sub(since), 0)
	}
	return lag
}

// Metrics reads all figures.
func (w *Writer) Metrics() Metrics {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Metrics{Counts: w.counts, Position: w.position.Load(), Lag: w.Lag()}
}

func (w *Writer) count(took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts.Cuts++
	w.counts.Events += uint64(w.cut.events)
	w.counts.Rows += uint64(w.cut.rows())
	w.counts.LastCut = took
}

func (w *Writer) countRetry() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts.Retries++
}

// happened is when the event was recorded, by its newest row; now if it has none.
func happened(e *isuride.Event) isuride.Time {
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
	return isuride.TimeOf(time.Now())
}
