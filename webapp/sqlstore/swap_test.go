package sqlstore_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
)

var errInjected = errors.New("injected")

// faults are the ways in which step n of a reset goes wrong.
var faults = []struct {
	name string
	dead bool // so do all steps after it: the process has ended
	at   sqlstore.Tap
}{
	{"is refused", false, func(_ string, _ func() error, _ func()) error { return errInjected }},
	{"finds the connection cut", false, func(_ string, _ func() error, cut func()) error { cut(); return driver.ErrBadConn }},
	{"loses its answer", false, func(_ string, do func() error, cut func()) error {
		_ = do() // it is not known
		cut()
		return errInjected
	}},
	{"is the first that a killed process does not reach", true, func(_ string, _ func() error, cut func()) error { cut(); return errInjected }},
	{"is the last of a killed process", true, func(_ string, do func() error, cut func()) error {
		_ = do()
		cut()
		return errInjected
	}},
}

// TestEveryStepOfReset: whichever step fails and however, the tables are the old ones or
// the new ones, whole, and Reset says which. The next one succeeds.
func TestEveryStepOfReset(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		for _, fault := range faults {
			n := 1
			reset(t, s, 1000, dataSet(1000))
			for generation := uint64(1000); ; n++ {
				tapped := &tapped{n: n, fault: fault.at, dead: fault.dead}
				err := tapped.reset(t, s, c, generation+1)
				if !tapped.reached {
					if err != nil {
						t.Fatalf("without a fault: %v", err)
					}
					break
				}
				what := fmt.Sprintf("step %d (%.60s) %s", n, strings.Join(strings.Fields(tapped.step), " "), fault.name)
				now := state(t, s).Generation
				switch {
				case now != generation && now != generation+1:
					t.Fatalf("%s: generation %d", what, now)
				case err == nil && now != generation+1:
					t.Errorf("%s: reset reports success, but the tables are the old ones", what)
				case err != nil && !fault.dead && now != generation && !strings.Contains(err.Error(), "no longer needed"):
					t.Errorf("%s: reset reports %v, but the tables are the new ones", what, err)
				}
				whole(t, s, what, now)
				generation = now
			}
			t.Logf("every one of %d steps %s", n-1, fault.name)
			reset(t, s, 5000, dataSet(5000))
			onlySchema(t, c)
		}
	})
}

// tapped makes step n of a reset go wrong.
type tapped struct {
	n       int
	fault   sqlstore.Tap
	dead    bool
	seen    int
	reached bool
	step    string
}

func (f *tapped) reset(t *testing.T, s *sqlstore.Store, c sqlstore.Config, generation uint64) error {
	t.Helper()
	tapped, err := sqlstore.Tapped(s, c, f.tap, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer tapped.Close()
	return tapped.Reset(t.Context(), generation, dataSet(generation))
}

func (f *tapped) tap(step string, do func() error, cut func()) error {
	f.seen++
	switch {
	case f.seen == f.n:
		f.reached, f.step = true, step
		return f.fault(step, do, cut)
	case f.reached && f.dead:
		cut()
		return errInjected
	}
	return do()
}

// dataSet tells its generation in each table that matters.
func dataSet(generation uint64) *isuride.Tables {
	rows := fullTables()
	rows.Settings[1].Value = fmt.Sprint(generation)
	rows.Coupons[1].Discount = int(generation)
	return rows
}

// whole checks that the tables are those of the generation, and take its cuts only.
func whole(t *testing.T, s *sqlstore.Store, what string, generation uint64) {
	t.Helper()
	got := load(t, s)
	want := dataSet(generation)
	want.ChairLocations, want.ChairDistances = nil, nil
	wantTables(t, &got.Tables, want)
	if !reflect.DeepEqual(got.Tracks, fullTracks) {
		t.Errorf("%s: tracks %v", what, got.Tracks)
	}
	write(t, s, generation, got.Position+1, dataSet(generation))
	for _, other := range []uint64{generation - 1, generation + 1} {
		if err := s.WriteCut(t.Context(), other, got.Position+2, dataSet(other)); !errors.Is(err, sqlstore.ErrFenced) {
			t.Errorf("%s: a cut of generation %d into %d: %v", what, other, generation, err)
		}
	}
}

// onlySchema checks that there is no table besides those of the schema.
func onlySchema(t *testing.T, c sqlstore.Config) {
	t.Helper()
	query, driver, source := "SELECT name FROM sqlite_master WHERE type = 'table'", "sqlite", sqliteSource(c)
	if c.Dialect == sqlstore.MySQL {
		query, driver, source = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()", "mysql", mysqltest.Source(c)
	}
	db, err := sqlx.Connect(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var names []string
	if err := db.Select(&names, query); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, "_isuride_") }) {
		t.Errorf("tables %v", names)
	}
}

