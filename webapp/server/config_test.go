package server

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"isuride/webapp/journal"
	"isuride/webapp/sqlstore"
)

// variables is an environment for readConfig.
type variables map[string]string

func (v variables) lookup(name string) (string, bool) {
	value, ok := v[name]
	return value, ok
}

func TestDefaultConfig(t *testing.T) {
	for _, v := range []variables{
		{},
		{"ISURIDE_LISTEN": "", "ISURIDE_DURABILITY": "", "ISURIDE_NOTIFICATION": "", "ISURIDE_STATIC": "", "ISURIDE_DATA": ""},
	} {
		c, err := readConfig(v.lookup)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(c.listen, []string{":8080"}) || len(c.tlsListen) != 0 || c.http2 || c.durability != journal.Crash || c.polling ||
			c.static != "" || c.dump != "" || c.solver != "exact" || c.db.Dialect != sqlstore.SQLite ||
			c.db.Path != filepath.Join("isuride-data", "isuride.db") || c.journal != filepath.Join("isuride-data", "journal") ||
			c.keepJournal != 256<<20 || c.db.KeepPositions != 0 {
			t.Errorf("with %v the configuration is %+v", v, c)
		}
	}
}

func TestConfig(t *testing.T) {
	file, folder := filepath.Join(t.TempDir(), "file"), t.TempDir()
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(variables{"ISURIDE_DATA": folder, "ISURIDE_LISTEN": "127.0.0.1:1, unix:/run/a.sock,", "ISURIDE_TLS_LISTEN": "[::1]:8443",
		"ISURIDE_TLS_CERT": file, "ISURIDE_TLS_KEY": file, "ISURIDE_HTTP2": "on", "ISURIDE_INITIAL_DATA": file, "ISURIDE_STATIC": folder,
		"ISURIDE_NOTIFICATION": "polling", "ISURIDE_DURABILITY": "power", "ISURIDE_SOLVER": "go-hungarian"}.lookup)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.listen, []string{"127.0.0.1:1", "unix:/run/a.sock"}) || !slices.Equal(c.tlsListen, []string{"[::1]:8443"}) ||
		c.tlsCert != file || c.tlsKey != file || !c.http2 || c.dump != file || c.static != folder || !c.polling ||
		c.durability != journal.Power || c.solver != "go-hungarian" ||
		c.journal != filepath.Join(folder, "journal") || c.db.Path != filepath.Join(folder, "isuride.db") {
		t.Errorf("the configuration is %+v", c)
	}
}

// TestDatabaseConfig: one variable of S2.1 is enough for MySQL; the others have the
// defaults of that table.
func TestDatabaseConfig(t *testing.T) {
	standard := sqlstore.Config{Dialect: sqlstore.MySQL, Host: "127.0.0.1", Port: 3306, User: "isucon", Password: "isucon", Name: "isuride"}
	for name, change := range map[string]func(*sqlstore.Config){
		"ISUCON_DB_HOST":     func(c *sqlstore.Config) { c.Host = "7" },
		"ISUCON_DB_PORT":     func(c *sqlstore.Config) { c.Port = 7 },
		"ISUCON_DB_USER":     func(c *sqlstore.Config) { c.User = "7" },
		"ISUCON_DB_PASSWORD": func(c *sqlstore.Config) { c.Password = "7" },
		"ISUCON_DB_NAME":     func(c *sqlstore.Config) { c.Name = "7" },
	} {
		want := standard
		change(&want)
		c, err := readConfig(variables{name: "7"}.lookup)
		if err != nil || c.db != want {
			t.Errorf("with %s=7 the database is %+v, want %+v (%v)", name, c.db, want, err)
		}
	}
	c, err := readConfig(variables{"ISURIDE_SQLITE": "/somewhere/a.db"}.lookup)
	if err != nil || c.db.Dialect != sqlstore.SQLite || c.db.Path != "/somewhere/a.db" {
		t.Errorf("with ISURIDE_SQLITE the database is %+v (%v)", c.db, err)
	}
}

