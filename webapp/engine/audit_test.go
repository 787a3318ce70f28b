package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/recount"
	"isuride/webapp/snapshot"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// count recounts the whole city now.
func (c *city) count() []*recount.Difference {
	c.t.Helper()
	a := c.Current().audit
	found, err := a.recount(context.Background(), newWork(context.Background(), false))
	c.must(err)
	return found
}

// TestRecountDuringLife: recounts beside a city that lives, with events of all kinds in between,
// never find anything, and nor does the write-behind.
func TestRecountDuringLife(t *testing.T) {
	c := newCity(t)
	c.start()
	c.live(300)
	var wait sync.WaitGroup
	stop := make(chan struct{})
	wait.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				c.live(20)
			}
		}
	})
	for range 60 {
		for _, d := range c.count() {
			t.Error(d)
		}
	}
	close(stop)
	wait.Wait()
	for _, d := range c.count() {
		t.Error(d)
	}
	s := c.Stats().Audit
	if s.Recounts < 61 || s.Violations != 0 || s.Closed != nil || s.Totals.Completed == 0 {
		t.Errorf("%+v", s)
	}
	c.stop()
	c.start() // from the tables or a snapshot
	for _, d := range c.count() {
		t.Error(d)
	}
	if found, err := c.Current().audit.tables(t.Context()); err != nil || len(found) > 0 {
		t.Error(found, err)
	}
	c.stop()
}

// statement changes the database behind the server's back.
func (c *city) statement(text string, args ...any) {
	c.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(c.dir, "isuride.db"))
	c.must(err)
	defer db.Close()
	result, err := db.Exec(text, args...)
	c.must(err)
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		c.t.Fatalf("%s: %d rows, %v", text, n, err)
	}
}

// TestFaultsInTheDatabase plants faults into the tables of a server that is stopped: the next start
// finds them, whether it reads the tables or starts from a snapshot. It serves with closed books.
func TestFaultsInTheDatabase(t *testing.T) {
	cases := []struct{ fault, statement, names string }{
		{"a yen more in a coupon", "UPDATE coupons SET discount = discount + 1 WHERE (user_id, code) = (SELECT user_id, code FROM coupons LIMIT 1)", "coupons issued"},
		{"a coupon that is open again", "UPDATE coupons SET used_by = NULL WHERE (user_id, code) = (SELECT user_id, code FROM coupons WHERE used_by IS NOT NULL LIMIT 1)", "coupons used"},
		{"a ride of other coordinates", "UPDATE rides SET destination_latitude = destination_latitude + 3 WHERE id = (SELECT id FROM rides WHERE evaluation IS NOT NULL LIMIT 1)", "owners' sales"},
		{"a ride that is gone", "DELETE FROM rides WHERE id = (SELECT id FROM rides WHERE evaluation IS NOT NULL LIMIT 1)", "riders paid"},
		{"a coupon that is gone", "DELETE FROM coupons WHERE (user_id, code) = (SELECT user_id, code FROM coupons LIMIT 1)", "coupons issued"},
		{"a lost charge", "UPDATE journal_position SET riders_paid = riders_paid - 500", "riders paid"},
		{"a sum of sales", "UPDATE journal_position SET owners_sales = owners_sales + 1", "owners' sales"},
	}
	for _, tables := range []bool{true, false} {
		c := newCity(t)
		c.start()
		c.live(400)
		_, err := c.Current().snapshots.write(t.Context(), false)
		c.must(err)
		c.stop()
		if tables {
			for _, path := range c.snapshots() {
				c.must(os.Remove(path))
			}
		}
		good, err := os.ReadFile(filepath.Join(c.dir, "isuride.db"))
		c.must(err)
		for _, k := range cases {
			t.Run(fmt.Sprint(k.fault, ", tables read: ", tables), func(t *testing.T) {
				c.t = t
				c.statement(k.statement)
				c.start()
				a := c.Current().audit
				a.report(a.tables(t.Context()))
				v := c.Current().Store.Closed()
				if v == nil || !strings.Contains(v.Message, k.names) {
					t.Errorf("found %v, want one of %s", v, k.names)
				}
				want := recount.TableTotals // the rows are not read otherwise
				if tables || strings.Contains(k.statement, "journal_position") {
					want = recount.ReplayTotals
				}
				if v != nil && v.Invariant != want {
					t.Errorf("found %s, want %s", v.Invariant, want)
				}
				if (c.recovered().Snapshot == "") != tables {
					t.Errorf("started from %+v", c.recovered())
				}
				if err := errors.Join(c.Health()...); err == nil || v != nil && !strings.Contains(err.Error(), v.Message) {
					t.Errorf("its health: %v", err)
				}
				_, err := c.Current().Store.RegisterUser(state.NewUser{Username: "a", Firstname: "b", Lastname: "c", DateOfBirth: "d"})
				var domain *isuride.Error
				if !errors.As(err, &domain) || domain.Code != isuride.Unavailable {
					t.Errorf("a registration: %v", err)
				}
				c.halt()
				c.must(os.WriteFile(filepath.Join(c.dir, "isuride.db"), good, 0o600))
			})
		}
	}
}

