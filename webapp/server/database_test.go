package server

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"isuride/webapp/internal/logging"
	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
)

// TestDatabaseMissingForGood: the waiting has a limit. It is too long for a test of the
// whole process, so that this one starts the parts with another.
func TestDatabaseMissingForGood(t *testing.T) {
	t.Parallel()
	absent := sqlstore.Config{Dialect: sqlstore.MySQL, Host: "127.0.0.1", Port: 1, User: "u", Password: "p", Name: "isuride",
		Wait: time.Nanosecond} // one attempt more
	cfg := config{db: absent, data: t.TempDir(), journal: t.TempDir()}
	_, err := start(t.Context(), cfg, false, logging.New(io.Discard, logging.Text))
	if err == nil || !strings.Contains(err.Error(), "ISUCON_DB_HOST") || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Fatalf("without a database the start ends with: %v", err)
	}
}

// TestWrongDatabaseSettings: what ends the start names the variable to look at.
func TestWrongDatabaseSettings(t *testing.T) {
	t.Parallel()
	var mysql mysqltest.Server
	t.Cleanup(mysql.Close)
	right := mysql.Config(t)
	right.Wait = time.Nanosecond
	wrong := right
	wrong.Password = "wrong"
	_, err := start(t.Context(), config{db: wrong, data: t.TempDir(), journal: t.TempDir()}, false, logging.New(io.Discard, logging.Text))
	if err == nil || !strings.Contains(err.Error(), "ISUCON_DB_PASSWORD") {
		t.Errorf("with a wrong password the start ends with: %v", err)
	}
	for err, want := range map[error]string{sqlstore.ErrDatabase: "ISUCON_DB_NAME", sqlstore.ErrTable: "ISUCON_DB_HOST"} {
		if got := databaseVariable(sqlstore.MySQL, fmt.Errorf("wrapped: %w", err)); !strings.Contains(got, want) {
			t.Errorf("%v: %s", err, got)
		}
	}
}
