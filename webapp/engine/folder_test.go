package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"isuride/webapp/dispatch"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/match"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// place is a journal folder and the databases used with it.
type place struct {
	t          *testing.T
	dir        string
	durability journal.Durability
	keep       int64
	log        *slog.Logger
	open       map[string]*sqlstore.Store
}

func newPlace(t *testing.T) *place {
	p := &place{t: t, dir: t.TempDir(), log: quiet(), open: map[string]*sqlstore.Store{}}
	t.Cleanup(p.close)
	return p
}

// close lets go of all databases, which only one server can have.
func (p *place) close() {
	for name, db := range p.open {
		if err := db.Close(); err != nil {
			p.t.Error(err)
		}
		delete(p.open, name)
	}
}

func (p *place) journals() string { return filepath.Join(p.dir, "journal") }

func (p *place) database(name string) *sqlstore.Store {
	p.t.Helper()
	if db := p.open[name]; db != nil {
		return db
	}
	db, err := sqlstore.Open(p.t.Context(), sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(p.dir, name)}, quiet())
	if err != nil {
		p.t.Fatal(err)
	}
	p.open[name] = db
	return db
}

func (p *place) start(name string) (*Engine, error) {
	p.t.Helper()
	return Start(p.t.Context(), p.database(name), Config{
		JournalDir: p.journals(), Durability: p.durability, KeepJournal: p.keep, InitialData: sqlstore.MasterData,
		Describe: func(*isuride.Chair) []byte { return nil },
		Solver:   func() dispatch.Solver { return new(match.Workspace) },
		Dispatch: dispatch.DefaultParams(), Now: func() isuride.Time { return isuride.TimeOf(time.Now()) }, Log: p.log,
	})
}

func (p *place) mustStart(name string) *Engine {
	p.t.Helper()
	e, err := p.start(name)
	if err != nil {
		p.t.Fatal(err)
	}
	return e
}

// refuses starts an engine that must be refused with all the words, and change nothing.
func (p *place) refuses(name string, words ...string) {
	p.t.Helper()
	files := p.files()
	st, _ := p.database(name).State(p.t.Context())
	_, err := p.start(name)
	if err == nil {
		p.t.Fatalf("%s is accepted", name)
	}
	for _, word := range append(words, "ISURIDE_JOURNAL", p.journals()) {
		if !strings.Contains(err.Error(), word) {
			p.t.Errorf("the error lacks %q: %v", word, err)
		}
	}
	if now := p.files(); !slices.Equal(files, now) {
		p.t.Errorf("files before %v, after %v", files, now)
	}
	if now, _ := p.database(name).State(p.t.Context()); now != st {
		p.t.Errorf("the database was %+v and is %+v", st, now)
	}
}

// files lists the journals with their sizes.
func (p *place) files() (list []string) {
	filepath.Walk(p.journals(), func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Name() != "lock" && !info.IsDir() {
			list = append(list, fmt.Sprint(path, " ", info.Size()))
		}
		return nil
	})
	return list
}

func register(t *testing.T, e *Engine, name string) {
	t.Helper()
	if _, err := e.Current().Store.RegisterUser(state.NewUser{Username: name, Firstname: "f", Lastname: "l", DateOfBirth: "d"}); err != nil {
		t.Fatal(err)
	}
}

func known(e *Engine, name string) bool {
	_, err := e.Current().Store.RegisterUser(state.NewUser{Username: name, Firstname: "f", Lastname: "l", DateOfBirth: "d"})
	return err != nil
}

func (p *place) stop(e *Engine) {
	p.t.Helper()
	if err := e.Stop(); err != nil {
		p.t.Fatal(err)
	}
	p.close()
}

