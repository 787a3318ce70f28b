package feed

import (
	"math/bits"
	"strconv"

	"isuride/webapp/isuride"
)

// kind is what an entry of a queue becomes.
type kind uint8

const (
	ofRows kind = iota
	ofBeat
	ofSum
	ofError
	ofEnd // of the subscription
)

// entry waits in a connection's queue to become a frame, or a part of one.
type entry struct {
	sub    *sub // nil: the connection's own
	kind   kind
	table  tableID
	action Action
	merges bool
	more   bool // the group goes on after it, whatever follows
	epoch  uint64
	seq    uint64
	at     isuride.Time
	key    string
	text   []byte // rows with commas between, shared
	reason Reason
	err    *Error
}

// entryBytes is what an entry costs beside its text.
const entryBytes = 192

func (e *entry) cost() int { return entryBytes + len(e.text) }

const (
	// maxWaiting bounds what waits for a reader, in bytes.
	maxWaiting = 1 << 20
	// mergeFrom is what has to wait before positions are merged: a reader that keeps up gets
	// every one, and merging costs it nothing.
	mergeFrom = 64 << 10
	// afterMerge is what may be left then: otherwise every frame more would merge again.
	afterMerge = maxWaiting * 7 / 8
	// maxFrame is the size from which on a frame takes no more rows, in bytes.
	maxFrame = 64 << 10
)

// queue is what waits for one reader. Everything in it is guarded by the connection's lock.
//
// Of several updates of one position only the newest stays, once much waits. It stays in its
// own place, which is behind the older ones, so that numbers grow. States are never merged,
// so they are not late either. Of heartbeats the newest stays, too. A heartbeat behind a position that went would say too much,
// and goes as well; across a checksum nothing is merged.
type queue struct {
	entries []entry
	head    int
	bytes   int
	mergeAt int // bytes from which on it is worth trying
	// Of updates that are handed out: the tables that are left, one bit each, and their end.
	run    uint16
	runEnd int
}

func (q *queue) empty() bool { return q.head == len(q.entries) }

func (q *queue) push(e entry) {
	if q.head > 0 && q.head == len(q.entries) {
		q.entries, q.head = q.entries[:0], 0
	}
	q.entries = append(q.entries, e)
	q.bytes += e.cost()
}

// full reports whether too much waits, after merging what can be.
func (q *queue) full() bool {
	if q.bytes <= max(q.mergeAt, mergeFrom) {
		return false
	}
	q.merge()
	q.mergeAt = min(2*q.bytes, maxWaiting)
	return q.bytes > afterMerge
}

// mergeKey is a position, or the heartbeat, between two checksums.
type mergeKey struct {
	sub   *sub
	kind  kind
	table tableID
	key   string
	era   int
}

func (q *queue) merge() {
	newer := map[mergeKey]bool{}
	eras := map[*sub]int{}
	gone := make([]bool, len(q.entries))
	for i := len(q.entries) - 1; i >= q.head && !(q.run != 0 && i < q.runEnd); i-- { // not what is being handed out
		switch e := &q.entries[i]; {
		case e.kind == ofSum:
			eras[e.sub]++
		case e.merges || e.kind == ofBeat:
			k := mergeKey{e.sub, e.kind, e.table, e.key, eras[e.sub]}
			gone[i] = newer[k]
			newer[k] = true
		}
	}
	q.sweep(gone)
}

// sweep drops what is gone, and the heartbeats behind it.
func (q *queue) sweep(gone []bool) {
	incomplete := map[*sub]bool{}
	if q.run != 0 && gone[q.head] { // they are all of one subscription
		q.run = 0
	}
	q.runEnd -= q.head
	kept := q.entries[:0]
	q.bytes = 0
	for i := q.head; i < len(q.entries); i++ {
		e := q.entries[i]
		if gone[i] {
			if e.kind == ofRows {
				incomplete[e.sub] = true
			}
			continue
		}
		if e.kind == ofBeat && incomplete[e.sub] {
			continue
		}
		kept = append(kept, e)
		q.bytes += e.cost()
	}
	clear(q.entries[len(kept):])
	q.entries, q.head = kept, 0
}

// drop removes what waits for some of the subscriptions.
func (q *queue) drop(of func(*sub) bool) {
	gone := make([]bool, len(q.entries))
	for i := q.head; i < len(q.entries); i++ {
		gone[i] = of(q.entries[i].sub)
	}
	q.sweep(gone)
	q.mergeAt = 0
}

// take returns the entries of the next frame, of which it has those of one table, and
// whether its group goes on.
//
// Updates of positions that wait one behind the other make one frame for each of their
// tables, with the number of the newest: most events are such updates, and their frames
// would be more head than rows.
func (q *queue) take() (part []entry, t tableID, more bool) {
	first := &q.entries[q.head]
	if first.kind == ofRows && first.merges {
		return q.takeRun()
	}
	end, size := q.head+1, len(first.text)
	for first.kind == ofRows && end < len(q.entries) && q.entries[end].joins(first) && size < maxFrame {
		size += len(q.entries[end].text)
		end++
	}
	part = q.entries[q.head:end]
	q.pass(end)
	last := &part[len(part)-1]
	more = last.kind == ofRows && (last.more || q.goesOn(last))
	return part, first.table, more
}

