package replica

import "errors"

// Errors of a Log that a core can live with. Any other error ends the member.
var (
	// ErrNoRoom says that the disk has no room now; the call may be repeated.
	ErrNoRoom = errors.New("replica: the log has no room")
	// ErrNotHeld says that an entry is not in the log: it was compacted, or is still to come.
	ErrNotHeld = errors.New("replica: the log does not hold the entry")
)

// Entry is one entry of the replicated log: all records of one group commit, the last of
// which is the mark that seals it.
type Entry struct {
	Index, Term uint64
	First, Last uint64 // numbers of its records; Last is the mark's
	// Note is what the group has to say to itself in this entry, a change of its members;
	// mostly nil. It stands in the mark.
	Note []byte
}

// State is what a member must never forget, a few hundred bytes that are synced at every
// level of durability before a message that follows from them leaves.
type State struct {
	Term   uint64 // the latest that was heard of
	Vote   uint64 // who got this member's vote in it; 0: nobody
	Commit uint64 // index of an entry that is known to be committed; may lag
	// Floor is the term that the last entry of the log must have reached before the member
	// votes; see doubt.go. 0 for one that never had to doubt its log.
	Floor uint64
	// Voters are the members that decide.
	Voters []Peer
	// Learners are those that only follow, until they are made voters.
	Learners []Peer
	// MembersAt is the entry that has changed the members last.
	MembersAt uint64
}

// Peer is a member as the others know it.
type Peer struct {
	ID uint64 // IDOf its name
	Member
}

// Position is an entry of the log, without what is in it. Positions are ordered by term,
// then by index, as in an election.
type Position struct{ Index, Term uint64 }

// Less says whether a log that ends at p knows less than one that ends at q.
func (p Position) Less(q Position) bool {
	return p.Term < q.Term || p.Term == q.Term && p.Index < q.Index
}

// Room is what a log has for what comes.
type Room uint8

// The rooms.
const (
	Ample  Room = iota
	Scarce      // records find room, another term would not
	NoRoom      // records are refused, or wait for the disk
)

// Log is the journal, seen as the log of the group: its records, cut into entries by marks.
// Records behind the last mark are the leader's speculation. The core calls it from one
// goroutine; records may be appended by others at the same time.
type Log interface {
	// State returns what SaveState has stored last; false before the first time.
	State() (State, bool)
	// SaveState stores the state, synced. After ErrNoRoom the old one is there.
	SaveState(State) error

	// First and Last are the ends of what is held: entries First to Last, with Last =
	// First - 1 for none. Term and End know the entry First - 1 as well, for First > 1.
	First() uint64
	Last() uint64
	// Term returns an entry's term.
	Term(index uint64) (uint64, error)
	// Entry returns an entry. Its note is the caller's to read until the entry goes.
	Entry(index uint64) (Entry, error)
	// End returns the number of the last record of an entry.
	End(index uint64) (uint64, error)
	// Bytes returns the size of an entry's records, 0 if it is not in the log.
	Bytes(index uint64) int
	// AppendRecords appends the bytes of an entry's records, as another log takes them.
	AppendRecords(dst []byte, index uint64) ([]byte, error)

	// Pending says whether records wait to be sealed.
	Pending() bool
	// Seal makes an entry of all records that wait. It also makes one of none.
	Seal(at Position, note []byte) (Entry, error)
	// Take adds an entry that the leader has sealed, after dropping records that wait. The
	// bytes are not retained. A record that is not whole is an error.
	Take(e Entry, records []byte) error
	// Truncate drops every entry behind one, and all records that wait. What is committed
	// is never dropped.
	Truncate(index uint64) error
	// Reset empties the log, which goes on behind a snapshot: the entry at and its last
	// record are where it ends.
	Reset(at Position, last uint64) error

	// Fence refuses the records of callers from now on. Those that wait can still be sealed,
	// until Drop drops them. Unfence takes records again, from a member that leads.
	Fence()
	Drop()
	Unfence()

	// Room says what there is for what comes, and tries to make more if that is little. An
	// error says that the log has stopped for good.
	Room() (Room, error)

	// Commit raises the committed mark to the end of an entry.
	Commit(index uint64)
	// Durable returns the last entry that survives what the level of durability promises.
	Durable() uint64
}

// Snapshot is an image of the state that a member can begin with.
type Snapshot struct {
	// At is the last entry that is whole in the image. The image may show changes of later
	// entries, too; who replays the log behind At sees which.
	At   Position
	Last uint64 // number of At's last record
	// Name finds the image again where it is kept.
	Name string
}

// Snapshots are the images that a leader offers to members that are behind what its log
// holds.
type Snapshots interface {
	// Latest returns the newest image, all of whose changes are committed, if it reaches an
	// entry at least; false if not: then one should be made, and the member waits.
	Latest(atLeast uint64) (Snapshot, bool)
	// Install makes the image of this name, which the transport has brought, the one that
	// the member's state begins with. It is durable when Install returns.
	Install(Snapshot) error
}
