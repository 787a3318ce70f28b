package replica

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
)

// A member's word counts because it stands by it: what it has acknowledged is in its log, and
// it votes for nobody who knows less. A member that may have forgotten something must not give
// its word until it can stand by it again. This file is about when that is.
//
// Goal: what was acknowledged is lost only if a majority of the members forget it.
//
//  1. Term and vote are never forgotten, since they are synced at every level. So all that a
//     member may have forgotten was acknowledged in its term or before.
//  2. A member in doubt moves on to the next term, the floor, and stores it. It never
//     acknowledges anything in an older term again, so no word of its earlier life is mixed
//     with one of this life.
//  3. In doubt it does not vote and does not stand for election. So a leader of the floor or
//     later was elected by a majority of others. Each entry that was committed before,
//     perhaps with the member's forgotten word, is known to one of those others, so the
//     leader has it.
//  4. The doubt ends when the member's durable log has an entry of the floor or later. Such
//     an entry comes from such a leader, and everything before it in the log as well.
//  5. What the member acknowledges until then makes nothing committed: a leader counts only
//     for entries of its own term, and the first of them ends the doubt.
//
// Who is new, or has an empty folder, does not know its term, nor for certain who the others are. It asks all other members: each
// of its words was worth something only together with one of theirs, so the latest of their
// terms will do. It takes no part before they have all answered.
//
// If so many are in doubt that the others are no majority, nobody can be elected by 3. Once
// they have all been heard of, who knows most can be elected by all: what a majority has
// forgotten may be lost, which is what level crash says, and Status.Lost tells. A new group
// begins in the same way, with nothing to lose.
//
// That a folder is older than what its member has acknowledged cannot be seen from the
// folder. The others remember, as long as they live, what they were told. So a member asks
// at its start, and gives its word when a majority is heard of.
//
// A member also refuses its vote for an election time after its start: it may have confirmed
// a leader's lease just before.
//
// Rejected: removing the member and adding it under another number. It is the same in safety,
// needs two changes of the members, and fails where a single other member is away.
type doubt struct {
	reason     string          // "": none
	fresh      bool            // there was no state, the floor is not known
	introduced bool            // a majority was heard of
	lifted     bool            // those without doubt are no majority
	best       Position        // what a candidate has to know, once lifted
	heard      map[uint64]told // in this life
	lost       bool
}

// seen is what a member remembers of another.
type seen struct {
	term  uint64   // the latest it was in
	acked Position // the last entry that it has acknowledged
}

// votes says whether the member may stand for election.
func (d *doubt) votes() bool { return d.introduced && (d.reason == "" || d.lifted) }

// unborn says that the member has no state yet.
func (d *doubt) unborn() bool { return d.fresh }

// beginDoubt looks at how the last life has ended.
func (c *Core) beginDoubt(known bool, reason string) (err error) {
	c.doubt.heard = map[uint64]told{}
	end := c.end()
	switch {
	case !known && end != (Position{}):
		return fmt.Errorf("replica: the folder holds a log, but nothing of a group: make it the first member of one, or start with an empty folder")
	case !known:
		c.doubt.fresh, c.doubt.reason = true, "it is new, and has not heard of all other members yet"
	case reason != "":
		err = c.raiseFloor(c.state.Term, reason)
	case c.state.Commit > end.Index:
		err = c.raiseFloor(c.state.Term, fmt.Sprintf("its log ends at entry %d, and %d are acknowledged", end.Index, c.state.Commit))
	case end.Term < c.state.Floor:
		c.doubt.reason = "it has not caught up yet"
	}
	c.reconsider() // who is alone has heard of all others
	return err
}

// end is the last entry of the log.
func (c *Core) end() Position {
	index := c.log.Last()
	if index == 0 {
		return Position{}
	}
	term, err := c.log.Term(index)
	if err != nil {
		c.fail(fmt.Errorf("replica: the log does not know its end: %w", err))
	}
	return Position{index, term}
}

// raiseFloor moves on to a term in which nothing was said.
func (c *Core) raiseFloor(past uint64, reason string) error {
	c.doubt.fresh, c.doubt.reason = false, reason
	c.state.Floor = max(c.state.Floor, max(past, c.state.Term)+1)
	c.state.Term, c.state.Vote = c.state.Floor, 0
	c.logger.Warn("replica: this server neither votes nor counts until it has caught up", "reason", reason, "term", c.state.Floor)
	return c.log.SaveState(c.state)
}

// distrust begins a doubt in the middle of life.
func (c *Core) distrust(past uint64, reason string) {
	if c.doubt.reason != "" && past < c.state.Floor {
		return
	}
	c.turn(raftFollower)
	c.writes, c.written = nil, 0
	if err := c.raiseFloor(past, reason); err != nil {
		c.fail(err)
		return
	}
	c.doubt.lifted = false
	c.doubt.lost = true
	if err := c.begin(); err != nil {
		c.fail(err)
	}
	c.reconsider()
}

// endDoubt ends it as soon as the durable log has an entry of the floor.
func (c *Core) endDoubt() {
	if c.doubt.reason == "" || c.doubt.fresh {
		return
	}
	if term, err := c.log.Term(c.log.Durable()); err == nil && term >= c.state.Floor {
		c.doubt.reason, c.doubt.lifted, c.doubt.introduced = "", false, true
		c.logger.Info("replica: this server has caught up", "term", term)
	}
}

