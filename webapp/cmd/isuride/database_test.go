package main

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
)

// database is the database of the server.
func (p *process) database() sqlstore.Config {
	p.t.Helper()
	variables := map[string]string{}
	for _, v := range p.env {
		name, value, _ := strings.Cut(v, "=")
		variables[name] = value
	}
	cfg, err := readConfig(func(name string) (string, bool) { v, ok := variables[name]; return v, ok })
	if err != nil {
		p.t.Fatal(err)
	}
	return cfg.db
}

// tables reads all rows past the server, which should have stopped.
func (p *process) tables() *isuride.Tables {
	p.t.Helper()
	store, err := sqlstore.Open(p.t.Context(), p.database(), quiet)
	if err != nil {
		p.t.Fatal(err)
	}
	snapshot, err := store.Load(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		p.t.Fatal(err)
	}
	rows := snapshot.Tables
	rows.ChairLocations = p.locations()
	return &rows
}

// locations reads the one table that the store only sums up.
func (p *process) locations() (rows []isuride.ChairLocation) {
	p.t.Helper()
	db := p.open()
	defer db.Close()
	found, err := db.Queryx("SELECT id, chair_id, latitude, longitude, CAST(created_at AS CHAR) FROM chair_locations")
	if err != nil {
		p.t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var l isuride.ChairLocation
		var created string
		if err := found.Scan(&l.ID, &l.ChairID, &l.Latitude, &l.Longitude, &created); err != nil {
			p.t.Fatal(err)
		}
		l.CreatedAt = dateTime(p.t, created)
		rows = append(rows, l)
	}
	if err := found.Err(); err != nil {
		p.t.Fatal(err)
	}
	return rows
}

// open opens the server's database for questions that no store asks.
func (p *process) open() *sqlx.DB {
	p.t.Helper()
	driver, source := "sqlite", "file:"+p.database().Path
	if c := p.database(); c.Dialect == sqlstore.MySQL {
		driver, source = "mysql", mysqltest.Source(c)
	}
	db, err := sqlx.Connect(driver, source)
	if err != nil {
		p.t.Fatal(err)
	}
	return db
}

// dateTime reads a column of type DATETIME(6).
func dateTime(t testing.TB, text string) isuride.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05.999999", text)
	if err != nil {
		t.Fatal(err)
	}
	return isuride.TimeOf(at)
}

// quiet is for parts of the server whose messages nobody looks for.
var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))
