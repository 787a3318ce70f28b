package crash

import (
	"testing"

	"isuride/webapp/servertest"
)

// TestForeignDatabase: tables that another program filled, such as the contest's own
// scripts and the server before this one, are served as they are (S9.4).
func TestForeignDatabase(t *testing.T) {
	servertest.Dialects(t, func(t *testing.T, p *servertest.Process) {
		p.Bare()
		p.Start()
		p.Initialize()
		s := p.Scene()
		ride := s.Arrived()
		at := s.User.Rate(ride, 3)
		p.Stop()
		db := p.Open()
		if _, err := db.Exec("DROP TABLE journal_position"); err != nil {
			t.Fatal(err)
		}
		db.Close()
		p.Env = append(p.Env, "ISURIDE_JOURNAL="+t.TempDir())
		for range 2 {
			p.Start()
			s.CompletedAt("in a database of another program", map[string]int64{ride: at})
			p.Stop()
		}
	})
}

// TestHalfInitialized: releases before schema 2 could be killed while they filled the
// tables, and left a mark. It is done again.
func TestHalfInitialized(t *testing.T) {
	servertest.Dialects(t, func(t *testing.T, p *servertest.Process) {
		p.Bare()
		p.Start()
		p.Initialize()
		s := p.Scene()
		p.Stop()
		db := p.Open()
		db.MustExec("DELETE FROM users")
		db.MustExec("UPDATE journal_position SET generation = generation + 1, ready = 0")
		db.Close()
		p.Start()
		if r := s.User.Call("GET", "/api/app/rides", nil); r.Status != 401 {
			t.Errorf("a user from before is answered %d", r.Status)
		}
		p.Initialize()
		p.Scene().Ride()
	})
}
