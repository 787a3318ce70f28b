package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jmoiron/sqlx"

	sqlfiles "isuride/sql"
	"isuride/webapp/isuride"
)

// Reset replaces everything by the rows of t, as position 0 of the generation. From its
// first step on no cut of another generation is accepted, and until its last the state
// is not ready, so that a Reset that ended early is recognised (State.Ready) and done
// again.
func (s *Store) Reset(ctx context.Context, generation uint64, t *isuride.Tables) error {
	steps := []struct {
		name string
		run  func(ctx context.Context, tx *sqlx.Tx) error
	}{
		// MySQL commits before and after each statement that changes the schema.
		{"create the position", s.schemaStep(func(text string) bool { return strings.Contains(text, positionTable) })},
		{"mark as not ready", markStep(generation, false)},
		{"create the tables", s.schemaStep(func(text string) bool { return !strings.Contains(text, positionTable) })},
		{"insert the rows", func(ctx context.Context, tx *sqlx.Tx) error {
			in := inserter{dialect: s.dialect, chunk: s.chunk}
			return errors.Join(in.insert(ctx, tx, t), markStep(generation, true)(ctx, tx))
		}},
	}
	for _, step := range steps {
		if err := s.transaction(ctx, step.run); err != nil {
			return fmt.Errorf("reset the database: %s: %w", step.name, err)
		}
	}
	return nil
}

// transaction commits what f does if it succeeds, and undoes it otherwise.
func (s *Store) transaction(ctx context.Context, f func(ctx context.Context, tx *sqlx.Tx) error) error {
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(ctx, tx); err != nil {
		// The error of f is the one to tell; a connection that cannot roll back is
		// dropped by the pool, and the database rolls back.
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// schemaStep runs the selected statements of the schema.
func (s *Store) schemaStep(selected func(text string) bool) func(context.Context, *sqlx.Tx) error {
	return func(ctx context.Context, tx *sqlx.Tx) error {
		text, err := fs.ReadFile(sqlfiles.Files, s.dialect.schema)
		if err != nil {
			return err
		}
		for statement := range strings.SplitSeq(string(text), ";\n") {
			if strings.TrimSpace(statement) == "" || !selected(statement) {
				continue
			}
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	}
}

// markStep sets the position to 0 of the generation.
func markStep(generation uint64, ready bool) func(context.Context, *sqlx.Tx) error {
	return func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "REPLACE INTO journal_position (id, generation, position, ready) VALUES (1, ?, 0, ?)",
			generation, ready)
		return err
	}
}
