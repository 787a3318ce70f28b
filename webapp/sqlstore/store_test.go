package sqlstore_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
)

var mysql mysqltest.Server

func TestMain(m *testing.M) {
	code := m.Run()
	mysql.Close()
	os.Exit(code)
}

// eachDialect runs f on an empty database of each kind.
func eachDialect(t *testing.T, f func(t *testing.T, c sqlstore.Config)) {
	t.Run("SQLite", func(t *testing.T) { f(t, sqliteConfig(t)) })
	t.Run("MySQL", func(t *testing.T) { f(t, mysql.Config(t)) })
}

func sqliteConfig(tb testing.TB) sqlstore.Config {
	return sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(tb.TempDir(), "folder ?#%", "isuride.db")}
}

func open(tb testing.TB, c sqlstore.Config) *sqlstore.Store {
	tb.Helper()
	s, err := sqlstore.Open(context.Background(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func TestResetLoadsBack(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		want := fullTables()
		if err := s.Reset(t.Context(), 3, want); err != nil {
			t.Fatal(err)
		}
		got, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want.ChairLocations = nil
		if !reflect.DeepEqual(got.Tables, *want) {
			t.Errorf("got  %+v\nwant %+v", got.Tables, *want)
		}
	})
}

// fullTables has a row in each table with values in all columns.
func fullTables() *isuride.Tables {
	return &isuride.Tables{
		Settings:    []isuride.Setting{{Name: "payment_gateway_url", Value: "http://127.0.0.1:1"}},
		ChairModels: []isuride.ChairModel{{Name: "椅子", Speed: 7}},
		Owners: []isuride.Owner{{ID: "o1", Name: `a'b\c"d` + "\x00\n\u2028😀", AccessToken: "t", ChairRegisterToken: "r",
			CreatedAt: 1732579200123456, UpdatedAt: 1732579200123457}},
	}
}
