package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite" // registers the driver "sqlite", too
	sqlite3 "modernc.org/sqlite/lib"

	"isuride/webapp/isuride"
)

// Store is an open database. Reading is safe for concurrent use; of the writing
// methods, Reset and WriteCut, one may run at a time.
type Store struct {
	db      *sqlx.DB
	dialect *dialect
	// packet is the longest statement in bytes that the newest connection takes; 0 if
	// there is no limit.
	packet *atomic.Int64
	// refused are the rows that are kept beside the tables. It belongs to the writer.
	refused refusals
	lock    *databaseLock
	log     *slog.Logger
	// suffix is that of the tables' names in what is loaded, see LoadFilled.
	suffix string
	// settleFor bounds the time for which Swap looks for an outcome; 0 means settleLimit.
	settleFor time.Duration
	// left is the position at which this server left the tables; nil if it has not looked
	// yet. It belongs to the writer.
	left   *place
	filled place // by the last Fill; it belongs to the writer
	// term is that of the leader that this server is; 0 without replicas. It belongs to the
	// writer.
	term    uint64
	pruning pruning
	deleted atomic.Uint64 // old positions
}

type place struct{ generation, position uint64 }

// chunkNow returns the length in bytes at which an INSERT statement is sent. A row may
// begin before it, so the longest one has to fit after it.
func (s *Store) chunkNow() int {
	if packet := int(s.packet.Load()); packet > 0 {
		return min(chunkLength, packet/2)
	}
	return chunkLength
}

// maxConns is the number of connections: as many tables, or parts of a large one, are
// loaded at the same time. MySQL's lock has one more.
const maxConns = 4

// Open connects to the database. While it does not answer, Open waits and says so
// every second. A missing MySQL database is created if the account may do that.
func Open(ctx context.Context, c Config, log *slog.Logger) (*Store, error) {
	if err := c.makeFolder(); err != nil {
		return nil, fmt.Errorf("open %s: %w", c, err)
	}
	var s *Store
	err := waitFor(ctx, c.wait(), log, c.String(), func(ctx context.Context) (err error) {
		s, err = c.open(ctx, log)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c, err)
	}
	return s, nil
}

// OpenForReading connects to a database that is there and of the present schema, to read it. It takes
// no lock, and changes nothing.
func OpenForReading(ctx context.Context, c Config, log *slog.Logger) (*Store, error) {
	s, err := c.openForReading(ctx, log)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c, err)
	}
	return s, nil
}

