package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"isuride/webapp/isuride"
)

// A row that the database refuses, as when somebody has shrunk its column, is kept in a
// table of our own, with what the database said, in the transaction of the cut that it
// belongs to. Load lays it over the tables, so that nothing is missing in memory, and it
// is tried again at each start and with each later image of the row.

const refusedTable = "refused_rows"

// createRefused makes the table. Its texts are ASCII, which no character set refuses.
var createRefused = map[Dialect]string{
	MySQL: `CREATE TABLE IF NOT EXISTS refused_rows (
  id         BIGINT       NOT NULL,
  table_name VARCHAR(30)  CHARACTER SET ascii NOT NULL,
  row_key    VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  content    LONGTEXT     CHARACTER SET ascii NOT NULL,
  error      TEXT         CHARACTER SET ascii NOT NULL,
  created_at DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  UNIQUE (table_name, row_key)
) ENGINE = InnoDB COMMENT = 'rows that their tables refuse'`,
	SQLite: `CREATE TABLE IF NOT EXISTS refused_rows (
  id         INTEGER NOT NULL PRIMARY KEY,
  table_name TEXT NOT NULL,
  row_key    TEXT NOT NULL,
  content    TEXT NOT NULL,
  error      TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
  UNIQUE (table_name, row_key)
) STRICT`,
}

// IsRefusal reports whether the database has refused what the statement's rows hold, and
// would refuse them again: they are too long, break a constraint, or a trigger says no.
func IsRefusal(err error) bool {
	var m *mysql.MySQLError
	var lite *sqlite.Error
	switch {
	case errors.As(err, &m):
		switch string(m.SQLState[:2]) { // the standard's classes
		case "22", "23", "45": // data, integrity, SIGNAL
			return true
		}
		// A row, a value or a number that does not fit, a column of somebody else's without a
		// default, a trigger's other signals, CHECK.
		return slices.Contains([]uint16{1118, 1265, 1364, 1366, 1411, 1644, 3819, 4025}, m.Number)
	case errors.As(err, &lite):
		return slices.Contains([]int{sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH}, lite.Code()&primaryCode)
	}
	return false
}

// Refused is how many rows are kept beside their tables.
func (s *Store) Refused() int { return int(s.refused.Load()) }

// refusedRow is a row of the table.
type refusedRow struct {
	Table   string `db:"table_name"`
	Key     string `db:"row_key"`
	Content string `db:"content"`
}

// refuser writes rows one transaction at a time and keeps those that are refused.
type refuser struct {
	*inserter
	store  *Store
	tx     *sqlx.Tx
	nextID int64
	told   []string // table, key and error of the newly refused, in turn
}

// makeRefused makes the table before the transaction that needs it: MySQL would commit.
func (s *Store) makeRefused(ctx context.Context) error {
	dialect := SQLite
	if s.dialect == &mysqlDialect {
		dialect = MySQL
	}
	_, err := s.db.ExecContext(ctx, createRefused[dialect])
	return keeping(err)
}

func (s *Store) newRefuser(ctx context.Context, tx *sqlx.Tx) (*refuser, error) {
	r := &refuser{inserter: &inserter{dialect: s.dialect, chunk: s.chunk, upsert: true}, store: s, tx: tx}
	err := tx.GetContext(ctx, &r.nextID, "SELECT COALESCE(MAX(id), 0) + 1 FROM refused_rows")
	return r, keeping(err)
}

// insert writes all rows, parents before children.
func (r *refuser) insert(ctx context.Context, t *isuride.Tables) error {
	for i := range tables {
		if err := r.table(ctx, &tables[i], t); err != nil {
			return fmt.Errorf("write %s: %w", tables[i].name, err)
		}
	}
	return nil
}

func (r *refuser) table(ctx context.Context, tab *table, t *isuride.Tables) error {
	kept, err := r.kept(ctx, tab, t)
	if err != nil {
		return err
	}
	var plain []int
	for i := range tab.rows(t) {
		content, ok := kept[tab.key(t, i)]
		if !ok {
			plain = append(plain, i)
			continue
		}
		if err := r.again(ctx, tab, t, i, content); err != nil {
			return err
		}
	}
	return r.rows(ctx, tab, t, plain)
}

