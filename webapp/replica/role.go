package replica

import "fmt"

// Role is what a member is in its group now.
type Role uint8

// The roles. A witness is a follower or a candidate like others: that it keeps nothing but the
// log is its own affair, and its Priority.
const (
	// Follower takes what the leader says.
	Follower Role = iota
	// Candidate asks for votes.
	Candidate
	// Leader seals entries.
	Leader
	// Learner follows and has no vote: it is new, or in doubt of its own log.
	Learner
)

func (r Role) String() string {
	switch r {
	case Follower:
		return "follower"
	case Candidate:
		return "candidate"
	case Leader:
		return "leader"
	case Learner:
		return "learner"
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// Standing is where a member stands in its group.
type Standing struct {
	Role   Role
	Term   uint64
	Leader uint64 // id of the leader of this term, 0 if none is known
	// Ready says of a leader that an entry of its own term is committed: from here on it
	// knows everything that is committed.
	Ready bool
	// Open says of a leader that Accept was called: its log takes records.
	Open bool
	// Handing says of a leader that it hands over.
	Handing bool

	Last   uint64 // index of the last entry of the log
	Commit uint64 // index of the last entry that is known to be committed, and is durable here
}

// Status is what a member knows of itself and its group.
type Status struct {
	Standing
	Committed uint64 // number of the last record of the last committed entry
	// Doubt says why the member neither votes nor counts, "" if it does.
	Doubt string
	// Lost says that so many members were in doubt at once that the last 100 ms before a
	// loss of power may be missing.
	Lost bool

	// Unfit says why the member does not stand for election, and leads no longer than it must,
	// "" if it may.
	Unfit string

	// Peers are the other members, in the order of their ids.
	Peers []PeerStatus
}

// PeerStatus is what a member knows of another. All but the first two are known to a leader only.
type PeerStatus struct {
	Peer
	Voter  bool
	Match  uint64 // the last entry that is known to be durable there
	Active bool   // it was heard of within the last election time
	// Behind is how many records of this log are not known to be there.
	Behind uint64
	// Installing says that it gets a snapshot.
	Installing bool
}
