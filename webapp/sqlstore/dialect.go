package sqlstore

import (
	"strings"

	sqlfiles "isuride/sql"
)

// dialect holds what differs between the databases.
type dialect struct {
	schema string // file of package sql
	tables string // query for the names of the database's tables
	// conflict introduces the assignments of an upsert; a key is inserted for %s.
	conflict string
	// proposed is the value that could not be inserted, a column is inserted for %s.
	proposed string
	// nul is how a string literal is written that holds a zero byte.
	nul func(dst []byte, s string) []byte
	// chunk is the length in bytes at which an INSERT statement is sent. Found by
	// BenchmarkWriteCut.
	chunk int
}

var mysqlDialect = dialect{
	schema:   sqlfiles.SchemaMySQL,
	tables:   "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()",
	conflict: " ON DUPLICATE KEY UPDATE ",
	proposed: "VALUES(%s)",
	nul:      appendQuoted,
	chunk:    256 << 10,
}

var sqliteDialect = dialect{
	schema:   sqlfiles.SchemaSQLite,
	tables:   "SELECT name FROM sqlite_master WHERE type = 'table'",
	conflict: " ON CONFLICT (%s) DO UPDATE SET ",
	proposed: "excluded.%s",
	nul:      appendHex,
	chunk:    256 << 10,
}

func (d *dialect) conflictClause(keys string) string {
	return strings.Replace(d.conflict, "%s", keys, 1)
}