// others are the members but this one.
func (c *Core) others() (ids []uint64) {
	for _, peers := range [][]Peer{c.state.Voters, c.state.Learners} {
		for _, p := range peers {
			if p.ID != c.self {
				ids = append(ids, p.ID)
			}
		}
	}
	return ids
}

// askAround asks the others, while this member has something to ask.
func (c *Core) askAround() {
	if c.doubt.reason == "" && c.doubt.introduced || c.ticks%heartbeatTicks != 1 {
		return
	}
	for _, id := range c.others() {
		frame := appendHead(nil, frameAsk, c.group, c.self, id)
		frame = appendNumber(frame, c.nonce)
		c.frames = append(c.frames, Outgoing{To: id, Frame: sealFrame(frame)})
	}
}

// answer answers who has asked.
func (c *Core) answer(f frame) error {
	nonce, ok := number(f.body)
	if !ok {
		return errFrame
	}
	s := c.seen[f.from]
	t := told{nonce: nonce, term: c.state.Term, last: c.end(), doubt: c.doubt.reason != "", fresh: c.doubt.fresh, seenTerm: s.term, acked: s.acked,
		membersAt: c.membersAt, voters: c.state.Voters, learners: c.state.Learners}
	frame := t.append(appendHead(nil, frameTell, c.group, c.self, f.from))
	c.frames = append(c.frames, Outgoing{To: f.from, Frame: sealFrame(frame)})
	return nil
}

// hear takes an answer.
func (c *Core) hear(f frame) error {
	t, err := parseTold(f.body)
	if err != nil || t.nonce != c.nonce {
		return err // of an earlier life
	}
	c.doubt.heard[f.from] = t
	switch {
	case c.doubt.fresh:
		c.adopt(t)
	case c.end().Less(t.acked) || c.state.Term < t.seenTerm:
		// Nothing of this life can have gone, however long the answer was on its way: a log
		// that was cut ends in a later term. A majority that knew nothing may have answered
		// before.
		c.distrust(max(t.seenTerm, t.acked.Term), "its folder is older than what it has acknowledged")
	}
	c.reconsider()
	c.settle()
	return nil
}

// adopt has a new member know who is in the group: the list that it began with may name others
// that are to join, like itself, and only the founders of a group vote by their list.
func (c *Core) adopt(t told) {
	if !t.fresh && len(t.voters) > 0 && (t.membersAt > c.membersAt || !c.adopted) {
		c.state.Voters, c.state.Learners = t.voters, t.learners
		c.membersAt, c.adopted = t.membersAt, true
	}
}

// reconsider draws the conclusions from who was heard of.
func (c *Core) reconsider() {
	answered, sound, all := 1, 0, true
	best, latest := c.end(), c.state.Term
	for _, p := range c.state.Voters {
		t, ok := c.doubt.heard[p.ID]
		if p.ID == c.self {
			continue
		}
		if !ok {
			all = false
			continue
		}
		answered++
		if !t.doubt {
			sound++
		}
		if best.Less(t.last) {
			best = t.last
		}
		latest = max(latest, t.term, t.seenTerm, t.acked.Term)
	}
	majority := len(c.state.Voters)/2 + 1
	c.doubt.introduced = c.doubt.introduced || answered >= majority
	if c.doubt.reason == "" || !all {
		return
	}
	if c.doubt.fresh {
		c.distrust(latest, "it is new")
		return
	}
	if sound < majority && !c.doubt.lifted {
		c.doubt.lifted, c.doubt.best = true, best
		if c.doubt.lost = best != (Position{}) && c.state.Floor > 1; c.doubt.lost {
			c.logger.Error("replica: so many members lost their power at once that the last 100 ms may be lost", "kept", best.Index, "term", best.Term)
		}
	}
}

// listens says whether the member may hear a message.
func (c *Core) listens(m *raftpb.Message) bool {
	d := &c.doubt
	if d.fresh || !d.introduced {
		return false
	}
	switch m.GetType() {
	case raftpb.MsgVote, raftpb.MsgPreVote:
		if c.ticks < electionTicks {
			return false
		}
		candidate := Position{m.GetIndex(), m.GetLogTerm()}
		return d.reason == "" || d.lifted && !candidate.Less(d.best)
	case raftpb.MsgTimeoutNow:
		return d.reason == "" && c.fit()
	}
	return true
}

// see remembers where the sender of a message stands.
func (c *Core) see(m *raftpb.Message) {
	s := c.seen[m.GetFrom()]
	switch m.GetType() {
	case raftpb.MsgPreVote, raftpb.MsgPreVoteResp:
		return // they speak of a term to come
	case raftpb.MsgAppResp:
		if c.leads() && !m.GetReject() && m.GetTerm() == c.term {
			if term, err := c.log.Term(m.GetIndex()); err == nil {
				s.acked = Position{m.GetIndex(), term}
			}
		}
	}
	s.term = max(s.term, m.GetTerm())
	c.seen[m.GetFrom()] = s
}
