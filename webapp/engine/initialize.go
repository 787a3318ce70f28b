package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/recount"
	"isuride/webapp/sqlstore"
)

// database is the part of sqlstore.Store that the engine uses.
type database interface {
	State(ctx context.Context) (sqlstore.State, error)
	Adopt(ctx context.Context, generation uint64) error
	Reset(ctx context.Context, generation uint64, t *isuride.Tables) error
	Load(ctx context.Context) (*sqlstore.Snapshot, error)
	LoadHead(ctx context.Context) (*sqlstore.Snapshot, error)
	Fill(ctx context.Context, generation uint64, t *isuride.Tables) error
	LoadFilled(ctx context.Context, generation uint64) (*sqlstore.Snapshot, error)
	Swap(ctx context.Context, from, generation uint64) error
	Settle(ctx context.Context, generation uint64) (swapped bool, err error)
	Sweep(ctx context.Context) error
	CountBooks(ctx context.Context) (counted isuride.Totals, written *isuride.Totals, err error)
	Refused() int
	Deleted() uint64
	WriteCut(ctx context.Context, generation, position uint64, rows *isuride.Tables) error
}

const (
	// resetLimit bounds an initialize, which has 30 s (S4.1), but for the search for
	// the outcome of a swap that was not answered.
	resetLimit = 22 * time.Second
	// settlePause is the time between two attempts to find out an outcome that was not
	// known when its initialize was answered.
	settlePause = time.Second
	// settleLimit bounds one of them.
	settleLimit = 10 * time.Second
	// fenceAttempts are made at a start, each of which waits as long as any lock is
	// waited for.
	fenceAttempts = 3
)

var (
	errHeld = isuride.Errorf(isuride.Unavailable,
		"no changes are accepted until the database has told whether the last initialize took place")
	errCutShort    = errors.New("the initialize was cut short")
	errCallersGone = isuride.Errorf(isuride.Unavailable, "the caller has left before the initialize began")
)

// InitializeError says that an initialize did not take place, or may not have.
type InitializeError struct {
	Unknown bool // whether it took place
	Err     error
}

func (e *InitializeError) Error() string { return e.Err.Error() }
func (e *InitializeError) Unwrap() error { return e.Err }

// Message returns the text for the caller of the initialize.
func (e *InitializeError) Message() string {
	if e.Unknown {
		return "whether the initialize took place is not known yet, and no changes are accepted until it is; the server's log says why"
	}
	return "the initialize did not take place, and everything is as it was; the server's log says why"
}

// takeover replaces one generation by the next. Both can go on until it is decided.
type takeover struct {
	old, next *Generation
	holds     sqlstore.State // of the database once next is in place
	resume    func()         // lets the old write-behind go on
}

// Initialize replaces the current generation by one on the initial data (S9.1). What the
// current one accepts meanwhile goes with it. If it fails, everything is as before; only
// when the database does not tell its outcome, changes are refused until it does.
//
// Calls for the same payment server share one run; others take turns. A run whose callers
// have all left before it could begin is dropped: left tells that of this caller.
func (e *Engine) Initialize(paymentServer string, left func() bool) error {
	c, first := e.initializes.join(paymentServer, left)
	if !first {
		<-c.done
		return c.err
	}
	defer close(c.done)
	e.changing.Lock()
	defer e.changing.Unlock()
	defer e.initializes.leave(c)
	if !e.initializes.begin(c) {
		c.err = errCallersGone
		return c.err
	}
	c.err = errCutShort // for those who share it, should it panic
	if err := e.initializeLocked(c); err != nil {
		e.refused.Add(1)
		c.err = &InitializeError{Unknown: e.unsettled != nil || errors.Is(err, errUncertain), Err: err}
		return c.err
	}
	e.succeeded.Add(1)
	c.err = nil
	return nil
}

func (e *Engine) initializeLocked(c *initializeCall) error {
	ctx, cancel := context.WithTimeout(context.Background(), resetLimit)
	defer cancel()
	if e.stopped {
		return errEnding
	}
	if e.member != nil {
		return e.member.initialize(c.paymentServer, func() { e.initializes.leave(c) })
	}
	if e.unsettled != nil {
		if err := e.settleLocked(ctx); err != nil {
			return err
		}
	}
	t, err := e.draw(ctx, c.paymentServer)
	if err != nil {
		return err
	}
	err = e.db.Swap(ctx, t.old.number, t.next.number)
	switch {
	case errors.Is(err, sqlstore.ErrUnsettled):
		e.holdLocked(t, err)
		return err
	case err != nil:
		e.giveUp(t)
		return err
	}
	e.takeOver(t, func() { e.initializes.leave(c) })
	e.sweep(ctx)
	return nil
}

