package replica

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/internal/pulse"
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
	// Secret is shared by all members, SecretBytes at least; see transport.
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

// Node is a running member: the goroutine that drives its Core, and the connections to the
// others. Its methods may be called from any goroutine.
type Node struct {
	// set once
	core      *Core // of the goroutine run
	log       Journal
	images    Images
	logger    *slog.Logger
	tick      time.Duration
	began     time.Time
	transport *transport
	calls     chan func()
	wanted    chan struct{} // one token: reads wait
	bulk      chan received // frames with records
	urgent    chan received // all others
	closing   chan struct{} // closed by Close
	ended     chan struct{} // closed by run

	status  atomic.Pointer[Status]
	changed pulse.Pulse
	lease   atomic.Int64 // nanoseconds after began until which nobody else leads
	renew   atomic.Bool  // somebody has asked for the lease
	failed  atomic.Pointer[error]

	mu      lockwatch.Mutex
	readers []*reader // that wait for the next round
	closed  bool

	// owned by run
	rounds map[uint64][]*reader
	ticket uint64
	stood  Standing
}

// received is a frame, and what gives its bytes back.
type received struct {
	frame []byte
	done  func([]byte)
}

// reader is a call of ReadIndex.
type reader struct {
	done      chan struct{}
	committed uint64
	err       error
}

// Start joins the group. The node runs until Close.
func Start(o Options) (*Node, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	n := &Node{
		log: o.Log, images: o.Images, logger: o.Logger, tick: o.Tick, began: time.Now(),
		calls: make(chan func()), wanted: make(chan struct{}, 1),
		bulk: make(chan received, 64), urgent: make(chan received, 256),
		closing: make(chan struct{}), ended: make(chan struct{}), rounds: map[uint64][]*reader{},
	}
	core, err := NewCore(CoreOptions{
		Group: o.Group, Self: o.Self, Members: o.Members, Log: o.Log, Images: o.Snapshots, Doubt: o.Doubt,
		Now: n.now, Tick: o.Tick, Nonce: newNonce(), Logger: o.Logger,
	})
	if err != nil {
		return nil, err
	}
	n.core = core
	if n.transport, err = listen(o, n.deliver); err != nil {
		return nil, err
	}
	n.publish()
	go n.run()
	return n, nil
}

