package main

import (
	"fmt"
	"testing"

	"isuride/webapp/sqlstore"
)

// The database refuses users, rides, their statuses and all positions for good. Nobody
// notices: rides in every status go on after a restart, and after a kill.
func TestRidesOfRefusedRowsGoOn(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("in good order", func(p *process) { p.refuse(); ridesGoOn(p, p.stop); p.wantRefused() })
		p.rule("by a kill, and by another one when the tables have everything", func(p *process) {
			p.refuse()
			ridesGoOn(p, func() { p.kill(); p.start(); p.flushed(); p.kill() })
			p.wantRefused()
		})
	})
}

// refuse has the database refuse new rows of some tables.
func (p *process) refuse() {
	p.t.Helper()
	form := "CREATE TRIGGER no_%[1]s BEFORE INSERT ON %[1]s BEGIN SELECT RAISE(ABORT, 'no'); END"
	if p.database().Dialect == sqlstore.MySQL {
		form = "CREATE TRIGGER no_%[1]s BEFORE INSERT ON %[1]s FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'"
	}
	db := p.open()
	defer db.Close()
	for _, table := range []string{"users", "rides", "ride_statuses", "chair_locations"} {
		if _, err := db.Exec(fmt.Sprintf(form, table)); err != nil {
			p.t.Fatal(err)
		}
	}
}

// wantRefused makes sure that the test has tested something.
func (p *process) wantRefused() {
	p.t.Helper()
	p.flushed()
	db := p.open()
	defer db.Close()
	var tables int
	err := db.Get(&tables, "SELECT COUNT(DISTINCT table_name) FROM refused_rows")
	if err != nil || tables != 4 {
		p.t.Errorf("rows of %d tables were refused (%v), want 4", tables, err)
	}
}
