package servertest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
)

// Tables reads all rows without the server, which should have stopped.
func (p *Process) Tables() *isuride.Tables {
	p.T.Helper()
	store, err := sqlstore.Open(p.T.Context(), p.DB, quiet)
	if err != nil {
		p.T.Fatal(err)
	}
	snapshot, err := store.Load(p.T.Context())
	if err != nil {
		p.T.Fatal(err)
	}
	if err := store.Close(); err != nil {
		p.T.Fatal(err)
	}
	rows := snapshot.Tables
	rows.ChairLocations = p.locations()
	return &rows
}

// locations reads the one table that the store only sums up.
func (p *Process) locations() (rows []isuride.ChairLocation) {
	p.T.Helper()
	db := p.Open()
	defer db.Close()
	found, err := db.Queryx("SELECT id, chair_id, latitude, longitude, CAST(created_at AS CHAR) FROM chair_locations")
	if err != nil {
		p.T.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var l isuride.ChairLocation
		var created string
		if err := found.Scan(&l.ID, &l.ChairID, &l.Latitude, &l.Longitude, &created); err != nil {
			p.T.Fatal(err)
		}
		l.CreatedAt = dateTime(p.T, created)
		rows = append(rows, l)
	}
	if err := found.Err(); err != nil {
		p.T.Fatal(err)
	}
	return rows
}

// Open opens the server's database for questions that no store asks.
func (p *Process) Open() *sqlx.DB {
	p.T.Helper()
	driver, source := "sqlite", "file:"+p.DB.Path
	if c := p.DB; c.Dialect == sqlstore.MySQL {
		driver, source = "mysql", mysqltest.Source(c)
	}
	db, err := sqlx.Connect(driver, source)
	if err != nil {
		p.T.Fatal(err)
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

// quiet drops all messages.
var quiet = slog.New(slog.DiscardHandler)
