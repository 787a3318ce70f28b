package simulate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"isuride/webapp/replica"
)

// volume is the disk of a host, with its log: what was written is there until the host loses
// its power, what was synced stays.
type volume struct {
	level Level
	flaw  Flaw

	state    replica.State
	hasState bool

	base     replica.Position // the entry before the first
	baseLast uint64
	entries  []stored
	synced   int      // entries that survive a loss of power
	waiting  [][]byte // records behind the last mark
	open     bool

	committed     uint64 // index
	committedLast uint64 // number of its last record

	image    replica.Snapshot // what the state began with
	history  [][]byte         // the events up to it
	images   map[string]*image
	latest   *image
	incoming *image // that the network has brought

	ghosts []stored          // entries that TruncateForgotten has left
	voted  func(vote uint64) // called with the next vote for another host
	full   bool              // no room for more
	host   *host
}

type stored struct {
	replica.Entry
	records [][]byte // without the mark
	size    int
	sum     uint64
}

var (
	errClosedLog = errors.New("simulate: the log takes no records")
	errTorn      = errors.New("simulate: records are not whole")
)

// Append adds a record; Appended is the number of the last one.
func (v *volume) Append(payload []byte) (uint64, error) {
	if v.full {
		return 0, replica.ErrNoRoom
	}
	if !v.open {
		return 0, errClosedLog
	}
	v.waiting = append(v.waiting, slices.Clone(payload))
	return v.Appended(), nil
}

func (v *volume) Appended() uint64 { return v.lastRecord() + uint64(len(v.waiting)) }

func (v *volume) lastRecord() uint64 {
	if len(v.entries) == 0 {
		return v.baseLast
	}
	return v.entries[len(v.entries)-1].Last
}

func (v *volume) State() (replica.State, bool) { return cloneState(v.state), v.hasState }

func (v *volume) SaveState(s replica.State) error {
	if voted := v.voted; voted != nil && s.Vote != 0 && s.Vote != v.host.id && s.Term > v.state.Term {
		v.voted = nil
		voted(s.Vote)
	}
	if v.flaw == VoteForgotten {
		s.Vote = 0
	}
	if v.flaw == FloorForgotten {
		s.Floor = 0
	}
	if v.flaw == TermForgotten && v.hasState {
		s.Term, s.Vote = v.state.Term, 0
		if s.Floor > s.Term {
			s.Term = s.Floor
		}
	}
	v.state, v.hasState = cloneState(s), true
	return nil
}

func cloneState(s replica.State) replica.State {
	s.Voters, s.Learners = slices.Clone(s.Voters), slices.Clone(s.Learners)
	return s
}

func (v *volume) First() uint64 { return v.base.Index + 1 }
func (v *volume) Last() uint64  { return v.base.Index + uint64(len(v.entries)) }

func (v *volume) at(index uint64) (*stored, error) {
	if index <= v.base.Index || index > v.Last() {
		return nil, replica.ErrNotHeld
	}
	return &v.entries[index-v.base.Index-1], nil
}

func (v *volume) Term(index uint64) (uint64, error) {
	if index == v.base.Index {
		return v.base.Term, nil
	}
	e, err := v.at(index)
	if err != nil {
		return 0, err
	}
	return e.Term, nil
}

func (v *volume) Entry(index uint64) (replica.Entry, error) {
	e, err := v.at(index)
	if err != nil {
		return replica.Entry{}, err
	}
	return e.Entry, nil
}

func (v *volume) End(index uint64) (uint64, error) {
	if index == v.base.Index {
		return v.baseLast, nil
	}
	e, err := v.at(index)
	if err != nil {
		return 0, err
	}
	return e.Last, nil
}

func (v *volume) Bytes(index uint64) int {
	e, err := v.at(index)
	if err != nil {
		return 0
	}
	return e.size
}

// AppendRecords writes the number of the first record, and each with its length.
func (v *volume) AppendRecords(dst []byte, index uint64) ([]byte, error) {
	e, err := v.at(index)
	if err != nil {
		return nil, err
	}
	dst = binary.AppendUvarint(dst, e.First)
	for _, r := range e.records {
		dst = append(binary.AppendUvarint(dst, uint64(len(r))), r...)
	}
	return dst, nil
}

func (v *volume) Pending() bool { return len(v.waiting) > 0 }

func (v *volume) Seal(at replica.Position, note []byte) (replica.Entry, error) {
	if v.full {
		return replica.Entry{}, replica.ErrNoRoom
	}
	records := v.waiting
	v.waiting = nil
	return v.put(replica.Entry{Index: at.Index, Term: at.Term, Note: slices.Clone(note)}, records), nil
}

// put adds an entry; its mark takes a number like any record.
func (v *volume) put(e replica.Entry, records [][]byte) replica.Entry {
	if e.Index != v.Last()+1 {
		panic(fmt.Sprintf("BUG: entry %d follows %d", e.Index, v.Last()))
	}
	e.First = v.lastRecord() + 1
	e.Last = e.First + uint64(len(records))
	if len(v.ghosts) > 0 && v.ghosts[0].First == e.First {
		records = v.ghosts[0].records
	}
	v.ghosts = nil
	s := stored{Entry: e, records: records, sum: e.Term*31 + e.First}
	for _, r := range records {
		s.size += len(r) + 2
		s.sum = sumOf(s.sum, r)
	}
	v.entries = append(v.entries, s)
	v.host.wrote()
	return e
}