// TestReopen: books that do not add up stay closed until an operator accepts what differs; then it
// is no reason to close them again, and the tables get the sums of the ledger.
func TestReopen(t *testing.T) {
	c := newCity(t)
	c.start()
	c.live(300)
	c.stop()
	for _, path := range c.snapshots() {
		c.must(os.Remove(path))
	}
	c.statement("UPDATE coupons SET discount = discount + 1 WHERE (user_id, code) = (SELECT user_id, code FROM coupons LIMIT 1)")
	c.start()
	s := c.Current().Store
	if s.Closed() == nil {
		t.Fatal("the books are open")
	}
	if found, err := c.Reopen(t.Context(), false); err != nil || len(found) == 0 || s.Closed() == nil {
		t.Errorf("reopened without consent: %v, %v", found, err)
	}
	if found, err := c.Reopen(t.Context(), true); err != nil || len(found) == 0 || s.Closed() != nil {
		t.Fatalf("not reopened: %v, %v", found, err)
	}
	c.live(200)
	for _, d := range c.count() {
		t.Error("again:", d)
	}
	c.stop()
	c.start()
	if v := c.Current().Store.Closed(); v != nil {
		t.Error("after a restart:", v)
	}
	found, err := c.Current().audit.tables(t.Context())
	if err != nil || len(found) > 0 {
		t.Error("after a restart:", found, err)
	}
	c.halt()
}

// TestForgedRecord: an event that somebody has put into the journal is refused at the start by its
// number, and the database is as it was.
func TestForgedRecord(t *testing.T) {
	c := newCity(t)
	c.start()
	c.live(200)
	c.stop()
	g := c.Current()
	dir := c.cfg.Folder.journal(g.number)
	log, err := journal.Open(journal.Options{Dir: dir, History: g.history, First: g.journal.Appended() + 1, Keep: 1 << 30, Log: quiet()})
	c.must(err)
	u := c.users[0]
	forged := isuride.Event{Kind: isuride.RideRequested,
		Ride:    &isuride.Ride{ID: "forged", UserID: u.ID, CreatedAt: 1, UpdatedAt: 1},
		Status:  &isuride.RideStatus{ID: "s", RideID: "forged", Status: isuride.Matching, CreatedAt: 1},
		Coupons: []isuride.Coupon{{UserID: u.ID, Code: "CP_FORGED", Discount: 100_000, UsedBy: "forged"}}}
	seq, err := log.Append(forged.Append(nil))
	c.must(err)
	c.must(log.Close())
	err = c.tryStart()
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("event %d ", seq)) || !strings.Contains(err.Error(), "coupon") && !strings.Contains(err.Error(), "rider-rides") {
		t.Fatalf("the start: %v", err)
	}
	if paths, err := snapshot.List(dir); err != nil {
		t.Error(paths, err)
	}
}

// TestUnknownSums: a database of an earlier release has no sums; they are those of the state from
// the first cut on.
func TestUnknownSums(t *testing.T) {
	c := newCity(t)
	c.start()
	c.live(200)
	c.stop()
	c.statement("UPDATE journal_position SET riders_owed = NULL")
	c.start()
	if v := c.Current().Store.Closed(); v != nil {
		t.Fatal(v)
	}
	c.live(100)
	c.stop()
	c.start()
	defer c.halt()
	if _, written, err := c.db.CountBooks(t.Context()); err != nil || written == nil || *written != c.Current().Store.Totals() {
		t.Errorf("the tables have %+v, %v; the state %+v", written, err, c.Current().Store.Totals())
	}
}

// TestGroupKeepsBooks: a leader recounts as a server alone does, and the tables of all members have
// the sums of the books.
func TestGroupKeepsBooks(t *testing.T) {
	g := newTrio(t)
	for i := range 5 {
		g.enlist(fmt.Sprint("user", i))
	}
	_, leader := g.leader()
	a := leader.Current().audit
	found, err := a.recount(t.Context(), newWork(t.Context(), false))
	if err != nil || len(found) > 0 || a.stats().Totals.Issued < 5*3000 {
		t.Errorf("found %v, %v; the books are %+v", found, err, a.stats().Totals)
	}
	issued := a.stats().Totals.Issued
	g.await("the tables of all members", func() bool {
		for _, e := range g.engines {
			if e.Stats().Flush.Lag.Events > 0 || e.Stats().Flush.Position == 0 {
				return false
			}
		}
		return true
	})
	for _, m := range g.members {
		g.stop(m.Name)
		db, err := sqlstore.Open(t.Context(), sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(g.dir, m.Name, "isuride.db")}, quiet())
		g.must(err)
		counted, written, err := db.CountBooks(t.Context())
		if err != nil || written == nil || counted != *written || counted.Issued != issued {
			t.Errorf("member %s has counted %+v, and written %+v (%v)", m.Name, counted, written, err)
		}
		g.must(db.Close())
	}
}
