package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"isuride/webapp/flush"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/recount"
	"isuride/webapp/state"
)

const (
	// recountSlice is how long a recount works before it rests, and recountRests how much longer
	// the rest is: half a percent of one CPU. A million rides take some two minutes so.
	recountSlice = 500 * time.Microsecond
	recountRests = 199
	// restLimit bounds a rest: a slice that took 5 ms waited for the CPU, or for a lock.
	restLimit = time.Second
	// recountPause is the time from the end of one recount to the next.
	recountPause = 10 * time.Second
)

// AuditStats are the figures of the audit.
type AuditStats struct {
	// Closed is why the books are closed, nil if they are open.
	Closed *state.Violation
	// Violations counts what the checks before each event, and the recounts, have found.
	Violations uint64
	Recounts   uint64
	// Age is the time since the last whole recount ended, 0 if there was none yet; Took is how
	// long that worked, without its rests.
	Age, Took time.Duration
	Gateway   GatewayStats
	// Totals are the books now.
	Totals isuride.Totals
}

// audit recounts the books of a generation, all the time and with little CPU.
type audit struct {
	// set once
	g  *Generation
	db database // nil in a group, whose tables have a writer of their own

	wanted   atomic.Int32    // recounts that somebody waits for: the one under way rests no more
	counting sync.Mutex      // held during a recount
	accepted map[string]bool // differences that an operator has accepted; guarded by counting
	read     bool            // the rows in the database have been counted; guarded by counting

	recounts atomic.Uint64
	last     atomic.Pointer[recounted]
}

// recounted is the last whole recount.
type recounted struct {
	ended time.Time
	took  time.Duration
}

func newAudit(g *Generation, db database) *audit {
	return &audit{g: g, db: db, accepted: map[string]bool{}}
}

// run recounts until ctx ends.
func (a *audit) run(ctx context.Context) error {
	for ctx.Err() == nil {
		a.report(a.recount(ctx, newWork(ctx, true)))
		pauseFor(ctx, recountPause)
	}
	return nil
}

// report closes the books over differences, and logs what else went wrong.
func (a *audit) report(found []*recount.Difference, err error) {
	for _, d := range found {
		a.differs(d)
	}
	if err != nil && a.g.ctx.Err() == nil {
		a.g.cfg.Log.Warn("the books could not be recounted; it is tried again", "err", err)
	}
}

// differs closes the books over a difference.
func (a *audit) differs(d *recount.Difference) {
	a.g.Store.Violate(&state.Violation{Invariant: d.Invariant, Message: d.Message, Ride: d.Ride})
}

// work measures the time of a recount and rests after each slice, if it is calm and nobody waits.
type work struct {
	ctx   context.Context
	calm  bool
	pause func(time.Duration) error // nil: nothing is to be let in between two slices
	began time.Time
	took  time.Duration

	wanted *atomic.Int32 // of the audit, see hurry
}

func newWork(ctx context.Context, calm bool) *work {
	return &work{ctx: ctx, calm: calm, began: time.Now()}
}

// step ends a step of work, the next one begins when it returns. An error is that of ctx.
func (w *work) step() error {
	worked := time.Since(w.began)
	if worked < recountSlice {
		return nil
	}
	w.took += worked
	var rest time.Duration
	if w.calm && w.wanted.Load() == 0 {
		rest = min(recountRests*worked, restLimit)
	}
	var err error
	if w.pause != nil {
		err = w.pause(rest)
	} else if rest > 0 {
		pauseFor(w.ctx, rest)
	}
	w.began = time.Now()
	return cmp.Or(w.ctx.Err(), err)
}

// recount has the database count its rows, if that has not been done yet, and counts everything in memory once. It
// returns what differs and is not accepted.
func (a *audit) recount(ctx context.Context, w *work) ([]*recount.Difference, error) {
	defer w.hurry(a)()
	a.counting.Lock()
	defer a.counting.Unlock()
	var inTables []*recount.Difference
	var unread error
	if !a.read {
		inTables, unread = a.tables(ctx)
		a.read = unread == nil
	}
	found, err := a.recountLocked(ctx, w)
	return append(a.unacceptedLocked(inTables), found...), errors.Join(unread, err)
}

// hurry has the recount under way rest no more while this one waits for it, unless this one has time, too.
func (w *work) hurry(a *audit) (end func()) {
	w.wanted = &a.wanted
	if w.calm {
		return func() {}
	}
	a.wanted.Add(1)
	return func() { a.wanted.Add(-1) }
}