func sumOf(sum uint64, b []byte) uint64 {
	for len(b) >= 8 {
		sum = (sum ^ binary.LittleEndian.Uint64(b)) * 0x9e3779b97f4a7c15
		sum ^= sum >> 32
		b = b[8:]
	}
	for _, c := range b {
		sum = (sum ^ uint64(c)) * 0x100000001b3
	}
	return sum
}

// Take is a follower's append.
func (v *volume) Take(e replica.Entry, b []byte) error {
	if v.full {
		return replica.ErrNoRoom
	}
	v.waiting = nil
	first, n := binary.Uvarint(b)
	if n <= 0 || first != v.lastRecord()+1 {
		return fmt.Errorf("%w: entry %d begins with record %d, want %d", errTorn, e.Index, first, v.lastRecord()+1)
	}
	b = b[n:]
	var records [][]byte
	for len(b) > 0 {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return errTorn
		}
		records = append(records, slices.Clone(b[n:n+int(size)]))
		b = b[n+int(size):]
	}
	e.Note = slices.Clone(e.Note)
	v.put(e, records)
	return nil
}

func (v *volume) Truncate(index uint64) error {
	if index < v.committed {
		panic(fmt.Sprintf("BUG: truncate to %d, %d are committed", index, v.committed))
	}
	v.waiting = nil
	if v.flaw == TruncateForgotten {
		v.ghosts = slices.Clone(v.entries[index-v.base.Index:])
	}
	v.entries = v.entries[:index-v.base.Index]
	v.synced = min(v.synced, len(v.entries))
	return nil
}

func (v *volume) Reset(at replica.Position, last uint64) error {
	v.base, v.baseLast = at, last
	v.entries, v.synced, v.waiting = nil, 0, nil
	v.committed, v.committedLast = at.Index, last
	return nil
}

func (v *volume) Fence()   { v.open = false }
func (v *volume) Drop()    { v.waiting = nil }
func (v *volume) Unfence() { v.open = true }

func (v *volume) Commit(index uint64) {
	if index <= v.committed {
		return
	}
	for i := v.committed + 1; i <= index; i++ {
		if e, err := v.at(i); err == nil {
			v.host.world.committed(v.host, e)
		}
	}
	v.committed = index
	v.committedLast, _ = v.End(index)
}

func (v *volume) Durable() uint64 {
	if v.level == Power && v.flaw != SyncSkipped {
		return v.base.Index + uint64(v.synced)
	}
	return v.Last()
}

// losePower takes what was not synced, or a part of it, from the end.
func (v *volume) losePower() (lost bool) {
	unsynced := len(v.entries) - v.synced
	if unsynced == 0 {
		return false
	}
	keep := v.synced + v.host.world.dice.IntN(unsynced+1)
	lost = keep < len(v.entries)
	v.entries = v.entries[:keep]
	return lost
}

// reopen is what a new process finds.
func (v *volume) reopen() {
	v.waiting, v.open = nil, false
	v.synced = min(v.synced, len(v.entries))
	if v.level == Power {
		v.synced = len(v.entries) // opening the log syncs it
	}
	v.committed, v.committedLast = v.base.Index, v.baseLast
}

// copyOf is a backup of the disk.
func (v *volume) copyOf() *volume {
	c := *v
	c.entries = slices.Clone(v.entries)
	c.state = cloneState(v.state)
	c.history = slices.Clip(v.history)
	return &c
}

// image is what a member may begin with: the events that have made the state.
type image struct {
	replica.Snapshot
	events [][]byte
}

// keepImage stores an image, and drops most entries that it has in it. Before the image is on
// the disk the log is, or a loss of power would leave an image of what nobody else knows.
func (v *volume) keepImage(at replica.Position, last uint64, events [][]byte) {
	v.synced = max(v.synced, int(at.Index-v.base.Index))
	name := fmt.Sprint(at.Index)
	i := &image{replica.Snapshot{At: at, Last: last, Name: name}, events}
	v.images = map[string]*image{name: i}
	v.image, v.history = i.Snapshot, events
	v.latest = i
	keep := at.Index - 100
	drop := int(keep - v.base.Index)
	v.base = replica.Position{Index: keep, Term: v.entries[drop-1].Term}
	v.baseLast = v.entries[drop-1].Last
	v.entries = slices.Clone(v.entries[drop:])
	v.synced = max(0, v.synced-drop)
}

// Latest is part of replica.Snapshots.
func (v *volume) Latest(atLeast uint64) (replica.Snapshot, bool) {
	if v.latest == nil || v.latest.At.Index < atLeast {
		return replica.Snapshot{}, false
	}
	return v.latest.Snapshot, true
}

// Install is the other part.
func (v *volume) Install(s replica.Snapshot) error {
	if v.incoming == nil || v.incoming.Snapshot != s {
		return errors.New("simulate: the image has not come")
	}
	v.images = map[string]*image{s.Name: v.incoming}
	v.latest = v.incoming
	v.image, v.history = s, v.incoming.events
	return nil
}

func (v *volume) lastTerm() uint64 {
	if len(v.entries) == 0 {
		return v.base.Term
	}
	return v.entries[len(v.entries)-1].Term
}
