package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/jmoiron/sqlx"
)

// ErrInUse says that another server uses the database.
var ErrInUse = errors.New("the database is in use by another server")

// databaseLock keeps a second server out, which would have a journal of its own and a
// memory of its own, and acknowledge what the first one overwrites. The nil lock is none.
//
// SQLite's is a file, locked until the process ends. MySQL's is a user lock, which ends
// with its connection: with a restart of the server, by a KILL, by a broken network. So
// it is looked after every keepPause, which bounds how long a second server could get in,
// and before each cut, so that a server whose lock another one has writes nothing. What
// is left between the two is the fence of the position row.
type databaseLock struct {
	file *os.File // SQLite

	// MySQL, set once.
	db   *sqlx.DB
	name string
	log  *slog.Logger
	end  context.CancelFunc // ends the keeper
	done chan struct{}      // closed when it has ended

	mu   sync.Mutex
	conn *sql.Conn // holds the lock; nil if no connection could be had
	id   int64     // the connection's number; through a proxy not that of CONNECTION_ID()
	lost bool      // it was missing at the last look
}

const (
	// lockPatience in seconds is for a server that is just ending.
	lockPatience = 10

	keepPause = 5 * time.Second
	// silence in seconds ends a lock whose holder has vanished without a word, as with
	// its machine: the database ends connections from which nothing comes.
	silence = 30
	// askLimit ends questions about the lock on a connection that hangs.
	askLimit = 5 * time.Second
)

func (c Config) lock(ctx context.Context, db *sqlx.DB, log *slog.Logger) (*databaseLock, error) {
	switch {
	case c.Dialect == SQLite:
		return c.lockFile()
	case c.Shared:
		return nil, nil
	}
	return c.lockMySQL(ctx, db, log)
}

// lockFile locks a file beside the database's own, whatever links lead there.
func (c Config) lockFile() (*databaseLock, error) {
	path, err := filepath.EvalSymlinks(c.Path)
	if err != nil {
		return nil, err
	}
	path += ".lock"
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

// giveBack closes a locked file. A child that is being started has a copy of it for a moment,
// which would keep the lock after Close alone.
func giveBack(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

func (c Config) lockMySQL(ctx context.Context, db *sqlx.DB, log *slog.Logger) (*databaseLock, error) {
	keeping, end := context.WithCancel(context.Background())
	l := &databaseLock{db: db, name: c.lockName(), log: log, end: end, done: make(chan struct{})}
	err := l.takeLocked(ctx, lockPatience)
	if err == nil {
		go l.keep(keeping)
		return l, nil
	}
	end()
	if isMySQL(err, noUserLocks...) {
		log.Warn("the database has no user locks: nothing prevents a second server from writing", "err", err)
		return nil, l.dropLocked()
	}
	return nil, errors.Join(err, l.dropLocked())
}

// noUserLocks are the errors of servers that refuse GET_LOCK as such: Galera, one under
// another mode, and such as do not know it.
var noUserLocks = []uint16{1064, 1105, 1235, 1305}

// lockName is named after the database; a lock's name has at most 64 characters.
func (c Config) lockName() string {
	name := "isuride." + c.Name
	if len(name) > 64 {
		sum := sha256.Sum256([]byte(c.Name))
		name = "isuride." + hex.EncodeToString(sum[:16])
	}
	return name
}

// takeLocked gets a connection if there is none, and the lock on it.
func (l *databaseLock) takeLocked(ctx context.Context, seconds int) (err error) {
	if l.conn == nil {
		if l.conn, err = l.db.Conn(ctx); err != nil {
			return err
		}
		if _, err := l.conn.ExecContext(ctx, fmt.Sprint("SET SESSION wait_timeout = ", silence)); err != nil {
			return err
		}
	}
	var got, holder sql.NullInt64
	if err := l.conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, ?)", l.name, seconds).Scan(&got); err != nil {
		return err
	}
	if err := l.conn.QueryRowContext(ctx, "SELECT IS_USED_LOCK(?)", l.name).Scan(&holder); err != nil {
		return err
	}
	if got.Int64 != 1 {
		return fmt.Errorf("%w: connection %d holds the lock %s; stop that server, or name another database", ErrInUse, holder.Int64, l.name)
	}
	l.id = holder.Int64
	return nil
}

// dropLocked gives the connection up.
func (l *databaseLock) dropLocked() error {
	if l.conn == nil {
		return nil
	}
	err := l.conn.Close()
	l.conn = nil
	return err
}

// hold makes sure of the lock, and takes it again if it was lost.
func (l *databaseLock) hold(ctx context.Context) error {
	if l == nil || l.file != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	if l.holdsLocked(ctx) {
		return nil
	}
	err := l.takeLocked(ctx, 0)
	if err != nil && !errors.Is(err, ErrInUse) {
		_ = l.dropLocked() // broken, most likely; the next one is new
		err = l.takeLocked(ctx, 0)
	}
	l.tellLocked(err)
	return err
}

func (l *databaseLock) holdsLocked(ctx context.Context) bool {
	if l.conn == nil {
		return false
	}
	var holder sql.NullInt64
	err := l.conn.QueryRowContext(ctx, "SELECT IS_USED_LOCK(?)", l.name).Scan(&holder)
	return err == nil && holder.Valid && holder.Int64 == l.id
}

// tellLocked logs what became of a lost lock, once.
func (l *databaseLock) tellLocked(err error) {
	switch {
	case err == nil:
		l.log.Info("the lock on the database was lost and is taken again", "lock", l.name)
	case !l.lost && errors.Is(err, ErrInUse):
		l.log.Error("another server has taken the database; nothing is written until it ends", "err", err)
	}
	l.lost = err != nil
}

// keep looks after the lock until its end.
func (l *databaseLock) keep(ctx context.Context) {
	defer close(l.done)
	tick := time.NewTicker(keepPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = l.hold(ctx) // logged; the next look tries again
		}
	}
}

func (l *databaseLock) release() error {
	switch {
	case l == nil:
		return nil
	case l.file != nil:
		return giveBack(l.file)
	}
	l.end()
	<-l.done
	if l.conn == nil {
		return nil
	}
	// The pool keeps the connection, so the lock is freed by hand. One that is gone has
	// freed it.
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	_, _ = l.conn.ExecContext(ctx, "DO RELEASE_LOCK(?)", l.name)
	return l.dropLocked()
}
