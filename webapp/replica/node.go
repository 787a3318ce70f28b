package replica

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Errors of a Node's calls.
var (
	// ErrNotLeader says that this member does not lead, or no longer: ask Status().Leader.
	ErrNotLeader = errors.New("replica: this server does not lead")
	// ErrClosed is the answer to everything after Close.
	ErrClosed = errors.New("replica: closed")
)

// Journal is the log with what the Node's goroutine sleeps on. As with pulse.Pulse, take the
// channel first and look second.
type Journal interface {
	Log
	// Grown is closed when a record has been appended.
	Grown() <-chan struct{}
	// Synced is closed when the durable mark has moved.
	Synced() <-chan struct{}
}

// Options say who a member is. Those without a default are needed.
type Options struct {
	Group   uint32   // 0: there is one group so far
	History [16]byte // identity of the log: members of another history are refused
	Self    string
	Members []Member
	// Secret is shared by all members, 16 bytes at least; see Transport.
	Secret []byte

	Log       Journal
	Snapshots Snapshots // nil for a witness
	// Images moves the files of snapshots; nil for a witness, which gets none.
	Images Images

	// Doubt says why the log may lack what this member has acknowledged, "" if it cannot:
	// at level crash, another boot after a stop that was not orderly.
	Doubt string

	// Tick is the unit of time; 0 means 25 ms. A leader is heard of every two ticks, and is
	// given up after 10 to 20.
	Tick time.Duration

	// Logger gets what an operator wants to know; nil means slog.Default().
	Logger *slog.Logger
}

// Node is a running member.
type Node struct{}

// Start joins the group. The node runs until Close.
func Start(o Options) (*Node, error) { return nil, errors.ErrUnsupported }

// Close ends the member. A leader hands over first if somebody can take over within an
// election time.
func (n *Node) Close() error { return errors.ErrUnsupported }

// Status returns what the member knows now. It is cheap: no lock, no wait.
func (n *Node) Status() *Status { return nil }

// Changed returns a channel that is closed when role, term, leader, Ready or Open change, or
// the doubt ends. Take the channel first and look at Status second: a deposed leader is
// recognised by its term, even if it leads again by then.
func (n *Node) Changed() <-chan struct{} { return nil }

// Accept opens the log to records, for a leader that is Ready and whose state is that of all
// committed entries. ErrNotLeader if the term is over. From then on until the leader is
// deposed records are taken; then Log.Close refuses them before any other member's entry
// comes.
func (n *Node) Accept(term uint64) error { return errors.ErrUnsupported }

// ReadIndex returns once a majority has confirmed that this member still led when it was
// called; everything that was acknowledged to anybody before the call is then committed up to
// the record returned. Calls share rounds.
func (n *Node) ReadIndex(ctx context.Context) (committed uint64, err error) {
	return 0, errors.ErrUnsupported
}

// Lease reports whether no other member can have become leader by now, as far as the clocks of
// two machines run equally fast within a tenth. Ask after the state was read. The first call
// after a while may be refused: it has the lease renewed. No allocation, no lock.
func (n *Node) Lease() bool { return false }

// Transfer moves the leadership to a member, by name; "" means whoever is best. The caller has
// closed its doors: records appended from now on are refused, those sealed before are
// committed first. It returns when another leader is known, or with an error when this
// member goes on to lead; then Accept opens the log again.
func (n *Node) Transfer(ctx context.Context, to string) error { return errors.ErrUnsupported }

// Add makes a server a learner of the group, and a voter when it has caught up. It returns
// when the first of the two is committed.
func (n *Node) Add(ctx context.Context, m Member) error { return errors.ErrUnsupported }

// Remove takes a member out of the group.
func (n *Node) Remove(ctx context.Context, name string) error { return errors.ErrUnsupported }
