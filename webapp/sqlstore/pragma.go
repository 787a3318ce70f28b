package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// pragma is a setting of a connection to SQLite. Some file systems do not take them.
type pragma struct{ name, want, why string }

var pragmas = []pragma{
	{"journal_mode", "wal", "the file system lacks what SQLite's write-ahead log needs; put the file on a local disk"},
	{"synchronous", "2", "commits would not reach the disk"},
}

// lite makes connections to SQLite and reads back what the source name sets.
type lite struct {
	source string
	driver driver.Driver
}

// openLite opens the file of the source name.
func openLite(source string) (*sql.DB, error) {
	named, err := sql.Open("sqlite", source) // only for its driver; it opens nothing
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(lite{source, named.Driver()}), named.Close()
}

func (l lite) Driver() driver.Driver { return l.driver }

// Connect opens a connection, or says which pragma does not hold.
func (l lite) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := l.driver.Open(l.source)
	if err != nil {
		return nil, err
	}
	for _, p := range pragmas {
		if err := p.check(ctx, conn); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

func (p pragma) check(ctx context.Context, conn driver.Conn) (err error) {
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, "PRAGMA "+p.name, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(row); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if got := text(row[0]); got != p.want {
		return fmt.Errorf("%w: PRAGMA %s is %q, it must be %q: %s", ErrSession, p.name, got, p.want, p.why)
	}
	return nil
}
