package engine

import (
	"encoding/json"
	"errors"
	"fmt"

	"isuride/webapp/internal/disk"
	"isuride/webapp/journal"
	"isuride/webapp/replica"
)

// groupLog is the journal as the log of a group: what replica asks for in the words of
// journal. The group's goroutine calls it.
type groupLog struct {
	*journal.Journal
	level journal.Durability
	memory

	durable uint64 // the last entry that is known to be on the disk
}

// hooks are the group's log with what this member has to do when it moves.
type hooks struct {
	*groupLog
	m *member
}

// Reset comes when the log lacks too much, and a snapshot takes its place.
func (h *hooks) Reset(at replica.Position, last uint64) error {
	h.endTenure()
	return h.groupLog.Reset(at, last)
}

// Fence has the generation that leads record nothing more. What it has recorded may still be
// committed, as when it hands over.
func (h *hooks) Fence() {
	if t := h.m.tenure.Load(); t != nil {
		t.close()
	}
	h.groupLog.Fence()
}

// Drop ends the generation that leads, before the log drops or takes anything that is not that
// one's. So do Take and Truncate, which are for who follows.
func (h *hooks) Drop() {
	h.endTenure()
	h.groupLog.Drop()
}

func (h *hooks) Take(e replica.Entry, records []byte) error {
	h.endTenure()
	return h.groupLog.Take(e, records)
}

func (h *hooks) Truncate(index uint64) error {
	h.endTenure()
	return h.groupLog.Truncate(index)
}

func (h *hooks) endTenure() {
	if t := h.m.tenure.Load(); t != nil && t.queue.failure() == nil {
		t.end()
	}
}

// Commit lets those pass who wait for what is committed now.
func (h *hooks) Commit(index uint64) {
	h.groupLog.Commit(index)
	if t := h.m.tenure.Load(); t != nil {
		t.queue.pass()
	}
}

// openLog opens the journal as a part of the group's log.
func (m *member) openLog() (err error) {
	m.journal, err = journal.Open(journal.Options{Dir: m.dir, History: m.history, Durability: m.cfg.Durability, Keep: m.cfg.KeepJournal, Repair: m.cfg.Repair,
		Replicated: true, Base: foundingEntry(m.bases.first()), Log: m.cfg.Log})
	if err != nil {
		return folderError(m.dir, err)
	}
	l := &groupLog{Journal: m.journal, level: m.cfg.Durability}
	is := journal.Member{History: m.history, Node: m.group.Self}
	if l.memory, m.doubt, err = openMemory(m.dir, is, m.cfg.Durability); err != nil {
		return errors.Join(folderError(m.dir, err), m.journal.Close())
	}
	if first := m.bases.first(); !l.known && first.founded() {
		l.state, l.known = m.group.founding(), true
	}
	if l.known { // from here on, an end is no orderly one
		if err := l.write(false); err != nil {
			return errors.Join(folderError(m.dir, err), m.journal.Close())
		}
	}
	l.durable = l.Last()
	m.log = &hooks{l, m}
	return nil
}

// memory is what the member must not forget, in the journal's file for that.
type memory struct {
	file  *journal.MemberFile
	state replica.State
	known bool // there is a state
}

// openMemory reads the file. doubt says why the log may lack what the member has acknowledged.
func openMemory(dir string, is journal.Member, level journal.Durability) (f memory, doubt string, err error) {
	boot, err := journal.Boot()
	if err != nil {
		return f, "", err
	}
	if f.file, f.known, err = journal.OpenMember(disk.Linux{}, dir, is); err != nil {
		return f, "", err
	}
	m := f.file.Member()
	if f.known {
		err = json.Unmarshal(m.Members, &f.state)
	}
	if f.known && level != journal.Power && m.MayHaveLost(boot) {
		doubt = "the machine was started again after a stop that was not orderly, and at ISURIDE_DURABILITY=crash the last 100 ms may be missing"
	}
	return f, doubt, err
}

// write saves everything. clean says that nothing comes any more.
func (f *memory) write(clean bool) error {
	boot, err := journal.Boot()
	if err != nil {
		return err
	}
	m := f.file.Member()
	m.Boot, m.Clean, m.Term, m.Vote, m.Commit = boot, clean, f.state.Term, f.state.Vote, f.state.Commit
	if m.Members, err = json.Marshal(f.state); err != nil {
		return err
	}
	return f.file.Save(m)
}

func (l *groupLog) State() (replica.State, bool) {
	return l.state, l.known
}

func (l *groupLog) SaveState(s replica.State) error {
	before, known := l.state, l.known
	l.state, l.known = s, true
	err := l.write(false)
	if err != nil {
		l.state, l.known = before, known
	}
	return room(err)
}

