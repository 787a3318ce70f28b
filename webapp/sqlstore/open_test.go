package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"

	"isuride/webapp/isuride"
)

// absent is how a server that is not there yet answers.
var absent = error(&netError{syscall.ECONNREFUSED})

type netError struct{ error }

func (*netError) Timeout() bool   { return false }
func (*netError) Temporary() bool { return false }

func TestOpenWaits(t *testing.T) {
	permanent := errors.New("no such thing")
	denied := error(&mysql.MySQLError{Number: 1045, Message: "Access denied"})
	for _, test := range []struct {
		name         string
		limit        time.Duration
		answers      []error // the last one repeats
		want         error
		took         time.Duration
		announcement int
	}{
		{"there", time.Minute, []error{nil}, nil, 0, 0},
		{"there after a while", time.Minute, []error{absent, absent, absent, nil}, nil, 3 * time.Second, 3},
		{"never there", 10 * time.Second, []error{absent}, absent, 10 * time.Second, 10},
		{"refuses", time.Minute, []error{permanent}, permanent, 0, 0},
		{"lets nobody in", time.Minute, []error{denied}, ErrAccount, 10 * time.Second, 10},
		{"lets us in at last", time.Minute, []error{denied, denied, nil}, nil, 2 * time.Second, 2},
		{"there late, then lets nobody in", time.Minute, append(slices.Repeat([]error{absent}, 30), denied), ErrAccount, 40 * time.Second, 40},
		{"has no such database", time.Minute, []error{&mysql.MySQLError{Number: 1049}}, ErrDatabase, 10 * time.Second, 10},
		{"there, then refuses", time.Minute, []error{absent, permanent}, permanent, time.Second, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var messages bytes.Buffer
				start, n := time.Now(), 0
				err := waitFor(t.Context(), test.limit, slog.New(slog.NewTextHandler(&messages, nil)), "x", func(context.Context) error {
					n++
					return test.answers[min(n, len(test.answers))-1]
				})
				if !errors.Is(err, test.want) {
					t.Errorf("got error %v, want %v", err, test.want)
				}
				if took := time.Since(start); took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
				if n := strings.Count(messages.String(), "waiting for the database"); n != test.announcement {
					t.Errorf("%d messages, want %d:\n%s", n, test.announcement, &messages)
				}
			})
		})
	}
}

func TestOpenStopsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := waitFor(ctx, time.Hour, slog.New(slog.DiscardHandler), "x", func(context.Context) error { return absent })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 2500*time.Millisecond {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
	})
}

func TestOpenRefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, bytes.Repeat([]byte("no database\n"), 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Config{Path: path}, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("opened", s.Close())
	}
	if !strings.Contains(err.Error(), path) || IsTransient(err) {
		t.Errorf("got %v", err)
	}
}

// The file holds secrets, and SQLite makes it readable for everybody.
func TestFolderIsPrivate(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "made")
	s, err := Open(t.Context(), Config{Path: filepath.Join(folder, "isuride.db")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	info, err := os.Stat(folder)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the folder's mode is %v", info.Mode())
	}
}

// The files hold secrets, in a folder that others may enter and under any umask, and also
// those that were made before.
func TestFilesArePrivate(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	c := Config{Path: filepath.Join(folder, "isuride.db")}
	for range 2 {
		s, err := Open(t.Context(), c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Reset(t.Context(), 1, new(isuride.Tables)); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(c.Path + "*")
		if err != nil || len(files) < 4 {
			t.Fatalf("files %v: %v", files, err)
		}
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v", file, info.Mode())
			}
			if err := os.Chmod(file, 0o644); err != nil { // as an earlier release left them
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A file system may not take what the connection asks for.
func TestPragmasAreReadBack(t *testing.T) {
	for change, name := range map[string]string{"journal_mode(DELETE)": "journal_mode", "journal_mode(WAL)&_pragma=synchronous(OFF)": "synchronous"} {
		db, err := openLite("file:" + filepath.Join(t.TempDir(), "a.db") + "?_pragma=" + change)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.PingContext(t.Context()); !errors.Is(err, ErrSession) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", change, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
