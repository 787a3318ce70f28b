package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"isuride/webapp/dispatch"
	"isuride/webapp/flush"
	"isuride/webapp/journal"
	"isuride/webapp/payment"
	"isuride/webapp/state"
)

// Stats are the figures of the current generation. What only grows goes on growing over
// all generations of this process.
type Stats struct {
	Generation uint64
	State      state.Overview
	Rides      state.Counts
	Match      dispatch.Stats // of all regions
	Journal    journal.Stats
	Flush      flush.Stats
	Snapshot   SnapshotStats
	Count      CountStats
	Audit      AuditStats
	Payment    payment.Stats
	// Initializes that took place, and those that failed and changed nothing.
	Initialized, NotInitialized uint64
	// Refused counts the rows that are kept beside their tables, which refuse them.
	Refused int
	// Replica is the server's part in its group; nil for a server alone.
	Replica *ReplicaStats
	// PositionsDeleted counts the rows of old positions that only their sums are left of.
	PositionsDeleted uint64
}

// Stats reads the figures.
func (e *Engine) Stats() Stats {
	var s Stats
	switch {
	case e.member != nil:
		s = e.member.stats()
	default:
		g := e.Current()
		s = g.own()
		s.State = g.Store.Overview()
		s.Refused = e.db.Refused()
		s.PositionsDeleted = e.db.Deleted()
		s.add(&g.before)
	}
	s.Initialized, s.NotInitialized = e.succeeded.Load(), e.refused.Load()
	return s
}

// own returns the figures of a generation without those before it, and without the walk
// through the state.
func (g *Generation) own() Stats {
	s := g.following()
	if g.behind != nil {
		s.Flush = g.behind.Stats()
	}
	if g.gateway != nil {
		s.Payment = g.gateway.Stats()
	}
	for _, m := range g.matchers {
		s.Match.Add(m.Stats())
	}
	return s
}

// following returns the part of own that a standby has too. It reads nothing that lead sets, which
// may happen meanwhile.
func (g *Generation) following() Stats {
	s := Stats{Generation: g.number, Rides: g.Store.Counts(), Journal: g.journal.Stats(), Snapshot: g.snapshots.stats(), Count: g.counted.stats()}
	if g.audit != nil {
		s.Audit = g.audit.stats()
	}
	return s
}

// add adds what an earlier generation has counted.
func (s *Stats) add(o *Stats) {
	s.Rides.Add(o.Rides)
	s.Match.Took.Add(o.Match.Took)
	s.Match.Pickup += o.Match.Pickup
	s.Journal.Added += o.Journal.Added
	s.Journal.AddedBytes += o.Journal.AddedBytes
	s.Journal.Synced += o.Journal.Synced
	s.Flush.Cuts += o.Flush.Cuts
	s.Flush.Events += o.Flush.Events
	s.Flush.Rows += o.Flush.Rows
	s.Flush.Retries += o.Flush.Retries
	s.Flush.Took.Add(o.Flush.Took)
	s.Snapshot.Written += o.Snapshot.Written
	s.Snapshot.Failed += o.Snapshot.Failed
	s.Audit.Violations += o.Audit.Violations
	s.Audit.Recounts += o.Audit.Recounts
	s.Audit.Gateway.Agreed += o.Audit.Gateway.Agreed
	s.Audit.Gateway.Differed += o.Audit.Gateway.Differed
	s.Audit.Gateway.Silent += o.Audit.Gateway.Silent
	s.Count.Equal += o.Count.Equal
	s.Count.Different += o.Count.Different
	s.Payment.Accepted += o.Payment.Accepted
	s.Payment.Refused += o.Payment.Refused
	s.Payment.Failed += o.Payment.Failed
}

const (
	// outageLimit is the time for which the database may answer with errors before the
	// engine counts as unwell. A deadlock or a lost connection is over sooner.
	outageLimit = time.Second
	// lagLimit is the same for a database that does not answer. The write-behind pauses
	// for 2 s at most, and a cut takes a second or two on a busy machine.
	lagLimit = 15 * time.Second
)

var errNoGeneration = errors.New("no generation is open: the server is stopping, or an initialize is about to end")

// Health says why the engine should not be relied on, each reason in a sentence and always in the
// same order; none if it can. While it answers from memory and keeps changes in the journal, it does
// not know a database that it has nothing to write to.
func (e *Engine) Health() []error {
	health := e.health
	if e.member != nil {
		health = e.member.health
	}
	return slices.DeleteFunc(health(), func(err error) bool { return err == nil })
}

// health has nil for each reason that does not apply.
func (e *Engine) health() []error {
	g := e.Current()
	if g.ctx.Err() != nil {
		return []error{errNoGeneration}
	}
	var held error
	if g.held.Load() {
		held = errHeld
	}
	return append([]error{held, g.journal.Stats().Err, closedBooks(g.Store.Closed())}, healthOfTables(g.writer.Stats())...)
}

func closedBooks(v *state.Violation) error {
	if v == nil {
		return nil
	}
	return fmt.Errorf("the books are closed since %s: %w; look at GET /audit, and open them again with POST /audit/reopen", v.At, v)
}

func healthOfTables(f flush.Stats) (all []error) {
	if o := f.Outage; o != nil && time.Since(o.Since) > outageLimit {
		all = append(all, fmt.Errorf("the database has taken no changes for %v: %w", time.Since(o.Since).Round(time.Second), o.Err))
	}
	if f.Lag.Age > lagLimit {
		all = append(all, fmt.Errorf("the database is %v behind", f.Lag.Age.Round(time.Second)))
	}
	return all
}
