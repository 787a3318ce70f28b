package engine

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"isuride/webapp/dispatch"
	"isuride/webapp/flush"
	"isuride/webapp/internal/histogram"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/match"
	"isuride/webapp/payment"
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
// begins again.
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
		if err := e.Initialize("http://localhost", waiting); err != nil {
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

// TestStatsAdd: all that only grows is added, and nothing else.
func TestStatsAdd(t *testing.T) {
	took := histogram.Snapshot{Sum: time.Second}
	before := Stats{
		Generation: 7, State: state.Overview{Users: 7}, Rides: state.Counts{Requested: 1, Matched: 2, Completed: 3},
		Match:    dispatch.Stats{Took: took, Pickup: 4, Rides: 7, Chairs: 7},
		Journal:  journal.Stats{Added: 5, AddedBytes: 6, Synced: 7, Appended: 7},
		Flush:    flush.Stats{Cuts: 8, Events: 9, Rows: 10, Retries: 11, Took: took, Position: 7},
		Snapshot: SnapshotStats{Written: 15, Failed: 16, Age: 7, Bytes: 7, Took: 7, Tail: 7},
		Audit:    AuditStats{Violations: 31, Recounts: 32, Age: 7, Took: 7, Gateway: GatewayStats{Agreed: 33, Differed: 34, Silent: 35}},
		Count:    CountStats{Equal: 17, Different: 18},
		Payment:  payment.Stats{Accepted: 12, Refused: 13, Failed: 14, InProgress: 7},
	}
	want := before
	want.Generation, want.State, want.Match.Rides, want.Match.Chairs = 0, state.Overview{}, 0, 0
	want.Snapshot = SnapshotStats{Written: 15, Failed: 16}
	want.Audit = AuditStats{Violations: 31, Recounts: 32, Gateway: GatewayStats{Agreed: 33, Differed: 34, Silent: 35}}
	want.Journal.Appended, want.Flush.Position, want.Payment.InProgress = 0, 0, 0
	var got Stats
	if got.add(&before); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestHealth: an engine without a generation is not well.
func TestHealth(t *testing.T) {
	e := newEngine(t)
	if err := e.Health(); len(err) > 0 {
		t.Errorf("an engine that has just begun is not well: %v", err)
	}
	data := e.cfg.InitialData
	e.cfg.InitialData = func() (*isuride.Tables, error) { return nil, errEnding }
	if err := e.Initialize("http://localhost", waiting); err == nil {
		t.Fatal("an initialize without data has succeeded")
	}
	if err := e.Health(); len(err) > 0 {
		t.Errorf("after an initialize that failed: %v", err)
	}
	e.cfg.InitialData = data
	if err := e.Initialize("http://localhost", waiting); err != nil {
		t.Fatal(err)
	}
	if err := e.Health(); len(err) > 0 {
		t.Errorf("after one that succeeded: %v", err)
	}
	healthOfSeveral(t, e)
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := e.Health(); len(err) != 1 || err[0] != errNoGeneration {
		t.Errorf("after the stop: %v", err)
	}
}

// healthOfSeveral: one reason does not hide another, and their order stays.
func healthOfSeveral(t *testing.T, e *Engine) {
	g := e.Current()
	g.held.Store(true)
	g.Store.Violate(&state.Violation{Invariant: "a", Message: "made by this test"})
	for range 3 {
		all := e.Health()
		if len(all) != 2 || all[0] != error(errHeld) || !strings.Contains(all[1].Error(), "made by this test") {
			t.Errorf("with changes held and closed books: %v", all)
		}
	}
	g.held.Store(false)
	g.Store.Reopen()
	f := flush.Stats{Outage: &flush.Outage{Since: time.Now().Add(-time.Minute), Err: errEnding}, Lag: flush.Lag{Age: 40 * time.Second}}
	if all := healthOfTables(f); len(all) != 2 || !errors.Is(all[0], errEnding) || all[1].Error() != "the database is 40s behind" {
		t.Errorf("without a database: %v", all)
	}
}

// waiting is a caller that has not left.
func waiting() bool { return false }
