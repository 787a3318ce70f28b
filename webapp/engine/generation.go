package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"isuride/webapp/dispatch"
	"isuride/webapp/flush"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/payment"
	"isuride/webapp/snapshot"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// Generation is one life of the server's parts.
type Generation struct {
	// Set once.
	Store       *state.Store
	number      uint64
	before      Stats // what all earlier generations have counted; set before it serves
	cfg         *Config
	fail        func(error)
	journal     *journal.Journal
	history     journal.History
	snapshots   *snapshots
	counted     counted
	audit       *audit
	reconciler  *reconciler
	recovered   Recovered
	open        []*state.Charge         // payments that were under way when the server ended
	openCharges isuride.OpenCharges     // their places in the log
	writer      *flush.Writer           // nil in a group, whose tables are a member's own affair
	behind      behind                  // what admits changes: the writer, or the member's tables
	follower    atomic.Pointer[standby] // what brings it after the log, if another server leads
	matchers    []*dispatch.Dispatcher
	gateway     *payment.Gateway

	// Of a member of a group; nil or zero otherwise.
	member *member
	tenure *tenure
	base   base

	mark       Watermark
	sleepers   sleepers
	marking    context.CancelFunc // ends what moves the mark
	ctx        context.Context    // of loops and charges
	cancel     context.CancelFunc
	loops      sync.WaitGroup // matching and write-behind
	charges    charges
	unanswered unanswered
	streams    streams
	source     *journal.Reader    // of the write-behind
	held       atomic.Bool        // no changes, while it is not known whether it is the last generation
	flushing   context.CancelFunc // ends the write-behind
	flushDone  chan struct{}      // closed when it has ended
}

// behind is what trails the log, and holds changes back when it trails by too much.
type behind interface {
	Behind() bool
	Admitting() bool
	Admit(ctx context.Context) error
	Stats() flush.Stats
}

