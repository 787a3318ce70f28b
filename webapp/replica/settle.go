package replica

import (
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// write is what the library wants to have on the disk, and whom to tell then.
type write struct {
	message *raftpb.Message // MsgStorageAppend
	records [][]byte        // of its entries; nil: sealed here
	kept    bool            // the records are a copy
	upTo    uint64          // entry that has to be durable first, 0 for none
}

// settle does what the library wants done, until it wants nothing more.
func (c *Core) settle() {
	for c.err == nil && c.node.HasReady() {
		r := c.node.Ready()
		if r.SoftState != nil {
			c.turn(*r.SoftState)
		}
		for _, m := range r.Messages {
			if m.GetTo() == raft.LocalAppendThread {
				c.enqueue(m)
			}
		}
		c.drain()
		c.keepStaged()
		for _, m := range r.Messages {
			switch m.GetTo() {
			case raft.LocalAppendThread:
			case raft.LocalApplyThread:
				c.apply(m)
			default:
				c.send(m)
			}
		}
		for _, s := range r.ReadStates {
			c.reads.confirmed(c, s)
		}
		if c.hasRoom() {
			c.seal(nil)
		}
	}
	clear(c.staged)
}

// turn takes note of a new role.
func (c *Core) turn(s raft.SoftState) {
	was := c.soft.RaftState
	c.soft = s
	if was == raft.StateLeader && s.RaftState != raft.StateLeader {
		c.handing, c.own = false, 0
		c.fitness = fitness{room: c.fitness.room}
		c.fence()
		c.reads.fail(ErrNotLeader)
		clear(c.installing)
		clear(c.owed)
	}
}

// enqueue puts a write in line, with the records that have come for it.
func (c *Core) enqueue(m *raftpb.Message) {
	w := write{message: m}
	if at := m.GetSnapshot().GetMetadata().GetIndex(); at > 0 {
		c.last, c.given = at, at
	}
	for _, e := range m.GetEntries() {
		records, came := c.staged[Position{e.GetIndex(), e.GetTerm()}]
		if !came && !c.leads() {
			c.fail(fmt.Errorf("BUG: replica: entry %d has come without its records", e.GetIndex()))
			return
		}
		w.records = append(w.records, records)
		c.last, c.given = e.GetIndex(), e.GetIndex()
	}
	if len(c.writes) == 0 {
		c.stalled = c.now()
	}
	c.writes = append(c.writes, w)
	if m.Term != nil {
		c.term = max(c.term, m.GetTerm())
	}
}

// keepStaged copies the records of writes that the disk has no room for: the frame that they
// have come in goes.
func (c *Core) keepStaged() {
	for i := c.written; i < len(c.writes); i++ {
		w := &c.writes[i]
		for j := range w.records {
			if !w.kept && w.records[j] != nil {
				w.records[j] = slices.Clone(w.records[j])
			}
		}
		w.kept = true
	}
}

// drain writes what can be written, and tells those who wait for what is durable.
func (c *Core) drain() {
	for c.err == nil && c.written < len(c.writes) {
		if err := c.write(&c.writes[c.written]); errors.Is(err, ErrNoRoom) {
			break // again at the next tick
		} else if err != nil {
			c.fail(err)
			return
		}
		c.written++
	}
	for c.err == nil && c.written > 0 && c.writes[0].upTo <= c.log.Durable() {
		w := c.writes[0]
		c.writes = slices.Delete(c.writes, 0, 1)
		c.written--
		c.stalled = c.now()
		c.endDoubt()
		for _, m := range w.message.GetResponses() {
			c.send(m)
		}
	}
}

// write does one write. It may be repeated after ErrNoRoom.
func (c *Core) write(w *write) error {
	m := w.message
	if err := c.remember(m); err != nil {
		return err
	}
	if s := m.GetSnapshot(); s.GetMetadata().GetIndex() > 0 {
		if err := c.install(s); err != nil {
			return err
		}
	}
	for i, e := range m.GetEntries() {
		if err := c.put(e, w.records[i]); err != nil {
			return err
		}
		w.upTo = e.GetIndex()
	}
	return nil
}

// remember stores term and vote if they are new. The committed index is none of what must not
// be forgotten.
func (c *Core) remember(m *raftpb.Message) error {
	if m.Term == nil || m.GetTerm() == c.state.Term && m.GetVote() == c.state.Vote {
		return nil
	}
	term, vote := c.state.Term, c.state.Vote
	c.state.Term, c.state.Vote = m.GetTerm(), m.GetVote()
	err := c.save()
	if err != nil { // it may be repeated
		c.state.Term, c.state.Vote = term, vote
	}
	return err
}

// put adds an entry to the log, unless it is there.
func (c *Core) put(e *raftpb.Entry, records []byte) error {
	at := Position{e.GetIndex(), e.GetTerm()}
	if c.holds(at) {
		return nil
	}
	if c.log.Last() >= at.Index {
		if err := c.cut(at.Index - 1); err != nil {
			return err
		}
	}
	if records != nil {
		return c.log.Take(Entry{Index: at.Index, Term: at.Term, Note: e.GetData()}, records)
	}
	if c.own == 0 && c.leads() && at.Term == c.term {
		c.own = at.Index // the library's own entry, which begins a term; not one that was late
	}
	_, err := c.log.Seal(at, e.GetData())
	return err
}

// holds says whether an entry is in the log.
func (c *Core) holds(at Position) bool {
	if at.Index > c.log.Last() {
		return false
	}
	term, err := c.log.Term(at.Index)
	return err == nil && term == at.Term
}

// cut drops the end of the log. Nobody may be told any more that what goes is durable, except
// the library, which knows by the term that it is not.
func (c *Core) cut(after uint64) error {
	if err := c.log.Truncate(after); err != nil {
		return err
	}
	for i := range c.written {
		w := &c.writes[i]
		if w.upTo <= after {
			continue
		}
		w.upTo = after
		w.message.Responses = slices.DeleteFunc(w.message.Responses, func(m *raftpb.Message) bool { return m.GetTo() != c.self })
	}
	return nil
}

// install begins again with an image.
func (c *Core) install(s *raftpb.Snapshot) error {
	image, voters, learners, err := parseImage(s)
	if err != nil {
		return err
	}
	if c.images != nil {
		if err := c.images.Install(image); err != nil {
			return fmt.Errorf("replica: install an image: %w", err)
		}
	}
	if err := c.log.Reset(image.At, image.Last); err != nil {
		return err
	}
	c.state.Voters, c.state.Learners = voters, learners
	c.membersAt, c.commit = image.At.Index, image.At.Index
	c.log.Commit(c.commit)
	return c.save()
}

// apply raises the committed mark; what is done with the records is the engine's affair.
func (c *Core) apply(m *raftpb.Message) {
	for _, e := range m.GetEntries() {
		if e.GetType() == raftpb.EntryConfChangeV2 && e.GetIndex() > c.membersAt {
			if err := c.applyChange(e); err != nil {
				c.fail(err)
				return
			}
		}
		c.commit = max(c.commit, e.GetIndex())
	}
	c.log.Commit(c.commit)
	c.reads.begin(c)
	for _, r := range m.GetResponses() {
		c.send(r)
	}
}

// send hands a message to whom it is for.
func (c *Core) send(m *raftpb.Message) {
	if m.GetTo() == c.self {
		_ = c.node.Step(m) // an answer that has come too late is refused
		return
	}
	switch m.GetType() {
	case raftpb.MsgApp:
		if c.mayWait(m) {
			c.owed[m.GetTo()] = m
			return
		}
		delete(c.owed, m.GetTo())
		c.sendEntries(m)
	case raftpb.MsgSnap:
		c.sendImage(m)
	case raftpb.MsgPreVote, raftpb.MsgVote:
		if c.fit() {
			c.sendFrame(m, Outgoing{})
		}
	default:
		c.sendFrame(m, Outgoing{})
	}
}

// mayWait says of an append message without entries that it only tells a member that follows what is
// committed, as one does after each commit. The next entries say the same, or payOwed at the next tick: told at
// once, each change would cost each member two more messages, which the next change has to wait for.
func (c *Core) mayWait(m *raftpb.Message) (may bool) {
	if len(m.GetEntries()) > 0 || !c.ready() {
		return false
	}
	c.node.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
		may = may || id == m.GetTo() && pr.State == tracker.StateReplicate
	})
	return may
}