// Room is that of the journal, in replica's words.
func (l *groupLog) Room() (replica.Room, error) {
	room, err := l.Journal.Room()
	return [...]replica.Room{journal.Ample: replica.Ample, journal.Scarce: replica.Scarce, journal.NoRoom: replica.NoRoom}[room], err
}

func (l *groupLog) First() uint64 { return l.FirstIndex() }
func (l *groupLog) Last() uint64  { return l.LastIndex() }

func (l *groupLog) Term(index uint64) (uint64, error) {
	term, err := l.Journal.Term(index)
	return term, held(err)
}

func (l *groupLog) Entry(index uint64) (replica.Entry, error) {
	e, err := l.Journal.Entry(index)
	if err != nil {
		return replica.Entry{}, held(err)
	}
	note, err := l.Note(index)
	return replica.Entry{Index: e.Index, Term: e.Term, First: e.First, Last: e.Last, Note: note}, held(err)
}

func (l *groupLog) End(index uint64) (uint64, error) {
	if head := l.Head(); head.Index == index {
		return head.Last, nil
	}
	if index+1 == l.First() { // the one before the oldest
		e, err := l.Journal.Entry(index + 1)
		return e.First - 1, held(err)
	}
	e, err := l.Journal.Entry(index)
	return e.Last, held(err)
}

func (l *groupLog) Bytes(index uint64) int {
	e, err := l.Journal.Entry(index)
	if err != nil {
		return 0
	}
	return e.Bytes
}

func (l *groupLog) AppendRecords(dst []byte, index uint64) ([]byte, error) {
	dst, err := l.AppendBytes(dst, index)
	return dst, held(err)
}

func (l *groupLog) Pending() bool { return l.Appended() > l.Head().Last }

func (l *groupLog) Seal(at replica.Position, note []byte) (replica.Entry, error) {
	e, _, err := l.Journal.Seal(at.Index, at.Term, note, true)
	if err != nil {
		return replica.Entry{}, room(err)
	}
	return replica.Entry{Index: e.Index, Term: e.Term, First: e.First, Last: e.Last, Note: note}, nil
}

func (l *groupLog) Take(e replica.Entry, records []byte) error {
	if err := l.follow(); err != nil {
		return err
	}
	_, err := l.AppendEntry(l.state.Term, records)
	return room(err)
}

func (l *groupLog) Truncate(index uint64) error {
	if err := l.follow(); err != nil {
		return err
	}
	end, err := l.End(index)
	if err != nil {
		return err
	}
	l.durable = min(l.durable, index)
	return l.Journal.Truncate(end)
}

func (l *groupLog) Reset(at replica.Position, last uint64) error {
	if err := l.follow(); err != nil {
		return err
	}
	if err := l.Journal.Reset(journal.Base{Index: at.Index, Term: at.Term, Last: last}); err != nil {
		return room(err)
	}
	l.durable = at.Index
	return nil
}

// Unfence takes records, of a generation that leads. A log that cannot has stopped, and says so
// to the first of them; so it is with Drop.
func (l *groupLog) Unfence() { _ = l.Lead(l.state.Term) }

func (l *groupLog) Drop() { _ = l.follow() }

// follow drops what was not sealed, and refuses more.
func (l *groupLog) follow() error {
	if l.Leads() == 0 && !l.Pending() {
		return nil
	}
	return l.Follow()
}

func (l *groupLog) Commit(index uint64) {
	if end, err := l.End(index); err == nil {
		l.Journal.Commit(end)
	}
}

// Durable is the last entry that survives what the level promises: of crash the end of the
// process, for which the page cache is enough.
func (l *groupLog) Durable() uint64 {
	last := l.Last()
	if l.level != journal.Power {
		return last
	}
	l.durable = min(l.durable, last)
	for l.durable < last {
		if end, err := l.End(l.durable + 1); err != nil || end > l.Journal.Durable() {
			break
		}
		l.durable++
	}
	return l.durable
}

func (l *groupLog) Grown() <-chan struct{}  { return l.Journal.Grown() }
func (l *groupLog) Synced() <-chan struct{} { return l.Safe() }

// held and room put errors into replica's words.

func held(err error) error {
	if errors.Is(err, journal.ErrCompacted) || errors.Is(err, journal.ErrUnavailable) {
		return fmt.Errorf("%w: %w", replica.ErrNotHeld, err)
	}
	return err
}

func room(err error) error {
	if noRoom(err) || disk.IsFull(err) {
		return fmt.Errorf("%w: %w", replica.ErrNoRoom, err)
	}
	return err
}
