package sqlstore

import (
	"context"
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
	position, create, err := s.dialect.statements()
	if err != nil {
		return fmt.Errorf("reset the database: %w", err)
	}
	if err := s.makeRefused(ctx); err != nil {
		return fmt.Errorf("reset the database: %w", err)
	}
	// MySQL commits with each statement that changes the schema; nothing here relies on
	// more than one of them at a time.
	steps := []struct {
		name string
		run  func(ctx context.Context, tx *sqlx.Tx) error
	}{
		{"create the position", execute(position)},
		{"mark as not ready", mark(generation, false)},
		{"create the tables", execute(create...)},
		{"insert the rows", func(ctx context.Context, tx *sqlx.Tx) error {
			in := inserter{dialect: s.dialect, chunk: s.chunk}
			if err := in.insert(ctx, tx, t); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM refused_rows"); err != nil {
				return err
			}
			return mark(generation, true)(ctx, tx)
		}},
	}
	for _, step := range steps {
		if err := s.transaction(ctx, step.run); err != nil {
			return fmt.Errorf("reset the database: %s: %w", step.name, err)
		}
	}
	s.refused.Store(0)
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

// statements is the schema: the statement that creates the position's table, and the
// others.
func (d *dialect) statements() (position string, create []string, err error) {
	text, err := fs.ReadFile(sqlfiles.Files, d.schema)
	if err != nil {
		return "", nil, err
	}
	for statement := range strings.SplitSeq(strings.TrimSuffix(string(text), ";\n"), ";\n") {
		if strings.Contains(statement, positionTable) {
			position = statement
			continue
		}
		create = append(create, statement)
	}
	return position, create, nil
}

func execute(statements ...string) func(context.Context, *sqlx.Tx) error {
	return func(ctx context.Context, tx *sqlx.Tx) error {
		for _, statement := range statements {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	}
}

// mark sets the position to 0 of the generation.
func mark(generation uint64, ready bool) func(context.Context, *sqlx.Tx) error {
	return func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "REPLACE INTO journal_position (id, generation, position, ready) VALUES (1, ?, 0, ?)",
			generation, ready)
		return err
	}
}
