package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"isuride/webapp/internal/logging"
	"isuride/webapp/sqlstore"
)

// useMySQL points the server at a database.
func (p *process) useMySQL(c sqlstore.Config) {
	p.env = append(p.env, "ISUCON_DB_HOST="+c.Host, fmt.Sprintf("ISUCON_DB_PORT=%d", c.Port),
		"ISUCON_DB_USER="+c.User, "ISUCON_DB_PASSWORD="+c.Password, "ISUCON_DB_NAME="+c.Name)
}

// TestDatabaseMissing: a server that finds no database waits, and says for what.
func TestDatabaseMissing(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.useMySQL(nobody)
	if err := p.launch(); err != nil {
		t.Fatal(err)
	}
	p.says("waiting for the database")
	p.says("127.0.0.1:1")
	p.inside = p.output.inside()
	p.unwell("the server is starting")
}

// nobody is an address at which no database answers.
var nobody = sqlstore.Config{Dialect: sqlstore.MySQL, Host: "127.0.0.1", Port: 1, User: "u", Password: "p", Name: "isuride"}

// TestDatabaseMissingForGood: the waiting has a limit. It is too long for a test of the
// whole process, so that this one starts the parts with another.
func TestDatabaseMissingForGood(t *testing.T) {
	t.Parallel()
	cfg := config{db: nobody, journal: t.TempDir()}
	cfg.db.Wait = time.Nanosecond // one attempt more
	_, err := start(t.Context(), cfg, false, logging.New(io.Discard, logging.Text))
	if err == nil || !strings.Contains(err.Error(), "ISUCON_DB_HOST") || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Fatalf("without a database the start ends with: %v", err)
	}
}

// TestWrongDatabaseSettings: what ends the start names the variable to look at.
func TestWrongDatabaseSettings(t *testing.T) {
	t.Parallel()
	right := mysql.Config(t)
	right.Wait = time.Nanosecond
	wrong := right
	wrong.Password = "wrong"
	_, err := start(t.Context(), config{db: wrong, journal: t.TempDir()}, false, logging.New(io.Discard, logging.Text))
	if err == nil || !strings.Contains(err.Error(), "ISUCON_DB_PASSWORD") {
		t.Errorf("with a wrong password the start ends with: %v", err)
	}
	for err, want := range map[error]string{sqlstore.ErrDatabase: "ISUCON_DB_NAME", sqlstore.ErrTable: "ISUCON_DB_HOST"} {
		if got := databaseVariable(sqlstore.MySQL, fmt.Errorf("wrapped: %w", err)); !strings.Contains(got, want) {
			t.Errorf("%v: %s", err, got)
		}
	}
}

// TestDurabilityLevels: each level keeps what it promises, and what one has acknowledged
// is there when the server comes back with another.
func TestDurabilityLevels(t *testing.T) {
	dialects(t, func(t *testing.T, p *process) {
		p.bare()
		completed := map[string]int64{}
		var s *scene
		for i, life := range []struct {
			level string
			end   func()
		}{
			{"none", p.stop},
			{"power", p.kill},
			{"none", func() { p.flushed(); p.kill() }}, // which loses one interval at most
			{"crash", p.kill},
			{"none", func() { p.flushed(); p.kill() }},
			{"power", p.kill},
			{"crash", p.stop},
		} {
			env := p.env
			p.env = append(env[:len(env):len(env)], "ISURIDE_DURABILITY="+life.level)
			p.start()
			if i == 0 {
				p.initialize()
				s = p.scene()
			}
			s.completedAt("at the beginning of "+life.level, completed)
			toUser := s.user.listen()
			id := s.arrived()
			completed[id] = s.user.rate(id, 4)
			if err := toUser.await(id, "COMPLETED"); err != nil {
				t.Error(err)
			}
			life.end()
			p.env = env
		}
		p.start()
		s.completedAt("in the end", completed)
	})
}

// TestCorruptJournal: damage where the journal was safely on the disk is refused with its
// place, and cut only when asked. What the tables have is not lost by that.
func TestCorruptJournal(t *testing.T) {
	dialects(t, func(t *testing.T, p *process) {
		p.bare()
		p.start()
		p.initialize()
		s := p.scene()
		id := s.arrived()
		completed := map[string]int64{id: s.user.rate(id, 4)}
		for i := range 3 { // the durable mark reaches the disk with the sync after its own
			p.user(fmt.Sprint("user", i), "")
			eventually(t, func() error {
				if n := p.scrape().value("isuride_journal_unsynced"); n > 0 {
					return fmt.Errorf("%v events are not durable", n)
				}
				return nil
			})
		}
		p.flushed()
		p.kill()
		segment, offset := p.damage()
		for range 2 { // the first attempt changes nothing
			err := p.tryStart()
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s is corrupt at offset %d", segment, offset)) {
				t.Fatalf("the damaged journal is answered with: %v", err)
			}
		}
		p.flags = []string{"-repair"}
		p.start()
		s.completedAt("after the repair", completed)
		id = s.arrived()
		completed[id] = s.user.rate(id, 4)
		p.kill()
		p.flags = nil
		p.start()
		s.completedAt("after a kill", completed)
	})
}

// damage changes a byte of the first record of the journal, and returns the segment's path
// and the offset of the record.
func (p *process) damage() (path string, offset int) {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.data(), "journal", "*", "*.segment"))
	if err != nil || len(files) == 0 {
		p.t.Fatalf("no journal in %s: %v", p.data(), err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		p.t.Fatal(err)
	}
	const header = 72
	content[header+20] ^= 0xff
	if err := os.WriteFile(files[0], content, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return files[0], header
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
