package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"isuride/webapp/internal/histogram"
	"isuride/webapp/internal/pulse"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/replica"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// Group makes an engine a member of a group of replicas.
type Group struct {
	Self    string
	Members []replica.Member
	// Secret is shared by all members.
	Secret []byte
	// OpenTables opens this member's database; nil for a witness, which has none. It is
	// called again after errors.
	OpenTables func(context.Context) (*sqlstore.Store, error)
	// Shared says that all members have the same database, which the leader writes.
	Shared bool

	start func(replica.Options) (node, error) // of tests; nil means replica.Start
}

func (g *Group) self() replica.Member {
	for _, m := range g.Members {
		if m.Name == g.Self {
			return m
		}
	}
	return replica.Member{}
}

// node is the part of replica.Node that a member uses.
type node interface {
	Status() *replica.Status
	Changed() <-chan struct{}
	Accept(term uint64) error
	ReadIndex(ctx context.Context) (committed uint64, err error)
	Lease() bool
	Transfer(ctx context.Context, to string) error
	Err() error
	Close() error
}

// member is an engine's part in its group. One goroutine (run) makes it what the group's
// votes make of it: a standby that follows the log, or the leader. What changes is a whole
// generation: a leader that is deposed throws its own away, with everything in it that may
// never have been committed, and begins again as a standby with what was.
type member struct {
	// Set once.
	e       *Engine
	cfg     *Config
	group   *Group
	dir     string // of log, snapshots and bases
	history journal.History
	journal *journal.Journal
	log     *hooks
	doubt   string // why the log may lack what this member has acknowledged
	bases   *bases
	node    node
	tables  *tables // nil for a witness
	end     context.CancelFunc
	done    chan struct{} // closed by run

	changing sync.Mutex // held while the generation that leads is replaced
	pen      pen

	// Owned by run.
	term uint64 // of the generation that leads; 0 while none does

	// Atomic.
	standby  atomic.Pointer[standby] // nil while this member leads
	tenure   atomic.Pointer[tenure]  // of the generation that leads, or is about to
	applied  atomic.Uint64
	released atomic.Uint64 // what the leader's database does not need
	silent   atomic.Int64  // when the last leader was lost, in Unix nanoseconds; 0 while one is known

	roles       pulse.Pulse   // beats when the generation that serves has changed, or the leader
	equal       atomic.Uint64 // hashes that were as the leader's
	different   atomic.Uint64
	promotions  atomic.Uint64
	depositions atomic.Uint64
	lag         histogram.Histogram // from the leader's clock to ours, once a second
	waits       histogram.Histogram // at the watermark
	took        atomic.Int64        // nanoseconds of the last promotion
}

// groupFolder is the folder of the log below that of the journals. It is no generation's: the
// log goes on over all of them.
const groupFolder = "group-0"

// startMember begins as a standby.
func (e *Engine) startMember(ctx context.Context) error {
	m := &member{e: e, cfg: &e.cfg, group: e.cfg.Group, dir: filepath.Join(e.cfg.Folder.path, groupFolder), done: make(chan struct{})}
	if err := m.open(); err != nil {
		return err
	}
	if !m.group.self().Witness {
		m.tables = &tables{m: m, open: m.openDatabase}
	}
	m.silent.Store(time.Now().UnixNano())
	if err := m.join(); err != nil { // first: it knows what is committed
		return errors.Join(err, m.closeLog())
	}
	if m.tables != nil {
		s, err := m.newStandby()
		if err != nil {
			return errors.Join(err, m.node.Close(), m.closeLog())
		}
		m.standby.Store(s)
	}
	e.member = m
	if m.tables != nil && !m.group.Shared {
		m.tables.start(0)
	}
	running, end := context.WithCancel(context.Background())
	m.end = end
	go m.run(running)
	return nil
}

// openDatabase returns nil with an error, and not an interface that holds a nil store.
func (m *member) openDatabase(ctx context.Context) (groupDatabase, error) {
	db, err := m.group.OpenTables(ctx)
	if err != nil {
		return nil, err
	}
	return db, nil
}

// open opens the folder: the bases and the log. Nothing comes from other members yet.
func (m *member) open() error {
	if err := m.cfg.Folder.forMember(); err != nil {
		return err
	}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return folderError(m.dir, err)
	}
	if err := removeParts(m.dir); err != nil {
		return folderError(m.dir, err)
	}
	m.cfg.prune(m.dir)
	info, err := journal.Inspect(m.dir)
	if err != nil {
		return folderError(m.dir, err)
	}
	if m.history = info.History; !info.Known {
		m.history = m.group.history()
	}
	if m.bases, err = openBases(m.dir); err != nil {
		return folderError(m.dir, err)
	}
	if err := m.found(); err != nil {
		return err
	}
	return m.openLog()
}

// history is the identity of a group that begins with the data set: all its members find the
// same, and another group with other names finds another.
func (g *Group) history() journal.History {
	var names []string
	for _, m := range g.Members {
		names = append(names, m.Name)
	}
	slices.Sort(names)
	sum := sha256.Sum256([]byte("isuride group " + strings.Join(names, ",")))
	return journal.History(sum[:len(journal.History{})])
}