// TestWrongConfig: every wrong value is an error that names its variable and no other.
func TestWrongConfig(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, c := range []struct{ name, value string }{
		{"ISURIDE_LISTEN", "8080"},
		{"ISURIDE_LISTEN", ":8080,localhost"},
		{"ISURIDE_LISTEN", "::1:8080"},
		{"ISURIDE_TLS_LISTEN", ":8443"}, // without certificate
		{"ISURIDE_TLS_CERT", missing},
		{"ISURIDE_TLS_KEY", missing},
		{"ISURIDE_INITIAL_DATA", missing},
		{"ISURIDE_STATIC", missing},
		{"ISURIDE_NOTIFICATION", "websocket"},
		{"ISURIDE_NOTIFICATION", "SSE"},
		{"ISURIDE_DURABILITY", "some"},
		{"ISURIDE_SOLVER", "guess"},
		{"ISURIDE_INTERNAL", "6060"},
		{"ISURIDE_HTTP2", "yes"},
		{"ISURIDE_SLOW", "200"},
		{"ISURIDE_SLOW", "-1s"},
		{"ISURIDE_LOG", "xml"},
		{"ISURIDE_KEEP_JOURNAL", "256MB"},
		{"ISURIDE_KEEP_JOURNAL", "all"},
		{"ISURIDE_KEEP_JOURNAL", "-1"},
		{"ISURIDE_KEEP_JOURNAL", "1.5GiB"},
		{"ISURIDE_KEEP_JOURNAL", "MiB"},
		{"ISURIDE_KEEP_JOURNAL", "8388608TiB"},
		{"ISURIDE_KEEP_POSITIONS", "0"},
		{"ISURIDE_KEEP_POSITIONS", "100"},
		{"ISURIDE_KEEP_POSITIONS", "1s"},
		{"ISURIDE_KEEP_POSITIONS", "-24h"},
		{"ISURIDE_KEEP_POSITIONS", "d"},
		{"ISURIDE_KEEP_POSITIONS", "1.5d"},
		{"ISURIDE_KEEP_POSITIONS", "40000d"},
		{"ISURIDE_KEEP_POSITIONS", "All"},
		{"ISUCON_DB_PORT", "mysql"},
		{"ISUCON_DB_PORT", "0"},
		{"ISUCON_DB_PORT", "-1"},
		{"ISUCON_DB_PORT", "65536"},
		{"ISUCON_DB_PORT", "3306 "},
	} {
		_, err := readConfig(variables{c.name: c.value}.lookup)
		if err == nil || !strings.Contains(err.Error(), c.name+" ") {
			t.Errorf("%s=%q: %v", c.name, c.value, err)
		}
	}
	_, err := readConfig(variables{"ISURIDE_LISTEN": "x", "ISURIDE_DURABILITY": "x", "ISUCON_DB_PORT": "x"}.lookup)
	for _, name := range []string{"ISURIDE_LISTEN", "ISURIDE_DURABILITY", "ISUCON_DB_PORT"} {
		if !strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("of three wrong values %s is not named: %v", name, err)
		}
	}
}

// TestRetentionConfig: sizes and times in all their forms.
func TestRetentionConfig(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1": 1, "3KiB": 3 << 10, "256MiB": 256 << 20, "2GiB": 2 << 30, "1TiB": 1 << 40} {
		if c, err := readConfig(variables{"ISURIDE_KEEP_JOURNAL": text}.lookup); err != nil || c.keepJournal != want {
			t.Errorf("%s is %d (%v)", text, c.keepJournal, err)
		}
	}
	for text, want := range map[string]time.Duration{"all": 0, "1m": time.Minute, "24h": 24 * time.Hour, "1h30m": 90 * time.Minute, "30d": 720 * time.Hour, "36500d": 36500 * day} {
		for _, database := range []string{"ISURIDE_SQLITE", "ISUCON_DB_HOST"} {
			if c, err := readConfig(variables{"ISURIDE_KEEP_POSITIONS": text, database: "x"}.lookup); err != nil || c.db.KeepPositions != want {
				t.Errorf("%s is %s (%v)", text, c.db.KeepPositions, err)
			}
		}
	}
}

func TestMaxConns(t *testing.T) {
	for files, want := range map[uint64]int{10: 1, 256: 156, 1024: 924, 20_000: 19_400, 1 << 20: 1<<20 - 600} {
		if got := maxConns(files); got != want {
			t.Errorf("%d files: %d connections, want %d", files, got, want)
		}
	}
}
