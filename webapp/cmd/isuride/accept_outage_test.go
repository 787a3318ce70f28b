package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
)

// useMySQL points the server at a database.
func (p *process) useMySQL(c sqlstore.Config) {
	p.env = append(p.env, "ISUCON_DB_HOST="+c.Host, fmt.Sprintf("ISUCON_DB_PORT=%d", c.Port),
		"ISUCON_DB_USER="+c.User, "ISUCON_DB_PASSWORD="+c.Password, "ISUCON_DB_NAME="+c.Name)
}

// figures are what the tests read of /api/internal/metrics.
type figures struct {
	Journal struct{ Appended, Durable uint64 }
	Flush   struct{ Position uint64 }
}

func (p *process) figures() (f figures) {
	p.tb.Helper()
	r := p.anonymous().call("GET", "/api/internal/metrics", nil)
	if err := json.Unmarshal(r.body, &f); err != nil {
		p.tb.Fatal(err)
	}
	return f
}

// TestDatabaseAway: while the database is away for 10 s the server goes on, and what it
// acknowledged meanwhile survives a kill; afterwards the tables catch up.
func TestDatabaseAway(t *testing.T) {
	if os.Getenv("ISURIDE_TEST_MYSQL") != "" {
		t.Skip("the database of ISURIDE_TEST_MYSQL is not ours to stop")
	}
	t.Parallel()
	var own mysqltest.Server // others go on using the shared one
	t.Cleanup(own.Close)
	p := newProcess(t)
	p.useMySQL(own.Config(t))
	p.bare()
	p.start()
	p.initialize()
	s := p.scene()
	completed := map[string]int64{}
	ride := func() {
		id := s.arrived()
		completed[id] = s.user.rate(id, 4)
	}
	ride()
	own.Stop(t)
	for away := time.Now(); time.Since(away) < 10*time.Second; {
		ride()
	}
	own.Restart(t)
	f := p.figures()
	eventually(t, func() error {
		if now := p.figures(); now.Flush.Position < f.Journal.Appended {
			return fmt.Errorf("the tables stand at %d, want %d", now.Flush.Position, f.Journal.Appended)
		}
		return nil
	})
	s.completedAt("after the outage", completed)
	p.kill()
	p.start()
	s.completedAt("after a kill", completed)
	t.Logf("%d rides", len(completed))
}

// TestDatabaseMissing: a server that finds no database waits, and says for what.
func TestDatabaseMissing(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.useMySQL(sqlstore.Config{Host: "127.0.0.1", Port: 1, User: "u", Password: "p", Name: "isuride"})
	if err := p.launch(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if text := p.output.String(); !strings.Contains(text, "waiting for the database") || !strings.Contains(text, "127.0.0.1:1") {
			return fmt.Errorf("the server says %q", text)
		}
		return nil
	})
}

// TestDurabilityLevels: the levels other than the default keep what they promise:
// `power` everything through a kill, `none` everything through a stop.
func TestDurabilityLevels(t *testing.T) {
	for level, end := range map[string]func(*process){"power": (*process).kill, "none": (*process).stop} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t, "ISURIDE_DURABILITY="+level)
			p.bare()
			p.start()
			p.initialize()
			s := p.scene()
			id := s.arrived()
			completed := map[string]int64{id: s.user.rate(id, 4)}
			end(p)
			p.start()
			s.completedAt("after the end", completed)
		})
	}
}

// TestCorruptJournal: damage where the journal was safely on the disk is refused with
// its place, and cut only when asked.
func TestCorruptJournal(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.bare()
	p.start()
	p.initialize()
	for i := range 3 { // the durable mark reaches the disk with the sync after its own
		p.user(fmt.Sprint("user", i), "")
		eventually(t, func() error {
			if f := p.figures(); f.Journal.Durable < f.Journal.Appended {
				return fmt.Errorf("event %d of %d is durable", f.Journal.Durable, f.Journal.Appended)
			}
			return nil
		})
	}
	p.kill()
	segment := p.damage()
	err := p.tryStart()
	if err == nil || !strings.Contains(err.Error(), segment) || !strings.Contains(err.Error(), "offset") || !strings.Contains(err.Error(), "repair") {
		t.Fatalf("the damaged journal is answered with: %v", err)
	}
	p.flags = []string{"-repair"}
	p.start()
	p.user("after the repair", "")
}

// damage changes a byte near the beginning of the journal and returns the file.
func (p *process) damage() string {
	p.tb.Helper()
	files, err := filepath.Glob(filepath.Join(p.data(), "journal", "*", "*.segment"))
	if err != nil || len(files) == 0 {
		p.tb.Fatalf("no journal in %s: %v", p.data(), err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		p.tb.Fatal(err)
	}
	content[100] ^= 0xff // behind the header, in the first record
	if err := os.WriteFile(files[0], content, 0o600); err != nil {
		p.tb.Fatal(err)
	}
	return filepath.Base(files[0])
}

// data is the server's data folder.
func (p *process) data() string {
	for _, v := range p.env {
		if folder, ok := strings.CutPrefix(v, "ISURIDE_DATA="); ok {
			return folder
		}
	}
	return ""
}
