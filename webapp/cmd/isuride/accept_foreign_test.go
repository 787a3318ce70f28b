package main

import (
	"testing"
)

// TestForeignDatabase: tables that another program filled, such as the contest's own
// scripts and the server before this one, are served as they are (S9.4).
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

// TestHalfInitialized: releases before schema 2 could be killed while they filled the
// tables, and left a mark. It is done again.
func TestHalfInitialized(t *testing.T) {
	dialects(t, func(t *testing.T, p *process) {
		p.bare()
		p.start()
		p.initialize()
		s := p.scene()
		p.stop()
		db := p.open()
		db.MustExec("DELETE FROM users")
		db.MustExec("UPDATE journal_position SET generation = generation + 1, ready = 0")
		db.Close()
		p.start()
		if r := s.user.call("GET", "/api/app/rides", nil); r.status != 401 {
			t.Errorf("a user from before is answered %d", r.status)
		}
		p.initialize()
		p.scene().ride()
	})
}
