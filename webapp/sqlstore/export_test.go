package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"

	"isuride/webapp/isuride"
)

// Tap is between the pool and the driver: do carries out the step, which is BEGIN, COMMIT
// or a statement, and cut closes its connection.
type Tap func(step string, do func() error, cut func()) error

// Tapped has the store's further statements pass through tap. Outcomes that are not known
// stay so after the given time.
func Tapped(s *Store, c Config, tap Tap, patience time.Duration) (*Store, error) {
	var under driver.Connector = sqliteConnector(c.sqlite())
	name := "sqlite"
	if c.Dialect == MySQL {
		name = "mysql"
		var err error
		if under, err = mysql.NewConnector(c.mysql(c.Name)); err != nil {
			return nil, err
		}
	}
	if c.Dialect == MySQL {
		under = connector{under, s.packet}
	}
	db := sqlx.NewDb(sql.OpenDB(tappedConnector{under, tap}), name)
	limitConns(db, maxConns)
	return &Store{db: db, dialect: s.dialect, packet: s.packet, log: s.log, settleFor: patience}, nil
}

type sqliteConnector string

func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	return c.Driver().Open(string(c))
}
func (c sqliteConnector) Driver() driver.Driver { return &sqlite.Driver{} }

type tappedConnector struct {
	driver.Connector
	tap Tap
}

func (c tappedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &tappedConn{Conn: conn, tap: c.tap}, nil
}

type tappedConn struct {
	driver.Conn
	tap  Tap
	dead bool
	rows driver.Rows // asked for by the step that is passing
}

func (c *tappedConn) IsValid() bool { return !c.dead }

func (c *tappedConn) Close() error {
	if c.dead {
		return nil
	}
	c.dead = true
	if c.rows != nil {
		_ = c.rows.Close() // SQLite's connections do not end before
	}
	return c.Conn.Close()
}

func (c *tappedConn) pass(step string, do func() error) error {
	if c.dead {
		return driver.ErrBadConn
	}
	return c.tap(step, do, func() { c.Close() })
}

func (c *tappedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (tx driver.Tx, err error) {
	err = c.pass("BEGIN", func() (err error) {
		tx, err = c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
		return err
	})
	return tappedTx{tx, c}, err
}

func (c *tappedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (r driver.Result, err error) {
	err = c.pass(query, func() (err error) {
		r, err = c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
		return err
	})
	return r, err
}

func (c *tappedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (r driver.Rows, err error) {
	err = c.pass(query, func() (err error) {
		r, err = c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
		c.rows = r
		return err
	})
	c.rows = nil
	return r, err
}

type tappedTx struct {
	driver.Tx
	conn *tappedConn
}

func (t tappedTx) Commit() error { return t.conn.pass("COMMIT", t.Tx.Commit) }

func (t tappedTx) Rollback() error {
	if t.conn.dead {
		return driver.ErrBadConn
	}
	return t.Tx.Rollback()
}

// SetWanted has the session want what no statement brings about, as when a proxy undoes
// it.
func SetWanted(t *testing.T, name, value string) {
	for i := range settings {
		if settings[i].name == name {
			before := settings[i].want
			settings[i].want = value
			t.Cleanup(func() { settings[i].want = before })
			return
		}
	}
	t.Fatalf("no setting is called %s", name)
}

// HoldLock is one round of the lock's keeper.
func HoldLock(ctx context.Context, s *Store) error { return s.lock.hold(ctx) }

// LockSilence is how many seconds the database waits for a word of the lock's holder.
func LockSilence(t *testing.T, s *Store) (seconds int) {
	if err := s.lock.conn.QueryRowContext(t.Context(), "SELECT @@wait_timeout").Scan(&seconds); err != nil {
		t.Fatal(err)
	}
	return seconds
}

// SetClock has the store delete old positions by another clock.
func SetClock(s *Store, now func() isuride.Time) { s.pruning.now = now }

// SetKeep is SetClock with another time to keep positions.
func SetKeep(s *Store, keep time.Duration, now func() isuride.Time) {
	s.pruning.keep, s.pruning.now = keep, now
}

// PruneRows is the number of rows that a cut deletes at least, if there are as many.
const PruneRows = pruneRows

// Keep has a tapped store delete old positions as the other one does.
func Keep(tapped, s *Store) { tapped.pruning = s.pruning }