// payOwed sends the append messages that have waited.
func (c *Core) payOwed() {
	for _, id := range c.others() {
		if m := c.owed[id]; m != nil {
			delete(c.owed, id)
			c.sendEntries(m)
		}
	}
}

// sendEntries sends an append message on the way of the bulk even if it is empty, since one that
// overtakes its entries would be refused, in several parts if its entries are large. Entries that
// are not in the log yet stay away, and the library repeats them; what is asked by the message, up to
// where the logs agree, is asked all the same, since a leader without room lets somebody take over who
// has everything.
func (c *Core) sendEntries(m *raftpb.Message) {
	rest := m
	for {
		frame, n := c.entriesFrame(rest)
		if frame == nil {
			return
		}
		c.frames = append(c.frames, Outgoing{To: m.GetTo(), Frame: frame, Bulk: true})
		if n == 0 || n == len(rest.GetEntries()) {
			return
		}
		sent := rest.GetEntries()[n-1]
		rest = part(m, sent.GetIndex(), sent.GetTerm(), rest.GetEntries()[n:])
	}
}

// part is an append message with other entries, behind an entry.
func part(m *raftpb.Message, index, term uint64, entries []*raftpb.Entry) *raftpb.Message {
	return &raftpb.Message{Type: m.Type, To: m.To, From: m.From, Term: m.Term, Commit: m.Commit,
		Index: new(index), LogTerm: new(term), Entries: entries}
}

