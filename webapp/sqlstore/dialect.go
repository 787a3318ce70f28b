package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	sqlfiles "isuride/sql"
)

// dialect holds what differs between the databases.
type dialect struct {
	schema  string // file of package sql
	tables  string // query for the names of the database's tables
	columns string // query for the names of one table's columns
	lock    string // ends a SELECT that keeps others from the row until the transaction's end
	// conflict introduces the assignments of an upsert; %s is the key.
	conflict string
	// proposed is the value that met a row with its key; %s is the column.
	proposed string
	// nul appends a literal of a text that holds a zero byte.
	nul func(dst []byte, text string) []byte
	// adopt are the statements that bring foreign tables to our schema.
	adopt []string
	// session are the statements that a session of Fill and Swap begins with.
	session []string
	// exists reports whether there is such a table, once nobody is changing that any
	// more.
	exists func(ctx context.Context, q sqlx.QueryerContext, table string) (bool, error)
	// swap puts the tables that were filled in the place of the others.
	swap func(ctx context.Context, s *Store, conn *sqlx.Conn, from uint64) error
}

var mysqlDialect = dialect{
	schema:   sqlfiles.SchemaMySQL,
	tables:   "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
	columns:  "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?",
	lock:     " FOR UPDATE",
	conflict: " ON DUPLICATE KEY UPDATE ",
	proposed: "VALUES(%s)",
	nul:      appendQuoted,
	adopt: []string{
		"ALTER TABLE owners MODIFY name VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL",
		"ALTER TABLE users MODIFY username VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL",
	},
	session: []string{fmt.Sprintf("SET SESSION autocommit = 1, lock_wait_timeout = %d, innodb_lock_wait_timeout = %[1]d", lockLimit)},
	exists:  existsMySQL,
	swap:    swapMySQL,
}

var sqliteDialect = dialect{
	schema:   sqlfiles.SchemaSQLite,
	tables:   "SELECT name FROM sqlite_master WHERE type = 'table'",
	columns:  "SELECT name FROM pragma_table_info(?)",
	conflict: " ON CONFLICT (%s) DO UPDATE SET ",
	proposed: "excluded.%s",
	nul:      appendHex,
	// Views and triggers of others keep the names they use.
	session: []string{"PRAGMA legacy_alter_table = ON"},
	exists:  existsSQLite,
	swap:    swapSQLite,
}

// upsert returns the end of an INSERT statement of the table, after the rows. A row that
// is there already takes all values of the new one, except that a NULL leaves the stored
// value: no column ever returns to NULL (isuride.Event).
func (d *dialect) upsert(t *table) string {
	var sets []string
	for _, c := range t.columns {
		proposed := strings.Replace(d.proposed, "%s", c.name, 1)
		switch {
		case c.key:
		case c.nullable:
			sets = append(sets, c.name+" = COALESCE("+proposed+", "+t.name+"."+c.name+")")
		default:
			sets = append(sets, c.name+" = "+proposed)
		}
	}
	return strings.Replace(d.conflict, "%s", strings.Join(t.keyNames(), ", "), 1) + strings.Join(sets, ", ")
}
