// Package restore makes the data as it was at a position of the log, or at a time, from a
// copy of the database that is older than that, and the journal that belongs to it. The
// result is new: a folder, or a MySQL database. Nothing that was there is changed, but for
// the copy's schema, which MySQL has brought up to date in its place.
//
// The events are applied to the tables by the server's own write-behind (flush), so that
// the result is what the server's tables were. The result has an identity of its own,
// since from there on it goes another way than the journal that it came from.
//
// The steps for operators are in docs/durability.md.
package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

// Options say what is made of what.
type Options struct {
	To isuride.Moment
	// Copy is where the copy of the database is.
	Copy sqlstore.Config
	// Journal is the folder of all generations, or that of the copy's.
	Journal string
	// Into is the folder that is made, or the name of a MySQL database that is empty or
	// not there, on the server of the copy.
	Into string

	// Tell gets the progress and the result, a line a call.
	Tell func(format string, args ...any)
	Log  *slog.Logger // of the parts
}

// DatabaseName is the name of SQLite's file in a data folder.
const DatabaseName = "isuride.db"

// Run restores. If it fails or is ended, nothing is there under the final name.
func Run(ctx context.Context, o Options) error {
	if o.Copy.Dialect == sqlstore.MySQL {
		return mysql(ctx, o)
	}
	return sqlite(ctx, o)
}

// sqlite works in a folder beside the new one, which gets its name last.
func sqlite(ctx context.Context, o Options) (err error) {
	into := filepath.Clean(o.Into)
	if _, err := os.Lstat(into); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return err
		}
		return fmt.Errorf("%s is there already; name a folder that is not, so that nothing is overwritten", into)
	}
	if left, _ := filepath.Glob(into + workSuffix + "*"); len(left) > 0 {
		o.Tell("%s is left by a restore that was killed or still runs; if none runs, it can be deleted", left[0])
	}
	work, err := os.MkdirTemp(filepath.Dir(into), filepath.Base(into)+workSuffix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(work))
		}
	}()
	file := filepath.Join(work, DatabaseName)
	if err := sqlstore.CopyFile(ctx, o.Copy.Path, file, o.share("bytes of the database are copied")); err != nil {
		return fmt.Errorf("copy %s: %w", o.Copy.Path, err)
	}
	reached, err := forward(ctx, o, sqlstore.Config{Dialect: sqlstore.SQLite, Path: file})
	if err != nil {
		return err
	}
	if err := errors.Join(syncFolder(work), os.Rename(work, into), syncFolder(filepath.Dir(into))); err != nil {
		return err
	}
	o.Tell("%s is at %s", into, reached)
	o.Tell("to serve it, start the server with ISURIDE_DATA=%s", into)
	return nil
}

const workSuffix = ".restoring-"

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// mysql works in a database beside the new one, whose tables are moved there at last.
func mysql(ctx context.Context, o Options) (err error) {
	into, work := o.Copy, o.Copy
	into.Name, work.Name = o.Into, o.Into+"_restoring"
	if _, err := o.Copy.Tables(ctx); err != nil {
		return err
	}
	if n, err := into.Tables(ctx); err != nil && !errors.Is(err, sqlstore.ErrMissing) {
		return err
	} else if n > 0 {
		return fmt.Errorf("%s has %d tables; name a database that is empty or not there, so that nothing is overwritten", into, n)
	}
	if _, err := work.Tables(ctx); !errors.Is(err, sqlstore.ErrMissing) {
		return errors.Join(err, fmt.Errorf("%s is left by a restore that was killed or still runs; if none runs, drop it and try again", work))
	}
	from, err := sqlstore.Open(ctx, o.Copy, o.Log)
	if err != nil {
		return err
	}
	if st, stateErr := from.State(ctx); stateErr != nil || !st.Ready {
		return errors.Join(from.Close(), stateErr, notReady(o.Copy))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, work.Drop(context.WithoutCancel(ctx)))
		}
	}()
	if err := errors.Join(from.CopyTo(ctx, work.Name, o.share("tables are copied")), from.Close()); err != nil {
		return fmt.Errorf("copy %s: %w", o.Copy, err)
	}
	reached, err := forward(ctx, o, work)
	if err != nil {
		return err
	}
	if err := work.Rename(ctx, into.Name); err != nil {
		return err
	}
	o.Tell("%s is at %s", into, reached)
	o.Tell("to serve it, start the server with ISUCON_DB_NAME=%s and a new folder in ISURIDE_JOURNAL", into.Name)
	return nil
}

func notReady(c sqlstore.Config) error {
	return fmt.Errorf("%s holds no data of ISURIDE with a position; name a copy of the server's database", c)
}

// share returns a function that tells how far something is, about every second.
func (o *Options) share(what string) func(done, all int64) {
	last := time.Now()
	return func(done, all int64) {
		if time.Since(last) >= time.Second && done < all {
			last = time.Now()
			o.Tell("%d of %d %s (%d %%)", done, all, what, 100*done/all)
		}
	}
}
