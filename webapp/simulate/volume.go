package simulate

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"isuride/webapp/internal/disk"
	"isuride/webapp/journal"
	"isuride/webapp/replica"
)

// volume is the disk of a host, with its log, which is the real journal on a disk in memory.
// What the journal is told is kept here once more, and compared with what it gives back: each
// start takes the entries from the journal.
type volume struct {
	memory disk.Memory
	log    *journal.Stepped    // nil before the first start
	file   *journal.MemberFile // of the state
	ended  bool                // the process has, in an orderly way

	level   Level
	flaw    Flaw
	segment int // its bytes

	state    replica.State
	hasState bool

	base     replica.Position // the entry before the first
	baseLast uint64
	entries  []stored
	wrote    uint64   // the latest term in which something was written
	waiting  [][]byte // records behind the last mark
	open     bool

	committed     uint64 // index
	committedLast uint64 // number of its last record

	image    replica.Snapshot // what the state began with
	history  [][]byte         // the events up to it
	images   map[string]*image
	latest   *image
	incoming map[string]*image // that the network has brought

	ghosts []stored          // entries that TruncateForgotten has left
	voted  func(vote uint64) // called with the next vote for another host
	brim   bool              // there is not even room for the state
	hungry time.Duration     // since when records are refused, 0 if they are not
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
	if !v.open {
		return 0, errClosedLog
	}
	n, err := v.log.Append(payload)
	if err != nil {
		if v.hungry == 0 {
			v.hungry = v.host.world.now
		}
		return 0, roomOf(err)
	}
	v.hungry = 0
	v.waiting = append(v.waiting, slices.Clone(payload))
	v.same("a record", n, v.Appended())
	return n, nil
}

// roomOf puts an error into replica's words.
func roomOf(err error) error {
	if errors.Is(err, journal.ErrFull) || errors.Is(err, journal.ErrLate) {
		return replica.ErrNoRoom
	}
	return err
}

