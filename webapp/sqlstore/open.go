package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
)

// Store is an open database. Reading is safe for concurrent use; of the writing
// methods, Reset and WriteCut, one may run at a time.
type Store struct {
	db      *sqlx.DB
	dialect *dialect
	// chunk is the length in bytes at which an INSERT statement is sent.
	chunk int
	// suffix is that of the tables' names in what is loaded, see LoadFilled.
	suffix string
	// settleFor is how long Swap looks for an outcome; 0 means settleLimit.
	settleFor time.Duration
	log       *slog.Logger

	refused atomic.Int64 // rows of refused_rows
}

// maxConns is how many connections there are: as many tables, or parts of a large one,
// are loaded at the same time.
const maxConns = 4

// Open connects to the database. While it does not answer, Open waits and says so
// every second. A missing MySQL database is created if the account may do that.
func Open(ctx context.Context, c Config, log *slog.Logger) (*Store, error) {
	if err := c.makeFolder(); err != nil {
		return nil, fmt.Errorf("open %s: %w", c, err)
	}
	var s *Store
	err := waitFor(ctx, c.wait(), log, c.String(), func(ctx context.Context) (err error) {
		s, err = c.connect(ctx, log)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c, err)
	}
	s.log = log
	return s, nil
}

// makeFolder makes the folder of SQLite's file, which nobody else may enter: the file holds
// sessions and payment tokens. It stands apart from connecting: what fails here does not
// come right by waiting.
func (c Config) makeFolder() error {
	if c.Dialect != SQLite {
		return nil
	}
	return os.MkdirAll(filepath.Dir(c.Path), 0o700)
}

// Close closes all connections; the store must not be in use.
func (s *Store) Close() error { return s.db.Close() }

// attemptPause is the time between two attempts to connect.
const attemptPause = time.Second

// waitFor repeats try until it succeeds, fails for good, or the limit has passed.
func waitFor(ctx context.Context, limit time.Duration, log *slog.Logger, what string, try func(context.Context) error) error {
	start := time.Now()
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*dialTimeout)
		err := try(attempt)
		cancel()
		if err == nil || !IsTransient(err) || ctx.Err() != nil {
			return err
		}
		waited := time.Since(start).Round(attemptPause)
		if waited >= limit {
			return fmt.Errorf("no answer in %s: %w", limit, err)
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
	db, err := sqlx.ConnectContext(ctx, "sqlite", c.sqlite())
	var lite *sqlite.Error
	if errors.As(err, &lite) && lite.Code()&primaryCode == sqlite3.SQLITE_CANTOPEN {
		return nil, errors.New(err.Error()) // at first, this does not come right by waiting
	}
	if err != nil {
		return nil, err
	}
	limitConns(db)
	return &Store{db: db, dialect: &sqliteDialect, chunk: chunkLength}, nil
}

func limitConns(db *sqlx.DB) {
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
}

func (c Config) connectMySQL(ctx context.Context, log *slog.Logger) (*Store, error) {
	db, err := c.dialMySQL(ctx, c.Name)
	if isMySQL(err, errUnknownDatabase) {
		if err = c.createDatabase(ctx); err == nil {
			db, err = c.dialMySQL(ctx, c.Name)
		}
	}
	if err != nil {
		return nil, err
	}
	limitConns(db)
	s := &Store{db: db, dialect: &mysqlDialect}
	if err := s.adjust(ctx, log); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// dialMySQL connects to the database name, which may be "" for none.
func (c Config) dialMySQL(ctx context.Context, name string) (*sqlx.DB, error) {
	connector, err := mysql.NewConnector(c.mysql(name))
	if err != nil {
		return nil, err
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (c Config) createDatabase(ctx context.Context) (err error) {
	db, err := c.dialMySQL(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	name := "`" + strings.ReplaceAll(c.Name, "`", "``") + "`"
	_, err = db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
	return err
}

// adjust fits the statements to the server's limit and warns of a server that does not
// keep what it commits.
func (s *Store) adjust(ctx context.Context, log *slog.Logger) error {
	var server struct {
		Packet int `db:"packet"`
		Flush  int `db:"flush"`
	}
	err := s.db.GetContext(ctx, &server, "SELECT @@max_allowed_packet AS packet, @@innodb_flush_log_at_trx_commit AS flush")
	if err != nil {
		return err
	}
	// A statement is sent once it has passed the chunk's length, so that the longest row
	// (chairs.model holds up to 64 KiB) has to fit behind it.
	s.chunk = min(chunkLength, server.Packet/2)
	if server.Flush != 1 {
		log.Warn("MySQL does not sync each commit: a power loss can lose what the journal has dropped already",
			"innodb_flush_log_at_trx_commit", server.Flush)
	}
	return nil
}
