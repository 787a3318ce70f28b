package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// absent is how a server that is not there yet answers.
var absent = error(&netError{syscall.ECONNREFUSED})

type netError struct{ error }

func (*netError) Timeout() bool   { return false }
func (*netError) Temporary() bool { return false }

func TestOpenWaits(t *testing.T) {
	permanent := errors.New("wrong password")
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
