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

	"isuride/webapp/isuride"
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
	if got := load(t, s); got.Position != 10 || len(got.Tracks) != len(fullTracks) {
		t.Errorf("position %d, tracks %v", got.Position, got.Tracks)
	}
	write(t, s, 1, 11, fullTables())
}

// A wrong setting is told apart by what an operator has to look at.
func TestWrongAccount(t *testing.T) {
	c := mysql.Config(t)
	c.Wait = time.Nanosecond
	wrong := c
	wrong.Password = "wrong"
	wantOpenFails(t, wrong, sqlstore.ErrAccount)
	if mysql.Foreign() {
		t.Skip("makes an account")
	}
	if err := openOnly(t, c).Close(); err != nil {
		t.Fatal(err)
	}
	limited := restricted(t, c)
	limited.Name = "isuride_not_there"
	wantOpenFails(t, limited, sqlstore.ErrDatabase)
}

// Only what speaks of a row's values proves that it can never be written. All else an
// operator can put right, and is waited for while the server serves.
func TestWhatIsWaitedFor(t *testing.T) {
	for _, number := range []uint16{1044, 1045, 1049, 1129, 1130, 1142, 1143, 1153, 1203, 1205, 1206, 1213, 1226, 1290, 1969, 3024, 3032, 4031,
		1026, 1030, 1037, 1038, 1041, 1050, 1054, 1064, 1146, 1286, 1932, 9999} {
		err := fmt.Errorf("wrapped: %w", &mysqldriver.MySQLError{Number: number})
		if sqlstore.IsRefusal(err) || sqlstore.IsHopeless(err) {
			t.Errorf("%v is not waited for", err)
		}
	}
	for _, number := range []uint16{1048, 1062, 1264, 1265, 1292, 1364, 1366, 1406, 1452, 3819, 4025} {
		if err := fmt.Errorf("wrapped: %w", &mysqldriver.MySQLError{Number: number}); !sqlstore.IsRefusal(err) {
			t.Errorf("%v is no refusal", err)
		}
	}
	for err, hopeless := range map[error]bool{sqlstore.ErrFenced: true, sqlstore.ErrInUse: false, sqlstore.ErrSession: false, sqlstore.ErrTable: false,
		driver.ErrBadConn: false, context.DeadlineExceeded: false, io.EOF: false} {
		if sqlstore.IsRefusal(err) || sqlstore.IsHopeless(err) != hopeless {
			t.Errorf("%v: hopeless is not %t", err, hopeless)
		}
	}
}

// Whatever an operator takes away and gives back, the cut is written in the end.
func TestOperatorTakesAndGivesBack(t *testing.T) {
	c := mysql.Config(t)
	if mysql.Foreign() {
		t.Skip("makes an account")
	}
	s := openOnly(t, c)
	reset(t, s, 1, &isuride.Tables{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	limited := restricted(t, c)
	s = open(t, limited)
	load(t, s)
	account, rights := limited.User+"@'%'", " ON "+c.Name+".* "
	for i, change := range []struct{ take, give string }{
		{"RENAME TABLE users TO away", "RENAME TABLE away TO users"},
		{"ALTER TABLE users CHANGE firstname away VARCHAR(30) NOT NULL", "ALTER TABLE users CHANGE away firstname VARCHAR(30) NOT NULL"},
		{"RENAME TABLE journal_position TO away", "RENAME TABLE away TO journal_position"},
		{"REVOKE INSERT" + rights + "FROM " + account, "GRANT INSERT" + rights + "TO " + account},
		{"ALTER USER " + account + " IDENTIFIED BY 'new'", "ALTER USER " + account + " IDENTIFIED BY 'p'"},
		{"ALTER USER " + account + " ACCOUNT LOCK", "ALTER USER " + account + " ACCOUNT UNLOCK"},
		{"SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0"},
		{"ALTER USER " + account + " WITH MAX_UPDATES_PER_HOUR 1", "ALTER USER " + account + " WITH MAX_UPDATES_PER_HOUR 0"},
	} {
		direct(t, c, change.take)
		killOthers(t, c)
		for range 2 {
			if err := s.WriteCut(t.Context(), 1, uint64(2*i+1), fullTables()); sqlstore.IsRefusal(err) || sqlstore.IsHopeless(err) {
				t.Errorf("after %s: %v", change.take, err)
			}
		}
		direct(t, c, change.give)
		insist(t, func() error { return s.WriteCut(t.Context(), 1, uint64(2*i+2), fullTables()) })
	}
	if s.Refused() != 0 {
		t.Errorf("%d rows are refused", s.Refused())
	}
}