// found begins the history of a group, on the data set, unless there is one.
func (m *member) found() error {
	if !m.bases.empty() {
		return nil
	}
	data, err := m.e.dataSet()
	if err != nil {
		return err
	}
	return m.bases.keep(baseOf(0, &isuride.Beginning{Generation: 1}, data))
}

// newGeneration makes the shell of a generation that begins as a standby.
func (m *member) newGeneration(b base) *Generation {
	g := &Generation{number: b.Generation, history: m.history, cfg: m.cfg, fail: m.e.fail, journal: m.journal, member: m, tenure: newTenure(m.journal), base: b}
	g.tenure.queue.waits = &m.waits
	g.audit, g.reconciler = newAudit(g, nil), newReconciler(g)
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

func (m *member) options(g *Generation) state.Options {
	return state.Options{Log: g.tenure, Now: m.cfg.Now, Describe: m.cfg.Describe, Violated: g.violated}
}

// join becomes a member of the group.
func (m *member) join() error {
	o := replica.Options{History: m.history, Self: m.group.Self, Members: m.group.Members, Secret: m.group.Secret, Log: m.log, Doubt: m.doubt, Logger: m.logger()}
	if m.tables != nil {
		i := &images{m: m}
		o.Snapshots, o.Images = i, i
	}
	start := m.group.start
	if start == nil {
		start = func(o replica.Options) (node, error) { return replica.Start(o) }
	}
	n, err := start(o)
	if err != nil {
		return err
	}
	m.node = n
	return nil
}

// run follows the votes until ctx ends.
func (m *member) run(ctx context.Context) {
	defer close(m.done)
	following := m.follow(ctx)
	for {
		changed := m.node.Changed()
		s := m.node.Status()
		m.note(s)
		if err := m.node.Err(); err != nil {
			m.e.fail(errors.Join(fmt.Errorf("this server takes no further part in its group: %w", err), following.end()))
			return
		}
		switch {
		case m.term != 0 && !m.leads(s):
			m.depose()
			following = m.follow(ctx)
			continue // it may have been elected again meanwhile
		case m.term != 0 && !s.Open && !s.Handing:
			if err := m.resume(); err != nil && !errors.Is(err, replica.ErrNotLeader) {
				m.cfg.Log.Warn("nobody has taken over, and this server cannot go on to lead", "err", err)
			}
		case m.term == 0 && s.Role == replica.Leader && s.Ready && !s.Handing && m.tables != nil:
			err := following.end()
			if err == nil {
				err = m.promote(s.Term)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, replica.ErrNotLeader) && !lost(err) { // it would lead for ever, and not serve
				m.e.fail(fmt.Errorf("this server was elected and cannot lead: %w", err))
				return
			}
			m.cfg.Log.Warn("this server was elected and does not lead", "term", s.Term, "err", err)
			m.again(m.standby.Load().gen.Load())
			following = m.follow(ctx)
			if lost(err) { // and is still elected
				pauseFor(ctx, tablesPause)
				continue
			}
		}
		select {
		case <-changed:
		case err := <-following.failed:
			_ = following.end() // it has
			if !lost(err) {
				m.e.fail(fmt.Errorf("this replica must not go on: %w", err))
				return
			}
			m.again(m.standby.Load().gen.Load())
			following = m.follow(ctx)
		case <-ctx.Done():
			_ = following.end() // nothing follows any more
			return
		}
	}
}

func (m *member) leads(s *replica.Status) bool {
	return s.Role == replica.Leader && s.Term == m.term
}

// note keeps for how long there has been no leader.
func (m *member) note(s *replica.Status) {
	switch {
	case s.Leader != 0:
		m.silent.Store(0)
	case m.silent.Load() == 0:
		m.silent.Store(time.Now().UnixNano())
	}
	m.roles.Beat()
}

// pursuit is a standby that applies.
type pursuit struct {
	stop   context.CancelFunc
	failed chan error // has room for the one that ends it
	done   chan struct{}
}

// end returns why it has ended before, nil if it has not.
func (p *pursuit) end() error {
	p.stop()
	<-p.done
	select {
	case err := <-p.failed:
		return err
	default:
		return nil
	}
}

// follow has the standby apply what is committed. A witness has nothing to apply, and a
// leader nothing that it does not know.
func (m *member) follow(ctx context.Context) *pursuit {
	ctx, stop := context.WithCancel(ctx)
	p := &pursuit{stop: stop, failed: make(chan error, 1), done: make(chan struct{})}
	s := m.standby.Load()
	go func() {
		defer close(p.done)
		switch {
		case m.tables == nil:
			m.trim(ctx)
			return
		case s == nil:
			return
		}
		ending, end := context.WithCancel(ctx)
		var beside sync.WaitGroup
		beside.Go(func() { s.keep(ending) })
		beside.Go(func() { s.recountBooks(ending) })
		err := s.run(ctx)
		end()
		beside.Wait()
		if err != nil {
			p.failed <- err
		}
	}()
	return p
}

// trim has a witness let go of what the leader does not need: it has no state that would.
func (m *member) trim(ctx context.Context) {
	var decoder isuride.Decoder
	for ctx.Err() == nil {
		sub, err := m.journal.Subscribe(m.journal.Watermark() + 1)
		if err != nil {
			pauseFor(ctx, tablesPause)
			continue
		}
		for sub.Wait(ctx) == nil {
			_, payload, ok := sub.Next()
			if !ok || journal.IsMark(payload) || isuride.KindOf(payload) != isuride.StateHashed {
				continue
			}
			if e, err := decoder.Decode(payload); err == nil { // a later release may say more
				m.releasable(e.Hash.Released)
			}
		}
		sub.Close()
	}
}

// promote makes this server the leader of a term: everything that is committed is applied,
// the log takes records, what was under way goes on, and then the doors open.
func (m *member) promote(term uint64) error {
	began := time.Now()
	s := m.standby.Load()
	if s == nil {
		return errors.New("it has no state to lead with")
	}
	g, err := s.finish()
	if err != nil {
		return err
	}
	g.tenure.begin(g.tenure.Appended())
	m.tenure.Store(g.tenure)
	if err := m.node.Accept(term); err != nil {
		g.tenure.end()
		return err
	}
	m.term = term
	if m.group.Shared {
		m.tables.start(term)
	}
	g.behind = m.tables
	g.lead()
	m.standby.Store(nil)
	m.e.current.Store(g)
	m.promotions.Add(1)
	m.took.Store(int64(time.Since(began)))
	m.cfg.Log.Info("this server leads now", "term", term, "position", g.tenure.Appended(), "took", time.Since(began).Round(time.Microsecond))
	m.roles.Beat()
	return nil
}

// depose ends the generation that has led, and begins a standby on what is committed.
func (m *member) depose() {
	m.changing.Lock()
	defer m.changing.Unlock()
	g := m.e.current.Swap(nil)
	m.cfg.Log.Warn("this server leads no more; it begins again with what is committed", "term", m.term)
	m.term = 0
	m.depositions.Add(1)
	m.roles.Beat()
	if m.group.Shared {
		m.tables.stop()
	}
	g.depose()
	m.again(g)
}

// again makes a new standby, which goes on with the figures of the generation before it. It is
// published last: from then on others read it.
func (m *member) again(before *Generation) {
	s, err := m.newStandby()
	if err != nil {
		m.e.fail(err)
		return
	}
	if old := m.standby.Load(); old != nil {
		old.close()
	}
	s.gen.Load().inherit(before)
	m.standby.Store(s)
	m.roles.Beat()
}

// stop ends the member in good order: another one leads before this one is gone.
func (m *member) stop(ctx context.Context) error {
	g := m.e.current.Load()
	if g != nil {
		g.streams.end()
		g.charges.end()
	}
	if m.group.Shared && g != nil {
		m.drainTables(ctx) // before another one writes them
	}
	err := m.node.Close()
	m.end()
	<-m.done
	if g := m.e.current.Swap(nil); g != nil {
		g.depose()
	}
	if m.tables != nil {
		m.drainTables(ctx)
	}
	if s := m.standby.Load(); s != nil {
		s.gen.Load().cancel() // a snapshot that an operator has asked for
		s.gen.Load().snapshots.finish(ctx, true)
		s.close()
	}
	err = errors.Join(err, m.journal.Close())
	if err == nil && m.log.known {
		err = m.log.write(true)
	}
	return errors.Join(err, m.log.file.Close())
}

// closeLog gives up a log that was just opened.
func (m *member) closeLog() error { return errors.Join(m.journal.Close(), m.log.file.Close()) }

// drainLimit bounds the writing of what the tables lack at a stop. The log keeps it.
const drainLimit = 10 * time.Second

func (m *member) drainTables(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	if err := m.tables.drain(ctx); err != nil {
		m.cfg.Log.Warn("the tables lack events that the log has; they get them later", "err", err)
	}
}

// release lets go of what neither the tables nor the newest snapshot need.
func (m *member) release() { m.journal.Release(m.keepFrom()) }

// keepFrom returns the last event that nothing here needs.
func (m *member) keepFrom() uint64 {
	upTo := m.released.Load()
	if m.tables != nil && (!m.group.Shared || m.e.current.Load() != nil) {
		upTo = m.tables.position.Load()
	}
	return min(upTo, m.snapshotFrom())
}

// releasable notes what the leader's database does not need.
func (m *member) releasable(position uint64) {
	m.released.Store(position)
	m.release()
}

// snapshotFrom returns where the log is needed from by who starts with the newest snapshot. A
// witness has none and needs none: it lets go of what the leader does.
func (m *member) snapshotFrom() uint64 {
	if m.tables == nil {
		return m.released.Load()
	}
	if g := m.e.latest(); g != nil && g.snapshots != nil {
		return g.snapshots.last.Load().info.Span.From // 0 if there is none
	}
	return 0
}

// logger is that of the group's own matters.
func (m *member) logger() *slog.Logger { return m.cfg.Log.With("replica", m.group.Self) }
