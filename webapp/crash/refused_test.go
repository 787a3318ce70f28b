package crash

import (
	"fmt"
	"testing"

	"isuride/webapp/servertest"
	"isuride/webapp/sqlstore"
)

// The database refuses users, rides, their statuses and all positions for good. Nobody
// notices: rides in every status go on after a restart, and after a kill.
func TestRidesOfRefusedRowsGoOn(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("in good order", func(p *servertest.Process) { refuse(p); ridesGoOn(p, p.Stop); wantRefused(p) })
		p.Rule("by a kill, and by another one when the tables have everything", func(p *servertest.Process) {
			refuse(p)
			ridesGoOn(p, func() { p.Kill(); p.Start(); p.Flushed(); p.Kill() })
			wantRefused(p)
		})
	})
}

// refuse has the database refuse new rows of some tables.
func refuse(p *servertest.Process) {
	p.T.Helper()
	form := "CREATE TRIGGER no_%[1]s BEFORE INSERT ON %[1]s BEGIN SELECT RAISE(ABORT, 'no'); END"
	if p.DB.Dialect == sqlstore.MySQL {
		form = "CREATE TRIGGER no_%[1]s BEFORE INSERT ON %[1]s FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'"
	}
	db := p.Open()
	defer db.Close()
	for _, table := range []string{"users", "rides", "ride_statuses", "chair_locations"} {
		if _, err := db.Exec(fmt.Sprintf(form, table)); err != nil {
			p.T.Fatal(err)
		}
	}
}

// wantRefused makes sure that the test has tested something.
func wantRefused(p *servertest.Process) {
	p.T.Helper()
	p.Flushed()
	db := p.Open()
	defer db.Close()
	var tables int
	err := db.Get(&tables, "SELECT COUNT(DISTINCT table_name) FROM refused_rows")
	if err != nil || tables != 4 {
		p.T.Errorf("rows of %d tables were refused (%v), want 4", tables, err)
	}
}
