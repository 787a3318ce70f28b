package replica

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// Times, in ticks. A leader is given up 10 to 20 ticks after it was heard of last, so that at
// 25 ms a new one is there half a second after a kill; a machine that is too busy to run a
// process for 250 ms changes leaders without need. Found by TestElectionTimes.
const (
	electionTicks  = 10
	heartbeatTicks = 2
	// leaseTicks is how long after a confirmed round nobody else can lead: those who confirmed
	// refuse their votes for electionTicks, the first of which may be short, and clocks may
	// differ by a tenth.
	leaseTicks = 8
)

// window is how many entries may be on their way. Fewer leave a slow link idle, more cut the
// stream of records into smaller entries than needed.
const window = 4

// Limits of the library: an append message has up to 64 entries, a member that follows well
// has up to 64 messages on their way.
const (
	messageBytes = 64 * entryBytes
	inflight     = 64
)

// splitBytes is from which size on the rest of an append message becomes another message.
const splitBytes = 1 << 20

// CoreOptions are the surroundings of a Core.
type CoreOptions struct {
	Group   uint32
	Self    string
	Members []Member // what a member without State begins with
	Log     Log
	Images  Snapshots // nil for a witness
	// Doubt says why the log may lack what was acknowledged, see Options.
	Doubt string
	// Now is a monotonic clock, Tick the time between two calls of Core.Tick.
	Now  func() time.Duration
	Tick time.Duration
	// Nonce tells this life of the member from earlier ones.
	Nonce  uint64
	Logger *slog.Logger
}

// Outgoing is a frame to be sent. Frames to one member may be lost, repeated or overtake each
// other. Who has sent it gives the frame back with Core.Recycle.
type Outgoing struct {
	To    uint64
	Frame []byte
	// Bulk frames carry records, and should come in order. They may wait; others are what
	// keeps the group together.
	Bulk bool
	// Image is the image that has to be at the receiver before the frame, "" for none. Tell
	// Core.ImageSent how it went.
	Image string
}

// Confirmed is the answer to Core.ReadIndex.
type Confirmed struct {
	Ticket    uint64
	Committed uint64 // number of the last record of the last committed entry
	Err       error
}

// Core is one member of the group, without goroutines, clock and sockets. After each call of a
// method its output is taken with TakeFrames and TakeConfirmed. It belongs to one goroutine.
type Core struct {
	// set once
	group  uint32
	self   uint64
	log    Log
	images Snapshots
	now    func() time.Duration
	tick   time.Duration
	nonce  uint64
	logger *slog.Logger
	pool   sync.Pool // of *[]byte, for frames

	node  *raft.RawNode
	state State
	err   error // why the member is no more

	soft       raft.SoftState
	term       uint64
	last       uint64 // index of the last entry
	given      uint64 // of the last one that the library has given us; one sealed just now is in the log before
	commit     uint64 // index of the last committed entry that is durable here
	own        uint64 // of a leader: index of the first entry of its term
	open       bool   // of a leader: the log takes records
	handing    bool   // of a leader: it hands over
	adopted    bool   // the members are those that another one has told of
	membersAt  uint64 // the entry that has changed the members last
	changing   uint64 // the entry that is about to
	ticks      uint64 // since the start
	staged     map[Position][]byte
	writes     []write       // in order; the first ones are in the log, and wait to be durable
	written    int           // how many of them
	stalled    time.Duration // since when the first write waits for the disk
	fitness    fitness
	doubt      doubt
	reads      reads
	seen       map[uint64]seen
	active     map[uint64]uint64 // when a member was heard of last, in ticks
	installing map[uint64]bool
	owed       map[uint64]*raftpb.Message // of a leader: what a member is told at the next tick, or with the next entries
	frames     []Outgoing
}

// NewCore begins a life of a member.
func NewCore(o CoreOptions) (*Core, error) {
	c := &Core{
		group: o.Group, self: IDOf(o.Self), log: o.Log, images: o.Images, now: o.Now, tick: o.Tick, nonce: o.Nonce, logger: o.Logger,
		staged: map[Position][]byte{}, seen: map[uint64]seen{},
		active: map[uint64]uint64{}, installing: map[uint64]bool{}, owed: map[uint64]*raftpb.Message{},
	}
	c.pool.New = func() any { return new([]byte) }
	c.fence()
	state, known := o.Log.State()
	if !known {
		state = founding(o.Members)
	}
	c.state, c.membersAt = state, state.MembersAt
	if err := c.beginDoubt(known, o.Doubt); err != nil {
		return nil, err
	}
	return c, c.begin()
}

// founding is the state of a member that has none: all that are listed vote.
func founding(members []Member) (s State) {
	for _, m := range members {
		s.Voters = append(s.Voters, Peer{IDOf(m.Name), m})
	}
	slices.SortFunc(s.Voters, comparePeers)
	return s
}

func comparePeers(a, b Peer) int {
	switch {
	case a.ID < b.ID:
		return -1
	case a.ID > b.ID:
		return 1
	}
	return 0
}