// same is a breach if the journal and what it was told differ.
func (v *volume) same(what string, got, want any) {
	if got != want {
		v.host.world.breach("the journal of %s: %s is %v, want %v", v.host.name, what, got, want)
	}
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
	if v.brim {
		return replica.ErrNoRoom
	}
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
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	m := v.file.Member()
	m.Term, m.Vote, m.Commit, m.Members = s.Term, s.Vote, s.Commit, text
	switch err := v.file.Save(m); {
	case disk.IsFull(err): // the file has no place yet
		return replica.ErrNoRoom
	case err != nil:
		return err
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

func (v *volume) AppendRecords(dst []byte, index uint64) ([]byte, error) {
	if _, err := v.at(index); err != nil {
		return nil, err
	}
	return v.log.AppendBytes(dst, index)
}

func (v *volume) Pending() bool { return len(v.waiting) > 0 }

func (v *volume) Seal(at replica.Position, note []byte) (replica.Entry, error) {
	e, _, err := v.log.Seal(at.Index, at.Term, note, true)
	if err != nil {
		return replica.Entry{}, roomOf(err)
	}
	records := v.waiting
	v.waiting, v.wrote = nil, at.Term
	return v.put(e, note, records), nil
}

// put adds an entry that the journal has taken; its mark takes a number like any record.
func (v *volume) put(from journal.Entry, note []byte, records [][]byte) replica.Entry {
	e := replica.Entry{Index: v.Last() + 1, Term: from.Term, First: v.lastRecord() + 1, Note: slices.Clone(note)}
	e.Last = e.First + uint64(len(records))
	v.same("an entry", from, journal.Entry{Index: e.Index, Term: e.Term, First: e.First, Last: e.Last, Bytes: from.Bytes})
	if len(v.ghosts) > 0 && v.ghosts[0].First == e.First {
		records = v.ghosts[0].records
	}
	v.ghosts = nil
	v.entries = append(v.entries, store(e, from.Bytes, records))
	v.host.wrote()
	return e
}

func store(e replica.Entry, size int, records [][]byte) stored {
	s := stored{Entry: e, records: records, size: size, sum: e.Term*31 + e.First}
	for _, r := range records {
		s.sum = sumOf(s.sum, r)
	}
	return s
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
	v.Drop()
	v.wrote = max(v.wrote, e.Term, v.state.Term)
	got, err := v.log.AppendEntry(v.wrote, b)
	if err != nil {
		return roomOf(err)
	}
	if got.Index != e.Index || got.Term != e.Term {
		return fmt.Errorf("%w: entry %d of term %d is entry %d of term %d", errTorn, e.Index, e.Term, got.Index, got.Term)
	}
	note, err := v.log.Note(e.Index)
	if err != nil || !bytes.Equal(note, e.Note) {
		return fmt.Errorf("%w: entry %d has another note: %w", errTorn, e.Index, err)
	}
	v.put(got, e.Note, recordsOf(b, got.First))
	return nil
}

// recordsOf are the records of an entry without its mark.
func recordsOf(b []byte, first uint64) (records [][]byte) {
	for _, payload := range journal.Records(b, first) {
		if !journal.IsMark(payload) {
			records = append(records, slices.Clone(payload))
		}
	}
	return records
}

func (v *volume) Truncate(index uint64) error {
	if index < v.committed {
		panic(fmt.Sprintf("BUG: truncate to %d, %d are committed", index, v.committed))
	}
	v.Drop()
	end, err := v.End(index)
	if err == nil {
		err = v.log.Truncate(end)
	}
	if err != nil {
		return err
	}
	if v.flaw == TruncateForgotten {
		v.ghosts = slices.Clone(v.entries[index-v.base.Index:])
	}
	v.entries = v.entries[:index-v.base.Index]
	v.same("the end after a cut", v.log.LastIndex(), v.Last())
	return nil
}

func (v *volume) Reset(at replica.Position, last uint64) error {
	v.Drop()
	if err := v.log.Reset(journal.Base{Index: at.Index, Term: at.Term, Last: last}); err != nil {
		return roomOf(err)
	}
	v.base, v.baseLast = at, last
	v.entries = nil
	v.committed, v.committedLast = at.Index, last
	return nil
}

func (v *volume) Fence() {
	v.open = false
	v.log.Fence()
}

func (v *volume) Drop() {
	v.waiting = nil
	if err := v.log.Follow(); err != nil {
		v.host.world.breach("%s cannot drop records: %v", v.host.name, err)
	}
}

// Unfence comes when the leader has sealed its first entry.
func (v *volume) Unfence() {
	v.open, v.hungry = true, 0
	if err := v.log.Lead(v.lastTerm()); err != nil {
		v.host.world.breach("%s cannot take records: %v", v.host.name, err)
	}
}

// setFull takes the room for more segments, or gives it back.
func (v *volume) setFull(full, brim bool) {
	v.memory.Capacity, v.brim, v.hungry = 0, brim, 0
	if full {
		v.memory.Capacity = 1
	}
}

func (v *volume) isFull() bool { return v.memory.Capacity > 0 }

// Room is that of the journal, in replica's words.
func (v *volume) Room() (replica.Room, error) {
	if v.flaw == RoomUnseen {
		return replica.Ample, nil
	}
	room, err := v.log.Room()
	return [...]replica.Room{journal.Ample: replica.Ample, journal.Scarce: replica.Scarce, journal.NoRoom: replica.NoRoom}[room], err
}

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
	v.log.Commit(v.committedLast)
}

func (v *volume) Durable() uint64 {
	if v.level == Power && v.flaw != SyncSkipped {
		return v.durable()
	}
	return v.Last()
}

// durable is the last entry that is on the disk.
func (v *volume) durable() uint64 {
	n := len(v.entries)
	for n > 0 && v.entries[n-1].Last > v.log.Durable() {
		n--
	}
	return v.base.Index + uint64(n)
}

// losePower takes what was not synced, or a part of it.
func (v *volume) losePower() (lost bool) {
	v.log.Crash()
	before := v.entries
	v.memory.PowerLoss(v.host.world.dice)
	v.load()
	return len(v.entries) < len(before)
}

// stop ends the process in an orderly way.
func (v *volume) stop() {
	if err := v.log.Close(); err != nil {
		v.host.world.breach("the journal of %s does not stop: %v", v.host.name, err)
	}
	v.ended = true
}

// reopen is what a new process finds: all that was written, or what the loss of power has left.
func (v *volume) reopen() {
	before := v.entries
	if v.log != nil && !v.ended {
		v.log.Crash()
	}
	v.memory.Kill()
	v.load()
	v.same("the number of entries after a start", len(v.entries), len(before))
	v.waiting, v.open, v.ended = nil, false, false
	v.committed, v.committedLast = v.base.Index, v.baseLast
}

// load opens the journal and takes the entries from it. A full disk has room for the segment that a
// start needs: a process that ends at once and is started again is no story.
func (v *volume) load() {
	capacity := v.memory.Capacity
	v.memory.Capacity = 0
	defer func() { v.memory.Capacity = capacity }()
	if err := v.tryLoad(); err != nil {
		v.host.world.breach("the journal of %s does not open: %v", v.host.name, err)
	}
}

func (v *volume) tryLoad() (err error) {
	o := journal.Options{Dir: "log", Durability: journal.Crash, SegmentBytes: v.segment, Replicated: true, Log: slog.New(slog.DiscardHandler)}
	if v.level == Power {
		o.Durability = journal.Power
	}
	if v.log, err = journal.OpenStepped(o, &v.memory); err != nil {
		return err
	}
	if v.file, v.hasState, err = journal.OpenMember(&v.memory, "log", journal.Member{Node: v.host.name}); err != nil {
		return err
	}
	if v.state = (replica.State{}); v.hasState {
		if err := json.Unmarshal(v.file.Member().Members, &v.state); err != nil {
			return err
		}
	}
	before := v.entries
	v.entries = nil
	for index := v.First(); index <= v.log.LastIndex(); index++ {
		if err := v.loadEntry(index, before); err != nil {
			return err
		}
	}
	return nil
}

// loadEntry takes an entry, which must be what was written.
func (v *volume) loadEntry(index uint64, before []stored) error {
	e, err := v.log.Entry(index)
	if err != nil {
		return err
	}
	b, err := v.log.AppendBytes(nil, index)
	if err != nil {
		return err
	}
	note, err := v.log.Note(index)
	if err != nil {
		return err
	}
	s := store(replica.Entry{Index: e.Index, Term: e.Term, First: e.First, Last: e.Last, Note: note}, e.Bytes, recordsOf(b, e.First))
	if n := len(v.entries); n >= len(before) {
		return fmt.Errorf("entry %d has come back", index)
	} else if v.flaw == NoFlaw {
		v.same(fmt.Sprintf("the content of entry %d", index), s.sum, before[n].sum)
	}
	v.entries = append(v.entries, s)
	return nil
}

// image is what a member may begin with: the events that have made the state.
type image struct {
	replica.Snapshot
	events [][]byte
}

// keepImage stores an image, and drops most entries that it has in it. Before the image is on
// the disk the log is, or a loss of power would leave an image of what nobody else knows.
func (v *volume) keepImage(at replica.Position, last uint64, events [][]byte) {
	if err := v.log.Sync(); err != nil {
		v.host.world.breach("the journal of %s: %v", v.host.name, err)
	}
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
	v.log.Release(min(v.baseLast, v.log.Watermark()))
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
	i := v.incoming[s.Name]
	if i == nil || i.Snapshot != s {
		return errors.New("simulate: the image has not come")
	}
	v.images = map[string]*image{s.Name: i}
	v.latest = i
	v.image, v.history = s, i.events
	return nil
}

func (v *volume) lastTerm() uint64 {
	if len(v.entries) == 0 {
		return v.base.Term
	}
	return v.entries[len(v.entries)-1].Term
}
