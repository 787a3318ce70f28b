package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"isuride/webapp/flush"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/recount"
	"isuride/webapp/sqlstore"
)

// tables brings a member's SQL tables after the committed log. With a database of its own it
// does so all the time; a shared one is the leader's to write, and the term fences it. Nothing
// else of a member depends on it: state comes from snapshots and the log, and an initialize is
// done when its event is committed. So the loss of the database delays nobody.
type tables struct {
	m    *member
	open func(ctx context.Context) (groupDatabase, error)

	// Owned by run.
	db groupDatabase

	// Atomic.
	writer          atomic.Pointer[flush.Writer]
	outage          atomic.Pointer[flush.Outage] // of opening and of what comes before the writer
	position        atomic.Uint64                // that the tables are known to have reached
	refused         atomic.Int64
	deleted         atomic.Uint64
	life            atomic.Pointer[tablesLife]
	cutOffByNewBase atomic.Pointer[context.CancelFunc]
}

// tablesLife is one run of the tables.
type tablesLife struct {
	end  context.CancelFunc
	done chan struct{} // closed once it has ended
}

// groupDatabase is the part of sqlstore.Store that a member uses.
type groupDatabase interface {
	State(ctx context.Context) (sqlstore.State, error)
	Lead(ctx context.Context, term uint64) (sqlstore.State, error)
	FillAt(ctx context.Context, at sqlstore.State, t *isuride.Tables) error
	Swap(ctx context.Context, from, generation uint64) error
	Settle(ctx context.Context, generation uint64) (swapped bool, err error)
	Sweep(ctx context.Context) error
	Refused() int
	Deleted() uint64
	Totals(ctx context.Context) (*isuride.Totals, error)
	Worth(ctx context.Context, ride *isuride.Ride) (worth int, ok bool, err error)
	WriteCut(ctx context.Context, generation, position uint64, rows *isuride.Tables) error
	Close() error
}

const (
	// tablesPause is the time between two attempts to find and open the database.
	tablesPause = time.Second
	// basePause is the time after which it is looked again whether this member has come to
	// the initialize that its tables have.
	basePause = 10 * time.Millisecond
	// fillLimit bounds the filling of new tables.
	fillLimit = 2 * time.Minute
)

// start begins to write; term is 0 for a database of one's own.
func (t *tables) start(term uint64) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &tablesLife{cancel, make(chan struct{})}
	t.life.Store(l)
	go func() {
		defer close(l.done)
		t.run(ctx, term)
	}()
}

// stop ends it, whatever is not written. A member that stops and is deposed meanwhile does so twice.
func (t *tables) stop() {
	if l := t.life.Load(); l != nil {
		l.end()
		<-l.done
	}
}

// drain writes what is committed, for as long as ctx lasts, and ends.
func (t *tables) drain(ctx context.Context) error {
	defer t.stop()
	if w := t.writer.Load(); w != nil {
		return w.Drain(ctx)
	}
	return nil
}

func (t *tables) run(ctx context.Context, term uint64) {
	defer t.close()
	for ctx.Err() == nil {
		err := t.follow(ctx, term)
		t.writer.Store(nil)
		switch {
		case err == nil || ctx.Err() != nil:
			continue
		case errors.Is(err, errNextBase) || errors.Is(err, errNotYet):
			pauseFor(ctx, basePause) // this member has not come to it yet
			continue
		case t.outage.Load() == nil:
			t.outage.Store(&flush.Outage{Since: time.Now(), Err: err})
			t.m.cfg.Log.Warn("the tables are not written; the log keeps everything", "err", err, "again", tablesPause)
		}
		t.close()
		pauseFor(ctx, tablesPause)
	}
}

// close gives the database up; the next attempt opens it again.
func (t *tables) close() {
	if t.db == nil {
		return
	}
	if err := t.db.Close(); err != nil {
		t.m.cfg.Log.Warn("the database did not close well", "err", err)
	}
	t.db = nil
}

var (
	// errNextBase says that the log has come to a new generation.
	errNextBase = errors.New("the log goes on with another generation")
	// errNotYet says that the tables are ahead of what is known to be committed, as after a
	// start.
	errNotYet = errors.New("the log does not reach that far yet")
)

// follow writes the tables of one generation.
func (t *tables) follow(ctx context.Context, term uint64) error {
	at, err := t.lead(ctx, term)
	if err != nil {
		return err
	}
	b := t.m.bases.newest()
	switch {
	case at.History != "" && at.History != t.m.history.String():
		return fmt.Errorf("the database is of history %s, the group of history %s: name another database, or put back the one that belongs here", at.History, t.m.history)
	case at.Ready && at.Generation > b.Generation:
		return errNextBase
	case !at.Ready || at.Generation < b.Generation:
		if at, err = t.fill(ctx, at, b); err != nil {
			return err
		}
	}
	return t.write(ctx, at)
}

// lead opens the database and says where it is. What a killed process has begun there is over.
func (t *tables) lead(ctx context.Context, term uint64) (at sqlstore.State, err error) {
	if t.db == nil {
		if t.db, err = t.open(ctx); err != nil {
			return at, err
		}
		if _, err := t.db.Settle(ctx, 0); err != nil {
			return at, err
		}
	}
	if term > 0 {
		return t.db.Lead(ctx, term)
	}
	return t.db.State(ctx)
}

