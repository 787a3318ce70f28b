package sqlstore_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
)

func TestIsTransient(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("other"), false},
		{driver.ErrBadConn, true},
		{mysqldriver.ErrInvalidConn, true},
		{io.ErrUnexpectedEOF, true},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, true},
		{&net.DNSError{Name: "db"}, true},
		{context.DeadlineExceeded, true},
		{context.Canceled, false},
		{&mysqldriver.MySQLError{Number: 1213}, true},
		{&mysqldriver.MySQLError{Number: 1205}, true},
		{&mysqldriver.MySQLError{Number: 1045}, false},
		{&mysqldriver.MySQLError{Number: 1406}, false}, // data too long
		{sqlstore.ErrFenced, false},
		{sqlstore.ErrNotReady, false},
	} {
		if got := sqlstore.IsTransient(test.err); got != test.want {
			t.Errorf("%v: %t", test.err, got)
		}
		if got := sqlstore.IsTransient(fmt.Errorf("wrapped: %w", test.err)); got != test.want {
			t.Errorf("wrapped %v: %t", test.err, got)
		}
	}
}

func TestBusyFileIsTransient(t *testing.T) {
	path := filepath.Join(t.TempDir(), "busy.db")
	var err error
	for range 2 {
		db := sqlx.MustConnect("sqlite", "file:"+path+"?_txlock=immediate")
		defer db.Close()
		var tx *sqlx.Tx
		if tx, err = db.Beginx(); err == nil {
			defer tx.Rollback()
		}
	}
	if !sqlstore.IsTransient(err) {
		t.Errorf("%v is permanent", err)
	}
}

// A process short of descriptors cannot open its file, and a moment later it can.
func TestFileThatCannotBeOpenedIsTransient(t *testing.T) {
	db := sqlx.MustOpen("sqlite", "file:"+filepath.Join(t.TempDir(), "none", "a.db"))
	defer db.Close()
	if err := db.Ping(); !sqlstore.IsTransient(err) {
		t.Errorf("%v is permanent", err)
	}
}

// While the server is away every call fails in a way that says so, and once it is back
// the same store goes on, with all that was committed.
func TestServerGoesAway(t *testing.T) {
	var server mysqltest.Server // of its own: the other tests need theirs
	t.Cleanup(server.Close)
	c := server.Config(t)
	s := open(t, c)
	reset(t, s, 1, fullTables())
	write(t, s, 1, 10, fullTables())
	server.Stop(t)
	if err := s.WriteCut(t.Context(), 1, 11, fullTables()); !sqlstore.IsTransient(err) {
		t.Errorf("write: %v", err)
	}
	if _, err := s.State(t.Context()); !sqlstore.IsTransient(err) {
		t.Errorf("state: %v", err)
	}
	c.Wait = time.Nanosecond
	if _, err := sqlstore.Open(t.Context(), c, slog.New(slog.DiscardHandler)); !sqlstore.IsTransient(err) {
		t.Errorf("open: %v", err)
	}
	server.Restart(t)
	if got := load(t, s); got.Position != 10 || len(got.Tracks) != 1 {
		t.Errorf("position %d, tracks %v", got.Position, got.Tracks)
	}
	write(t, s, 1, 11, fullTables())
}

func TestWrongPassword(t *testing.T) {
	c := mysql.Config(t)
	c.Password = "wrong"
	_, err := sqlstore.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err == nil || sqlstore.IsTransient(err) {
		t.Errorf("got %v", err)
	}
}
