package sqlstore

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
)

// A new data set comes in three steps. Fill makes its tables beside those in use, under
// names with a suffix; LoadFilled reads them back; Swap puts all of them in the place of
// the others at once. So until Swap has succeeded nothing is lost, and afterwards nothing
// is missing. What an interrupted attempt leaves is swept by the next one.

// The suffixes are long so that they meet no table that an operator put aside.
const (
	nextSuffix = "_isuride_next" // of the tables that Fill makes
	lastSuffix = "_isuride_last" // of those that Swap has replaced, until Sweep
)

// ErrUnsettled says that a Swap has ended without an answer, and that the database could
// not be asked for its outcome: Settle tells it later.
var ErrUnsettled = errors.New("whether the tables were swapped is not known yet")

// settleLimit bounds the search for the outcome of a Swap whose answer was lost.
const settleLimit = 4 * time.Second

// settlePause is the time between two attempts of it.
const settlePause = 200 * time.Millisecond

// lockLimit bounds the wait for each lock, in seconds. Others wait for a table as long as
// we do, and an initialize has 30 s in all.
const lockLimit = 8

// Fill makes the tables of a new generation beside those in use, with the rows of t, at
// position 0.
func (s *Store) Fill(ctx context.Context, generation uint64, t *isuride.Tables) error {
	history, err := s.historyOrNew(ctx)
	if err != nil {
		return fmt.Errorf("fill new tables: %w", err)
	}
	return s.FillAt(ctx, State{Generation: generation, History: history}, t)
}

