package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
)

// ErrFenced says that the tables are not where this writer left them: they belong to
// another generation, or another server has written or leads. Writing the cut again
// cannot succeed.
var ErrFenced = errors.New("the database is not where this server left it")

// WriteCut brings the tables from their position to the given one: the rows, complete
// images of all that changed in between, and the position in one transaction. A cut that
// the tables have already is done without error, so that it can be repeated when it is
// not known whether a commit succeeded. Rows that the database refuses for good are kept
// beside the tables (refused.go); old positions go (prune.go).
func (s *Store) WriteCut(ctx context.Context, generation, to uint64, rows *isuride.Tables) error {
	if err := s.writeCut(ctx, generation, to, rows); err != nil {
		s.freshen()
		s.pruning.restart()
		return fmt.Errorf("write cut %d of generation %d: %w", to, generation, err)
	}
	return nil
}

func (s *Store) writeCut(ctx context.Context, generation, to uint64, rows *isuride.Tables) error {
	if err := s.lock.hold(ctx); err != nil {
		return err
	}
	if err := s.refused.reload(ctx, s.db); err != nil {
		return err
	}
	if s.refused.none() {
		err := s.cut(ctx, generation, to, rows, func(ctx context.Context, tx *sqlx.Tx) error {
			in := inserter{dialect: s.dialect, chunk: s.chunkNow(), upsert: true}
			if err := in.insert(ctx, tx, rows); err != nil {
				return err
			}
			return s.prune(ctx, tx, len(rows.ChairLocations))
		})
		if !IsRefusal(err) {
			return err
		}
	}
	return s.cutWithRefusals(ctx, generation, to, rows)
}

// cut is one transaction: it reads the position of the tables, which keeps a Reset and
// other writers out, has the rows written, and moves the position, with the totals there, last, so that even
// tables that lost their transactions never have a position without its rows.
func (s *Store) cut(ctx context.Context, generation, to uint64, rows *isuride.Tables, write func(context.Context, *sqlx.Tx) error) error {
	err := s.transaction(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		at, err := readPosition(ctx, tx, s.dialect.lock)
		switch {
		case err != nil:
			return err
		case at.Term > s.term:
			return fmt.Errorf("%w: the leader of term %d writes it now, this one is of term %d", ErrFenced, at.Term, s.term)
		case at.Generation == generation && at.Ready && at.Position == to:
			return nil
		case at.Generation != generation || !at.Ready || at.Position > to, s.left != nil && *s.left != place{at.Generation, at.Position}:
			return fmt.Errorf("%w: it is at position %d of generation %d, ready %t", ErrFenced, at.Position, at.Generation, at.Ready)
		}
		if err := write(ctx, tx); err != nil {
			return err
		}
		sums := sumsOf(rows.Totals)
		_, err = tx.ExecContext(ctx, "UPDATE journal_position SET position = ?, term = ?, "+assignments+" WHERE id = 1 AND term <= ?",
			slices.Concat([]any{to, s.term}, sums.values(), []any{s.term})...)
		if err != nil || rows.Chain == nil {
			return err
		}
		return writeChain(ctx, tx, rows.Chain)
	})
	if err == nil {
		s.left = &place{generation, to}
		s.deleted.Add(uint64(s.pruning.deleting))
		s.pruning.deleting = 0
	}
	return err
}