// TestUnsettledSwap: when the answer is lost and nobody can be asked, Swap says so;
// Settle tells later, and a swap that had not taken place cannot any more.
func TestUnsettledSwap(t *testing.T) {
	for _, done := range []bool{false, true} {
		t.Run(fmt.Sprint("done ", done), func(t *testing.T) {
			eachDialect(t, func(t *testing.T, c sqlstore.Config) {
				s := open(t, c)
				reset(t, s, 1, dataSet(1))
				away := false
				tap := func(step string, do func() error, cut func()) error {
					swapping := strings.HasPrefix(step, "RENAME") || step == "COMMIT"
					if away = away || swapping; !away {
						return do()
					}
					if swapping && done {
						_ = do()
					}
					cut()
					return errInjected
				}
				if err := s.Fill(t.Context(), 2, dataSet(2)); err != nil {
					t.Fatal(err)
				}
				tapped, err := sqlstore.Tapped(s, c, tap, time.Millisecond)
				if err != nil {
					t.Fatal(err)
				}
				defer tapped.Close()
				if err := tapped.Swap(t.Context(), 1, 2); !errors.Is(err, sqlstore.ErrUnsettled) {
					t.Fatalf("swap: %v", err)
				}
				swapped, err := s.Settle(t.Context(), 2)
				if err != nil || swapped != done {
					t.Errorf("swapped %v, %v, want %v", swapped, err, done)
				}
				if done {
					whole(t, s, "after the swap", 2)
					return
				}
				if err := s.Swap(t.Context(), 1, 2); err == nil {
					t.Error("a swap succeeds after it was settled that it does not")
				}
				whole(t, s, "without the swap", 1)
			})
		})
	}
}

// TestResetMeetsLocks: what another client holds makes a reset fail within its limit and
// without effect; once it is gone, the next one succeeds.
func TestResetMeetsLocks(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, dataSet(1))
		release := holdLock(t, c)
		ctx, cancel := context.WithTimeout(t.Context(), 22*time.Second)
		defer cancel()
		if err := s.Reset(ctx, 2, dataSet(2)); err == nil || ctx.Err() != nil || !sqlstore.IsTransient(err) {
			t.Errorf("reset: %v, %v", err, ctx.Err())
		}
		release()
		whole(t, s, "after a reset that met a lock", 1)
		reset(t, s, 2, dataSet(2))
		whole(t, s, "after the lock", 2)
		onlySchema(t, c)
	})
}

// holdLock keeps a transaction open: in MySQL one that has only read a table, in SQLite
// one that may write.
func holdLock(t *testing.T, c sqlstore.Config) (release func()) {
	t.Helper()
	driver, source, statements := "sqlite", sqliteSource(c), []string{"BEGIN IMMEDIATE"}
	if c.Dialect == sqlstore.MySQL {
		driver, source, statements = "mysql", mysqltest.Source(c), []string{"BEGIN", "SELECT COUNT(*) FROM users"}
	}
	db, err := sqlx.Connect(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
		conn.Close()
		db.Close()
	}
}