// kept are the contents of those rows of t that were refused before, by key.
func (r *refuser) kept(ctx context.Context, tab *table, t *isuride.Tables) (map[string]string, error) {
	kept := map[string]string{}
	if r.store.Refused() == 0 {
		return kept, nil
	}
	var keys []string
	for i := range tab.rows(t) {
		keys = append(keys, tab.key(t, i))
	}
	for some := range slices.Chunk(keys, 1000) {
		query, args, err := sqlx.In("SELECT table_name, row_key, content FROM refused_rows WHERE table_name = ? AND row_key IN (?)", tab.name, some)
		if err != nil {
			return nil, err
		}
		var found []refusedRow
		if err := r.tx.SelectContext(ctx, &found, query, args...); err != nil {
			return nil, keeping(err)
		}
		for _, row := range found {
			kept[row.Key] = row.Content
		}
	}
	return kept, nil
}

// again writes a row that was refused before: what the new image leaves open is taken
// from the old one.
func (r *refuser) again(ctx context.Context, tab *table, t *isuride.Tables, i int, content string) error {
	one := &isuride.Tables{}
	tab.grow(one)
	if err := tab.decode(one, 0, content); err != nil {
		return err
	}
	if err := tab.decode(one, 0, tab.encode(t, i)); err != nil {
		return err
	}
	if err := r.forget(ctx, tab.name, tab.key(t, i)); err != nil {
		return err
	}
	return r.rows(ctx, tab, one, []int{0})
}

// rows writes the chosen rows of t. Those that are refused are found by halving.
func (r *refuser) rows(ctx context.Context, tab *table, t *isuride.Tables, chosen []int) error {
	if len(chosen) == 0 {
		return nil
	}
	part := &isuride.Tables{}
	for n, i := range chosen {
		tab.grow(part)
		tab.copy(part, n, t, i)
	}
	refusal, err := r.try(ctx, tab, part)
	switch {
	case err != nil || refusal == nil:
		return err
	case len(chosen) == 1:
		return r.keep(ctx, tab, part, refusal)
	}
	half := len(chosen) / 2
	if err := r.rows(ctx, tab, t, chosen[:half]); err != nil {
		return err
	}
	return r.rows(ctx, tab, t, chosen[half:])
}

// try writes rows, or none of them if some are refused. Any other error ends the transaction.
func (r *refuser) try(ctx context.Context, tab *table, part *isuride.Tables) (refusal, err error) {
	if _, err := r.tx.ExecContext(ctx, "SAVEPOINT part"); err != nil {
		return nil, err
	}
	err = r.inserter.table(ctx, r.tx, tab, part)
	if err == nil {
		_, err = r.tx.ExecContext(ctx, "RELEASE SAVEPOINT part")
		return nil, err
	}
	if !IsRefusal(err) {
		return nil, err
	}
	_, undo := r.tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT part")
	return err, undo
}

// keep stores the one row of part.
func (r *refuser) keep(ctx context.Context, tab *table, part *isuride.Tables, refusal error) error {
	key, id := tab.key(part, 0), r.nextID
	r.nextID++
	reason := cut(tab.withoutSecrets(part, 0, ascii(refusal.Error())), 1000)
	_, err := r.tx.ExecContext(ctx, "INSERT INTO refused_rows (id, table_name, row_key, content, error) VALUES (?, ?, ?, ?, ?)",
		id, tab.name, key, tab.encode(part, 0), reason)
	if err != nil {
		return fmt.Errorf("keep the row %s that %s refuses (%s): %w", key, tab.name, reason, keeping(err))
	}
	r.told = append(r.told, tab.name, key, reason)
	return nil
}

// keepError is any error of the table of refused rows itself, a refusal, too. Nothing is
// lost: the cut waits, as in an outage, until somebody has mended the table.
type keepError struct{ error }

func keeping(err error) error {
	if err == nil {
		return nil
	}
	return keepError{fmt.Errorf("table %s, which keeps rows that other tables refuse: %w", refusedTable, err)}
}

func (r *refuser) forget(ctx context.Context, table, key string) error {
	_, err := r.tx.ExecContext(ctx, "DELETE FROM refused_rows WHERE table_name = ? AND row_key = ?", table, key)
	return keeping(err)
}

// tell logs what was refused, and counts anew, once all is committed.
func (r *refuser) tell(ctx context.Context) {
	for line := range slices.Chunk(r.told, 3) {
		r.store.log.Error("the database refuses a row; it is kept in refused_rows and tried again at the next start",
			"table", line[0], "key", line[1], "err", line[2])
	}
	var n int64
	if err := r.store.db.GetContext(ctx, &n, "SELECT COUNT(*) FROM refused_rows"); err == nil {
		r.store.refused.Store(n)
	}
}

