package sqlstore_test

import (
	"strconv"
	"strings"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
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
			want.ChairLocations, want.ChairDistances = nil, nil
			wantTables(t, &got.Tables, want)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// restricted gives an account with the rights that sql/0-init.sql grants. Servers leave
// out init_connect for accounts that may do everything.
func restricted(t *testing.T, c sqlstore.Config) sqlstore.Config {
	t.Helper()
	user := "r" + c.Name[strings.LastIndexByte(c.Name, '_'):]
	direct(t, c, "CREATE USER "+user+"@'%' IDENTIFIED BY 'p'")
	t.Cleanup(func() { direct(t, c, "DROP USER "+user+"@'%'") })
	direct(t, c, "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER ON "+c.Name+".* TO "+user+"@'%'")
	limited := c
	limited.User, limited.Password = user, "p"
	return limited
}

// What init_connect does comes after what the driver asks for.
func TestSessionAfterInitConnect(t *testing.T) {
	c := mysql.Config(t)
	if mysql.Foreign() {
		t.Skip("changes settings of the whole server")
	}
	if err := openOnly(t, c).Close(); err != nil {
		t.Fatal(err)
	}
	limited := restricted(t, c)
	for _, statement := range []string{
		"SET NAMES latin1", "SET SESSION time_zone = '+09:00'", "SET autocommit = 0", "SET SESSION sql_mode = 'ANSI'",
		"SET SESSION sql_select_limit = 1", "SET SESSION tx_read_only = 1", "SET SESSION completion_type = 1",
		"SET SESSION sql_big_selects = 0, max_join_size = 1", "SET SESSION unique_checks = 0",
		"SET SESSION character_set_results = NULL", "SET SESSION sql_safe_updates = 1",
	} {
		t.Run(statement, func(t *testing.T) {
			direct(t, c, `SET GLOBAL init_connect = "`+statement+`"`)
			defer direct(t, c, "SET GLOBAL init_connect = ''")
			s := openOnly(t, limited)
			reset(t, s, 1, fullTables())
			write(t, s, 1, 5, fullTables())
			want := fullTables()
			want.ChairLocations, want.ChairDistances = nil, nil
			wantTables(t, &load(t, s).Tables, want)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A server that takes no character set from its clients, and has another engine for
// tables: what is stored is what was sent.
func TestServerWithOtherDefaults(t *testing.T) {
	other := mysqltest.Server{Flags: []string{"--skip-character-set-client-handshake", "--character-set-server=latin1",
		"--default-storage-engine=Aria", "--autocommit=0", "--sql-mode=", "--default-time-zone=+09:00"}}
	t.Cleanup(other.Close)
	c := other.Config(t)
	s := openOnly(t, c)
	reset(t, s, 1, &isuride.Tables{})
	names := &isuride.Tables{Settings: []isuride.Setting{{Name: "a", Value: "太郎😀"}}}
	write(t, s, 1, 1, names)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := directText(t, c, "SELECT HEX(value) FROM settings"); got != "E5A4AAE9838EF09F9880" {
		t.Errorf("stored as %s", got)
	}
	wantTables(t, &load(t, open(t, c)).Tables, names)
}

func TestServerWithoutInnoDB(t *testing.T) {
	other := mysqltest.Server{Flags: []string{"--skip-innodb", "--default-storage-engine=Aria"}}
	t.Cleanup(other.Close)
	wantOpenFails(t, other.Config(t), sqlstore.ErrTable, "InnoDB")
}

// A server may have another engine put in the place of the one that is asked for.
func TestEngineIsNotReplaced(t *testing.T) {
	c := mysql.Config(t)
	if mysql.Foreign() {
		t.Skip("changes settings of the whole server")
	}
	s := openOnly(t, c)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	direct(t, c, "SET GLOBAL enforce_storage_engine = Aria")
	defer direct(t, c, "SET GLOBAL enforce_storage_engine = DEFAULT")
	if err := open(t, c).Reset(t.Context(), 1, fullTables()); err == nil {
		t.Error("filled tables of another engine")
	}
}

// The limit of a statement's length may change while the server runs.
func TestPacketIsReadAnew(t *testing.T) {
	c := mysql.Config(t)
	if mysql.Foreign() {
		t.Skip("changes a setting of the whole server")
	}
	s := open(t, c)
	reset(t, s, 1, &isuride.Tables{})
	direct(t, c, "SET GLOBAL max_allowed_packet = 65536")
	t.Cleanup(func() { direct(t, c, "SET GLOBAL max_allowed_packet = 16777216") })
	killOthers(t, c)
	rows := &isuride.Tables{}
	for i := range 100 {
		rows.Settings = append(rows.Settings, isuride.Setting{Name: strconv.Itoa(i), Value: strings.Repeat("v", 1000)})
	}
	insist(t, func() error { return s.WriteCut(t.Context(), 1, 1, rows) })
	large := &isuride.Tables{Settings: []isuride.Setting{{Name: "large", Value: strings.Repeat("v", 65500)}}}
	if err := s.WriteCut(t.Context(), 1, 2, large); err == nil || sqlstore.IsRefusal(err) || sqlstore.IsHopeless(err) {
		t.Errorf("a row beyond the limit: %v", err)
	}
	direct(t, c, "SET GLOBAL max_allowed_packet = 16777216")
	insist(t, func() error { return s.WriteCut(t.Context(), 1, 2, large) })
}

// insist calls f until it succeeds, as the write-behind does.
func insist(t *testing.T, f func() error) {
	t.Helper()
	var err error
	for range 10 {
		if err = f(); err == nil {
			return
		}
		if sqlstore.IsRefusal(err) || sqlstore.IsHopeless(err) {
			break
		}
	}
	t.Fatal(err)
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