// FillAt is Fill at any position of any history, as replicas need it: their log goes on
// over an initialize, and its identity is their group's.
func (s *Store) FillAt(ctx context.Context, at State, t *isuride.Tables) error {
	if err := s.lock.hold(ctx); err != nil {
		return fmt.Errorf("fill new tables: %w", err)
	}
	create, _, err := s.dialect.beside(nextSuffix)
	if err != nil {
		return fmt.Errorf("fill new tables: %w", err)
	}
	// MySQL commits with each statement that changes the schema, SQLite syncs each
	// commit: two transactions fit both.
	steps := []struct {
		name string
		run  func(ctx context.Context, tx *sqlx.Tx) error
	}{
		{"remove those of an earlier attempt", s.removeLeftovers},
		{"create them", execute(create...)},
	}
	err = s.session(ctx, func(ctx context.Context, conn *sqlx.Conn) error {
		err := transact(ctx, conn, func(ctx context.Context, tx *sqlx.Tx) error {
			for _, step := range steps {
				if err := step.run(ctx, tx); err != nil {
					return fmt.Errorf("%s: %w", step.name, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return transact(ctx, conn, func(ctx context.Context, tx *sqlx.Tx) error {
			in := inserter{dialect: s.dialect, chunk: s.chunkNow(), suffix: nextSuffix}
			if err := in.insert(ctx, tx, t); err != nil {
				return err
			}
			return setPosition(ctx, tx, nextSuffix, position{Generation: at.Generation, Position: at.Position, Ready: true, History: at.History, Term: s.term, sums: sumsOf(t.Totals)})
		})
	})
	if err != nil {
		return fmt.Errorf("fill new tables: %w", err)
	}
	s.filled = place{at.Generation, at.Position}
	return nil
}

// LoadFilled reads what Fill has written, as Load will once it is swapped in.
func (s *Store) LoadFilled(ctx context.Context, generation uint64) (*Snapshot, error) {
	filled := &Store{db: s.db, dialect: s.dialect, packet: s.packet, log: s.log, suffix: nextSuffix}
	snapshot := &Snapshot{Generation: generation}
	if err := s.db.GetContext(ctx, &snapshot.History, "SELECT history FROM "+positionTable+nextSuffix); err != nil {
		return nil, fmt.Errorf("load the new position: %w", err)
	}
	if err := filled.loadTables(ctx, snapshot); err != nil {
		return nil, fmt.Errorf("load the new tables: %w", err)
	}
	var err error
	if snapshot.Totals, err = readTotals(ctx, s.db, nextSuffix); err != nil {
		return nil, fmt.Errorf("load the new position: %w", err)
	}
	return snapshot, nil
}

// Swap puts the tables that Fill made for the generation in the place of those that are
// at generation from. It is all or nothing: after an error everything is as before,
// except after ErrUnsettled.
func (s *Store) Swap(ctx context.Context, from, generation uint64) error {
	if err := s.lock.hold(ctx); err != nil {
		return fmt.Errorf("swap the tables: %w", err)
	}
	err := s.session(ctx, func(ctx context.Context, conn *sqlx.Conn) error {
		return s.dialect.swap(ctx, s, conn, from)
	})
	if err == nil {
		s.settled(s.filled)
		return nil
	}
	err = fmt.Errorf("swap the tables: %w", err)
	if !inDoubt(err) {
		return err
	}
	swapped, unknown := s.insistOnSettling(context.WithoutCancel(ctx), generation)
	switch {
	case unknown != nil:
		return fmt.Errorf("%w: %w; %w", ErrUnsettled, err, unknown)
	case swapped:
		return nil
	}
	return err
}

func (s *Store) insistOnSettling(ctx context.Context, generation uint64) (swapped bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.settleFor, settleLimit))
	defer cancel()
	for {
		if swapped, err = s.Settle(ctx, generation); err == nil {
			return swapped, nil
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-time.After(settlePause):
		}
	}
}

// Settle finds out whether a Swap to the generation has taken place, which this process
// or one that was killed has begun. Without the new position's table no swap succeeds,
// and looking for it or dropping it waits for one under way; so what the position says
// afterwards is final.
func (s *Store) Settle(ctx context.Context, generation uint64) (swapped bool, err error) {
	err = s.session(ctx, func(ctx context.Context, conn *sqlx.Conn) error {
		pending, err := s.dialect.exists(ctx, conn, positionTable+nextSuffix)
		if err != nil {
			return err
		}
		if pending {
			if err := transact(ctx, conn, execute("DROP TABLE IF EXISTS "+positionTable+nextSuffix)); err != nil {
				return err
			}
		}
		at, err := s.positionIfAny(ctx, conn)
		if swapped = at.Generation == generation; swapped {
			s.settled(place{at.Generation, at.Position})
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("ask whether the tables were swapped: %w", err)
	}
	return swapped, nil
}

// settled notes where the tables are after a swap, and that nothing of them is refused.
func (s *Store) settled(at place) {
	s.left = &at
	s.refused.known = false
	s.refused.count.Store(0)
	s.pruning.restart()
}

// Sweep removes what Fill and Swap left. Nothing depends on it.
func (s *Store) Sweep(ctx context.Context) error {
	err := s.session(ctx, func(ctx context.Context, conn *sqlx.Conn) error {
		return transact(ctx, conn, s.removeLeftovers)
	})
	if err != nil {
		return fmt.Errorf("remove tables that are no longer needed: %w", err)
	}
	return nil
}

func (s *Store) removeLeftovers(ctx context.Context, tx *sqlx.Tx) error {
	_, names, err := s.dialect.beside("")
	if err != nil {
		return err
	}
	found, err := s.tableNames(ctx, tx)
	if err != nil {
		return err
	}
	for _, suffix := range []string{nextSuffix, lastSuffix} {
		for _, name := range names {
			if !slices.Contains(found, name+suffix) {
				continue
			}
			if _, err := tx.ExecContext(ctx, "DROP TABLE "+name+suffix); err != nil {
				return err
			}
		}
	}
	return nil
}

// inDoubt reports whether a swap that ended with the error may have taken place: there
// was no answer, or one of a server that was about to end.
func inDoubt(err error) bool {
	var answer *mysql.MySQLError
	switch {
	case errors.Is(err, errCommit):
		return true
	case errors.Is(err, errNotSent):
		return false
	case errors.As(err, &answer):
		return isMySQL(err, 1053, 1180, 1317, 1927, 3168) // shutdown, commit, interrupted, killed
	}
	return true
}

// The places of a swap that tell whether it can have taken place.
var (
	errNotSent = errors.New("nothing was changed")
	errCommit  = errors.New("commit")
)

// swapMySQL needs a single statement, which MySQL 8 and MariaDB from 10.6 on do wholly or
// not at all, also in a crash.
func swapMySQL(ctx context.Context, s *Store, conn *sqlx.Conn, from uint64) error {
	names, found, err := s.beforeSwap(ctx, conn, from)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotSent, err)
	}
	var renames []string
	for _, name := range names {
		if slices.Contains(found, name) {
			renames = append(renames, name+" TO "+name+lastSuffix)
		}
		renames = append(renames, name+nextSuffix+" TO "+name)
	}
	_, err = conn.ExecContext(ctx, "RENAME TABLE "+strings.Join(renames, ", "))
	return err
}

// existsMySQL asks for the table itself: lists of tables are read without locks, and show
// half of a swap that is under way.
func existsMySQL(ctx context.Context, q sqlx.QueryerContext, table string) (bool, error) {
	var rows []int
	err := sqlx.SelectContext(ctx, q, &rows, "SELECT 1 FROM "+table+" LIMIT 1")
	if isMySQL(err, 1142, 1143, 1146) { // not there, or not made by this account
		return false, nil
	}
	return err == nil, err
}

func existsSQLite(ctx context.Context, q sqlx.QueryerContext, table string) (there bool, err error) {
	err = sqlx.GetContext(ctx, q, &there, "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?)", table)
	return there, err
}

func swapSQLite(ctx context.Context, s *Store, conn *sqlx.Conn, from uint64) error {
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotSent, err)
	}
	if err := s.swapIn(ctx, tx, from); err != nil {
		_ = tx.Rollback()
		return fmt.Errorf("%w: %w", errNotSent, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	return nil
}

func (s *Store) swapIn(ctx context.Context, tx *sqlx.Tx, from uint64) error {
	names, _, err := s.beforeSwap(ctx, tx, from)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := execute("DROP TABLE IF EXISTS "+name, "ALTER TABLE "+name+nextSuffix+" RENAME TO "+name)(ctx, tx)
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
	}
	return nil
}

// beforeSwap checks that nobody else has moved the tables. It returns the names of all
// tables of the schema, and those that are there.
func (s *Store) beforeSwap(ctx context.Context, q sqlx.QueryerContext, from uint64) (names, found []string, err error) {
	if _, names, err = s.dialect.beside(""); err != nil {
		return nil, nil, err
	}
	if found, err = s.tableNames(ctx, q); err != nil {
		return nil, nil, err
	}
	at, err := s.positionIfAny(ctx, q)
	if err == nil && at.Term > s.term {
		err = fmt.Errorf("%w: the leader of term %d writes it now, this one is of term %d", ErrFenced, at.Term, s.term)
	}
	if err == nil && at.Generation != 0 && at.Generation != from {
		err = fmt.Errorf("%w: it is at generation %d, not at %d; does another server use it?", ErrFenced, at.Generation, from)
	}
	return names, found, err
}

// positionIfAny reads the position; all is zero if there is none.
func (s *Store) positionIfAny(ctx context.Context, q sqlx.QueryerContext) (position, error) {
	found, err := s.tableNames(ctx, q)
	if err != nil || !slices.Contains(found, positionTable) {
		return position{}, err
	}
	return readPosition(ctx, q, "")
}

// session runs f on a connection that waits for locks for a limited time only. Idle
// connections of ours, which could hold some without autocommit, are closed before.
func (s *Store) session(ctx context.Context, f func(ctx context.Context, conn *sqlx.Conn) error) error {
	s.freshen()
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotSent, err)
	}
	defer s.endSession(conn)
	for _, statement := range s.dialect.session {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%w: %w", errNotSent, err)
		}
	}
	return f(ctx, conn)
}

// endSession ends the settings of the session with its connection. One of SQLite stays,
// since closing the last one would move the log into the file.
func (s *Store) endSession(conn *sqlx.Conn) {
	if s.dialect == &mysqlDialect {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // the pool drops it
	}
	_ = conn.Close() // it is dropped, or fails where it is used next
}