// complete checks the options and fills in what is left out.
func (o *Options) complete() error {
	if err := CheckMembers(o.Members, o.Self); err != nil {
		return err
	}
	if len(o.Secret) < SecretBytes {
		return fmt.Errorf("replica: the secret of the group has %d bytes, and needs %d: make one with `head -c 32 /dev/urandom | base64`", len(o.Secret), SecretBytes)
	}
	if o.Tick == 0 {
		o.Tick = 25 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return nil
}

func newNonce() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

func (n *Node) now() time.Duration { return time.Since(n.began) }

// deliver takes a frame from the network. It waits for room, so that a member that is slow
// slows down who sends to it.
func (n *Node) deliver(frame []byte, bulk bool, done func([]byte)) {
	to := n.urgent
	if bulk {
		to = n.bulk
	}
	select {
	case to <- received{frame, done}:
	case <-n.ended:
	}
}

// run drives the core.
func (n *Node) run() {
	defer close(n.ended)
	ticks := time.NewTicker(n.tick)
	defer ticks.Stop()
	for {
		grown, synced := n.watch()
		n.core.Synced()
		n.core.Grown()
		n.flush()
		if n.core.hasRoom() && grown == nil || n.core.written > 0 && synced == nil {
			continue // what it wakes up for has changed
		}
		select {
		case <-n.closing:
			n.end()
			return
		case <-ticks.C: // what a pause has dropped stays dropped
			if n.renew.Swap(false) {
				n.core.RenewLease()
			}
			n.core.Tick()
			n.flush()
			n.publish()
		case r := <-n.urgent:
			n.take(r)
		case r := <-n.bulk:
			n.take(r)
			n.takeWaiting()
		case call := <-n.calls:
			call()
		case <-n.wanted:
			n.read()
		case <-grown:
		case <-synced:
		}
	}
}

// watch returns what wakes the goroutine when records are appended or synced, as far as that
// matters now.
func (n *Node) watch() (grown, synced <-chan struct{}) {
	if n.core.hasRoom() {
		grown = n.log.Grown()
	}
	if n.core.written > 0 {
		synced = n.log.Synced()
	}
	return grown, synced
}

// takeWaiting takes the bulk frames that are there already, so that what they make the log
// sync is synced at once.
func (n *Node) takeWaiting() {
	for range 16 {
		select {
		case r := <-n.bulk:
			n.take(r)
		default:
			return
		}
	}
}

func (n *Node) take(r received) {
	if err := n.core.Receive(r.frame); err != nil {
		n.logger.Warn("replica: a frame was refused", "err", err)
	}
	r.done(r.frame)
}

// flush sends what the core has to say, and tells readers and watchers. A lease that is over ends
// before anybody hears that he may lead.
func (n *Node) flush() {
	n.lease.Store(int64(n.core.LeaseUntil()))
	for frames := n.core.TakeFrames(); len(frames) > 0; frames = n.core.TakeFrames() {
		n.send(frames)
	}
	for _, c := range n.core.TakeConfirmed() {
		for _, r := range n.rounds[c.Ticket] {
			r.committed, r.err = c.Committed, c.Err
			close(r.done)
		}
		delete(n.rounds, c.Ticket)
	}
	if s := n.core.Standing(); s.Role != n.stood.Role || s.Term != n.stood.Term || s.Leader != n.stood.Leader || s.Ready != n.stood.Ready || s.Open != n.stood.Open || s.Handing != n.stood.Handing {
		n.publish()
	}
	if err := n.core.Err(); err != nil && err != ErrClosed && n.failed.Load() == nil {
		n.failed.Store(&err)
		n.logger.Error("replica: this server takes no further part in its group", "err", err)
		n.changed.Beat()
	}
}

// send hands frames to the transport. What the core then hears about those that found no room makes
// new frames, so it hears it at the end.
func (n *Node) send(frames []Outgoing) {
	var crowded []uint64
	for _, f := range frames {
		switch {
		case f.Image != "":
			n.sendImage(f)
		case !n.transport.send(f.To, f.Frame, f.Bulk, n.core.Recycle):
			n.core.Recycle(f.Frame)
			if f.Bulk && !slices.Contains(crowded, f.To) {
				crowded = append(crowded, f.To)
			}
		}
	}
	for _, id := range crowded {
		n.core.Unreachable(id)
	}
}

// publish shows what the member knows now.
func (n *Node) publish() {
	s := n.core.Status()
	n.status.Store(&s)
	for i := range s.Peers {
		n.transport.meet(s.Peers[i].Member)
	}
	was := n.stood
	n.stood = s.Standing
	was.Last, was.Commit = s.Last, s.Commit // these change all the time
	if was != s.Standing {
		n.changed.Beat()
	}
}

// sendImage brings an image to a member, beside everything else.
func (n *Node) sendImage(f Outgoing) {
	go func() {
		err := n.transport.sendImage(f.To, f.Image, f.Frame, n.images)
		if err != nil {
			n.logger.Warn("replica: a snapshot did not reach its receiver", "err", err)
		}
		n.core.Recycle(f.Frame)
		_ = n.do(func() { n.core.ImageSent(f.To, err == nil) })
	}()
}

// read has the readers that wait share a round.
func (n *Node) read() {
	n.mu.Lock()
	readers := n.readers
	n.readers = nil
	n.mu.Unlock()
	n.ticket++
	n.rounds[n.ticket] = readers
	n.core.ReadIndex(n.ticket)
}

// end closes everything down.
func (n *Node) end() {
	if err := n.core.Stop(); err != nil && !errors.Is(err, ErrClosed) {
		n.logger.Error("replica: the state of this member was not stored", "err", err)
	}
	n.flush()
	n.mu.Lock()
	n.closed = true
	readers := n.readers
	n.readers = nil
	n.mu.Unlock()
	for _, waiting := range n.rounds {
		readers = append(readers, waiting...)
	}
	for _, r := range readers {
		r.err = ErrClosed
		close(r.done)
	}
	n.changed.Beat()
}

// do has the goroutine do something.
func (n *Node) do(f func()) error {
	done := make(chan struct{})
	select {
	case n.calls <- func() { f(); n.flush(); close(done) }:
		<-done
		return nil
	case <-n.ended:
		return ErrClosed
	}
}

// Close ends the member, at once: who leads hands over before.
func (n *Node) Close() error {
	n.mu.Lock()
	first := !n.closed
	n.closed = true
	n.mu.Unlock()
	if first {
		close(n.closing)
	}
	<-n.ended
	n.transport.close()
	return nil
}

// Err says why the member takes no further part, nil while it does.
func (n *Node) Err() error {
	if err := n.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Status returns what the member knows now; Last, Commit and what is said of peers may be a
// tick old. It is cheap: no lock, no wait.
func (n *Node) Status() *Status { return n.status.Load() }

// Changed returns a channel that is closed when role, term, leader, Ready, Open or Handing
// change, or the member has ended (Err). Take the channel first and look at Status second: a
// deposed leader is recognised by its term, even if it leads again by then.
func (n *Node) Changed() <-chan struct{} { return n.changed.Next() }

// Accept opens the log to records, for a leader that is Ready and whose state is that of all
// committed entries. ErrNotLeader if the term is over. From then on until the leader is
// deposed records are taken; then Log.Fence refuses them before any other member's entry
// comes. It is also called when a hand-over has failed.
func (n *Node) Accept(term uint64) (err error) {
	if closed := n.do(func() { err = n.core.Accept(term) }); closed != nil {
		return closed
	}
	return err
}

// ReadIndex returns once a majority has confirmed that this member still led when it was
// called; everything that was acknowledged to anybody before the call is then committed up to
// the record returned. Calls share rounds.
func (n *Node) ReadIndex(ctx context.Context) (committed uint64, err error) {
	r := &reader{done: make(chan struct{})}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return 0, ErrClosed
	}
	n.readers = append(n.readers, r)
	n.mu.Unlock()
	select {
	case n.wanted <- struct{}{}:
	default:
	}
	select {
	case <-r.done:
		return r.committed, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Lease reports whether no other member can have become leader by now, as far as the clocks of
// two machines run equally fast within a tenth, and no machine is suspended with its clock. Ask after the state was read. The first call
// after a while may be refused: it has the lease renewed. No allocation, no lock.
func (n *Node) Lease() bool {
	if !n.renew.Load() {
		n.renew.Store(true)
	}
	return n.now() < time.Duration(n.lease.Load())
}

// Transfer moves the leadership to a member, by name; "" means the best one. The caller has
// closed its doors: records appended from now on are refused, those appended before are
// sealed and committed first. It returns when another leader is known, or with an error when
// this member goes on to lead; then Accept opens the log again.
func (n *Node) Transfer(ctx context.Context, to string) (err error) {
	id := uint64(0)
	if to != "" {
		id = IDOf(to)
	}
	var term uint64
	if closed := n.do(func() { term, err = n.core.term, n.core.Transfer(id) }); closed != nil || err != nil {
		return errors.Join(closed, err)
	}
	for {
		changed := n.Changed()
		s := n.Status()
		switch {
		case s.Term > term && s.Leader != 0 && s.Role != Leader:
			return nil
		case s.Term == term && s.Role == Leader && !s.Handing:
			return errors.New("replica: the other member did not take over in time")
		}
		select {
		case <-changed:
		case <-n.ended:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Add makes a server a learner of the group, and a voter once it has caught up. It returns
// when the first of the two is committed.
func (n *Node) Add(ctx context.Context, m Member) error {
	return n.change(ctx, AddLearner, m, func(s *Status) bool {
		return slices.ContainsFunc(s.Peers, func(p PeerStatus) bool { return p.Name == m.Name })
	})
}

// Remove takes a member out of the group.
func (n *Node) Remove(ctx context.Context, name string) error {
	return n.change(ctx, Remove, Member{Name: name}, func(s *Status) bool {
		return !slices.ContainsFunc(s.Peers, func(p PeerStatus) bool { return p.Name == name })
	})
}

// change proposes a change and waits until it has happened.
func (n *Node) change(ctx context.Context, c Change, m Member, happened func(*Status) bool) (err error) {
	if closed := n.do(func() { err = n.core.Change(c, m) }); closed != nil || err != nil {
		return errors.Join(closed, err)
	}
	poll := time.NewTicker(n.tick)
	defer poll.Stop()
	for !happened(n.Status()) {
		select {
		case <-poll.C:
		case <-n.ended:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
		if s := n.Status(); s.Role != Leader {
			return fmt.Errorf("%w: whether the change has happened is known to the new leader", ErrNotLeader)
		}
	}
	return nil
}
