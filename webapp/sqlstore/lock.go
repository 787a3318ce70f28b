package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"github.com/jmoiron/sqlx"
)

// ErrInUse says that another server uses the database.
var ErrInUse = errors.New("the database is in use by another server")

// databaseLock keeps a second server out, which would have a journal of its own and a
// memory of its own, and acknowledge what the first one overwrites. The nil lock is none.
type databaseLock struct {
	file *os.File  // SQLite: a file beside the database, locked until the process ends
	conn *sql.Conn // MySQL: a connection that holds the user lock until it ends
}

// lockPatience in seconds is for a server that is just ending, on MySQL also for one whose
// connection the server has not given up yet.
const lockPatience = 10

func (c Config) lock(ctx context.Context, db *sqlx.DB, log *slog.Logger) (*databaseLock, error) {
	if c.Dialect == SQLite {
		return c.lockFile()
	}
	return c.lockMySQL(ctx, db, log)
}

func (c Config) lockFile() (*databaseLock, error) {
	path := c.Path + ".lock"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is locked; stop that server, or name another file", ErrInUse, path)
		}
		return nil, &os.PathError{Op: "flock", Path: path, Err: err}
	}
	return &databaseLock{file: f}, nil
}

// lockMySQL takes a lock that the server frees when the connection ends. It is not taken
// again after a lost connection: the position row fences who comes late.
func (c Config) lockMySQL(ctx context.Context, db *sqlx.DB, log *slog.Logger) (*databaseLock, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	name := "isuride." + c.Name
	if len(name) > 64 { // the longest name of a lock
		name = name[:64]
	}
	var got sql.NullInt64
	err = conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, ?)", name, lockPatience).Scan(&got)
	switch {
	case isAnswer(err):
		log.Warn("the database has no user locks; nothing but care keeps a second server out", "err", err)
		return nil, conn.Close()
	case err != nil:
		return nil, errors.Join(err, conn.Close())
	case got.Int64 == 1:
		return &databaseLock{conn: conn}, nil
	}
	var holder sql.NullInt64
	err = conn.QueryRowContext(ctx, "SELECT IS_USED_LOCK(?)", name).Scan(&holder)
	return nil, errors.Join(fmt.Errorf("%w: connection %d holds the lock %s; stop that server, or name another database", ErrInUse, holder.Int64, name),
		err, conn.Close())
}

func (l *databaseLock) release() error {
	switch {
	case l == nil:
		return nil
	case l.file != nil:
		return l.file.Close()
	}
	// The pool keeps the connection, so the lock is freed by hand. One that is gone has
	// freed it.
	_, _ = l.conn.ExecContext(context.Background(), "DO RELEASE_ALL_LOCKS()")
	return l.conn.Close()
}