func (c Config) openForReading(ctx context.Context, log *slog.Logger) (*Store, error) {
	if c.Dialect == MySQL {
		if _, err := c.Tables(ctx); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(c.Path); err != nil {
		return nil, err
	}
	s, err := c.connect(ctx, log)
	if err != nil {
		return nil, err
	}
	s.log = log
	if version, err := s.version(ctx); err != nil || version != schemaVersion {
		return nil, errors.Join(err, fmt.Errorf("its schema has number %d, and this release needs %d: start the server on it once", version, schemaVersion), s.Close())
	}
	return s, nil
}

// open is one attempt. Only connecting has a limit: a change of the schema may take long.
func (c Config) open(ctx context.Context, log *slog.Logger) (*Store, error) {
	short, cancel := context.WithTimeout(ctx, 2*dialTimeout)
	defer cancel()
	s, err := c.connect(short, log)
	if err != nil {
		return nil, err
	}
	return s, s.prepare(ctx, c, log)
}

// prepare makes an open database this server's alone, and brings it to the present
// schema.
func (s *Store) prepare(ctx context.Context, c Config, log *slog.Logger) (err error) {
	s.log = log
	s.pruning = pruning{keep: c.KeepPositions, now: func() isuride.Time { return isuride.TimeOf(time.Now()) }}
	s.pruning.restart()
	if s.lock, err = c.lock(ctx, s.db, log); err == nil {
		err = s.bringUp(ctx)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

func (s *Store) bringUp(ctx context.Context) error {
	if err := s.upgrade(ctx); err != nil {
		return err
	}
	st, err := s.state(ctx)
	if err != nil || !st.Ready {
		return err
	}
	if err := s.checkTables(ctx); err != nil {
		return err
	}
	return s.retryRefused(ctx)
}

// makeFolder makes the folder of SQLite's file, which nobody else may enter: the file
// holds sessions and payment tokens. It is apart from connecting, since retrying does not
// help when this fails.
func (c Config) makeFolder() error {
	if c.Dialect != SQLite {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(c.Path), 0o700); err != nil {
		return err
	}
	return c.keepPrivate()
}

// keepPrivate makes the files readable for their owner only, whatever the folder's mode
// and the umask. SQLite gives its side files the mode of the main one.
func (c Config) keepPrivate() error {
	f, err := os.OpenFile(c.Path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", ".lock"} {
		info, err := os.Stat(c.Path + suffix)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().Perm()&0o077 == 0 {
			continue
		}
		if err == nil {
			err = os.Chmod(c.Path+suffix, info.Mode().Perm()&0o700)
		}
		if err != nil {
			return fmt.Errorf("keep the file from other users: %w", err)
		}
	}
	return nil
}

// Close closes all connections; the store must not be in use.
func (s *Store) Close() error { return errors.Join(s.lock.release(), s.db.Close()) }

// attemptPause is the time between two attempts to connect.
const attemptPause = time.Second

// accessLimit bounds the wait of a start for an account or a database that is not there:
// one that is being set up, and not long, since most likely a setting is wrong.
const accessLimit = 10 * time.Second

// waitFor repeats try until it succeeds, fails for good, or the limit has passed. A
// server that answers and refuses us is given accessLimit from its first such answer on.
func waitFor(ctx context.Context, limit time.Duration, log *slog.Logger, what string, try func(context.Context) error) error {
	start, refused := time.Now(), time.Time{}
	for {
		err := try(ctx)
		access := accessError(err)
		if err == nil || !IsTransient(err) && access == nil || ctx.Err() != nil {
			return err
		}
		waited := time.Since(start).Round(attemptPause)
		switch {
		case access == nil:
			refused = time.Time{}
		case refused.IsZero():
			refused = time.Now()
		}
		if access != nil && (waited >= limit || time.Since(refused).Round(attemptPause) >= accessLimit) {
			return fmt.Errorf("%w: %w", access, err)
		}
		if waited >= limit {
			return fmt.Errorf("not available for %s: %w", limit, err)
		}
		log.Warn("waiting for the database", "database", what, "err", err, "waited", waited, "limit", limit)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(attemptPause):
		}
	}
}

func (c Config) connect(ctx context.Context, log *slog.Logger) (*Store, error) {
	if c.Dialect == MySQL {
		return c.connectMySQL(ctx, log)
	}
	return c.connectSQLite(ctx)
}

func (c Config) connectSQLite(ctx context.Context) (*Store, error) {
	plain, err := openLite(c.sqlite())
	if err != nil {
		return nil, err
	}
	db := sqlx.NewDb(plain, "sqlite")
	err = db.PingContext(ctx)
	var lite *sqlite.Error
	if errors.As(err, &lite) && lite.Code()&primaryCode == sqlite3.SQLITE_CANTOPEN {
		err = permanentError{err} // at startup, retrying does not help
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	limitConns(db, maxConns)
	return &Store{db: db, dialect: &sqliteDialect, packet: new(atomic.Int64)}, nil
}

func limitConns(db *sqlx.DB, n int) {
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
}

// freshen has the next statements run on new connections: MySQL looks at privileges and
// limits when a connection begins, and what an operator has put right since then would
// not be seen.
func (s *Store) freshen() {
	if s.dialect == &mysqlDialect {
		s.db.SetMaxIdleConns(0)
		s.db.SetMaxIdleConns(maxConns + 1)
	}
}

func (c Config) connectMySQL(ctx context.Context, log *slog.Logger) (*Store, error) {
	packet := new(atomic.Int64)
	db, err := c.dialMySQL(ctx, c.Name, packet)
	if isMySQL(err, errUnknownDatabase) {
		if err = c.createDatabase(ctx); err == nil {
			db, err = c.dialMySQL(ctx, c.Name, packet)
		}
	}
	if err != nil {
		return nil, err
	}
	limitConns(db, maxConns+1)
	s := &Store{db: db, dialect: &mysqlDialect, packet: packet}
	if err := s.adjust(ctx, log); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// dialMySQL connects to the database name, which may be "" for none.
func (c Config) dialMySQL(ctx context.Context, name string, packet *atomic.Int64) (*sqlx.DB, error) {
	plain, err := mysql.NewConnector(c.mysql(name))
	if err != nil {
		return nil, err
	}
	db := sqlx.NewDb(sql.OpenDB(connector{plain, packet}), "mysql")
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (c Config) createDatabase(ctx context.Context) (err error) {
	db, err := c.dialMySQL(ctx, "", new(atomic.Int64))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+quotedName(c.Name)+" CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
	return err
}

// quotedName returns a name of MySQL's as it stands in a statement.
func quotedName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// adjust refuses a server without InnoDB, and warns of one that does not keep what it
// commits.
func (s *Store) adjust(ctx context.Context, log *slog.Logger) error {
	var there bool
	err := s.db.GetContext(ctx, &there, "SELECT EXISTS (SELECT 1 FROM information_schema.engines WHERE engine = 'InnoDB' AND support IN ('YES', 'DEFAULT'))")
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("%w: the server runs without the engine InnoDB; start it with InnoDB (no skip-innodb)", ErrTable)
	}
	var flush int
	if err := s.db.GetContext(ctx, &flush, "SELECT @@innodb_flush_log_at_trx_commit"); err != nil {
		return err
	}
	if flush != 1 {
		log.Warn("MySQL does not sync each commit: a power loss can lose what the journal has dropped already",
			"innodb_flush_log_at_trx_commit", flush)
	}
	return nil
}
