package sqlstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	sqlfiles "isuride/sql"
)

// schemaVersion is the number of the schema in package sql. A database keeps its own in
// the position row.
const schemaVersion = 4

// ErrNewerSchema says that a newer release of the server has used the database.
var ErrNewerSchema = errors.New("the database belongs to a newer release of the server")

// steps bring a database from the schema before to the number that each carries. MySQL
// commits with each change of the schema, so a step can be cut short anywhere and done
// again: what is there already is left out.
var steps = []step{
	{to: 2, tables: []string{refusedTable}, columns: []newColumn{
		{positionTable, "history", "VARCHAR(32) NOT NULL DEFAULT ''", "TEXT NOT NULL DEFAULT ''"},
		{positionTable, "version", "INTEGER NOT NULL DEFAULT 1", "INTEGER NOT NULL DEFAULT 1"},
		{positionTable, "term", "BIGINT NOT NULL DEFAULT 0", "INTEGER NOT NULL DEFAULT 0"},
	}},
	{to: 3, tables: []string{distanceTable}},
	{to: 4, tables: []string{chainTable}, columns: append(sumColumns(),
		newColumn{positionTable, "chain_position", "BIGINT NOT NULL DEFAULT 0", "INTEGER NOT NULL DEFAULT 0"},
		newColumn{positionTable, "chain", "VARCHAR(64) NOT NULL DEFAULT ''", "TEXT NOT NULL DEFAULT ''"})},
}

// step is the change from one version to the next.
type step struct {
	to      int
	tables  []string // created as the schema has them
	columns []newColumn
}

// newColumn is a column added to a table, with its type in either dialect.
type newColumn struct{ table, name, mysql, sqlite string }

func sumColumns() (columns []newColumn) {
	for _, name := range sumNames {
		columns = append(columns, newColumn{positionTable, name, "BIGINT NULL", "INTEGER NULL"})
	}
	return columns
}

// upgrade brings an existing database to the present schema, step by step.
func (s *Store) upgrade(ctx context.Context) error {
	names, err := s.tableNames(ctx, s.db)
	if err != nil || !slices.Contains(names, positionTable) {
		return err // a first Reset or Adopt makes everything
	}
	version, err := s.version(ctx)
	if err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("%w: its schema has number %d, this release knows %d; start that release, or restore a backup from before it",
			ErrNewerSchema, version, schemaVersion)
	}
	for _, step := range steps {
		if step.to <= version {
			continue
		}
		if err := s.take(ctx, step); err != nil {
			return fmt.Errorf("bring the schema from number %d to %d: %w", version, step.to, err)
		}
		version = step.to
	}
	return s.giveHistory(ctx)
}

// version returns the schema's number; 1 is from before there were numbers.
func (s *Store) version(ctx context.Context) (int, error) {
	columns, err := s.columnNames(ctx, positionTable)
	if err != nil || !slices.Contains(columns, "version") {
		return 1, err
	}
	var versions []int
	if err := s.db.SelectContext(ctx, &versions, "SELECT version FROM journal_position WHERE id = 1"); err != nil {
		return 0, err
	}
	if len(versions) == 0 { // the table was made, its row was not
		return schemaVersion, nil
	}
	return versions[0], nil
}

func (s *Store) take(ctx context.Context, step step) error {
	names, err := s.tableNames(ctx, s.db)
	if err != nil {
		return err
	}
	for _, table := range step.tables {
		if slices.Contains(names, table) {
			continue
		}
		create, err := s.dialect.create(table)
		if err != nil {
			return err
		}
		if _, err := s.db.ExecContext(ctx, create); err != nil {
			return err
		}
	}
	for _, c := range step.columns {
		if err := s.addColumn(ctx, c); err != nil {
			return err
		}
	}
	_, err = s.db.ExecContext(ctx, "UPDATE journal_position SET version = ? WHERE id = 1", step.to)
	return err
}

func (s *Store) addColumn(ctx context.Context, c newColumn) error {
	columns, err := s.columnNames(ctx, c.table)
	if err != nil || slices.Contains(columns, c.name) {
		return err
	}
	kind := c.mysql
	if s.dialect == &sqliteDialect {
		kind = c.sqlite
	}
	_, err = s.db.ExecContext(ctx, "ALTER TABLE "+c.table+" ADD COLUMN "+c.name+" "+kind)
	return err
}

// giveHistory gives an identity to a database from before there were any.
func (s *Store) giveHistory(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "UPDATE journal_position SET history = ? WHERE id = 1 AND history = ''", newHistory())
	return err
}

// newHistory returns a random identity.
func newHistory() string {
	var id [16]byte
	rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

func (s *Store) tableNames(ctx context.Context, q sqlx.QueryerContext) (names []string, err error) {
	err = sqlx.SelectContext(ctx, q, &names, s.dialect.tables)
	return names, err
}

func (s *Store) columnNames(ctx context.Context, table string) (names []string, err error) {
	err = s.db.SelectContext(ctx, &names, s.dialect.columns, table)
	return names, err
}

// statements returns the statements of the schema.
func (d *dialect) statements() ([]string, error) {
	text, err := fs.ReadFile(sqlfiles.Files, d.schema)
	if err != nil {
		return nil, err
	}
	return slices.Collect(strings.SplitSeq(strings.TrimSuffix(string(text), ";\n"), ";\n")), nil
}

// create returns the statement that makes a table.
func (d *dialect) create(table string) (string, error) {
	statements, err := d.statements()
	if err != nil {
		return "", err
	}
	for _, statement := range statements {
		if strings.Contains(statement, "CREATE TABLE "+table+" (") || strings.Contains(statement, "CREATE TABLE IF NOT EXISTS "+table+" (") {
			return statement, nil
		}
	}
	panic("BUG: the schema has no table " + table)
}

// ErrTable says that a table is not as the server needs it.
var ErrTable = errors.New("a table cannot keep what the server promises")

// checkTables refuses tables that lose rows without a word: engines without
// transactions, and texts in a character set that lacks letters.
func (s *Store) checkTables(ctx context.Context) error {
	if s.dialect != &mysqlDialect {
		return nil
	}
	engines, err := s.unsafeTables(ctx)
	if err != nil {
		return err
	}
	if len(engines) > 0 {
		return fmt.Errorf("%w: table %s has the engine %s, which has no transactions; stop all servers, then run ALTER TABLE %[2]s ENGINE = InnoDB",
			ErrTable, engines[0].Table, engines[0].What)
	}
	return s.checkTexts(ctx)
}

type tableFault struct {
	Table string `db:"tab"`
	What  string `db:"what"`
}

// unsafeTables lists our tables whose engines have no transactions.
func (s *Store) unsafeTables(ctx context.Context) (faults []tableFault, err error) {
	if s.dialect != &mysqlDialect {
		return nil, nil
	}
	err = s.db.SelectContext(ctx, &faults, "SELECT t.table_name AS tab, COALESCE(t.engine, 'unknown') AS what FROM information_schema.tables t"+
		" LEFT JOIN information_schema.engines e ON e.engine = t.engine"+
		" WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND t.table_name IN ("+ours+") AND COALESCE(e.transactions, 'NO') <> 'YES' ORDER BY t.table_name")
	return faults, err
}

// ours are the names of all our tables, quoted for a list.
var ours = quotedNames(allTables())

// allTables returns the tables in the order in which they are written, then our own three.
func allTables() []string {
	names := make([]string, 0, len(tables)+3)
	for i := range tables {
		names = append(names, tables[i].name)
	}
	return append(names, refusedTable, chainTable, positionTable)
}

func quotedNames(names []string) string { return "'" + strings.Join(names, "', '") + "'" }
