// Package batch says how many rows a batch takes, and when their source has to pause. The sink of
// the stream decides both by it, the write-behind the size, and shows the same levels. The stream's
// producer needs neither: a transaction takes as long as consumers may wait for it, whatever is in it, and
// what holds back the feed is that a bounded buffer is full. The log keeps the rest.
//
// Batching is natural: a batch takes what waits and is sent at once, so that an idle sink gets each row
// alone and a busy one gets more at a time by itself. The package keeps the rest in bounds. It has no clock
// and no goroutine: callers tell it what happened, and ask.
//
// It leaves to others: the queue and its bytes, sending, and repeating what failed.
package batch

import (
	"cmp"
	"sync/atomic"
	"time"
)

// Bounds are those of a batch. All but Bytes have to be set.
type Bounds struct {
	// Target is how long a full batch takes. It bounds what a failure repeats, and how long rows wait for
	// those behind them. With sixteen times what a batch of one row takes, larger ones gain 6 % at most.
	Target time.Duration
	// MinRows is the size to begin with, and the least that is asked for, however slow the sink is.
	MinRows int
	// MaxRows is the size at most.
	MaxRows int
	// Bytes ends a batch, however few its rows; 0 means that nothing but rows does.
	Bytes int
}

const (
	// stepsPerTarget is the number of full batches in which the time of a batch grows by the target.
	// With 16 the time stays within a sixteenth of it.
	stepsPerTarget = 16
	// A batch that took too long is followed by one that should take landing/stepsPerTarget of the
	// target, so that several keep to it before one exceeds it again.
	landing = stepsPerTarget - 2
	// fixedShare is the part of a batch's time that the cost of any batch, even of the smallest, may be.
	// Where a target does not leave that much it is exceeded: a sink that needs a second for anything is
	// not helped by small batches.
	fixedShare = 4
)

// Sizer finds the number of rows with which a batch takes the time that it should. Rows may be called
// from any goroutine; the rest belongs to the one that sends batches.
//
// The time of full batches rises by a fixed step (additive) as long as it is below the target; a batch
// that took longer shrinks the next in proportion (multiplicative), at most by a
// quarter, since one measurement may be an accident. What is asked for is a limit, not a size to wait for. It does not look
// for the size with the most rows a second: a sink that is slower a row with larger batches needs another MaxRows.
type Sizer struct {
	bounds Bounds // set once
	rows   atomic.Int64

	// What the last two batches of MinRows or less took; the shorter is what any takes at least.
	small [2]time.Duration
}

// NewSizer begins with MinRows.
func NewSizer(b Bounds) *Sizer {
	b.MinRows = max(b.MinRows, 1)
	b.MaxRows = max(b.MaxRows, b.MinRows)
	s := &Sizer{bounds: b}
	s.rows.Store(int64(b.MinRows))
	return s
}

// Rows returns the number of rows at which the next batch is full.
func (s *Sizer) Rows() int { return int(s.rows.Load()) }

// Full reports whether a batch takes nothing more. A batch that is empty takes any row.
func (s *Sizer) Full(rows, bytes int) bool {
	return rows >= s.Rows() || s.bounds.Bytes > 0 && bytes >= s.bounds.Bytes
}

// Wrote learns from a batch that the sink has taken, in one attempt of this duration.
func (s *Sizer) Wrote(rows int, took time.Duration) {
	took = max(took, 1)
	limit := s.Rows()
	if rows <= s.bounds.MinRows {
		s.small = [2]time.Duration{cmp.Or(s.small[1], took), took}
	}
	fixed := min(s.small[0], s.small[1])
	target := max(s.bounds.Target, fixedShare*fixed)
	switch {
	case took > target && rows > s.bounds.MinRows:
		fits := int(float64(rows) * float64(target) / float64(took) * landing / stepsPerTarget)
		limit = min(limit, max(limit*3/4, fits))
	case took <= target && rows >= limit:
		dear := max(took-fixed, took/fixedShare) // what the rows cost
		step := float64(rows) * float64(target) / float64(dear) / stepsPerTarget
		limit += int(min(max(step, 1), float64(limit)))
	}
	s.rows.Store(int64(min(max(limit, s.bounds.MinRows), s.bounds.MaxRows)))
}

// Level is how full a queue is. Its names are those of metrics.
type Level int32

// The levels, from the best to the worst.
const (
	Idle    Level = iota // nothing waits
	Flowing              // less waits than what ends a pause
	Filling              // more
	Paused               // nothing more is taken
	Levels               // how many there are
)

func (l Level) String() string { return [...]string{"idle", "flowing", "filling", "paused"}[l] }

// Marks are where a Gate closes and opens. Zero fields, but Bytes, mean the defaults.
type Marks struct {
	// Bytes is the room of the queue. With three quarters of it taken the gate closes, with one it opens.
	// What the sink takes in Stay should fit into two thirds, or it idles in pauses.
	Bytes int64
	// CloseAge is how long a row has waited here when the gate closes; 0 means 2 s.
	CloseAge time.Duration
	// OpenAge is what it opens at; 0 means half a second.
	OpenAge time.Duration
	// Stay is how long the gate stays closed at least; 0 means a second. So there is at most one
	// pause in that time, whatever the load is.
	Stay time.Duration
}

// Gate says whether a partition's source has to pause. Level may be called from any goroutine, the rest
// belongs to one.
//
// It closes when either mark is exceeded and opens when neither is: a queue of few old rows has a sink that
// stands still. The stay is that of the pause, not of the time between pauses, which would have to let a
// queue overflow.
type Gate struct {
	marks  Marks     // set once
	closed time.Time // when it closed
	pauses atomic.Uint64
	level  atomic.Int32
}

// NewGate returns an open gate.
func NewGate(m Marks) *Gate {
	m.CloseAge = cmp.Or(m.CloseAge, 2*time.Second)
	m.OpenAge = cmp.Or(m.OpenAge, time.Second/2)
	m.Stay = cmp.Or(m.Stay, time.Second)
	return &Gate{marks: m}
}

// Observe tells the gate what waits: bytes, and for how long the oldest row has been here (not how old what
// it tells is, which after an outage would close the gate until all is caught up). now never goes
// back. It is asked before rows are taken and after a batch; it reports whether to pause.
func (g *Gate) Observe(now time.Time, bytes int64, age time.Duration) (paused bool) {
	low := bytes*4 <= g.marks.Bytes && age <= g.marks.OpenAge
	level := Filling
	switch {
	case bytes*4 >= 3*g.marks.Bytes || age >= g.marks.CloseAge,
		g.Level() == Paused && (!low || now.Sub(g.closed) < g.marks.Stay):
		level = Paused
	case bytes == 0:
		level = Idle
	case low:
		level = Flowing
	}
	if level == Paused && g.Level() != Paused {
		g.closed = now
		g.pauses.Add(1)
	}
	g.level.Store(int32(level))
	return level == Paused
}

// Wait returns after how long a gate that nothing else happens to should be observed again; 0 if it is open.
// Once a queue is empty no batch comes that would open it.
func (g *Gate) Wait(now time.Time) time.Duration {
	if g.Level() != Paused {
		return 0
	}
	return max(g.marks.Stay-now.Sub(g.closed), time.Millisecond)
}

// Level returns the level at the last observation.
func (g *Gate) Level() Level { return Level(g.level.Load()) }

// Pauses returns how often the gate has closed.
func (g *Gate) Pauses() uint64 { return g.pauses.Load() }