// draw makes the next generation beside the current one, whose write-behind rests from
// then on. Everything that can fail is done then, but for the swap.
func (e *Engine) draw(ctx context.Context, paymentServer string) (*takeover, error) {
	old := e.Current()
	number := old.number + 1
	rows, err := e.initialData(paymentServer)
	if err != nil {
		return nil, err
	}
	if err := e.db.Fill(ctx, number, rows); err != nil {
		return nil, err
	}
	snapshot, err := e.db.LoadFilled(ctx, number)
	if err != nil {
		return nil, err
	}
	if err := e.clearJournal(number); err != nil {
		return nil, err
	}
	next, err := e.build(snapshot, func() (*sqlstore.Snapshot, error) { return snapshot, nil })
	if err != nil {
		return nil, err
	}
	resume, err := old.writer.Pause(ctx)
	if err != nil {
		e.removeJournal(next)
		return nil, err
	}
	return &takeover{old: old, next: next, holds: stateOf(snapshot), resume: resume}, nil
}

// takeOver makes the next generation the current one; it cannot fail. published is called
// before the first request reaches it.
func (e *Engine) takeOver(t *takeover, published func()) {
	t.old.discard()
	t.next.before = t.old.own()
	t.next.before.add(&t.old.before)
	published()
	e.current.Store(t.next)
	t.next.run()
	if err := e.clear(t.holds); err != nil {
		e.cfg.Log.Warn("the journal of an old generation is still there; the next start removes it", "err", err)
	}
	e.cfg.Log.Info("generation is open after an initialize", "generation", t.next.number)
}

// giveUp lets the old generation go on.
func (e *Engine) giveUp(t *takeover) {
	e.removeJournal(t.next)
	t.resume()
}

// holdLocked lets nobody change anything while it is not known which of the two
// generations the database holds. Accepting changes would lose them if it is the next
// one.
func (e *Engine) holdLocked(t *takeover, err error) {
	t.old.held.Store(true)
	e.unsettled = t
	e.cfg.Log.Error("the outcome of an initialize is not known: no changes are accepted until the database tells it", "err", err)
	go e.keepSettling(t)
}

func (e *Engine) keepSettling(t *takeover) {
	for {
		select {
		case <-t.old.ctx.Done():
			return
		case <-time.After(settlePause):
		}
		if e.trySettling(t) {
			return
		}
	}
}

// trySettling reports whether nothing is left to do.
func (e *Engine) trySettling(t *takeover) bool {
	e.changing.Lock()
	defer e.changing.Unlock()
	if e.unsettled != t || e.stopped {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleLimit)
	defer cancel()
	return e.settleLocked(ctx) == nil
}

// settleLocked asks the database which generation it holds, and goes on with that one.
func (e *Engine) settleLocked(ctx context.Context) error {
	t := e.unsettled
	swapped, err := e.db.Settle(ctx, t.next.number)
	if err != nil {
		return fmt.Errorf("the outcome of the last initialize is not known: %w", err)
	}
	e.unsettled = nil
	e.cfg.Log.Info("the outcome of an initialize is known; changes are accepted again", "initialized", swapped)
	if swapped {
		e.takeOver(t, func() {})
		return nil
	}
	e.giveUp(t)
	t.old.held.Store(false)
	return nil
}

// initialData returns the rows of a new generation. An empty payment server leaves the
// one of the data set.
func (e *Engine) initialData(paymentServer string) (*isuride.Tables, error) {
	rows, err := e.cfg.InitialData()
	if err != nil {
		return nil, fmt.Errorf("initial data: %w", err)
	}
	rows.Totals = &recount.Tables(rows).Totals
	if paymentServer != "" {
		setSetting(rows, isuride.PaymentGatewayURL, paymentServer)
	}
	return rows, nil
}

// fence ends the swap of a killed process that the database may still be at: it would
// come upon the generation that is opened now. A lock that is in its way is gone soon.
func (e *Engine) fence(ctx context.Context) (err error) {
	for range fenceAttempts {
		if _, err = e.db.Settle(ctx, 0); err == nil || ctx.Err() != nil || !sqlstore.IsTransient(err) {
			return err
		}
		e.cfg.Log.Warn("waiting for an initialize that was interrupted", "err", err)
	}
	return err
}

// sweep removes tables that nothing needs. Those that stay are removed another time.
func (e *Engine) sweep(ctx context.Context) {
	if err := e.db.Sweep(ctx); err != nil {
		e.cfg.Log.Warn("tables of an earlier initialize are still there; the next one removes them", "err", err)
	}
}

// clearJournal removes what an initialize that did not take place has left in the folder
// of the generation: a journal without records. Another one is not ours to remove.
func (e *Engine) clearJournal(generation uint64) error {
	dir := e.cfg.Folder.journal(generation)
	info, err := journal.Inspect(dir)
	if err != nil {
		return fmt.Errorf("the folder of the next generation's journal is taken: %w", err)
	}
	if info.Records || info.Last > 0 {
		return fmt.Errorf("the journal %s goes up to event %d of a generation that the database does not have: move the folder away", dir, info.Last)
	}
	if err := removeFolder(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what an earlier initialize left: %w", err)
	}
	return nil
}

// removeJournal ends a generation that has never run, with its journal.
func (e *Engine) removeJournal(g *Generation) {
	err := g.abandon()
	if err == nil {
		err = removeFolder(e.cfg.Folder.journal(g.number))
	}
	if err != nil {
		e.cfg.Log.Warn("the journal of an initialize that did not take place is still there; the next one removes it", "err", err)
	}
}
