package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"isuride/webapp/internal/disk"
	"isuride/webapp/internal/histogram"
	"isuride/webapp/isuride"
	"isuride/webapp/replica"
)

// What others see of a member: its figures, its health, who leads, and what may be read here.

// ReplicaStats are the figures of a member of a group.
type ReplicaStats struct {
	Name    string
	Witness bool
	replica.Status
	LeaderName string // "" if none is known
	// Leads says that this server serves: it was elected, and its state is complete.
	Leads bool
	// Applied is the last record that is in the state, Lag how many committed ones are not.
	Applied, Lag uint64
	// Behind is the time from the leader's clock to ours at an event, once a second.
	Behind histogram.Snapshot
	// Waits are those at the watermark of a server that leads.
	Waits                   histogram.Snapshot
	Promotions, Depositions uint64
	// Equal and Different count the comparisons of this state's hash with the leader's.
	Equal, Different uint64
	Took             time.Duration // by the last promotion
}

func (m *member) replicaStats() *ReplicaStats {
	s := &ReplicaStats{Name: m.group.Self, Witness: m.tables == nil, Status: *m.node.Status(), Leads: m.e.current.Load() != nil,
		Applied: m.applied.Load(), Behind: m.lag.Snapshot(), Waits: m.waits.Snapshot(),
		Equal: m.equal.Load(), Different: m.different.Load(), Promotions: m.promotions.Load(), Depositions: m.depositions.Load(), Took: time.Duration(m.took.Load())}
	s.LeaderName = m.nameOf(s.Leader)
	mark := m.journal.Watermark()
	if s.Leads || s.Witness { // which has no state that could lag
		s.Applied = mark
	}
	s.Lag = mark - min(mark, s.Applied)
	return s
}

func (m *member) nameOf(id uint64) string {
	for _, one := range m.group.Members {
		if replica.IDOf(one.Name) == id {
			return one.Name
		}
	}
	return ""
}

func (m *member) stats() Stats {
	var s Stats
	if g := m.e.current.Load(); g != nil {
		s = g.own()
		s.State = g.Store.Overview()
		s.add(&g.before)
	} else if standby := m.standby.Load(); standby != nil {
		_ = standby.view(func(g *Generation) error { // it cannot fail
			s = g.following()
			s.State = g.Store.Overview()
			s.add(&g.before)
			return nil
		})
	} else {
		s.Journal = m.journal.Stats()
	}
	if m.tables != nil {
		s.Flush = m.tables.Stats()
		s.Refused, s.PositionsDeleted = int(m.tables.refused.Load()), m.tables.deleted.Load()
	}
	s.Replica = m.replicaStats()
	return s
}

// noLeaderLimit is the time without a leader after which a member counts as unwell.
const noLeaderLimit = 5 * time.Second

// health says why this member should not be relied on. A standby is well as long as it follows.
func (m *member) health() []error {
	all := []error{m.journal.Stats().Err}
	if since := m.leaderless(); since > noLeaderLimit {
		all = append(all, fmt.Errorf("no server leads, as far as this one knows, for %v: fewer than half of them are there", since.Round(time.Second)))
	}
	s := m.node.Status()
	if s.Doubt != "" {
		all = append(all, fmt.Errorf("this server does not count until it has caught up: %s", s.Doubt))
	}
	if s.Unfit != "" {
		all = append(all, fmt.Errorf("this server should not lead: %s", s.Unfit))
	}
	return append(all, m.healthOfBooks()...)
}

// healthOfBooks is that of the books in memory, and of the tables that this member writes.
func (m *member) healthOfBooks() (all []error) {
	if g := m.e.latest(); g != nil {
		all = append(all, closedBooks(g.Store.Closed()))
	}
	if m.tables == nil || m.group.Shared && m.e.current.Load() == nil {
		return all
	}
	return append(all, healthOfTables(m.tables.Stats())...)
}

// leaderless returns for how long no leader has been known.
func (m *member) leaderless() time.Duration {
	since := m.silent.Load()
	if since == 0 {
		return 0
	}
	return time.Since(time.Unix(0, since))
}

// Describe says in one sentence what this server is in its group, "" if it is alone.
func (e *Engine) Describe() string {
	if e.member == nil {
		return ""
	}
	s := e.member.replicaStats()
	switch {
	case s.Leads:
		return fmt.Sprintf("%s leads in term %d, up to event %d", s.Name, s.Term, s.Committed)
	case s.LeaderName == "":
		return fmt.Sprintf("%s is a %s in term %d without a leader", s.Name, s.Role, s.Term)
	}
	return fmt.Sprintf("%s is a %s of %s in term %d, %d events behind", s.Name, s.Role, s.LeaderName, s.Term, s.Lag)
}

// Leading says why nobody should call this server of a group as its leader: it does not lead, or its log has stopped, with
// which it ends after a while.
func (e *Engine) Leading() error {
	g := e.Current()
	if g == nil {
		return errors.New(e.Describe())
	}
	return cmp.Or(g.tenure.queue.failure(), g.journal.Stats().Err)
}

// Whereabouts says who serves a request that this server does not.
type Whereabouts struct {
	// Leader is the name of the server that leads, "" if none is known, or it is this one,
	// which is about to serve.
	Leader string
	// Without is for how long no leader has been known.
	Without time.Duration
	// Changed is closed when that may have changed. Take it first.
	Changed <-chan struct{}
}