// takeRun returns the updates that are next, and one of their tables after the other.
func (q *queue) takeRun() (part []entry, t tableID, more bool) {
	if q.run == 0 {
		q.findRun()
	}
	part = q.entries[q.head:q.runEnd]
	t = tableID(bits.TrailingZeros16(q.run))
	if q.run &= q.run - 1; q.run != 0 {
		return part, t, true
	}
	q.pass(q.runEnd)
	return part, t, q.goesOn(&part[len(part)-1])
}

// findRun finds the updates that are next, and their tables.
func (q *queue) findRun() {
	first := &q.entries[q.head]
	size := 0
	for q.runEnd = q.head; q.runEnd < len(q.entries) && size < maxFrame; q.runEnd++ {
		e := &q.entries[q.runEnd]
		if !e.merges || e.sub != first.sub || e.epoch != first.epoch {
			break
		}
		q.run |= 1 << e.table
		size += len(e.text)
	}
}

// pass moves on behind entries that are handed out.
func (q *queue) pass(end int) {
	for i := q.head; i < end; i++ {
		q.bytes -= q.entries[i].cost()
	}
	q.head = end
}

// goesOn reports whether what comes next is of the group that last is of.
func (q *queue) goesOn(last *entry) bool {
	return q.head < len(q.entries) && q.entries[q.head].goesOn(last)
}

// joins reports whether the entry fits into the frame that begins with first.
func (e *entry) joins(first *entry) bool {
	return e.goesOn(first) && e.table == first.table && e.action == first.action && e.more == first.more && !e.merges
}

// goesOn reports whether the entry is of the group that last is of.
func (e *entry) goesOn(last *entry) bool {
	return e.kind == ofRows && e.sub == last.sub && e.seq == last.seq && e.epoch == last.epoch && (last.more || e.action != Partial)
}

// release forgets the entries that take has returned, once it is done with them.
func (q *queue) release(part []entry) {
	if q.run != 0 {
		return
	}
	clear(part)
	if q.head < len(q.entries) {
		if q.head > 1024 && q.head > len(q.entries)/2 {
			n := copy(q.entries, q.entries[q.head:])
			clear(q.entries[n:])
			q.entries, q.head = q.entries[:n], 0
		}
		return
	}
	q.head, q.bytes, q.mergeAt = 0, 0, 0
	if q.entries = q.entries[:0]; cap(q.entries) > 4096 {
		q.entries = nil
	}
}

// frameWriter writes frames, and remembers the text of the last second.
type frameWriter struct {
	second int64
	prefix string // of second
}

// append writes one frame of those of the entries that are of the table. prev is the number
// of the frame before.
func (w *frameWriter) append(dst []byte, part []entry, t tableID, more bool, prev uint64) []byte {
	e := &part[len(part)-1] // the newest
	dst = append(dst, '{')
	if e.sub != nil && e.sub.name != "" {
		dst = append(appendString(append(dst, `"sub":`...), e.sub.name), ',')
	} else if e.err != nil && e.err.Sub != "" {
		dst = append(appendString(append(dst, `"sub":`...), e.err.Sub), ',')
	}
	switch e.kind {
	case ofRows, ofSum:
		dst = append(append(append(dst, `"table":"`...), tables[t].name...), `",`...)
	case ofError:
		if e.err.Table != "" {
			dst = append(appendString(append(dst, `"table":`...), e.err.Table), ',')
		}
	}
	dst = append(append(append(dst, `"action":"`...), e.action...), '"')
	if e.kind == ofRows {
		dst = append(append(append(dst, `,"keys":["`...), tables[t].keys[0]...), `"]`...)
	}
	dst = strconv.AppendUint(append(dst, `,"epoch":`...), e.epoch, 10)
	dst = strconv.AppendUint(append(dst, `,"seq":`...), e.seq, 10)
	dst = strconv.AppendUint(append(dst, `,"prev":`...), prev, 10)
	if e.at != 0 {
		dst = w.appendTime(append(dst, `,"ts":`...), e.at)
	}
	if more {
		dst = append(dst, `,"more":true`...)
	}
	if e.reason != "" {
		dst = append(append(append(dst, `,"reason":"`...), e.reason...), '"')
	}
	return appendContent(dst, e, part, t)
}

func appendContent(dst []byte, e *entry, part []entry, t tableID) []byte {
	switch e.kind {
	case ofError:
		dst = append(append(append(dst, `,"code":"`...), e.err.Code...), `","message":`...)
		dst = appendString(dst, e.err.Text)
	case ofRows, ofSum:
		dst = append(dst, `,"data":[`...)
		for i, rows := 0, 0; i < len(part); i++ {
			if part[i].table != t {
				continue
			}
			if rows++; rows > 1 {
				dst = append(dst, ',')
			}
			dst = append(dst, part[i].text...)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

const secondForm = "2006-01-02T15:04:05."

// appendTime appends the time as Time.String has it.
func (w *frameWriter) appendTime(dst []byte, t isuride.Time) []byte {
	second, micro := int64(t)/1e6, int64(t)%1e6
	if t < 0 {
		return appendString(dst, t.String())
	}
	if second != w.second || w.prefix == "" {
		w.second, w.prefix = second, t.Std().Format(secondForm)
	}
	dst = append(append(dst, '"'), w.prefix...)
	for unit := int64(100_000); unit > 0; unit /= 10 {
		dst = append(dst, '0'+byte(micro/unit%10))
	}
	return append(dst, `Z"`...)
}
