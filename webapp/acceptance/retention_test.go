package acceptance

import (
	"fmt"
	"testing"

	"isuride/webapp/servertest"
	"isuride/webapp/sqlstore"
)

// TestPositionsGo: with ISURIDE_KEEP_POSITIONS old positions are deleted, and nobody can
// tell: every answer about the data set stays what follows from all its rows, over
// restarts of either kind, and chairs drive on from where they were (S2.4, S9.3).
func TestPositionsGo(t *testing.T) {
	rows, err := sqlstore.InitialTables()
	if err != nil {
		t.Fatal(err)
	}
	want := servertest.NewOracle(rows).Answers(t)
	servertest.Dialects(t, func(t *testing.T, p *servertest.Process) {
		p.Env = append(p.Env, "ISURIDE_KEEP_POSITIONS=24h")
		p.Start()
		s := p.Scene()
		reports := 0
		drive := func() {
			for range 500 {
				s.Chair.Report(servertest.At(reports%2, 0)) // each a distance of 1
				reports++
			}
		}
		check := func(when string) {
			t.Helper()
			want.Same(t, when, p.Ask(want))
			for _, chair := range s.Owner.Listed() {
				if d := servertest.Integer(t, chair["total_distance"]); d < int64(reports-1) || d > int64(reports+1) {
					t.Errorf("%s: after %d reports the chair has driven %d", when, reports, d)
				}
			}
		}
		// Survey and deletion take part in every cut.
		deleted := 0.0
		servertest.Eventually(t, func() error {
			drive()
			if deleted = p.Scrape().Value("isuride_positions_deleted_total"); deleted < float64(len(rows.ChairLocations)) {
				return fmt.Errorf("%v of %d positions are deleted", deleted, len(rows.ChairLocations))
			}
			return nil
		})
		if int(deleted) != len(rows.ChairLocations) {
			t.Errorf("%v of %d positions are deleted", deleted, len(rows.ChairLocations))
		}
		check("without positions")
		p.Kill()
		p.Start()
		check("after a kill")
		drive()
		p.Stop()
		if left := p.Tables().ChairLocations; len(left) < reports || len(left) > reports+2 {
			t.Errorf("%d positions are left of %d reports", len(left), reports)
		}
		p.Start()
		check("after a stop")
		p.Initialize()
		want.Same(t, "after an initialize", p.Ask(want))
	})
}