// entriesFrame makes a frame of the first n entries of a message, of none if not even one of them
// is at hand; nil if they have gone meanwhile.
func (c *Core) entriesFrame(m *raftpb.Message) (frame []byte, n int) {
	entries := m.GetEntries()
	n, size := 0, 0
	for n < len(entries) && size < splitBytes {
		e := Position{entries[n].GetIndex(), entries[n].GetTerm()}
		if !c.holds(e) {
			break
		}
		size += c.log.Bytes(e.Index)
		n++
	}
	if n < len(entries) {
		m = part(m, m.GetIndex(), m.GetLogTerm(), entries[:n])
	}
	b, err := appendRaft(c.newFrame(m.GetTo()), m)
	for i := 0; err == nil && i < n; i++ {
		b, err = appendRecords(b, c.log, entries[i].GetIndex())
	}
	if err != nil {
		return nil, 0
	}
	return sealFrame(b), n
}

func (c *Core) newFrame(to uint64) []byte {
	b := *c.pool.Get().(*[]byte)
	return appendHead(b[:0], frameRaft, c.group, c.self, to)
}

// sendFrame sends a message without entries.
func (c *Core) sendFrame(m *raftpb.Message, o Outgoing) {
	b, err := appendRaft(c.newFrame(m.GetTo()), m)
	if err != nil {
		c.fail(fmt.Errorf("BUG: replica: a message has no form: %w", err))
		return
	}
	o.To, o.Frame = m.GetTo(), sealFrame(b)
	c.frames = append(c.frames, o)
}

// sendImage sends a snapshot, one at a time to each member. A witness gets the message alone.
func (c *Core) sendImage(m *raftpb.Message) {
	image, _, _, err := parseImage(m.GetSnapshot())
	if err != nil {
		c.fail(err)
		return
	}
	if c.isWitness(m.GetTo()) {
		c.sendFrame(m, Outgoing{})
		c.node.ReportSnapshot(m.GetTo(), raft.SnapshotFinish) // whether it came is asked for, as of an entry
		return
	}
	c.installing[m.GetTo()] = true
	c.sendFrame(m, Outgoing{Bulk: true, Image: image.Name})
}