// open recovers the generation that the database holds: a snapshot, or the tables at their
// position, then the journal from there on.
func (e *Engine) open(ctx context.Context) (*Generation, error) {
	began := time.Now()
	head, err := e.db.LoadHead(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.clear(stateOf(head)); err != nil {
		return nil, err
	}
	g, err := e.build(head, func() (*sqlstore.Snapshot, error) { return e.db.Load(ctx) })
	if err != nil {
		return nil, err
	}
	r := &g.recovered
	_, hash := g.Store.Hash()
	e.cfg.Log.Info("generation is open", "generation", g.number, "position", head.Position, "snapshot", r.Snapshot, "rows", r.Rows,
		"replayed", r.Events, "charges", len(g.open), "hash", hash, "took", time.Since(began).Round(time.Millisecond))
	return g, nil
}

// build makes a generation that the database holds. Nothing of it runs yet. Without a snapshot
// the tables are loaded first, so that a start that cannot do that changes nothing.
func (e *Engine) build(head *sqlstore.Snapshot, load func() (*sqlstore.Snapshot, error)) (*Generation, error) {
	history, err := journal.ParseHistory(head.History)
	if err != nil {
		return nil, fmt.Errorf("table journal_position: %w", err)
	}
	dir := e.cfg.Folder.journal(head.Generation)
	paths, err := snapshot.List(dir)
	if err != nil {
		return nil, folderError(dir, err)
	}
	if len(paths) == 0 {
		rows, err := load()
		if err != nil {
			return nil, err
		}
		load = func() (*sqlstore.Snapshot, error) { return rows, nil }
	}
	log, err := journal.Open(journal.Options{Dir: dir, History: history, Durability: e.cfg.Durability, Keep: e.cfg.KeepJournal,
		First: head.Position + 1, Repair: e.cfg.Repair, Log: e.cfg.Log})
	if err != nil {
		return nil, err
	}
	g := &Generation{number: head.Generation, history: history, cfg: &e.cfg, fail: e.fail, journal: log, flushDone: make(chan struct{})}
	from := source{head, load, func(log *journal.Journal) state.Options {
		return state.Options{Log: log, Now: e.cfg.Now, Describe: e.cfg.Describe, Violated: g.violated}
	}}
	if err := g.make(e.db, from, paths, dir); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return g, nil
}

// make recovers the state, and makes everything that works on it.
func (g *Generation) make(target database, from source, paths []string, dir string) error {
	if err := g.recover(from, paths); err != nil {
		return err
	}
	g.cfg.prune(dir)
	g.snapshots = newSnapshots(g, dir)
	g.audit, g.reconciler = newAudit(g, target), newReconciler(g)
	return g.equip(target, from.head)
}

// stateOf returns the State of a database that holds the snapshot.
func stateOf(snapshot *sqlstore.Snapshot) sqlstore.State {
	return sqlstore.State{Exists: true, Ready: true, Generation: snapshot.Generation, Position: snapshot.Position, History: snapshot.History}
}

// equip makes everything that will run by itself.
func (g *Generation) equip(target database, head *sqlstore.Snapshot) error {
	from, err := g.journal.ReadFrom(head.Position + 1)
	if err != nil {
		return err
	}
	g.source = from
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.watch()
	g.gateway = payment.New(setting(head.Settings, isuride.PaymentGatewayURL), payment.Options{})
	g.equipMatching()
	g.writer = flush.New(flush.Options{Source: from, Log: g.journal, Target: target, Generation: g.number, Position: head.Position,
		Totals: head.Totals, Worth: g.Store.Worth, Chain: &head.Head, Oldest: g.journal.Oldest, Differs: g.audit.differs,
		OpenCharges: g.openCharges, Skip: journal.IsMark, Now: g.cfg.Now, Transient: func(err error) bool { return !sqlstore.IsHopeless(err) }, Logger: g.cfg.Log, Pace: pace(g.cfg.Durability)})
	g.writer.Checkpoint(g.journal.Appended(), g.Store.Totals())
	g.behind = g.writer
	return nil
}

func (g *Generation) equipMatching() {
	for r := range isuride.Region(isuride.Regions) {
		g.matchers = append(g.matchers, dispatch.New(g.Store, r, g.cfg.Solver(), g.cfg.Dispatch, g.cfg.Now))
	}
}

// watch makes the watermark. It goes on until the journal is closed, since charges that end
// then still pass it.
func (g *Generation) watch() {
	g.mark, g.marking = appended{}, func() {}
	if g.cfg.Durability != journal.Power {
		return
	}
	q := newQueue(g.journal)
	ctx, cancel := context.WithCancel(context.Background())
	g.mark, g.marking = q, cancel
	go q.run(ctx)
}

// run begins everything that runs by itself.
func (g *Generation) run() {
	g.startFlush()
	g.runLoops()
}

func (g *Generation) runLoops() {
	for _, m := range g.matchers {
		g.loops.Go(func() { g.report("matching", g.match(m)) })
	}
	g.loops.Go(func() { g.report("snapshots", g.snapshots.run(g.ctx)) })
	g.loops.Go(func() { g.report("audit", g.audit.run(g.ctx)) })
	g.loops.Go(func() { g.report("reconciliation", g.reconciler.run(g.ctx)) })
	for _, ch := range g.open {
		g.resume(ch)
	}
	g.open = nil
}

// shutPause is the time after which matching goes on when the log took no records.
const shutPause = 250 * time.Millisecond

// match matches until the generation ends, or nothing can be recorded any more. A log that is shut
// is no end: riders wait until it is open again.
func (g *Generation) match(m *dispatch.Dispatcher) error {
	for {
		if err := m.Run(g.ctx); !shut(err) {
			return err
		}
		pauseFor(g.ctx, shutPause)
	}
}

// shut says of an error that the log may take records of this generation again later: the disk is full, or the
// leader hands over, and goes on to lead if nobody takes over. If somebody does, the generation ends.
func shut(err error) bool { return noRoom(err) || errors.Is(err, ErrElsewhere) }

// noRoom says of an error that the disk has no room for more records, or not in time.
func noRoom(err error) bool {
	return errors.Is(err, journal.ErrFull) || errors.Is(err, journal.ErrLate)
}

// pace lets the write-behind stretch its pauses while it competes with requests, since
// the journal has everything; without one, what waits is what a crash loses.
func pace(d journal.Durability) flush.Pace {
	if d == journal.None {
		return flush.Pace{Stretch: 1}
	}
	return flush.Pace{}
}

// startFlush runs the write-behind, which ends after the other loops.
func (g *Generation) startFlush() {
	ctx, cancel := context.WithCancel(context.Background())
	g.flushing = cancel
	go func() {
		defer close(g.flushDone)
		defer g.source.Close()
		g.report("write-behind", g.writer.Run(ctx))
	}()
}

// report hands on what ended a loop, unless that was the end of the generation.
func (g *Generation) report(what string, err error) {
	if err != nil && g.ctx.Err() == nil {
		g.fail(fmt.Errorf("%s: %w", what, err))
	}
}

func setting(rows []isuride.Setting, name string) string {
	for _, s := range rows {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

// Now returns the server's clock.
func (g *Generation) Now() isuride.Time { return g.cfg.Now() }

// Await is the generation's Watermark, for those who must not block.
func (g *Generation) Await(w *Waiter) (passed bool, err error) { return g.mark.Await(w) }

// Safe returns once everything recorded so far is as safe as promised, for what is no answer to
// a question: it does not ask who leads.
func (g *Generation) Safe() error { return unrecorded(g.sleepers.wait(g.mark)) }

// Begin returns a mark to hand to Barrier, taken before a request is looked at.
func (g *Generation) Begin() (since uint64) {
	if g.tenure == nil {
		return 0
	}
	return g.tenure.Appended()
}

// Barrier returns once everything recorded so far is as safe as promised; only then may an
// answer, be it a refusal, leave that could reveal it. In a group it also makes sure that no
// other server has led since Begin, whose changes the answer would have to know; with lease it
// may take the clocks' word for that. ErrElsewhere says that the request has changed nothing
// and may be given to the server that leads.
func (g *Generation) Barrier(since uint64, lease bool) error {
	if g.tenure == nil {
		return unrecorded(g.sleepers.wait(g.mark))
	}
	return g.tenure.barrier(g, since, lease)
}

// admitLimit bounds the time that a writer waits for the write-behind to catch up.
const admitLimit = 5 * time.Second

// Admit holds a writer back while the tables trail the log by too much.
func (g *Generation) Admit() error {
	if g.held.Load() {
		return errHeld
	}
	if g.behind.Admitting() {
		return nil
	}
	ctx, cancel := context.WithTimeout(g.ctx, admitLimit)
	defer cancel()
	if err := g.behind.Admit(ctx); err != nil {
		return isuride.Errorf(isuride.Unavailable, "the database is too far behind; try again later")
	}
	return nil
}

// Behind reports whether changes that can be refused should be, before Admit must hold all of
// them back.
func (e *Engine) Behind() bool {
	g := e.Current()
	return g != nil && g.behind.Behind()
}

// Match does one round of matching in every region.
func (g *Generation) Match() error {
	for _, m := range g.matchers {
		if _, err := m.Round(); err != nil {
			return err
		}
	}
	return nil
}

// discard ends the generation without writing what is not written yet. Closing the
// journal fences it: nothing can be recorded any more.
func (g *Generation) discard() {
	g.cancel()
	g.flushing()
	g.streams.end()
	g.report("journal", g.journal.Close())
	g.loops.Wait()
	g.snapshots.end()
	g.charges.end()
	<-g.flushDone
	g.gateway.Close()
	g.marking()
}

// abandon ends a generation that has never run.
func (g *Generation) abandon() error {
	g.cancel()
	g.gateway.Close()
	g.source.Close()
	g.snapshots.end()
	defer g.marking()
	return g.journal.Close()
}

// stop ends the generation with everything written.
func (g *Generation) stop(ctx context.Context) error {
	g.streams.end()
	g.charges.end() // bounded by the gateway's own limits
	g.cancel()
	g.loops.Wait()
	err := g.writer.Drain(ctx)
	drained := err == nil
	err = errors.Join(err, g.audit.finish(ctx), g.snapshots.finish(ctx, drained))
	g.snapshots.end()
	g.flushing()
	<-g.flushDone
	g.gateway.Close()
	defer g.marking()
	return errors.Join(err, g.journal.Close())
}