// begin makes the library's part of the member, from the state and the log.
func (c *Core) begin() (err error) {
	s := c.state
	s.Commit = min(max(s.Commit, c.log.First()-1), c.log.Last())
	c.given = c.log.Last()
	c.node, err = raft.NewRawNode(&raft.Config{
		ID: c.self, ElectionTick: electionTicks, HeartbeatTick: heartbeatTicks,
		Storage: &storage{c.log, c, s}, Applied: s.Commit, AsyncStorageWrites: true,
		MaxSizePerMsg: messageBytes, MaxCommittedSizePerReady: 1 << 20, MaxInflightMsgs: inflight,
		CheckQuorum: true, PreVote: true, DisableProposalForwarding: true, StepDownOnRemoval: true,
		Logger: raftLogger{c.logger},
	})
	if err != nil {
		return fmt.Errorf("replica: %w", err)
	}
	c.last, c.commit, c.term = c.log.Last(), s.Commit, s.Term
	c.log.Commit(c.commit)
	return nil
}

// Err says why the member has ended, nil while it has not.
func (c *Core) Err() error { return c.err }

// fail ends the member: it takes no further part. Who leads says so.
func (c *Core) fail(err error) {
	if c.err != nil {
		return
	}
	if to := c.best(); c.leads() && to != 0 && err != ErrClosed {
		c.order(to)
	}
	c.err = err
	c.fence()
	c.reads.fail(err)
}

// TakeFrames returns what is to be sent since the last call. The slice is valid until the
// next call of any method.
func (c *Core) TakeFrames() []Outgoing {
	frames := c.frames
	c.frames = c.frames[:0]
	return frames
}

// TakeConfirmed does the same for reads.
func (c *Core) TakeConfirmed() []Confirmed {
	done := c.reads.done
	c.reads.done = c.reads.done[:0]
	return done
}

// Recycle gives the bytes of a frame back. Any goroutine may call it.
func (c *Core) Recycle(frame []byte) {
	if cap(frame) <= 1<<20 {
		c.pool.Put(&frame)
	}
}

// Tick says that a unit of time has gone by. After a pause it is called once.
func (c *Core) Tick() {
	if c.err != nil {
		return
	}
	c.ticks++
	c.payOwed()
	if c.lookAtDisk(); c.err != nil {
		return
	}
	c.askAround()
	if c.doubt.votes() {
		c.node.Tick()
	}
	c.settle()
	c.drain()
	c.reads.begin(c)
	c.noteHandOver()
	c.promoteLearners()
	c.handOverIfUnfit()
	c.settle()
}

// Receive takes a frame of another member. An error says that it is none; the sender's
// connection is of no more use then.
func (c *Core) Receive(b []byte) error {
	f, err := parseFrame(b)
	switch {
	case err != nil:
		return err
	case f.group != c.group:
		return fmt.Errorf("replica: a message of group %d has come to one of group %d: correct the list of replicas", f.group, c.group)
	case c.err != nil || f.to != c.self || f.from == c.self:
		return nil
	}
	c.active[f.from] = c.ticks
	switch f.kind {
	case frameAsk:
		return c.answer(f)
	case frameTell:
		return c.hear(f)
	case frameRaft:
		body, err := parseRaft(f.body)
		if err != nil || body.message.GetFrom() != f.from {
			return errFrame
		}
		c.step(body)
		c.settle()
		return nil
	}
	return fmt.Errorf("replica: an unknown kind of message %d: let all members run the same version", f.kind)
}

// step hands a message to the library, unless this member must not listen to it.
func (c *Core) step(b raftBody) {
	m := b.message
	c.see(m)
	if !c.listens(m) {
		return
	}
	switch m.GetType() {
	case raftpb.MsgProp, raftpb.MsgTransferLeader, raftpb.MsgReadIndex, raftpb.MsgForgetLeader:
		return // callers go to the leader by themselves
	case raftpb.MsgHeartbeat:
		if m.GetCommit() > c.last && m.GetTerm() >= c.term {
			c.distrust(m.GetTerm(), "the leader knows of acknowledged entries that are not in the log")
			return
		}
	}
	for i, e := range m.GetEntries() {
		c.staged[Position{e.GetIndex(), e.GetTerm()}] = b.records[i]
	}
	if err := c.node.Step(m); err != nil && !errors.Is(err, raft.ErrStepPeerNotFound) && !errors.Is(err, raft.ErrProposalDropped) {
		c.logger.Debug("replica: a message was refused", "message", m.GetType().String(), "err", err)
	}
}

// Grown says that records were appended.
func (c *Core) Grown() {
	if c.err == nil && c.hasRoom() && c.seal(nil) {
		c.settle()
	}
}

// hasRoom says that another entry may be sealed now.
func (c *Core) hasRoom() bool { return c.open && c.last-c.commit < window }

// Synced says that the log's durable mark may have moved.
func (c *Core) Synced() {
	if c.err == nil {
		c.drain()
		c.settle()
	}
}