func (p *place) copyDatabase(from, to string) {
	p.t.Helper()
	p.close()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(filepath.Join(p.dir, to+suffix))
		if b, err := os.ReadFile(filepath.Join(p.dir, from+suffix)); err == nil {
			if err := os.WriteFile(filepath.Join(p.dir, to+suffix), b, 0o600); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

// TestTwoServersOneFolder: whatever the databases, the second one touches nothing.
func TestTwoServersOneFolder(t *testing.T) {
	for _, level := range []journal.Durability{journal.Crash, journal.None} {
		p := newPlace(t)
		p.durability = level
		e := p.mustStart("a.db")
		register(t, e, "first")
		if err := e.Initialize("", waits); err != nil {
			t.Fatal(err)
		}
		register(t, e, "kept")
		p.refuses("b.db", "in use by another server")
		p.refuses("a.db", "in use by another server")
		p.stop(e)
		e = p.mustStart("a.db")
		if !known(e, "kept") {
			t.Error("an acknowledged user is gone")
		}
		p.stop(e)
	}
}

// TestServerOfTheLastRelease: it locks its generation's folder only.
func TestServerOfTheLastRelease(t *testing.T) {
	p := newPlace(t)
	for _, generation := range []string{"000001", "000007"} {
		lock, err := journal.Lock(filepath.Join(p.journals(), generation))
		if err != nil {
			t.Fatal(err)
		}
		p.refuses("a.db", "in use by another server", generation)
		lock.Close()
	}
}

// TestAnotherDatabase: two databases in turn, one that was removed, and one of another
// program.
func TestAnotherDatabase(t *testing.T) {
	p := newPlace(t)
	e := p.mustStart("a.db")
	register(t, e, "kept")
	p.stop(e)
	p.refuses("empty.db", "which is new", "up to event 1", "name another folder")
	other := newPlace(t)
	e = other.mustStart("b.db")
	register(t, e, "other")
	other.stop(e)
	p.copyDatabase(filepath.Join("..", filepath.Base(other.dir), "b.db"), "b.db")
	ours, theirs := p.history("a.db"), p.history("b.db")
	p.refuses("b.db", ours, theirs)
	e = p.mustStart("a.db")
	if !known(e, "kept") || known(e, "other") {
		t.Error("the histories are mixed")
	}
	p.stop(e)
}

func (p *place) history(name string) string {
	st, err := p.database(name).State(p.t.Context())
	if err != nil || st.History == "" {
		p.t.Fatalf("state %+v, %v", st, err)
	}
	return st.History
}

// TestOlderBackup: of the same generation it is brought forward by the journal; of an
// earlier one it is refused.
func TestOlderBackup(t *testing.T) {
	p := newPlace(t)
	p.stop(p.mustStart("a.db"))
	p.copyDatabase("a.db", "backup.db")
	e := p.mustStart("a.db")
	register(t, e, "kept")
	p.stop(e)
	p.copyDatabase("backup.db", "replayed.db")
	e = p.mustStart("replayed.db")
	if !known(e, "kept") {
		t.Error("the journal is not replayed")
	}
	if err := e.Initialize("", waits); err != nil {
		t.Fatal(err)
	}
	register(t, e, "later")
	p.stop(e)
	p.refuses("backup.db", "generation 2", "generation 1", "backup")
	e = p.mustStart("replayed.db")
	if !known(e, "later") {
		t.Error("an acknowledged user is gone")
	}
	p.stop(e)
}

// TestKeptJournal: what is kept brings an older backup up to date, costs no start that
// does not need it, and goes with its generation.
func TestKeptJournal(t *testing.T) {
	const restarts = 4
	for _, keep := range []int64{0, 256 << 20} {
		p := newPlace(t)
		p.keep = keep
		p.stop(p.mustStart("a.db"))
		p.copyDatabase("a.db", "backup.db")
		for n := range restarts { // each of which begins a segment
			e := p.mustStart("a.db")
			if read := e.Stats().Journal.Checked; read > 2 {
				t.Errorf("start %d has read %d events", n, read)
			}
			for m := range 2 {
				register(t, e, fmt.Sprint("user ", n, m))
			}
			p.stop(e)
		}
		if keep == 0 {
			if _, err := p.start("backup.db"); err == nil || !strings.Contains(err.Error(), "the events between are missing") {
				t.Errorf("got error %v", err)
			}
			continue
		}
		e := p.mustStart("backup.db")
		for n := range restarts {
			if !known(e, fmt.Sprint("user ", n, 1)) {
				t.Errorf("user %d of %d is gone", n, restarts)
			}
		}
		if s := e.Stats().Journal; s.Oldest != 1 || s.Kept == 0 {
			t.Errorf("the journal is %+v", s)
		}
		kept := func() int {
			names, err := filepath.Glob(filepath.Join(p.journals(), "*", "*.kept"))
			if err != nil {
				t.Fatal(err)
			}
			return len(names)
		}
		if kept() == 0 {
			t.Error("nothing is kept")
		}
		if err := e.Initialize("", waits); err != nil {
			t.Fatal(err)
		}
		if n := kept(); n != 0 {
			t.Errorf("%d segments of an earlier generation are kept", n)
		}
		p.stop(e)
	}
}

// TestOlderGenerationsGo, of the same history, and nothing else does.
func TestOlderGenerationsGo(t *testing.T) {
	p := newPlace(t)
	e := p.mustStart("a.db")
	register(t, e, "u")
	foreign := []string{"000001.bak", "1", "2", "000001x", "0000002", "+00001", "notes"}
	for _, name := range foreign {
		if err := os.MkdirAll(filepath.Join(p.journals(), name, "inside"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	note := filepath.Join(p.journals(), "000001", "note.txt")
	if err := os.WriteFile(note, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.journals(), "000009"), []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := e.Initialize("", waits); err != nil {
			t.Fatal(err)
		}
	}
	p.stop(e)
	if _, err := os.Stat(filepath.Join(p.journals(), "000002")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("generation 2 is still there: %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(p.journals(), "000001", "*"))
	if !slices.Equal(left, []string{note}) {
		t.Errorf("generation 1 has %v", left)
	}
	for _, name := range append(foreign, "000009") {
		if _, err := os.Stat(filepath.Join(p.journals(), name)); err != nil {
			t.Error(err)
		}
	}
	p.stop(p.mustStart("a.db"))
}

// TestEmptyGenerationsGo: a folder without any segment says nothing about anybody.
func TestEmptyGenerationsGo(t *testing.T) {
	p := newPlace(t)
	p.durability = journal.None
	e := p.mustStart("a.db")
	register(t, e, "u")
	if err := e.Initialize("", waits); err != nil {
		t.Fatal(err)
	}
	p.stop(e)
	p.stop(p.mustStart("b.db")) // nothing of the other was ever there
}

// TestLostTables: a database that lost a table is not filled again over a journal of its
// generation.
func TestLostTables(t *testing.T) {
	st := sqlstore.State{Generation: 2, Position: 9, History: "ab"}
	if _, err := judge(2, journal.Info{Segments: true, Records: true, Last: 9}, st); err == nil {
		t.Error("accepted")
	}
}

// oldJournal writes a segment as the last release did, with one event.
func (p *place) oldJournal(generation string, e isuride.Event) {
	p.t.Helper()
	table := crc32.MakeTable(crc32.Castagnoli)
	payload := e.Append(nil)
	b := make([]byte, 48+(len(payload)+7)/8*8)
	word := func(at int, v uint64) { binary.NativeEndian.PutUint64(b[at:], v) }
	word(0, 0x4c4e524a52555349)
	word(16, 1)
	sum := crc32.Update(crc32.Checksum([]byte{1, 0, 0, 0}, table), table, b[16:32])
	word(8, 1|uint64(sum)<<32)
	copy(b[48:], payload)
	word(40, uint64(crc32.Update(1, table, payload))<<32|1<<31|uint64(len(payload)))
	dir := filepath.Join(p.journals(), generation)
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "000000000000.segment"), b, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// TestJournalsOfTheLastRelease: the present generation's is taken for ours, an earlier
// one is put aside with a warning, a later one and one beside a new database are refused.
func TestJournalsOfTheLastRelease(t *testing.T) {
	event := isuride.Event{Kind: isuride.OwnerRegistered, Owner: &isuride.Owner{ID: "O1", Name: "old", AccessToken: "a", ChairRegisterToken: "r"}}
	p := newPlace(t)
	p.oldJournal("000001", event)
	p.refuses("a.db", "which is new", "from before")
	if err := os.RemoveAll(p.journals()); err != nil {
		t.Fatal(err)
	}
	e := p.mustStart("a.db")
	if err := e.Initialize("", waits); err != nil {
		t.Fatal(err)
	}
	p.stop(e)
	if err := os.RemoveAll(p.journals()); err != nil {
		t.Fatal(err)
	}
	p.oldJournal("000003", event)
	p.refuses("a.db", "generation 3", "generation 2")
	if err := os.RemoveAll(p.journals()); err != nil {
		t.Fatal(err)
	}
	p.oldJournal("000001", event)
	p.oldJournal("000002", event)
	var said bytes.Buffer
	p.log = slog.New(slog.NewTextHandler(&said, nil))
	e = p.mustStart("a.db")
	if _, err := e.Current().Store.RegisterOwner("old"); err == nil {
		t.Error("the event is not replayed")
	}
	p.stop(e)
	if _, err := os.Stat(filepath.Join(p.journals(), "aside-000001-1", "000000000000.segment")); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said.String(), "put aside") {
		t.Errorf("said %s", said.String())
	}
	p.stop(p.mustStart("a.db"))
}

// TestStopUnlocks, and so does a start that fails.
func TestStopUnlocks(t *testing.T) {
	p := newPlace(t)
	e := p.mustStart("a.db")
	register(t, e, "u")
	p.stop(e)
	p.refuses("b.db", "which is new")
	f, err := LockFolder(p.journals())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil && !errors.Is(err, syscall.EBADF) {
		t.Fatal(err)
	}
}

// waits is the caller of an initialize that has not left.
func waits() bool { return false }