// recountLocked counts everything in memory.
//
// Images of all entities and the events after them lead to one position, the ledger's mark.
// There the ledger and the recount must agree to the yen, and the write-behind, which follows
// the log, compares what it has there.
func (a *audit) recountLocked(ctx context.Context, w *work) ([]*recount.Difference, error) {
	g := a.g
	began := min(g.recorded(), g.journal.Watermark()) // what comes behind it can be read, now or later
	log, err := g.journal.ReadFrom(began + 1)         // before the walk, so that no event after it is missed
	if err != nil {
		return nil, err
	}
	defer log.Close()
	count := &counter{Count: recount.New(), at: began, users: map[string]bool{}}
	if _, err := g.Store.Walk(func(i *state.Image) error { Recount(count.Count, i); return w.step() }); err != nil {
		return nil, err
	}
	if err := count.events(log, g.recorded(), w); err != nil {
		return nil, err
	}
	mark := g.Store.Mark()
	defer g.Store.Unmark()
	if err := count.events(log, mark, newWork(ctx, false)); err != nil { // few, and the write-behind goes on
		return nil, err
	}
	if g.tenure != nil { // what this server has recorded as a leader may be lost, and others' be there instead
		if err := g.tenure.queue.loss(mark); err != nil {
			return nil, err
		}
	}
	result := count.End()
	found := append(result.Differences, a.compare(count, result, mark)...)
	if len(result.Chairs) > 0 {
		found = append(found, a.pinpoint(result.Chairs)...)
	}
	a.recounts.Add(1)
	a.last.Store(&recounted{time.Now(), w.took + time.Since(w.began)})
	return a.unacceptedLocked(found), nil
}

// tables has the database count its rows, and compares that with the sums that were written with
// the cuts. A start from a snapshot has not read them.
func (a *audit) tables(ctx context.Context) ([]*recount.Difference, error) {
	if a.db == nil || a.db.Refused() > 0 { // of a group, or with some rows beside their tables
		return nil, nil
	}
	counted, written, err := a.db.CountBooks(ctx)
	if err != nil || written == nil {
		return nil, err
	}
	if d := recount.Compare(recount.TableTotals, "the rows in the database", counted, "the sums written with them", *written); d != nil {
		return []*recount.Difference{d}, nil
	}
	return nil, nil
}

// compare compares the ledger at its mark with a recount.
func (a *audit) compare(count *counter, result *recount.Result, mark uint64) (found []*recount.Difference) {
	s := a.g.Store
	s.SettleRegistrations()
	for id := range count.users {
		s.Settle(id)
	}
	totals, err := s.Marked()
	if err != nil {
		found = append(found, &recount.Difference{Invariant: recount.LedgerTotals, Message: err.Error()})
	}
	if d := recount.Compare(recount.LedgerTotals, "the ledger", totals, "the recount", result.Totals); d != nil {
		found = append(found, d)
	}
	for id, yen := range s.MarkedSales {
		if want := result.Owners[id]; yen != want {
			found = append(found, &recount.Difference{Invariant: recount.OwnerSales, Subject: id, Yen: yen - want,
				Message: fmt.Sprintf("owner %s has sold for %d yen, and the rides of its chairs come to %d", id, yen, want)})
		}
	}
	if w := a.writer(); len(found) == 0 && w != nil {
		w.Checkpoint(mark, totals)
	}
	return found
}

// writer returns what brings the tables after the log, nil if there is nothing now.
func (a *audit) writer() *flush.Writer {
	if m := a.g.member; m != nil && m.tables != nil {
		return m.tables.writer.Load()
	}
	return a.g.writer
}

// pinpoint looks for the sales that make books of chairs differ from their rides.
func (a *audit) pinpoint(chairs []string) (found []*recount.Difference) {
	sales, rides := map[string][]recount.Sale{}, map[string][]recount.Earned{}
	for _, id := range chairs {
		sales[id] = nil
	}
	_, err := a.g.Store.Walk(func(i *state.Image) error {
		if c := i.Chair; c != nil {
			if _, asked := sales[c.ID]; asked {
				for _, sale := range c.Sales {
					sales[c.ID] = append(sales[c.ID], recount.Sale(sale))
				}
			}
		}
		if u := i.User; u != nil {
			for k := range u.Rides {
				r := u.Rides[k]
				if _, asked := sales[r.ChairID]; asked && r.Done {
					rides[r.ChairID] = append(rides[r.ChairID], recount.Earned{Ride: &r.Ride, CompletedAt: r.UpdatedAt})
				}
			}
		}
		return nil
	})
	for _, id := range chairs {
		if d := recount.Pinpoint(id, sales[id], rides[id]); d != nil && err == nil {
			found = append(found, d)
		}
	}
	return found
}

// unacceptedLocked leaves out what an operator knows.
func (a *audit) unacceptedLocked(found []*recount.Difference) (news []*recount.Difference) {
	for _, d := range found {
		if !a.accepted[lasting(d)] {
			news = append(news, d)
		}
	}
	return news
}

// counter feeds a recount from images and events.
type counter struct {
	*recount.Count
	at      uint64          // last event of the journal that was looked at
	users   map[string]bool // of events that were counted
	decoder isuride.Decoder
}