// seal makes an entry of the records that wait and proposes it.
func (c *Core) seal(note []byte) bool {
	if len(note) == 0 && !c.log.Pending() {
		return false
	}
	e, err := c.log.Seal(Position{c.last + 1, c.term}, note)
	switch {
	case errors.Is(err, ErrNoRoom): // again at the next tick; see fitness.go
		return false
	case err != nil:
		c.fail(err)
		return false
	}
	if err := c.node.Step(&raftpb.Message{Type: raftpb.MsgProp.Enum(), From: new(c.self), Entries: []*raftpb.Entry{bare(e)}}); err != nil {
		c.fail(fmt.Errorf("BUG: replica: entry %d is sealed and cannot be proposed: %w", e.Index, err))
		return false
	}
	c.last = e.Index
	return true
}

// Accept opens the log to records, see Node.Accept.
func (c *Core) Accept(term uint64) error {
	if c.err != nil {
		return c.err
	}
	if !c.ready() || term != c.term || c.handing || c.isWitness(c.self) {
		return ErrNotLeader // a witness leads until somebody with the data can
	}
	c.open = true
	c.log.Unfence()
	return nil
}

// leads says that the member is the leader, as far as it knows.
func (c *Core) leads() bool { return c.soft.RaftState == raft.StateLeader }

// ready says that everything that is committed is known.
func (c *Core) ready() bool { return c.leads() && c.own > 0 && c.commit >= c.own }

// Transfer hands the leadership over to a member; 0 means the best one.
func (c *Core) Transfer(to uint64) error {
	if c.err != nil {
		return c.err
	}
	if to == 0 {
		to = c.best()
	}
	switch {
	case !c.ready():
		return ErrNotLeader
	case to == 0 || to == c.self:
		return errors.New("replica: no other member can take over now")
	case !c.state.has(to):
		return errors.New("replica: the member to hand over to does not vote in this group")
	}
	if err := c.shut(); err != nil {
		return err
	}
	c.handOver(to)
	c.settle()
	return nil
}

// handOver tells a member to take over. Records that could not be sealed are lost to those who
// wait for them, which they notice when this member is deposed.
func (c *Core) handOver(to uint64) {
	c.open = false
	c.log.Fence()
	c.handing = true
	c.reads.forbidLease(c.term)
	c.node.TransferLeader(to)
}

// shut takes no more records, and seals those that have come; or does nothing.
func (c *Core) shut() error {
	if !c.open {
		return nil
	}
	c.log.Fence()
	if c.log.Pending() && !c.seal(nil) {
		if c.err == nil {
			c.log.Unfence()
		}
		return errors.Join(ErrNoRoom, c.err)
	}
	c.open = false
	return nil
}

// fence takes no more records, and drops what nobody will seal.
func (c *Core) fence() {
	c.open = false
	c.log.Fence()
	c.log.Drop()
}

// noteHandOver sees that a hand-over was given up: the library does so after an election time.
func (c *Core) noteHandOver() {
	if c.handing && c.node.BasicStatus().LeadTransferee == 0 {
		c.handing = false
		c.logger.Warn("replica: nobody has taken over; this server goes on")
	}
}

// Handing reports whether a hand-over is under way.
func (c *Core) Handing() bool { return c.handing }

// has says whether a member votes.
func (s *State) has(id uint64) bool {
	return slices.ContainsFunc(s.Voters, func(p Peer) bool { return p.ID == id })
}

// best is the member that can take over soonest, 0 for none: one with data before a witness, one
// that has not just failed to, then who has most.
func (c *Core) best() (id uint64) {
	if !c.leads() || c.err != nil {
		return 0
	}
	var best PeerStatus
	for _, p := range c.Status().Peers {
		if p.Voter && p.Active && p.Match >= c.commit && (best.ID == 0 || c.better(p, best)) {
			best = p
		}
	}
	return best.ID
}

func (c *Core) better(p, than PeerStatus) bool {
	switch failed := c.fitness.failed; {
	case p.Witness != than.Witness:
		return than.Witness
	case p.ID == failed || than.ID == failed:
		return than.ID == failed
	}
	return p.Match > than.Match
}

// isWitness says whether a member keeps nothing but the log.
func (c *Core) isWitness(id uint64) bool {
	witness := func(p Peer) bool { return p.ID == id && p.Witness }
	return slices.ContainsFunc(c.state.Voters, witness) || slices.ContainsFunc(c.state.Learners, witness)
}

// ImageSent says how it went with an image.
func (c *Core) ImageSent(to uint64, ok bool) {
	status := raft.SnapshotFinish
	if !ok {
		status = raft.SnapshotFailure
	}
	delete(c.installing, to)
	if c.err == nil {
		c.node.ReportSnapshot(to, status)
		c.settle()
	}
}

// Unreachable says that a member did not get what was sent.
func (c *Core) Unreachable(id uint64) {
	if c.err == nil {
		c.node.ReportUnreachable(id)
		c.settle()
	}
}

// Stop stores what spares the next start some work. The core is not used any more.
func (c *Core) Stop() error {
	c.fence()
	if c.err != nil || c.doubt.unborn() {
		return c.err
	}
	c.fail(ErrClosed)
	return c.save()
}

// save stores the state.
func (c *Core) save() error {
	c.state.Commit = max(c.state.Commit, c.commit)
	c.state.MembersAt = c.membersAt
	return c.log.SaveState(c.state)
}
