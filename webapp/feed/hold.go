package feed

import (
	"strconv"
	"time"
)

// MinInterval and MaxInterval bound Request.Interval, in milliseconds.
const (
	MinInterval = 10
	MaxInterval = 1000
)

func parseInterval(r *Request) (time.Duration, *Error) {
	if r.Interval == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(r.Interval)
	if err != nil || n < MinInterval || n > MaxInterval {
		return 0, refuse(BadInterval, "%.30q is no interval; write a number of milliseconds from %d to %d", r.Interval, MinInterval, MaxInterval)
	}
	if r.Every {
		return 0, refuse(BadInterval, "who asks for every report gets it at once; leave out interval or every")
	}
	return time.Duration(n) * time.Millisecond, nil
}

// held are the rows that gather for a subscription. Of each position only the newest stays, in its
// own place.
type held struct {
	entries []entry
	newest  map[heldKey]int // where in entries a position is
	bytes   int
	due     time.Time
}

type heldKey struct {
	table tableID
	key   string
}

// maxGathered is how much may gather, in bytes, before it goes early.
const maxGathered = maxWaiting / 4

// holdLocked keeps a subscription's rows of an event until the interval is over.
func (h *hub) holdLocked(s *sub, seq uint64) {
	if len(s.held.entries) == 0 {
		s.held.due = time.Now().Add(s.interval)
		h.held[s] = struct{}{}
	}
	for _, change := range s.picked {
		s.held.add(s.entry(change, h.source.Epoch, seq, h.at))
	}
	if s.held.bytes > maxGathered {
		h.flushLocked(s)
	}
}

func (w *held) add(e entry) {
	if e.merges {
		k := heldKey{e.table, e.key}
		if i, ok := w.newest[k]; ok {
			w.bytes -= w.entries[i].cost()
			w.entries[i] = entry{}
		} else if w.newest == nil {
			w.newest = map[heldKey]int{}
		}
		w.newest[k] = len(w.entries)
	}
	w.entries = append(w.entries, e)
	w.bytes += e.cost()
}

// flush hands out what has gathered for long enough, and reports whether something else gathers.
func (h *hub) flush(now time.Time) (more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.wakeLocked()
	for s := range h.held {
		if !now.Before(s.held.due) {
			h.flushLocked(s)
		}
	}
	return len(h.held) > 0
}

// flushLocked hands out what has gathered for a subscription.
func (h *hub) flushLocked(s *sub) {
	if len(s.held.entries) == 0 {
		return
	}
	entries := s.held.entries
	s.held.entries, s.held.bytes = entries[:0], 0
	clear(s.held.newest)
	delete(h.held, s)
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	defer clear(entries)
	if c.ending || !s.live {
		return
	}
	for i := range entries {
		if entries[i].sub != nil {
			c.pushLocked(entries[i])
		}
	}
	if c.queue.full() {
		c.strikeLocked(h)
	}
	h.dirty[c] = struct{}{}
}

// gatherTime is how long events gather for all readers: no longer than the most impatient one likes.
// The log is read a few times in the shortest interval. It is found once after any number of readers
// have come and gone, since that may be thousands at once.
func (h *hub) gatherTime() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case len(h.subs) == 0:
		return batchPause // somebody may be about to join
	case h.pause == 0:
		h.pause = MaxInterval * time.Millisecond
		for s := range h.subs {
			h.pause = min(h.pause, max(batchPause, s.interval/4))
		}
	}
	return h.pause
}
