package sqlstore_test

import (
	"testing"

	"isuride/webapp/sqlstore"
)

// Servers set up their sessions in many ways; ours is always the same.
func TestSessionIsOurs(t *testing.T) {
	c := mysql.Config(t)
	if mysql.Foreign() {
		t.Skip("changes settings of the whole server")
	}
	s := openOnly(t, c)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, setting := range []struct{ name, value, normal string }{
		{"init_connect", "'SET NAMES latin1'", "''"},
		{"init_connect", "'SET SESSION time_zone = ''+09:00'''", "''"},
		{"autocommit", "0", "1"},
		{"sql_mode", "'ANSI,ORACLE'", "DEFAULT"},
		{"sql_mode", "''", "DEFAULT"},
		{"time_zone", "'+09:00'", "'SYSTEM'"},
		{"tx_isolation", "'READ-UNCOMMITTED'", "'REPEATABLE-READ'"},
		{"lock_wait_timeout", "86400", "86400"},
		{"sql_safe_updates", "1", "0"},
		{"sql_select_limit", "1", "DEFAULT"},
		{"max_statement_time", "0.01", "0"},
		{"foreign_key_checks", "0", "1"},
		{"character_set_server", "latin1", "utf8mb4"},
	} {
		t.Run(setting.name+"="+setting.value, func(t *testing.T) {
			direct(t, c, "SET GLOBAL "+setting.name+" = "+setting.value)
			defer direct(t, c, "SET GLOBAL "+setting.name+" = "+setting.normal)
			s := openOnly(t, c)
			reset(t, s, 1, fullTables())
			write(t, s, 1, 5, fullTables())
			got := load(t, s)
			want := fullTables()
			want.ChairLocations = nil
			wantTables(t, &got.Tables, want)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What the server does not let go of is refused by name.
func TestSessionThatStaysIsRefused(t *testing.T) {
	c := mysql.Config(t)
	if mysql.Foreign() {
		t.Skip("changes settings of the whole server")
	}
	s := openOnly(t, c)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	sqlstore.SetWanted(t, "character_set_client", "utf16le")
	wantOpenFails(t, c, sqlstore.ErrSession, "character_set_client", "utf16le")
}