// Where tells who serves. Of a server alone it says nothing, and nothing changes.
func (e *Engine) Where() Whereabouts {
	m := e.member
	if m == nil {
		return Whereabouts{}
	}
	w := Whereabouts{Changed: m.roles.Next()}
	if s := m.node.Status(); s.Leader != 0 && s.Role != replica.Leader {
		w.Leader = m.nameOf(s.Leader)
	}
	w.Without = m.leaderless()
	return w
}

// Stale has the state of a server that does not lead looked at, and returns the age of the
// newest thing that is certain about it: when it last heard of a leader. Nothing may be changed.
func (e *Engine) Stale(look func(*Generation) error) (age time.Duration, err error) {
	s := e.member.standby.Load()
	if s == nil {
		return 0, ErrElsewhere
	}
	age = e.member.leaderless()
	return age, s.view(look)
}

// HandOver makes another member the leader, "" whichever is best, without anything
// acknowledged being lost: what is under way is committed first, and what comes meanwhile
// waits for the next leader.
func (e *Engine) HandOver(ctx context.Context, to string) error {
	m := e.member
	switch {
	case m == nil:
		return errors.New("this server is alone: ISURIDE_REPLICAS names no others that could lead")
	case m.e.current.Load() == nil:
		return fmt.Errorf("this server does not lead; ask %s", m.nameOf(m.node.Status().Leader))
	}
	e.changing.Lock() // no initialize meanwhile
	defer e.changing.Unlock()
	err := m.node.Transfer(ctx, to)
	if err != nil {
		err = errors.Join(err, m.resume())
	}
	return err
}

// yieldLimit bounds the hand-over before a stop, which is tried again after yieldPause: the others
// elect one of their own soon after the stop anyway.
const (
	yieldLimit = 5 * time.Second
	yieldPause = 50 * time.Millisecond
)

// Yield hands over before a stop, if this server leads a group: clients miss nobody then. What comes
// while it stops goes to the next leader.
func (e *Engine) Yield() {
	if e.member == nil || e.Current() == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), yieldLimit)
	defer cancel()
	for e.Current() != nil {
		err := e.HandOver(ctx, "")
		if err == nil {
			return
		}
		select {
		case <-time.After(yieldPause):
		case <-ctx.Done():
			e.cfg.Log.Warn("nobody takes over before this server stops", "err", err)
			return
		}
	}
}

// resume goes on leading when nobody has taken over.
func (m *member) resume() error {
	m.changing.Lock()
	defer m.changing.Unlock()
	g := m.e.current.Load()
	if g == nil {
		return nil
	}
	if err := m.node.Accept(m.node.Status().Term); err != nil {
		return err
	}
	g.tenure.reopen()
	return nil
}

// initialize is Initialize in a group: an event that every member has in its log, and follows.
func (m *member) initialize(paymentServer string, published func()) error {
	g := m.e.current.Load()
	if g == nil {
		return isuride.Because(ErrElsewhere, isuride.Unavailable, "another server leads")
	}
	data, err := m.e.dataSet()
	if err != nil {
		return err
	}
	begin := &isuride.Beginning{At: m.cfg.Now(), Generation: g.number + 1, PaymentServer: paymentServer, Data: data.sum}
	event := isuride.Event{Kind: isuride.Initialized, Begin: begin}
	seq, err := g.tenure.conclude(event.Append(nil))
	if err != nil {
		return err
	}
	if err := g.sleepers.wait(g.tenure.queue); err != nil {
		return err
	}
	if err := m.replace(g, baseOf(seq, begin, data), published); err != nil {
		if !errors.Is(err, errUncertain) {
			m.e.fail(fmt.Errorf("a generation has ended, and the next one cannot begin: %w", err))
		}
		return err
	}
	return nil
}

// roomLimit bounds the wait for room on the disk, for which a stop and a hand-over wait, too.
const roomLimit = 10 * time.Second

// replace puts a generation that begins now in the place of one whose last event has begun it.
func (m *member) replace(old *Generation, b base, published func()) error {
	for began := time.Now(); ; {
		err := m.bases.keep(b)
		if err == nil {
			break
		}
		if !disk.IsFull(err) || old.tenure.queue.failure() != nil || time.Since(began) > roomLimit {
			return err
		}
		m.cfg.Log.Warn("this server waits for room on its disk to begin a generation", "err", err, "again", tablesPause)
		pauseFor(old.ctx, tablesPause)
	}
	next := m.newGeneration(b)
	store, err := m.e.storeOf(b, m.options(next))
	if err != nil {
		return err
	}
	next.Store, next.behind = store, m.tables
	next.tenure.begin(b.Position)
	m.changing.Lock()
	defer m.changing.Unlock()
	if m.e.current.Load() != old { // deposed meanwhile: the standby has come upon the event
		return errUncertain
	}
	m.tenure.Store(next.tenure)
	if err := old.tenure.queue.failure(); err != nil {
		return err
	}
	old.retire()
	next.inherit(old)
	next.snapshots = newSnapshots(next, m.dir)
	published()
	m.e.current.Store(next)
	next.lead()
	m.tables.rebase()
	m.cfg.Log.Info("generation is open after an initialize", "generation", next.number, "position", b.Position)
	return nil
}
