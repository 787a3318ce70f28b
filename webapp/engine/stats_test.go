package engine

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"isuride/webapp/dispatch"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/match"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// newEngine is an engine on an empty SQLite database.
func newEngine(t *testing.T) *Engine {
	t.Helper()
	dir := t.TempDir()
	db, err := sqlstore.Open(t.Context(), sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(dir, "isuride.db")}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	e, err := Start(t.Context(), db, Config{
		JournalDir: filepath.Join(dir, "journal"), Durability: journal.Crash,
		InitialData: sqlstore.MasterData,
		Describe:    func(*isuride.Chair) []byte { return nil },
		Solver:      func() dispatch.Solver { return new(match.Workspace) },
		Dispatch:    dispatch.DefaultParams(),
		Now:         func() isuride.Time { return isuride.TimeOf(time.Now()) },
		Log:         quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestStatsOverGenerations: what only grows does so over an initialize, and all else
// begins anew.
func TestStatsOverGenerations(t *testing.T) {
	e := newEngine(t)
	for n := uint64(1); n <= 3; n++ {
		u, err := e.Current().Store.RegisterUser(state.NewUser{Username: "u", Firstname: "f", Lastname: "l", DateOfBirth: "d"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Current().Store.RequestRide(u, isuride.Coordinate{}, isuride.Coordinate{Latitude: 9}); err != nil {
			t.Fatal(err)
		}
		s := e.Stats()
		if s.Generation != n || s.Rides.Requested != n || s.Journal.Added != 2*n || s.Journal.AddedBytes <= 0 {
			t.Errorf("in generation %d: %+v", n, s)
		}
		if s.State.Users != 1 || s.State.Waiting != 1 || s.Journal.Appended != 2 {
			t.Errorf("in generation %d: %+v", n, s)
		}
		if err := e.Initialize("http://localhost"); err != nil {
			t.Fatal(err)
		}
	}
	if s := e.Stats(); s.Rides.Requested != 3 || s.Journal.Added != 6 || s.State != (state.Overview{}) {
		t.Errorf("at the end: %+v", s)
	}
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
}

// TestHealth: an engine without a generation is not well.
func TestHealth(t *testing.T) {
	e := newEngine(t)
	if err := e.Health(); err != nil {
		t.Errorf("an engine that has just begun is not well: %v", err)
	}
	data := e.cfg.InitialData
	e.cfg.InitialData = func() (*isuride.Tables, error) { return nil, errEnding }
	if err := e.Initialize("http://localhost"); err == nil {
		t.Fatal("an initialize without data has succeeded")
	}
	if err := e.Health(); err == nil || !strings.HasPrefix(err.Error(), "no generation is open") {
		t.Errorf("after an initialize that failed: %v", err)
	}
	e.cfg.InitialData = data
	if err := e.Initialize("http://localhost"); err != nil {
		t.Fatal(err)
	}
	if err := e.Health(); err != nil {
		t.Errorf("after one that succeeded: %v", err)
	}
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
}
