package replica

import (
	"encoding/binary"
	"errors"
	"slices"
	"sync"

	"isuride/webapp/internal/pulse"
)

// memLog is a log in memory that outlives its member.
type memLog struct {
	mu        sync.Mutex
	state     *State
	base      Position
	baseLast  uint64
	entries   []memEntry
	waiting   [][]byte
	open      bool
	full      bool // no entry has room
	mute      bool // no state has
	roomy     bool // every state has
	room      Room // else
	broken    error
	refused   int           // states that found no room
	synced    func() uint64 // the last entry that is durable; nil: all are
	committed uint64
	grown     pulse.Pulse
	moved     pulse.Pulse // the committed mark
}

type memEntry struct {
	Entry
	records [][]byte
}

func (l *memLog) append(record string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		return errors.New("fenced")
	}
	l.waiting = append(l.waiting, []byte(record))
	l.grown.Beat()
	return nil
}

// records are all that is committed.
func (l *memLog) records() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.Index <= l.committed {
			for _, r := range e.records {
				all = append(all, string(r))
			}
		}
	}
	return all
}

// compact drops the entries up to one.
func (l *memLog) compact(index uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int(index - l.base.Index)
	l.base, l.baseLast = Position{index, l.entries[n-1].Term}, l.entries[n-1].Last
	l.entries = slices.Clone(l.entries[n:])
}

func (l *memLog) State() (State, bool) {
	if l.state == nil {
		return State{}, false
	}
	return *l.state, true
}

func (l *memLog) SaveState(s State) error {
	if l.mute || l.full && !l.roomy {
		l.refused++
		return ErrNoRoom
	}
	l.state = &s
	return nil
}

func (l *memLog) Room() (Room, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		return NoRoom, l.broken
	}
	return l.room, l.broken
}

func (l *memLog) First() uint64 { return l.base.Index + 1 }
func (l *memLog) Last() uint64  { return l.base.Index + uint64(len(l.entries)) }

func (l *memLog) at(index uint64) (memEntry, error) {
	if index == l.base.Index {
		return memEntry{Entry: Entry{Index: index, Term: l.base.Term, Last: l.baseLast}}, nil
	}
	if index < l.base.Index || index > l.Last() {
		return memEntry{}, ErrNotHeld
	}
	return l.entries[index-l.base.Index-1], nil
}

func (l *memLog) Term(index uint64) (uint64, error) { e, err := l.at(index); return e.Term, err }
func (l *memLog) Entry(index uint64) (Entry, error) { e, err := l.at(index); return e.Entry, err }
func (l *memLog) End(index uint64) (uint64, error)  { e, err := l.at(index); return e.Last, err }

func (l *memLog) Bytes(index uint64) (n int) {
	e, _ := l.at(index)
	for _, r := range e.records {
		n += len(r) + 4
	}
	return n
}

func (l *memLog) AppendRecords(dst []byte, index uint64) ([]byte, error) {
	e, err := l.at(index)
	for _, r := range e.records {
		dst = append(binary.LittleEndian.AppendUint32(dst, uint32(len(r))), r...)
	}
	return dst, err
}

func (l *memLog) Pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting) > 0
}

func (l *memLog) Seal(at Position, note []byte) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		return Entry{}, ErrNoRoom
	}
	e := Entry{Index: at.Index, Term: at.Term, Note: slices.Clone(note)}
	records := l.waiting
	l.waiting = nil
	return l.put(e, records), nil
}

func (l *memLog) put(e Entry, records [][]byte) Entry {
	e.First = l.baseLast + 1
	if n := len(l.entries); n > 0 {
		e.First = l.entries[n-1].Last + 1
	}
	e.Last = e.First + uint64(len(records))
	l.entries = append(l.entries, memEntry{e, records})
	return e
}

func (l *memLog) Take(e Entry, b []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var records [][]byte
	for len(b) > 0 {
		n := binary.LittleEndian.Uint32(b)
		records = append(records, slices.Clone(b[4:4+n]))
		b = b[4+n:]
	}
	e.Note = slices.Clone(e.Note)
	l.put(e, records)
	return nil
}

func (l *memLog) Truncate(index uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if index < l.committed {
		return errors.New("what is committed cannot be cut")
	}
	l.entries, l.waiting = l.entries[:index-l.base.Index], nil
	return nil
}

func (l *memLog) Reset(at Position, last uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.base, l.baseLast, l.entries, l.waiting, l.committed = at, last, nil, nil, at.Index
	return nil
}

func (l *memLog) set(open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = open
}

func (l *memLog) Fence()   { l.set(false) }
func (l *memLog) Unfence() { l.set(true) }

func (l *memLog) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = nil
}

func (l *memLog) Commit(index uint64) {
	l.mu.Lock()
	l.committed = max(l.committed, index)
	l.mu.Unlock()
	l.moved.Beat()
}

func (l *memLog) Durable() uint64 {
	if l.synced != nil {
		return min(l.synced(), l.Last())
	}
	return l.Last()
}

func (l *memLog) Grown() <-chan struct{}  { return l.grown.Next() }
func (l *memLog) Synced() <-chan struct{} { return nil }

// copy is a backup of the folder. The member is not running.
func (l *memLog) copy() *memLog {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &memLog{base: l.base, baseLast: l.baseLast, entries: slices.Clone(l.entries)}
	if l.state != nil {
		s := *l.state
		c.state = &s
	}
	return c
}

// appendAt appends and returns the number of records by then.
func (l *memLog) appendAt(record string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, []byte(record))
	n := uint64(len(l.waiting))
	if k := len(l.entries); k > 0 {
		n += l.entries[k-1].Last
	}
	l.grown.Beat()
	return n
}

func (l *memLog) committedPast(record uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	end, _ := l.End(l.committed)
	return end >= record
}
