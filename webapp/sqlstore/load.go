package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
)

// Snapshot is the whole database at one position. Its ChairLocations and ChairDistances
// are summed up as tracks, by chair id. Rows are in the order of their keys, and may refer to rows that do
// not exist.
type Snapshot struct {
	Generation, Position uint64
	History              string
	isuride.Tables
	Tracks map[string]Track
	// Head is the head of the chain of hashes at Position, without a hash if there is none yet.
	Head isuride.Link

	deleted map[string]section // reports whose rows are deleted, by chair id
}

// ErrNotReady says that the tables are missing or half filled: a Reset has to come first.
var ErrNotReady = errors.New("the database is not ready")

// Load reads everything, tables at the same time.
func (s *Store) Load(ctx context.Context) (*Snapshot, error) {
	snapshot, err := s.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the database: %w", err)
	}
	return snapshot, nil
}

func (s *Store) load(ctx context.Context) (*Snapshot, error) {
	return s.loadBy(ctx, func(snapshot *Snapshot) error {
		if err := s.loadTables(ctx, snapshot); err != nil {
			return err
		}
		return s.layRefused(ctx, snapshot)
	})
}

// head are the tables that no event changes.
var head = []string{"settings", "chair_models"}

// LoadHead reads only where the database is, and the tables that no event changes. It takes the
// place of Load for a server that has all else from elsewhere, and does not grow with what the
// database holds.
func (s *Store) LoadHead(ctx context.Context) (*Snapshot, error) {
	snapshot, err := s.loadBy(ctx, func(snapshot *Snapshot) error {
		for i := range tables {
			if slices.Contains(head, tables[i].name) {
				if err := s.loadTable(ctx, &tables[i], &snapshot.Tables); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load the head of the database: %w", err)
	}
	return snapshot, nil
}

// loadBy has the tables read at one position, from which the next cut goes on.
func (s *Store) loadBy(ctx context.Context, read func(*Snapshot) error) (*Snapshot, error) {
	before, err := s.state(ctx)
	if err != nil {
		return nil, err
	}
	if !before.Ready {
		return nil, ErrNotReady
	}
	snapshot := &Snapshot{Generation: before.Generation, Position: before.Position, History: before.History}
	if err := read(snapshot); err != nil {
		return nil, err
	}
	if snapshot.Totals, err = readTotals(ctx, s.db, ""); err != nil {
		return nil, err
	}
	if snapshot.Head, err = readHead(ctx, s.db, before.Position); err != nil {
		return nil, err
	}
	switch after, err := s.state(ctx); {
	case err != nil:
		return nil, err
	case after != before:
		return nil, fmt.Errorf("%w: another writer moved it from %+v to %+v", ErrFenced, before, after)
	}
	s.left = &place{before.Generation, before.Position}
	return snapshot, nil
}

// loadTables reads the tables with as many connections as the database allows.
func (s *Store) loadTables(ctx context.Context, snapshot *Snapshot) error {
	for conns := maxConns; ; conns-- {
		snapshot.Tables = isuride.Tables{}
		err := s.loadOver(ctx, snapshot)
		if conns == 1 || !isMySQL(err, tooManyConnections...) {
			return err
		}
		s.log.Warn("loading over fewer connections", "err", err, "connections", conns-1)
		limitConns(s.db, conns) // with that of the lock
	}
}

func (s *Store) loadOver(ctx context.Context, snapshot *Snapshot) error {
	errs := make([]error, len(tables)+1)
	var wait sync.WaitGroup
	var reports sections
	wait.Go(func() { reports, errs[len(tables)] = s.loadTracks(ctx, partRows) })
	for i := range tables {
		if tables[i].name != locationTable {
			wait.Go(func() { errs[i] = s.loadTable(ctx, &tables[i], &snapshot.Tables) })
		}
	}
	wait.Wait()
	snapshot.sumUp(reports)
	return errors.Join(errs...)
}

func (s *Store) loadTable(ctx context.Context, tab *table, t *isuride.Tables) error {
	return s.loadRows(ctx, tab, t, "")
}

// loadRows appends the table's rows, all or those of the WHERE clause, in the order of
// their keys.
func (s *Store) loadRows(ctx context.Context, tab *table, t *isuride.Tables, where string, args ...any) error {
	return s.loadRowsFrom(ctx, s.db, tab, t, where, args...)
}

func (s *Store) loadRowsFrom(ctx context.Context, q sqlx.QueryerContext, tab *table, t *isuride.Tables, where string, args ...any) error {
	var fields []any
	err := s.scan(ctx, q, func(values []sql.RawBytes) error {
		tab.grow(t)
		fields = tab.fields(fields[:0], t, tab.rows(t)-1)
		for i, field := range fields {
			if err := parseColumn(field, values[i], &tab.columns[i]); err != nil {
				return fmt.Errorf("row %s: %w; correct it by hand, the server never wrote it so", values[0], err)
			}
		}
		return nil
	}, "SELECT "+strings.Join(tab.columnNames(), ", ")+" FROM "+tab.name+s.suffix+where+" ORDER BY "+strings.Join(tab.keyNames(), ", "), args...)
	if err != nil {
		return fmt.Errorf("table %s: %w", tab.name, err)
	}
	return nil
}

// parseColumn sets the field that the pointer leads to from a column's value.
// database/sql hands out an empty text as nil.
func parseColumn(field any, value sql.RawBytes, c *column) error {
	if value == nil && !c.nullable {
		value = sql.RawBytes{}
	}
	return parseValue(field, value, c)
}

// scan calls f with the values of each row, which are valid until f returns.
func (s *Store) scan(ctx context.Context, q sqlx.QueryerContext, f func(values []sql.RawBytes) error, query string, args ...any) (err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	values := make([]sql.RawBytes, len(names))
	dest := make([]any, len(names))
	for i := range values {
		dest[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if err := f(values); err != nil {
			return err
		}
	}
	return rows.Err()
}
