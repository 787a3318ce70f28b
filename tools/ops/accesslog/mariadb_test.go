package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/sqlstore/mysqltest"
)

// TestRealMariaDB reads what a real database writes about batches and odd statements.
func TestRealMariaDB(t *testing.T) {
	var server mysqltest.Server
	t.Cleanup(server.Close)
	account := server.Config(t)
	if server.Foreign() {
		t.Skip("the settings of a foreign server must stay")
	}
	name := account.Name
	account.Name = ""
	db, err := sqlx.Connect("mysql", mysqltest.Source(account))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // one session, with settings of its own
	dir := t.TempDir()
	log := filepath.Join(dir, "slow.log")
	for _, path := range []string{filepath.Dir(dir), dir} { // the server may run as another user
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, statement := range []string{
		"CREATE DATABASE " + name,
		"CREATE TABLE " + name + ".t (a INT, b TEXT)",
		"SET GLOBAL slow_query_log_file = '" + log + "', GLOBAL slow_query_log = 1, SESSION slow_query_log = 1, SESSION long_query_time = 0",
		"USE " + name,
		"INSERT INTO t (a, b) VALUES " + strings.Repeat("(-1, 'it''s \\\\ # Time: ;'),", 9999) + "(2, NULL)",
		"INSERT INTO t (a, b) VALUES (3, '\n# not a head\n')",
		"UPDATE t SET b = 'x' -- why\nWHERE a = 3",
		"SET GLOBAL slow_query_log = 0",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%.60s: %v", statement, err)
		}
	}
	got, complaints := output(t, "", "-slow", log)
	if complaints != "" {
		t.Error(complaints)
	}
	for _, want := range []string{"\n2 ", " INSERT INTO t (a, b) VALUES (?+)", " UPDATE t SET b = ? WHERE a = ?"} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %q:\n%s", want, got)
		}
	}
}
