package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
)

// What a restore needs: a database of its own made from a copy, which gets an identity of
// its own, since it goes on differently from the one that it was.

// ErrMissing says that a database is not there.
var ErrMissing = errors.New("there is no such database")

// sideFiles are what belongs to SQLite's file when it was not closed.
var sideFiles = []string{"-wal", "-journal"}

// CopyFile copies the file of a SQLite database that no server uses, and what belongs to
// it. told is called with the bytes copied so far, and all of them.
func CopyFile(ctx context.Context, from, to string, told func(done, all int64)) error {
	if _, err := os.Stat(from); err != nil {
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	path, err := filepath.EvalSymlinks(from)
	if err != nil {
		return err
	}
	unlock, err := unused(path)
	if err != nil {
		return err
	}
	defer unlock()
	c := copying{ctx: ctx, told: told}
	names := []string{""}
	for _, side := range sideFiles {
		if _, err := os.Stat(path + side); err == nil {
			names = append(names, side)
		}
	}
	for _, name := range names {
		info, err := os.Stat(path + name)
		if err != nil {
			return err
		}
		c.all += info.Size()
	}
	for _, name := range names {
		if err := c.file(path+name, to+name); err != nil {
			return err
		}
	}
	return nil
}

// CopyLive copies a SQLite database that a server may be using, as it is at one moment. A file that is
// at the new path goes.
func CopyLive(ctx context.Context, c Config, to string, log *slog.Logger) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s, err := OpenForReading(ctx, c, log)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, "VACUUM INTO ?", to)
	return errors.Join(err, s.Close())
}

// unused keeps a server from beginning to use the file, and refuses one that is in use. It
// makes no lock file.
func unused(path string) (unlock func(), err error) {
	f, err := os.Open(path + ".lock")
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is locked; name a copy of the database, made while no server used it or by VACUUM INTO", ErrInUse, path+".lock")
		}
		return nil, &os.PathError{Op: "flock", Path: path + ".lock", Err: err}
	}
	return func() { giveBack(f) }, nil
}

// copying is the state of a CopyFile.
type copying struct {
	ctx       context.Context
	told      func(done, all int64)
	done, all int64
}

func (c *copying) file(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(out, in, 8<<20)
		c.done += n
		c.told(c.done, c.all)
		if err == io.EOF {
			return out.Sync()
		}
		if err != nil {
			return err
		}
	}
}

// Tables counts the tables of a MySQL database; ErrMissing if it is not there.
func (c Config) Tables(ctx context.Context) (n int, err error) {
	err = c.onServer(ctx, func(db *sqlx.DB) error {
		var there bool
		err := db.GetContext(ctx, &there, "SELECT EXISTS (SELECT 1 FROM information_schema.schemata WHERE schema_name = ?)", c.Name)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("%w: %s", ErrMissing, c)
		}
		return db.GetContext(ctx, &n, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ?", c.Name)
	})
	return n, err
}

// onServer runs f on the server of a MySQL database, in no database.
func (c Config) onServer(ctx context.Context, f func(db *sqlx.DB) error) (err error) {
	s, err := c.dialMySQL(ctx, "", new(atomic.Int64))
	if err != nil {
		return fmt.Errorf("reach %s: %w", c, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return f(s)
}

// CopyTo makes another database of the same MySQL server, with all tables and their rows.
// The store's own must not change meanwhile, which its lock sees to. told is called with
// the tables copied so far, and all of them.
func (s *Store) CopyTo(ctx context.Context, name string, told func(done, all int64)) error {
	names, err := s.tableNames(ctx, s.db)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return strings.HasSuffix(name, nextSuffix) || strings.HasSuffix(name, lastSuffix)
	})
	if _, err := s.db.ExecContext(ctx, "CREATE DATABASE "+quotedName(name)+" CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"); err != nil {
		return err
	}
	for i, table := range names {
		to := quotedName(name) + "." + quotedName(table)
		fill := execute("CREATE TABLE "+to+" LIKE "+quotedName(table), "INSERT INTO "+to+" SELECT * FROM "+quotedName(table))
		if err := s.transaction(ctx, fill); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		told(int64(i+1), int64(len(names)))
	}
	return nil
}

// Rename moves all tables of a MySQL database into another, which is empty or not there,
// in one statement, and drops it.
func (c Config) Rename(ctx context.Context, to string) error {
	return c.onServer(ctx, func(db *sqlx.DB) error {
		var names []string
		if err := db.SelectContext(ctx, &names, "SELECT table_name FROM information_schema.tables WHERE table_schema = ?", c.Name); err != nil {
			return err
		}
		var renames []string
		for _, name := range names {
			renames = append(renames, fmt.Sprintf("%s.%s TO %s.%[2]s", quotedName(c.Name), quotedName(name), quotedName(to)))
		}
		for _, statement := range []string{
			"CREATE DATABASE IF NOT EXISTS " + quotedName(to) + " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
			"RENAME TABLE " + strings.Join(renames, ", "),
			"DROP DATABASE " + quotedName(c.Name),
		} {
			if _, err := db.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// Drop removes a MySQL database with all that is in it.
func (c Config) Drop(ctx context.Context) error {
	return c.onServer(ctx, func(db *sqlx.DB) error {
		_, err := db.ExecContext(ctx, "DROP DATABASE IF EXISTS "+quotedName(c.Name))
		return err
	})
}

// Fork gives the tables a new identity: what they are from here on is not what the history
// that they had went on to be, and the journal of that one must not be taken for theirs.
func (s *Store) Fork(ctx context.Context) (history string, err error) {
	history = newHistory()
	_, err = s.db.ExecContext(ctx, "UPDATE journal_position SET history = ? WHERE id = 1", history)
	return history, err
}

// Newest returns the latest time in any row, 0 if there are no rows.
func (s *Store) Newest(ctx context.Context) (newest isuride.Time, err error) {
	for i := range tables {
		for k := range tables[i].columns {
			c := &tables[i].columns[k]
			if !strings.HasSuffix(c.name, "_at") {
				continue
			}
			var text *string
			query := "SELECT CAST(MAX(" + c.name + ") AS CHAR) FROM " + tables[i].name
			if err := s.db.GetContext(ctx, &text, query); err != nil {
				return 0, fmt.Errorf("table %s: %w", tables[i].name, err)
			}
			if text == nil {
				continue
			}
			at, ok := parseDatetime([]byte(*text))
			if !ok {
				return 0, fmt.Errorf("table %s: %s is %q, which is no time", tables[i].name, c.name, *text)
			}
			newest = max(newest, at)
		}
	}
	return newest, nil
}