// RetryRefused writes the refused rows that their tables take by now, parents first.
func (s *Store) RetryRefused(ctx context.Context) error {
	if err := s.makeRefused(ctx); err != nil {
		return fmt.Errorf("make the table %s: %w", refusedTable, err)
	}
	var r *refuser
	err := s.transaction(ctx, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if r, err = s.newRefuser(ctx, tx); err != nil {
			return err
		}
		t := &isuride.Tables{}
		if err := s.readRefused(ctx, tx, func(tab *table, row refusedRow) error {
			tab.grow(t)
			return tab.decode(t, tab.rows(t)-1, row.Content)
		}); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM refused_rows"); err != nil {
			return err
		}
		for i := range tables {
			all := make([]int, tables[i].rows(t))
			for n := range all {
				all[n] = n
			}
			if err := r.rows(ctx, &tables[i], t, all); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write the rows of %s to their tables: %w", refusedTable, err)
	}
	r.tell(ctx)
	return nil
}

// readRefused hands out all refused rows, oldest first.
func (s *Store) readRefused(ctx context.Context, q sqlx.QueryerContext, f func(*table, refusedRow) error) error {
	var all []refusedRow
	if err := sqlx.SelectContext(ctx, q, &all, "SELECT table_name, row_key, content FROM refused_rows ORDER BY id"); err != nil {
		return err
	}
	for _, row := range all {
		i := slices.IndexFunc(tables, func(t table) bool { return t.name == row.Table })
		if i < 0 {
			return fmt.Errorf("table %s: row %s belongs to the unknown table %q: delete it", refusedTable, row.Key, row.Table)
		}
		if err := f(&tables[i], row); err != nil {
			return fmt.Errorf("table %s: row %s of %s: %w", refusedTable, row.Key, row.Table, err)
		}
	}
	return nil
}

// overlay lays the refused rows over what was loaded.
func (s *Store) overlay(ctx context.Context, snapshot *Snapshot) error {
	var names []string
	if err := s.db.SelectContext(ctx, &names, s.dialect.tables); err != nil {
		return err
	}
	if !slices.Contains(names, refusedTable) {
		return nil
	}
	index := map[string]map[string]int{} // by table and key
	n := int64(0)
	err := s.readRefused(ctx, s.db, func(tab *table, row refusedRow) error {
		n++
		byKey, ok := index[tab.name]
		if !ok {
			byKey = map[string]int{}
			for i := range tab.rows(&snapshot.Tables) {
				byKey[tab.key(&snapshot.Tables, i)] = i
			}
			index[tab.name] = byKey
		}
		i, ok := byKey[row.Key]
		if !ok {
			i = tab.rows(&snapshot.Tables)
			tab.grow(&snapshot.Tables)
		}
		return tab.decode(&snapshot.Tables, i, row.Content)
	})
	if err != nil {
		return err
	}
	s.refused.Store(n)
	reports := snapshot.ChairLocations
	snapshot.ChairLocations = nil
	return s.overlayTracks(ctx, snapshot, reports)
}

// overlayTracks sums up anew the tracks of chairs that have refused reports.
func (s *Store) overlayTracks(ctx context.Context, snapshot *Snapshot, reports []isuride.ChairLocation) error {
	byChair := map[string]map[string]isuride.ChairLocation{}
	for _, r := range reports {
		if byChair[r.ChairID] == nil {
			byChair[r.ChairID] = map[string]isuride.ChairLocation{}
		}
		byChair[r.ChairID][r.ID] = r
	}
	for chair, refused := range byChair {
		err := s.scan(ctx, func(values []sql.RawBytes) error {
			stored := &isuride.Tables{}
			tab := tableOf(locationTable)
			tab.grow(stored)
			for i, field := range tab.fields(nil, stored, 0) {
				if err := parseColumn(field, values[i], &tab.columns[i]); err != nil {
					return fmt.Errorf("table %s: row %s: %w", tab.name, values[0], err)
				}
			}
			if row := stored.ChairLocations[0]; refused[row.ID].ID == "" {
				refused[row.ID] = row
			}
			return nil
		}, "SELECT "+strings.Join(tableOf(locationTable).columnNames(), ", ")+" FROM chair_locations WHERE chair_id = ?", chair)
		if err != nil {
			return err
		}
		snapshot.Tracks[chair] = trackOf(refused)
	}
	return nil
}
