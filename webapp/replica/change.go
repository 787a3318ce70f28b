package replica

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"go.etcd.io/raft/v3/raftpb"
)

// ErrChanging says that another change of the members is under way: try again.
var ErrChanging = errors.New("replica: another change of the members is under way")

// Change is a change of the members.
type Change uint8

// The changes. A new server is a learner first, and voter when it has caught up, so that it
// is never what the others wait for.
const (
	AddLearner Change = iota + 1
	Promote
	Remove
)

// Change proposes a change, one at a time. It has happened when Status shows it.
func (c *Core) Change(change Change, m Member) error {
	switch {
	case c.err != nil:
		return c.err
	case !c.ready() || c.handing:
		return ErrNotLeader
	case c.changing > c.commit:
		return ErrChanging
	}
	if err := c.fits(change, m.Name); err != nil {
		return err
	}
	kind := map[Change]raftpb.ConfChangeType{AddLearner: raftpb.ConfChangeAddLearnerNode, Promote: raftpb.ConfChangeAddNode, Remove: raftpb.ConfChangeRemoveNode}[change]
	note, err := proto.Marshal(&raftpb.ConfChangeV2{
		Changes: []*raftpb.ConfChangeSingle{{Type: kind.Enum(), NodeId: new(IDOf(m.Name))}},
		Context: appendMember(nil, m),
	})
	if err != nil {
		return fmt.Errorf("BUG: replica: a change has no form: %w", err)
	}
	at := c.last + 1
	if !c.seal(note) {
		return errors.Join(ErrNoRoom, c.err)
	}
	c.changing = at
	c.settle()
	return nil
}

// promoteLearners has a learner that has caught up vote.
func (c *Core) promoteLearners() {
	if len(c.state.Learners) == 0 || !c.ready() || c.handing || c.changing > c.commit {
		return
	}
	for _, p := range c.Status().Peers {
		if !p.Voter && p.Active && p.Match+window >= c.commit {
			_ = c.Change(Promote, p.Member)
			return
		}
	}
}

// fits refuses what makes no sense.
func (c *Core) fits(change Change, name string) error {
	id := IDOf(name)
	voter := c.state.has(id)
	learner := slices.ContainsFunc(c.state.Learners, func(p Peer) bool { return p.ID == id })
	switch {
	case change == AddLearner && (voter || learner):
		return fmt.Errorf("replica: %q is a member already", name)
	case change == Promote && !learner:
		return fmt.Errorf("replica: %q is no learner of this group: add it first", name)
	case change == Remove && !voter && !learner:
		return fmt.Errorf("replica: %q is no member of this group", name)
	case change == Remove && voter && len(c.state.Voters) == 1:
		return fmt.Errorf("replica: %q is the only member that votes", name)
	}
	return nil
}

// applyChange does a committed change.
func (c *Core) applyChange(e *raftpb.Entry) error {
	change := &raftpb.ConfChangeV2{}
	if err := proto.Unmarshal(e.GetData(), change); err != nil {
		return fmt.Errorf("replica: entry %d changes the members in a way that this version does not know: %w", e.GetIndex(), err)
	}
	m, _, ok := cutMember(change.GetContext())
	if !ok {
		return fmt.Errorf("replica: entry %d changes a member without saying which", e.GetIndex())
	}
	c.node.ApplyConfChange(change)
	for _, single := range change.GetChanges() {
		c.state.change(single.GetType(), Peer{single.GetNodeId(), m})
	}
	c.membersAt = e.GetIndex()
	return c.save()
}

func (s *State) change(kind raftpb.ConfChangeType, p Peer) {
	gone := func(q Peer) bool { return q.ID == p.ID }
	s.Voters = slices.DeleteFunc(slices.Clone(s.Voters), gone)
	s.Learners = slices.DeleteFunc(slices.Clone(s.Learners), gone)
	switch kind {
	case raftpb.ConfChangeAddNode:
		s.Voters = append(s.Voters, p)
	case raftpb.ConfChangeAddLearnerNode:
		s.Learners = append(s.Learners, p)
	}
	slices.SortFunc(s.Voters, comparePeers)
	slices.SortFunc(s.Learners, comparePeers)
}
