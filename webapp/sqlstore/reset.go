package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
)

// Tables in the making, and those that were replaced, carry these endings.
const (
	nextSuffix = "_next"
	oldSuffix  = "_old"
)

// Reset replaces everything by the rows of t, as position 0 of the generation. The
// tables are the old ones or the new ones, whole, wherever it ends: MySQL gets new tables
// under other names and one rename, SQLite one transaction. Only an error for which
// IsUnknown holds leaves open which; Settle tells. The history stays, or begins.
func (s *Store) Reset(ctx context.Context, generation uint64, t *isuride.Tables) error {
	err := s.lock.hold(ctx)
	var history string
	if err == nil {
		history, err = s.historyOrNew(ctx)
	}
	if err == nil {
		err = s.replace(ctx, position{Generation: generation, Ready: true, History: history}, t)
	}
	if err == nil {
		s.left = &place{generation, 0}
		s.refused.known = false
	}
	if err != nil {
		return fmt.Errorf("reset the database: %w", err)
	}
	return nil
}

// renameLimit ends a rename whose answer does not come: lockWait, and the work itself.
const renameLimit = 15 * time.Second

// errUnknown marks an error after which the last step may have been done or not.
var errUnknown = errors.New("it is not known whether the database did it")

// IsUnknown reports whether a Reset may have succeeded although it returned err.
func IsUnknown(err error) bool { return errors.Is(err, errUnknown) }

// historyOrNew is the identity of the data, a new one if there is none yet.
func (s *Store) historyOrNew(ctx context.Context) (string, error) {
	st, err := s.state(ctx)
	return cmp.Or(st.History, newHistory()), err
}

func (s *Store) replace(ctx context.Context, at position, t *isuride.Tables) error {
	if s.dialect == &sqliteDialect {
		return s.replaceInOne(ctx, at, t)
	}
	if err := s.dropLeftovers(ctx); err != nil {
		return fmt.Errorf("drop what an earlier one left: %w", err)
	}
	if err := s.fillNext(ctx, at, t); err != nil {
		return fmt.Errorf("fill new tables: %w", err)
	}
	if err := s.rename(ctx); err != nil {
		return fmt.Errorf("put the new tables in the place of the old ones: %w", err)
	}
	// The new tables are in place; old ones that stay for now are dropped at the next chance.
	_ = s.dropLeftovers(ctx)
	return nil
}

// replaceInOne is SQLite's way, whose schema belongs to the transaction.
func (s *Store) replaceInOne(ctx context.Context, at position, t *isuride.Tables) error {
	statements, err := s.dialect.statements()
	if err != nil {
		return err
	}
	return s.transaction(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := execute(statements...)(ctx, tx); err != nil {
			return err
		}
		in := inserter{dialect: s.dialect, chunk: s.chunkNow()}
		if err := in.insert(ctx, tx, t); err != nil {
			return err
		}
		return setPosition(ctx, tx, "", at)
	})
}

// fillNext makes the new tables under their other names.
func (s *Store) fillNext(ctx context.Context, at position, t *isuride.Tables) error {
	statements, err := s.dialect.statements()
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if strings.Contains(statement, "DROP TABLE") {
			continue // gone with the leftovers, and the old ones still serve
		}
		if _, err := s.db.ExecContext(ctx, underSuffix(statement, nextSuffix)); err != nil {
			return err
		}
	}
	return s.transaction(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		in := inserter{dialect: s.dialect, chunk: s.chunkNow(), suffix: nextSuffix}
		if err := in.insert(ctx, tx, t); err != nil {
			return err
		}
		return setPosition(ctx, tx, nextSuffix, at)
	})
}

// underSuffix is the CREATE TABLE statement for a table of another name.
func underSuffix(create, suffix string) string {
	head, body, _ := strings.Cut(create, " (")
	return head + suffix + " (" + body
}

// rename is one statement, so that it happens as a whole or not at all.
func (s *Store) rename(ctx context.Context) error {
	names, err := s.tableNames(ctx)
	if err != nil {
		return err
	}
	var pairs []string
	for _, name := range allTables() {
		if slices.Contains(names, name) {
			pairs = append(pairs, name+" TO "+name+oldSuffix)
		}
		pairs = append(pairs, name+nextSuffix+" TO "+name)
	}
	// The server goes on with the statement when the caller has left, so nobody leaves
	// before its lock_wait_timeout.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renameLimit)
	defer cancel()
	_, err = s.db.ExecContext(ctx, "RENAME TABLE "+strings.Join(pairs, ", "))
	if err == nil || isAnswer(err) {
		return err
	}
	return fmt.Errorf("%w: %w", errUnknown, err)
}

// Settle finds out what became of a Reset for whose error IsUnknown holds: afterwards the
// tables that State sees stay what they are. A rename that still waits in the server for a
// lock can no longer succeed once one of its tables is gone.
func (s *Store) Settle(ctx context.Context) (State, error) {
	if s.dialect == &mysqlDialect {
		if err := s.dropTables(ctx, nextSuffix); err != nil {
			return State{}, fmt.Errorf("find out what became of a reset: %w", err)
		}
	}
	st, err := s.State(ctx)
	if err == nil {
		s.left = &place{st.Generation, st.Position}
		s.refused.known = false
	}
	return st, err
}

// dropLeftovers removes tables that an earlier Reset replaced or did not bring into place.
func (s *Store) dropLeftovers(ctx context.Context) error {
	return errors.Join(s.dropTables(ctx, nextSuffix), s.dropTables(ctx, oldSuffix))
}

// dropTables removes our tables with that suffix, children first.
func (s *Store) dropTables(ctx context.Context, suffix string) error {
	var names []string
	for _, name := range slices.Backward(allTables()) {
		names = append(names, name+suffix)
	}
	_, err := s.db.ExecContext(ctx, "DROP TABLE IF EXISTS "+strings.Join(names, ", "))
	return err
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

// setPosition writes the position row into the table of that suffix.
func setPosition(ctx context.Context, tx *sqlx.Tx, suffix string, at position) error {
	_, err := tx.ExecContext(ctx, "REPLACE INTO "+positionTable+suffix+
		" (id, generation, position, ready, history, version, term) VALUES (1, ?, ?, ?, ?, ?, ?)",
		at.Generation, at.Position, at.Ready, at.History, schemaVersion, at.Term)
	return err
}
