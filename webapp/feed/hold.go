package feed

import (
	"slices"
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

// held are the rows that gather for an audience, in the order of their events. Of each position only
// the newest stays, in its own place.
type held struct {
	rows   []entry
	from   uint64          // the event of the first
	newest map[heldKey]int // where in rows a position is
	bytes  int
	// Rows are sent by what happens to them: those that are new, those that change, those that go. One that
	// goes and comes again needs another part.
	parts []int                // where in rows the parts after the first begin
	gone  map[heldKey]struct{} // rows that go in the last part
}

type heldKey struct {
	table tableID
	key   string
}

// maxGathered is how much may gather, in bytes, before it goes early.
const maxGathered = maxWaiting / 4

// holdLocked keeps an audience's rows of an event until the interval is over.
func (h *hub) holdLocked(a *audience, seq uint64) {
	h.held[a] = struct{}{}
	for _, change := range a.picked {
		a.held.add(a.entry(change, h.source.Epoch, seq, h.at))
	}
	if a.held.bytes > maxGathered {
		h.flushLocked(a)
	}
}

func (w *held) add(e entry) {
	k := heldKey{e.table, e.key}
	if w.newest == nil {
		w.newest, w.gone = map[heldKey]int{}, map[heldKey]struct{}{}
	}
	if len(w.rows) == 0 {
		w.from = e.seq
	}
	switch {
	case e.merges:
		if i, ok := w.newest[k]; ok {
			w.bytes -= w.rows[i].cost()
			w.rows[i] = entry{}
		}
		w.newest[k] = len(w.rows)
	case e.action == Delete:
		w.gone[k] = struct{}{}
	case e.action == Insert:
		if _, ok := w.gone[k]; ok {
			w.parts = append(w.parts, len(w.rows))
			clear(w.gone)
		}
	}
	w.rows = append(w.rows, e)
	w.bytes += e.cost()
}

func (w *held) reset() {
	clear(w.rows)
	clear(w.newest)
	clear(w.gone)
	w.rows, w.parts, w.bytes = w.rows[:0], w.parts[:0], 0
}

// group returns the rows as one group, which any number of subscriptions may be sent: what happens to each
// is the same as if event came after event.
func (w *held) group(order []tableID) (group []entry) {
	from := 0
	for _, end := range append(w.parts, len(w.rows)) {
		for _, action := range [...]Action{Insert, Update, Delete} {
			for _, t := range order {
				group = appendRows(group, w.rows[from:end], t, action)
			}
		}
		from = end
	}
	last := &w.rows[len(w.rows)-1]
	for i := range group {
		e := &group[i]
		e.epoch, e.seq, e.at, e.more = last.epoch, last.seq, last.at, i < len(group)-1
	}
	return group
}

// appendRows appends those of the rows to which the action happens, in pieces.
func appendRows(group []entry, rows []entry, t tableID, action Action) []entry {
	is := func(e *entry) bool { return e.table == t && e.action == action }
	size := 0
	for i := range rows {
		if is(&rows[i]) {
			size += len(rows[i].text) + len(",")
		}
	}
	var text []byte
	for i := range rows {
		if !is(&rows[i]) {
			continue
		}
		if text == nil {
			text = make([]byte, 0, min(size, maxPiece+maxPiece/4))
		} else {
			text = append(text, ',')
		}
		text = append(text, rows[i].text...)
		if len(text) >= maxPiece {
			group = append(group, entry{table: t, action: action, text: text})
			size -= len(text)
			text = nil
		}
	}
	if text != nil {
		group = append(group, entry{table: t, action: action, text: text})
	}
	return group
}

// flush hands out what is due: an audience gets something once in each of its intervals, so that all whose
// intervals are the same are woken together. It reports whether something is not due yet.
func (h *hub) flush(now time.Time) (more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.wakeLocked()
	for a := range h.held {
		if turn := int64(now.Sub(h.born) / a.interval); turn != a.turn {
			a.turn = turn
			h.flushLocked(a)
		}
	}
	return len(h.held) > 0
}

// flushAllLocked hands out what has gathered for anybody.
func (h *hub) flushAllLocked() {
	for a := range h.held {
		h.flushLocked(a)
	}
}

// flushLocked hands out what has gathered for an audience.
func (h *hub) flushLocked(a *audience) {
	if len(a.held.rows) == 0 {
		return
	}
	delete(h.held, a)
	group := a.held.group(a.order)
	for _, s := range slices.Clone(a.subs) { // one that is too slow leaves
		h.pushHeldLocked(s, &a.held, group)
	}
	a.held.reset()
}

// pushHeldLocked queues rows as the group that all get. One by one get them those for whom so much waits that
// positions are merged, and who have some of them already.
func (h *hub) pushHeldLocked(s *sub, rows *held, group []entry) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending || !s.live() {
		return
	}
	if rows.from <= s.after || c.queue.bytes > mergeFrom {
		group = rows.rows
	}
	for i := range group {
		if e := group[i]; e.text != nil && e.seq > s.after {
			e.sub = s
			c.pushLocked(e)
		}
	}
	if c.queue.full() {
		c.strikeLocked(h)
	}
	h.dirty[c] = struct{}{}
}

// longestPause is how long the log is left alone at most, so that heartbeats are in time.
const longestPause = 250 * time.Millisecond

// gatherTime is how long events gather from now on: until the next interval of the most impatient
// reader begins. It is found once after any number of readers have come and gone, since that may be
// thousands at once.
func (h *hub) gatherTime(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case len(h.subs) == 0:
		return batchPause // somebody may be about to join
	case h.pause == 0:
		h.pause = longestPause
		for s := range h.subs {
			h.pause = min(h.pause, pauseOf(s.interval))
		}
	}
	if h.pause == batchPause {
		return batchPause
	}
	return h.pause - now.Sub(h.born)%h.pause
}

// pauseOf is how long events may gather for a reader with an interval.
func pauseOf(interval time.Duration) time.Duration {
	switch {
	case interval == 0:
		return batchPause
	case interval > longestPause:
		return interval / 4
	}
	return interval
}