// fill puts the tables of a generation in the place of those of an earlier one.
func (t *tables) fill(ctx context.Context, at sqlstore.State, b base) (sqlstore.State, error) {
	ctx, cancel := context.WithTimeout(ctx, fillLimit)
	defer cancel()
	if at.Foreign || at.Damaged != "" || b.Data == "" {
		return at, fmt.Errorf("the database does not hold the tables of generation %d, which this group began with: put back a copy of it, or one of another member's, which its operators' listener gives, POST /tables", b.Generation)
	}
	data, err := t.m.e.dataSet()
	if err != nil {
		return at, err
	}
	data.rows.Settings, data.rows.ChairModels = b.Settings, b.Models
	data.rows.Totals = &recount.Tables(data.rows).Totals
	next := sqlstore.State{Exists: true, Ready: true, Generation: b.Generation, Position: b.Position, History: t.m.history.String()}
	if err := t.db.FillAt(ctx, next, data.rows); err != nil {
		return at, err
	}
	if err := t.db.Swap(ctx, at.Generation, b.Generation); err != nil {
		return at, err
	}
	if err := t.db.Sweep(ctx); err != nil {
		t.m.cfg.Log.Warn("tables of an earlier generation are still there; the next initialize removes them", "err", err)
	}
	t.m.cfg.Log.Info("the tables hold a new generation", "generation", b.Generation, "position", b.Position)
	return next, nil
}

// write brings the tables on from where they are, until the log comes to another generation.
func (t *tables) write(ctx context.Context, at sqlstore.State) error {
	sub, err := t.m.journal.Subscribe(at.Position + 1)
	var gone *journal.GoneError
	switch {
	case errors.As(err, &gone):
		return fmt.Errorf("the tables are at event %d, and the log begins at event %d: put a copy of another member's database in their place: its operators' listener gives one, POST /tables", at.Position, gone.Oldest)
	case errors.Is(err, journal.ErrAhead): // the log is learned of only now
		return errNotYet
	case err != nil:
		return err
	}
	source := &chapter{Subscriber: sub}
	defer source.Close()
	totals, err := t.db.Totals(ctx)
	if err != nil {
		return err
	}
	w := flush.New(flush.Options{Source: source, Log: t, Target: t.db, Generation: at.Generation, Position: at.Position,
		Totals: totals, Worth: t.worth(ctx), Differs: t.differs, Now: t.m.cfg.Now, Skip: journal.IsMark, Transient: func(err error) bool { return !sqlstore.IsHopeless(err) }, Logger: t.m.cfg.Log})
	t.reach(at.Position)
	t.outage.Store(nil)
	t.writer.Store(w)
	until, cancel := context.WithCancel(ctx)
	defer cancel()
	t.cutOffByNewBase.Store(&cancel)
	if t.m.bases.newest().Generation != at.Generation {
		return errNextBase
	}
	err = w.Run(until)
	if until.Err() != nil && ctx.Err() == nil {
		err = errNextBase
	}
	t.refused.Store(int64(t.db.Refused()))
	t.deleted.Store(t.db.Deleted())
	return err
}

// worth looks in the tables for the coupon of a ride that was requested before they were opened.
func (t *tables) worth(ctx context.Context) func(*isuride.Ride) (int, bool) {
	db := t.db
	return func(ride *isuride.Ride) (int, bool) {
		yen, ok, err := db.Worth(ctx, ride)
		return yen, ok && err == nil
	}
}

// differs reports books of the tables that the log does not lead to. The leader's close.
func (t *tables) differs(d *recount.Difference) {
	t.m.cfg.Log.Error("the sums in the database differ", "why", d.Message)
	if g := t.m.e.current.Load(); g != nil {
		g.audit.differs(d)
	}
}

// rebase has the tables leave a generation that is over.
func (t *tables) rebase() {
	if cancel := t.cutOffByNewBase.Load(); cancel != nil {
		(*cancel)()
	}
}

func (t *tables) reach(position uint64) {
	t.position.Store(position)
	t.m.release()
}

// The log as the writer sees it.

func (t *tables) Appended() uint64        { return t.m.journal.Watermark() }
func (t *tables) Backlog() int64          { return t.m.journal.Backlog() }
func (t *tables) Release(position uint64) { t.reach(position) }

// Admitting reports whether Admit would return at once.
func (t *tables) Admitting() bool {
	if w := t.writer.Load(); w != nil {
		return w.Admitting()
	}
	return t.Backlog() < memberCeiling
}

// Behind reports whether the backlog is half way to the ceiling.
func (t *tables) Behind() bool {
	if w := t.writer.Load(); w != nil {
		return w.Behind()
	}
	return t.Backlog() >= memberCeiling/2
}

// memberCeiling is the backlog at which changes are refused while there is no database.
const memberCeiling = 256 << 20

// Admit waits until the backlog is below its ceiling.
func (t *tables) Admit(ctx context.Context) error {
	for !t.Admitting() {
		if w := t.writer.Load(); w != nil {
			return w.Admit(ctx)
		}
		pauseFor(ctx, 10*basePause)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// Stats reads the figures.
func (t *tables) Stats() flush.Stats {
	s := flush.Stats{Position: t.position.Load(), Lag: flush.Lag{Events: t.Appended() - min(t.position.Load(), t.Appended()), Bytes: t.Backlog()}}
	if w := t.writer.Load(); w != nil {
		s = w.Stats()
	}
	s.Outage = cmp.Or(s.Outage, t.outage.Load())
	return s
}

// chapter yields the events of one generation.
type chapter struct {
	*journal.Subscriber
	over bool
}

// Next is a flush.Source.
func (c *chapter) Next() (seq uint64, payload []byte, ok bool) {
	if c.over {
		return 0, nil, false
	}
	seq, payload, ok = c.Subscriber.Next()
	if ok && !journal.IsMark(payload) && isuride.KindOf(payload) == isuride.Initialized {
		c.over = true
		return 0, nil, false
	}
	return seq, payload, ok
}

// Wait is a flush.Source.
func (c *chapter) Wait(ctx context.Context) error {
	if c.over {
		return errNextBase
	}
	return c.Subscriber.Wait(ctx)
}
