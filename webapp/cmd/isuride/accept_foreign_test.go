package main

import (
	"testing"
)

// TestForeignDatabase: tables that another program filled, such as the contest's own
// scripts and the server before this one, are served as they are (spec 9.4).
func TestForeignDatabase(t *testing.T) {
	dialects(t, func(t *testing.T, p *process) {
		p.bare()
		p.start()
		p.initialize()
		s := p.scene()
		ride := s.arrived()
		at := s.user.rate(ride, 3)
		p.stop()
		db := p.open()
		if _, err := db.Exec("DROP TABLE journal_position"); err != nil {
			t.Fatal(err)
		}
		db.Close()
		p.env = append(p.env, "ISURIDE_JOURNAL="+t.TempDir())
		for range 2 {
			p.start()
			s.completedAt("in a database of another program", map[string]int64{ride: at})
			p.stop()
		}
	})
}

// TestHalfInitialized: a server that was killed while it filled the tables does it again.
func TestHalfInitialized(t *testing.T) {
	dialects(t, func(t *testing.T, p *process) {
		p.bare()
		p.start()
		p.initialize()
		s := p.scene()
		p.kill()
		// As the first releases left it: the position is marked, and the tables are half filled.
		db := p.open()
		for _, statement := range []string{"UPDATE journal_position SET generation = 7, position = 0, ready = 0", "DELETE FROM users"} {
			if _, err := db.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		db.Close()
		p.start()
		if r := s.user.call("GET", "/api/app/rides", nil); r.status != 401 {
			t.Errorf("a user from before is answered %d", r.status)
		}
		p.initialize()
		p.scene().ride()
	})
}
