package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"regexp"
	"strings"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
)

// Reset replaces everything by the rows of t, as position 0 of the generation. A Reset
// that fails or is interrupted has changed nothing.
func (s *Store) Reset(ctx context.Context, generation uint64, t *isuride.Tables) error {
	before, err := s.State(ctx)
	if err != nil {
		return err
	}
	if err := s.Fill(ctx, generation, t); err != nil {
		return err
	}
	if err := s.Swap(ctx, before.Generation, generation); err != nil {
		return err
	}
	return s.Sweep(ctx)
}

// transaction commits what f does if it succeeds, and undoes it otherwise.
func (s *Store) transaction(ctx context.Context, f func(ctx context.Context, tx *sqlx.Tx) error) error {
	return transact(ctx, s.db, f)
}

// beginner is a pool or one connection of it.
type beginner interface {
	BeginTxx(ctx context.Context, opts *sql.TxOptions) (*sqlx.Tx, error)
}

func transact(ctx context.Context, b beginner, f func(ctx context.Context, tx *sqlx.Tx) error) error {
	tx, err := b.BeginTxx(ctx, nil)
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

// creation matches the beginning of a statement that makes a table.
var creation = regexp.MustCompile(`(?m)^CREATE TABLE (?:IF NOT EXISTS )?(\w+)`)

// beside returns the schema under other names: the statements that make the tables with
// the suffix, and the names without it, that of the position last.
func (d *dialect) beside(suffix string) (create, names []string, err error) {
	statements, err := d.statements()
	if err != nil {
		return nil, nil, err
	}
	for _, statement := range statements {
		name := creation.FindStringSubmatch(statement)
		if name == nil {
			continue // drops what is there
		}
		create = append(create, creation.ReplaceAllString(statement, "CREATE TABLE ${1}"+suffix))
		names = append(names, name[1])
	}
	return create, names, nil
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

// historyOrNew returns the identity of the data, a new one if there is none yet.
func (s *Store) historyOrNew(ctx context.Context) (string, error) {
	st, err := s.state(ctx)
	return cmp.Or(st.History, newHistory()), err
}

// setPosition writes the position row into the table with the suffix.
func setPosition(ctx context.Context, tx *sqlx.Tx, suffix string, at position) error {
	_, err := tx.ExecContext(ctx, "REPLACE INTO "+positionTable+suffix+
		" (id, generation, position, ready, history, version, term, "+strings.Join(sumNames, ", ")+") VALUES (1, ?, ?, ?, ?, ?, ?"+strings.Repeat(", ?", len(sumNames))+")",
		append([]any{at.Generation, at.Position, at.Ready, at.History, schemaVersion, at.Term}, at.sums.values()...)...)
	return err
}
