// Package audit compares, while no server runs, what the journal, its snapshots, the database and
// the payment gateway have, and names the first thing that differs. It changes nothing.
//
// What the books must be is left to recount, what an event does to state; how a server audits
// itself while it runs, to engine. The page for operators is docs/audit.md.
package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/recount"
	"isuride/webapp/sqlstore"
)

// Options say what is compared.
type Options struct {
	DB sqlstore.Config
	// Journal is the folder of all generations, or that of the database's.
	Journal string
	// Gateway is the address of the payment gateway; "" leaves it out, and "database" means the
	// one that the database has.
	Gateway string
	// Tell gets the progress and the result, a line a call.
	Tell func(format string, args ...any)
	Log  *slog.Logger // of the parts
}

// Fault is the first thing that differs: one sentence.
type Fault struct{ Message string }

func (f *Fault) Error() string { return f.Message }

func fault(format string, args ...any) error { return &Fault{fmt.Sprintf(format, args...)} }

// differs makes a fault of a difference.
func differs(d *recount.Difference) error {
	if d == nil {
		return nil
	}
	return &Fault{d.Invariant + ": " + d.Message}
}

// Run audits. A *Fault is the first difference; any other error says why it could not go on.
func Run(ctx context.Context, o Options) (err error) {
	db, err := sqlstore.OpenForReading(ctx, o.DB, o.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	a := &auditor{Options: o, db: db}
	for _, step := range []func(context.Context) error{a.load, a.log, a.tables, a.rows, a.replay, a.gateway} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	o.Tell("everything adds up")
	return nil
}

// auditor is an audit under way.
type auditor struct {
	Options
	db     *sqlstore.Store
	have   *sqlstore.Snapshot // the database
	folder string             // of its generation's journal
	first  uint64             // event of the journal, 0 if it has none
	last   uint64             // record of the journal, or the database's position if that is beyond
	images images             // last images in the journal, up to the database's position
}

// load reads the database.
func (a *auditor) load(ctx context.Context) error {
	began := time.Now()
	have, err := a.db.Load(ctx)
	if errors.Is(err, sqlstore.ErrNotReady) {
		return fmt.Errorf("%s holds no data of ISURIDE with a position", a.DB)
	}
	if err != nil {
		return err
	}
	a.have = have
	if a.folder, err = a.generation(); err != nil {
		return err
	}
	a.Tell("database: %d rows at position %d of generation %d, read in %v", have.Rows(), have.Position, have.Generation, time.Since(began).Round(time.Millisecond))
	return nil
}

// generation returns the folder of the journal of the database's generation.
func (a *auditor) generation() (string, error) {
	all, err := journal.Generations(a.Journal)
	if err != nil || len(all) == 0 {
		return a.Journal, err
	}
	for _, n := range all {
		if n == a.have.Generation {
			return journal.GenerationPath(a.Journal, n), nil
		}
	}
	return "", fault("the database is of generation %d, and the journal %s has generation %d", a.have.Generation, a.Journal, all[len(all)-1])
}

// tables counts the rows, and compares them with the sums that were written with them.
func (a *auditor) tables(context.Context) error {
	r := recount.Tables(&a.have.Tables)
	if len(r.Differences) > 0 {
		return differs(r.Differences[0])
	}
	if a.have.Totals == nil {
		a.Tell("database: %d rides add up; the sums are not known yet, as after an upgrade", r.Requested)
		return nil
	}
	if d := recount.Compare(recount.TableTotals, "the rows in the database", r.Totals, "the sums written with them", *a.have.Totals); d != nil {
		return a.named(d)
	}
	a.Tell("database: %d rides, %d of them paid for with %d yen, are what was written with them", r.Requested, r.Completed, r.Paid)
	return nil
}

// named looks in the journal for the row that makes the sums differ, which says more.
func (a *auditor) named(d *recount.Difference) error {
	if err := a.rows(context.Background()); err != nil {
		return fmt.Errorf("%w (%s)", err, d.Message)
	}
	return fmt.Errorf("%w; the journal goes back to event %d only, and does not tell which row", differs(d), a.first)
}

// progress tells about every second how far something is.
func (a *auditor) progress(what string) func(done uint64) {
	told := time.Now()
	return func(done uint64) {
		if time.Since(told) >= time.Second {
			told = time.Now()
			a.Tell("%s: %d", what, done)
		}
	}
}

// each calls see with every event of the journal, in order.
func (a *auditor) each(ctx context.Context, see func(seq uint64, e *isuride.Event) error) error {
	var d isuride.Decoder
	return journal.Look(a.folder, func(s journal.Sight) error {
		if s.Remark != "" || journal.IsMark(s.Payload) {
			return nil
		}
		if s.Seq%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		e, err := d.Decode(s.Payload)
		if err != nil {
			return fault("event %d in %s cannot be read: %v", s.Seq, s.Segment, err)
		}
		return see(s.Seq, e)
	})
}
