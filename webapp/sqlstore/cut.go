package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
)

// ErrFenced says that a cut belongs to the past: the tables are of another generation,
// are being reset, or stand at a later position. Writing it again cannot succeed.
var ErrFenced = errors.New("the database is ahead of this writer")

// WriteCut brings the tables from where they stand to the position: the rows, complete
// images of all that changed in between, and the position in one transaction. A cut that
// the tables have already is done without error, so that it can be repeated when it is
// not known whether a commit succeeded. Rows that the database refuses for good are kept in
// the same transaction, beside their tables (refused.go).
func (s *Store) WriteCut(ctx context.Context, generation, position uint64, rows *isuride.Tables) error {
	err := errSomeRefused
	if s.Refused() == 0 {
		err = s.transaction(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
			moved, err := movePosition(ctx, tx, generation, position)
			if err != nil || !moved {
				return err
			}
			in := inserter{dialect: s.dialect, chunk: s.chunk, upsert: true}
			return in.insert(ctx, tx, rows)
		})
	}
	if err == errSomeRefused || IsRefusal(err) {
		err = s.writeRefusing(ctx, generation, position, rows)
	}
	if err != nil {
		return fmt.Errorf("write cut %d of generation %d: %w", position, generation, err)
	}
	return nil
}

// errSomeRefused says that there are refused rows, of which the cut may have later images.
var errSomeRefused = errors.New("there are refused rows")

// writeRefusing is WriteCut off the fast path: it keeps the rows that are refused.
func (s *Store) writeRefusing(ctx context.Context, generation, position uint64, rows *isuride.Tables) error {
	if err := s.makeRefused(ctx); err != nil {
		return err
	}
	var r *refuser
	err := s.transaction(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		moved, err := movePosition(ctx, tx, generation, position)
		if err != nil || !moved {
			return err
		}
		if r, err = s.newRefuser(ctx, tx); err != nil {
			return err
		}
		return r.insert(ctx, rows)
	})
	if err == nil && r != nil {
		r.tell(ctx)
	}
	return err
}

// movePosition sets the position, which locks its row, so that a Reset waits for the
// cut or the cut fails. It reports false if the tables stand there already.
func movePosition(ctx context.Context, tx *sqlx.Tx, generation, to uint64) (bool, error) {
	result, err := tx.ExecContext(ctx, "UPDATE journal_position SET position = ?"+
		" WHERE id = 1 AND generation = ? AND ready = 1 AND position < ?", to, generation, to)
	if err != nil {
		return false, err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return n == 1, err
	}
	at, err := readPosition(ctx, tx)
	if err != nil {
		return false, err
	}
	if at == (position{Generation: generation, Position: to, Ready: true}) {
		return false, nil
	}
	return false, fmt.Errorf("%w: it is at position %d of generation %d, ready %t", ErrFenced, at.Position, at.Generation, at.Ready)
}
