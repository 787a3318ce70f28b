package audit

import (
	"context"
	"errors"

	"isuride/webapp/engine"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/recount"
	"isuride/webapp/snapshot"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// nowhere is a log that takes nothing.
type nowhere uint64

func (n nowhere) Appended() uint64    { return uint64(n) }
func (n nowhere) Hold(f func(uint64)) { f(uint64(n)) }
func (nowhere) AppendNoted([]byte, interface{ Recorded(uint64) }) (uint64, error) {
	return 0, errors.New("nothing is recorded in an audit")
}

func (a *auditor) options() state.Options {
	return state.Options{Log: nowhere(a.last), Now: func() isuride.Time { return 0 }, Describe: func(*isuride.Chair) []byte { return nil }}
}

// replay applies the events after the database's position to its rows, as a start does.
func (a *auditor) replay(ctx context.Context) error {
	store := state.New(a.options(), &a.have.Tables, tracks(a.have))
	if v := store.Closed(); v != nil {
		return fault("%s: %s", v.Invariant, v.Message)
	}
	if d := a.totalsDiffer("the state loaded from the database", store); d != nil {
		return differs(d)
	}
	reached, err := a.forward(ctx, state.NewRecovery(store, a.have.Position))
	if err != nil {
		return err
	}
	a.Tell("journal: the events after the database's position lead to %d rides, %d of them paid for with %d yen, and the books agree", reached.Requested, reached.Completed, reached.Paid)
	return a.compareSnapshots(ctx, store, reached)
}

// totalsDiffer compares a state at the database's position with the sums there.
func (a *auditor) totalsDiffer(of string, s *state.Store) *recount.Difference {
	if a.have.Totals == nil {
		return nil
	}
	return recount.Compare(recount.TableTotals, of, s.Totals(), "the sums written with the database", *a.have.Totals)
}

func tracks(have *sqlstore.Snapshot) map[string]state.Track {
	m := make(map[string]state.Track, len(have.Tracks))
	for id, t := range have.Tracks {
		m[id] = state.Track{At: t.Last, Distance: t.Total, Reported: t.At}
	}
	return m
}

// forward brings a state to the end of the journal, and recounts it there.
func (a *auditor) forward(ctx context.Context, r *state.Recovery) (isuride.Totals, error) {
	told := a.progress("journal: events applied")
	err := journal.Look(a.folder, func(s journal.Sight) error {
		if s.Seq%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case s.Remark != "":
			return nil
		case journal.IsMark(s.Payload):
			return r.Skip(s.Seq)
		}
		told(s.Seq)
		return r.Replay(s.Seq, s.Payload)
	})
	if err == nil {
		_, _, err = r.Finish(a.last)
	}
	var v *state.Violation
	switch {
	case errors.As(err, &v):
		return isuride.Totals{}, fault("%v", err)
	case err != nil:
		return isuride.Totals{}, err
	}
	counted, err := count(r.Store())
	if err != nil {
		return isuride.Totals{}, err
	}
	if d := recount.Compare(recount.LedgerTotals, "the ledger", r.Store().Totals(), "a recount", counted); d != nil {
		return isuride.Totals{}, differs(d)
	}
	return counted, nil
}

// count recounts a state at rest.
func count(s *state.Store) (isuride.Totals, error) {
	c := recount.New()
	if _, err := s.Walk(func(i *state.Image) error { engine.Recount(c, i); return nil }); err != nil {
		return isuride.Totals{}, err
	}
	r := c.End()
	if len(r.Differences) > 0 {
		return isuride.Totals{}, differs(r.Differences[0])
	}
	return r.Totals, nil
}

// compareSnapshots compares each snapshot with the state that database and journal lead to: the
// rides and coupons in it, and what the events after it make of it.
func (a *auditor) compareSnapshots(ctx context.Context, store *state.Store, reached isuride.Totals) error {
	paths, err := snapshot.List(a.folder)
	if err != nil || len(paths) == 0 {
		return err
	}
	end, err := newEnd(store)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := a.snapshot(ctx, path, end, reached); err != nil {
			return err
		}
		a.Tell("snapshot %s: the same rides, coupons and sales, and the same books", path)
	}
	return nil
}

func (a *auditor) snapshot(ctx context.Context, path string, end *end, reached isuride.Totals) error {
	r, err := snapshot.Open(path)
	if err != nil {
		return fault("snapshot %s: %v", path, err)
	}
	defer r.Close()
	h := r.Header()
	if h.History.String() != a.have.History || h.Generation != a.have.Generation || h.Span.To > a.last {
		return fault("snapshot %s goes up to event %d of generation %d and history %s; the journal and the database go up to event %d of generation %d and history %s",
			path, h.Span.To, h.Generation, h.History, a.last, a.have.Generation, a.have.History)
	}
	restoration := state.NewRestoration(a.options(), a.have.ChairModels, h.Size)
	err = r.Each(func(i *state.Image) error {
		if err := end.compare(i); err != nil {
			return err
		}
		return restoration.Add(i)
	})
	if err != nil {
		return fault("snapshot %s: %v", path, err)
	}
	if a.first > h.Span.From+1 {
		a.Tell("snapshot %s: the journal no longer has the events after it", path)
		return nil
	}
	recovery, err := restoration.Recovery(h.Span, h.Hash)
	if err != nil {
		return fault("snapshot %s: %v", path, err)
	}
	totals, err := a.forward(ctx, recovery)
	if err != nil {
		return fault("snapshot %s, with the events after it: %v", path, err)
	}
	if d := recount.Compare(recount.ReplayTotals, "snapshot "+path+" with the events after it", totals, "the database with those after it", reached); d != nil {
		return differs(d)
	}
	return nil
}
