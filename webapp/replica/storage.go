package replica

import (
	"encoding/binary"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// storage shows the log to the library. Entries have no content there: what a message says of
// an entry is read when it leaves.
type storage struct {
	log   Log
	core  *Core
	state State
}

// entryBytes is what the library takes for the size of an entry without a note.
const entryBytes = 12

func (s *storage) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	h := &raftpb.HardState{Term: new(s.state.Term), Vote: new(s.state.Vote), Commit: new(s.state.Commit)}
	return h, confOf(s.state), nil
}

func (s *storage) FirstIndex() (uint64, error) { return s.log.First(), nil }
func (s *storage) LastIndex() (uint64, error)  { return s.core.given, nil }

func (s *storage) Term(index uint64) (uint64, error) {
	switch {
	case index+1 < s.log.First():
		return 0, raft.ErrCompacted
	case index > s.log.Last():
		return 0, raft.ErrUnavailable
	case index == 0:
		return 0, nil
	}
	return s.log.Term(index)
}

func (s *storage) Entries(lo, hi, maxSize uint64) ([]*raftpb.Entry, error) {
	if lo < s.log.First() {
		return nil, raft.ErrCompacted
	}
	if hi > s.log.Last()+1 {
		return nil, raft.ErrUnavailable
	}
	hi = min(hi, lo+max(1, maxSize/entryBytes))
	entries := make([]*raftpb.Entry, 0, hi-lo)
	for index := lo; index < hi; index++ {
		e, err := s.log.Entry(index)
		if err != nil {
			return nil, raft.ErrUnavailable
		}
		entries = append(entries, bare(e))
	}
	return entries, nil
}

// bare is an entry as the library sees it.
func bare(e Entry) *raftpb.Entry {
	kind := raftpb.EntryNormal
	if len(e.Note) > 0 {
		kind = raftpb.EntryConfChangeV2
	}
	return &raftpb.Entry{Index: new(e.Index), Term: new(e.Term), Type: kind.Enum(), Data: e.Note}
}

// Snapshot offers an image with which the log and the members that are known begin.
func (s *storage) Snapshot() (*raftpb.Snapshot, error) {
	c := s.core
	if c.images == nil {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	image, ok := c.images.Latest(max(s.log.First()-1, c.membersAt))
	if !ok {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	return &raftpb.Snapshot{
		Metadata: &raftpb.SnapshotMetadata{Index: new(image.At.Index), Term: new(image.At.Term), ConfState: confOf(c.state)},
		Data:     appendImage(nil, image, c.state),
	}, nil
}

// appendImage appends what the library does not know of a snapshot: its name, and who
// the members are.
func appendImage(dst []byte, image Snapshot, s State) []byte {
	dst = binary.AppendUvarint(dst, image.Last)
	dst = appendText(dst, image.Name)
	return appendPeers(appendPeers(dst, s.Voters), s.Learners)
}

func appendPeers(dst []byte, peers []Peer) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(peers)))
	for _, p := range peers {
		dst = appendMember(dst, p.Member)
	}
	return dst
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// parseImage reads it. Its members are those of the leader, as of the image.
func parseImage(s *raftpb.Snapshot) (image Snapshot, voters, learners []Peer, err error) {
	image.At = Position{s.GetMetadata().GetIndex(), s.GetMetadata().GetTerm()}
	b := s.GetData()
	last, used := binary.Uvarint(b)
	if used <= 0 {
		return Snapshot{}, nil, nil, errFrame
	}
	name, b, ok := cutBytes(b[used:])
	if !ok {
		return Snapshot{}, nil, nil, errFrame
	}
	image.Last, image.Name = last, string(name)
	for _, peers := range []*[]Peer{&voters, &learners} {
		if b, ok = cutPeers(b, peers); !ok {
			return Snapshot{}, nil, nil, errFrame
		}
	}
	return image, voters, learners, nil
}

func cutPeers(b []byte, peers *[]Peer) (rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 {
		return nil, false
	}
	b = b[used:]
	for range n {
		var m Member
		if m, b, ok = cutMember(b); !ok {
			return nil, false
		}
		*peers = append(*peers, Peer{IDOf(m.Name), m})
	}
	return b, true
}

func appendMember(dst []byte, m Member) []byte {
	return append(appendText(appendText(dst, m.Name), m.Address), flag(m.Witness))
}

func cutMember(b []byte) (m Member, rest []byte, ok bool) {
	name, b, ok := cutBytes(b)
	if !ok {
		return m, nil, false
	}
	address, b, ok := cutBytes(b)
	if !ok || len(b) == 0 {
		return m, nil, false
	}
	return Member{Name: string(name), Address: string(address), Witness: b[0] == 1}, b[1:], true
}

func confOf(s State) *raftpb.ConfState {
	c := &raftpb.ConfState{}
	for _, p := range s.Voters {
		c.Voters = append(c.Voters, p.ID)
	}
	for _, p := range s.Learners {
		c.Learners = append(c.Learners, p.ID)
	}
	return c
}