// Recount has a recount take an image of the state, which knows no state.
func Recount(c *recount.Count, i *state.Image) {
	switch {
	case i.Chair != nil:
		m := i.Chair
		books := recount.Chair{ID: m.ID, OwnerID: m.OwnerID, Rides: len(m.Sales), Rated: m.Stats.Rides, EvaluationSum: m.Stats.EvaluationSum}
		if n := len(m.Sales); n > 0 {
			books.Sales = m.Sales[n-1].Sum
		}
		c.Chair(i.Position, &books)
	case i.User != nil:
		m := i.User
		c.User(i.Position, m.ID, m.Coupons)
		for k := range m.Rides {
			r := &m.Rides[k]
			c.Ride(&recount.Ride{Ride: &r.Ride, Fare: r.Fare, Status: r.Status, Passed: r.Passed})
		}
		c.EndUser()
	}
}

// recorded is the last event that may be in the state.
func (g *Generation) recorded() uint64 {
	if g.tenure != nil {
		return g.tenure.Appended()
	}
	return g.journal.Appended()
}

// events counts the events up to the last one, which in a group may still be on its way to the
// others.
func (c *counter) events(log *journal.Reader, last uint64, w *work) error {
	for c.at < last {
		seq, payload, ok := log.Next()
		if !ok {
			if err := log.Wait(w.ctx); err != nil {
				return fmt.Errorf("event %d is missing in the journal: %w", c.at+1, err)
			}
			continue
		}
		if c.at = seq; journal.IsMark(payload) {
			continue
		}
		e, err := c.decoder.Decode(payload)
		if err != nil {
			return fmt.Errorf("event %d: %w", seq, err)
		}
		switch e.Kind {
		case isuride.RideRequested, isuride.RideCompleted:
			c.users[e.Ride.UserID] = true
		case isuride.UserRegistered:
			for i := range e.Coupons {
				c.users[e.Coupons[i].UserID] = true
			}
		}
		c.Event(seq, e)
		if err := w.step(); err != nil {
			return err
		}
	}
	return nil
}

// finish recounts at an orderly stop.
func (a *audit) finish(ctx context.Context) error {
	w := newWork(ctx, false)
	defer w.hurry(a)()
	a.counting.Lock()
	defer a.counting.Unlock()
	found, err := a.recountLocked(ctx, w)
	if err != nil {
		return fmt.Errorf("recount the books: %w", err)
	}
	errs := make([]error, len(found))
	for i, d := range found {
		errs[i] = d
	}
	return errors.Join(errs...)
}

func (a *audit) stats() AuditStats {
	s := a.g.Store
	stats := AuditStats{Closed: s.Closed(), Violations: s.Violations(), Recounts: a.recounts.Load(), Gateway: a.g.reconciler.stats(), Totals: s.Totals()}
	if last := a.last.Load(); last != nil {
		stats.Age, stats.Took = time.Since(last.ended), last.took
	}
	return stats
}

// Reopen recounts the books and opens them again if everything adds up; else it returns what
// does not. If accept is set, they open all the same: what differs now is no reason to close
// them again, and the totals in the database become those of the ledger.
func (e *Engine) Reopen(ctx context.Context, accept bool) (differences []*recount.Difference, err error) {
	g, s := e.Current(), e.following()
	switch {
	case g != nil:
		defer newWork(ctx, false).hurry(g.audit)() // also for accept
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(g.ctx, cancel)() // what it waits for may never come
		if differences, err = g.audit.recount(ctx, newWork(ctx, false)); err != nil && g.ctx.Err() != nil {
			err = errEnding
		}
	case s != nil:
		defer newWork(ctx, false).hurry(s.gen.Load().audit)()
		g, differences, err = s.recount(newWork(ctx, false))
	default:
		return nil, errNoGeneration
	}
	if err != nil || len(differences) > 0 && !accept {
		return differences, err
	}
	a := g.audit
	a.accept(differences)
	a.g.cfg.Log.Warn("an operator has opened the books again", "was", cmp.Or(a.g.Store.Closed(), &state.Violation{}).Message, "accepted", len(differences))
	a.g.Store.Reopen()
	return differences, nil
}

func (a *audit) accept(differences []*recount.Difference) {
	a.counting.Lock()
	defer a.counting.Unlock()
	for _, d := range differences {
		a.accepted[lasting(d)] = true
	}
	if w := a.writer(); w != nil {
		w.Adopt()
	}
}

// lasting names a difference that stays the same while the books go on.
func lasting(d *recount.Difference) string {
	return fmt.Sprintf("%s %s %s %d", d.Invariant, d.Ride, d.Subject, d.Yen)
}

// violated is told by the store, under locks of it, and so must not wait.
func (g *Generation) violated(v *state.Violation) {
	g.cfg.Log.Error("the books are closed: what moves money is refused until an operator opens them again", "invariant", v.Invariant, "why", v.Message, "position", v.Position)
	if g.cfg.Violated == nil {
		return
	}
	dir := g.cfg.Folder.journal(g.number)
	if g.member != nil {
		dir = g.member.dir
	}
	go g.cfg.Violated(v, dir)
}
