package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"isuride/webapp/dispatch"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/match"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// tricky is a database some of whose calls do not go well.
type tricky struct {
	*sqlstore.Store
	before, after func(step string) error // of a step of an initialize; nil means that all is well
	noCuts        atomic.Bool             // nothing reaches the tables
}

func (d *tricky) step(name string, do func() error) error {
	if d.before != nil {
		if err := d.before(name); err != nil {
			return err
		}
	}
	if err := do(); err != nil || d.after == nil {
		return err
	}
	return d.after(name)
}

func (d *tricky) Fill(ctx context.Context, generation uint64, t *isuride.Tables) error {
	return d.step("fill", func() error { return d.Store.Fill(ctx, generation, t) })
}

func (d *tricky) LoadFilled(ctx context.Context, generation uint64) (snapshot *sqlstore.Snapshot, err error) {
	err = d.step("load", func() error {
		snapshot, err = d.Store.LoadFilled(ctx, generation)
		return err
	})
	return snapshot, err
}

func (d *tricky) Swap(ctx context.Context, from, generation uint64) error {
	return d.step("swap", func() error { return d.Store.Swap(ctx, from, generation) })
}

func (d *tricky) Settle(ctx context.Context, generation uint64) (swapped bool, err error) {
	err = d.step("settle", func() error {
		swapped, err = d.Store.Settle(ctx, generation)
		return err
	})
	return swapped, err
}

func (d *tricky) Sweep(ctx context.Context) error {
	return d.step("sweep", func() error { return d.Store.Sweep(ctx) })
}

func (d *tricky) WriteCut(ctx context.Context, generation, position uint64, rows *isuride.Tables) error {
	if d.noCuts.Load() {
		return context.DeadlineExceeded
	}
	return d.Store.WriteCut(ctx, generation, position, rows)
}

// life is an engine on a folder.
type life struct {
	*Engine
	t  *testing.T
	db *tricky
}

func begin(t *testing.T, dir string) *life {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(dir, "isuride.db")}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	db := &tricky{Store: store}
	e, err := start(t.Context(), db, Config{
		JournalDir: filepath.Join(dir, "journal"), Durability: journal.Crash,
		InitialData: sqlstore.MasterData,
		Describe:    func(*isuride.Chair) []byte { return nil },
		Solver:      func() dispatch.Solver { return new(match.Workspace) },
		Dispatch:    dispatch.DefaultParams(),
		Now:         func() isuride.Time { return isuride.TimeOf(time.Now()) },
		Log:         quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &life{e, t, db}
}

func (l *life) register(name string) {
	l.t.Helper()
	g := l.Current()
	if err := g.Admit(); err != nil {
		l.t.Fatalf("%s: %v", name, err)
	}
	if _, err := g.Store.RegisterUser(state.NewUser{Username: name, Firstname: "f", Lastname: "l", DateOfBirth: "d"}); err != nil {
		l.t.Fatalf("%s: %v", name, err)
	}
}

// has checks the number of users, and that the engine is well and goes on.
func (l *life) has(when string, generation uint64, users int) {
	l.t.Helper()
	if s := l.Stats(); s.Generation != generation || s.State.Users != users {
		l.t.Errorf("%s: %d users in generation %d, want %d in %d", when, s.State.Users, s.Generation, users, generation)
	}
	if err := l.Health(); len(err) > 0 {
		l.t.Errorf("%s: %v", when, err)
	}
}

func (l *life) stop() {
	l.t.Helper()
	if err := l.Stop(); err != nil {
		l.t.Error(err)
	}
	if err := l.db.Close(); err != nil {
		l.t.Error(err)
	}
}

// TestFailedInitialize: whichever step fails, the engine goes on with all it had, also
// after a restart, and the next initialize succeeds.
func TestFailedInitialize(t *testing.T) {
	failed := errors.New("failed")
	obstacles := map[string]func(l *life) (remove func()){
		"initial data": func(l *life) func() {
			data := l.cfg.InitialData
			l.cfg.InitialData = func() (*isuride.Tables, error) { return nil, failed }
			return func() { l.cfg.InitialData = data }
		},
		"journal": func(l *life) func() {
			path := l.cfg.Folder.journal(l.Current().number + 1)
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return func() { os.Remove(path) }
		},
	}
	for _, step := range []string{"fill", "load", "swap"} {
		for _, after := range []bool{false, true} {
			if step == "swap" && after {
				continue // is no failure
			}
			obstacles[fmt.Sprintf("%s, after %v", step, after)] = func(l *life) func() {
				fail := func(name string) error {
					if name == step {
						return failed
					}
					return nil
				}
				if after {
					l.db.after = fail
				} else {
					l.db.before = fail
				}
				return func() { l.db.before, l.db.after = nil, nil }
			}
		}
	}
	for name, obstruct := range obstacles {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := begin(t, dir)
			l.register("before")
			remove := obstruct(l)
			for n := range 2 { // an attempt does not hinder the next one
				var told *InitializeError
				if err := l.Initialize("http://localhost", waiting); !errors.As(err, &told) || told.Unknown {
					t.Fatalf("attempt %d: %v", n, err)
				}
			}
			l.register("after")
			l.has("after the failure", 1, 2)
			if s := l.Stats(); s.Initialized != 0 || s.NotInitialized != 2 {
				t.Errorf("counted %d and %d", s.Initialized, s.NotInitialized)
			}
			remove()
			l.stop()
			l = begin(t, dir)
			l.has("after a restart", 1, 2)
			if err := l.Initialize("http://localhost", waiting); err != nil {
				t.Fatal(err)
			}
			l.has("after the next initialize", 2, 0)
			l.register("new")
			l.stop()
			l = begin(t, dir)
			l.has("at the end", 2, 1)
			l.stop()
		})
	}
}

// TestKillInInitialize: what a killed process leaves on the disk, at each step of an
// initialize, is the old generation with everything acknowledged, or the new one.
func TestKillInInitialize(t *testing.T) {
	for _, step := range []string{"fill", "load", "swap", "sweep"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after %v", step, after), func(t *testing.T) {
				dir, rest := t.TempDir(), t.TempDir()
				l := begin(t, dir)
				l.db.noCuts.Store(true) // so that the journal alone has what follows
				l.register("acknowledged")
				kill := func(name string) error {
					if name != step {
						return nil
					}
					return os.CopyFS(rest, os.DirFS(dir))
				}
				if after {
					l.db.after = kill
				} else {
					l.db.before = kill
				}
				if err := l.Initialize("http://localhost", waiting); err != nil {
					t.Fatal(err)
				}
				l.has("without the kill", 2, 0)

				killed := begin(t, rest)
				if step == "sweep" || step == "swap" && after {
					killed.has("after the kill", 2, 0)
				} else {
					killed.has("after the kill", 1, 1)
				}
				killed.register("more")
				if err := killed.Initialize("http://localhost", waiting); err != nil {
					t.Error(err)
				}
				killed.stop()
				l.db.noCuts.Store(false)
				l.stop()
			})
		}
	}
}

// TestUnsettledInitialize: while it is not known which generation the database holds,
// nothing is accepted; as soon as it is, the engine goes on with that one.
func TestUnsettledInitialize(t *testing.T) {
	for _, swapped := range []bool{false, true} {
		t.Run(fmt.Sprint("swapped ", swapped), func(t *testing.T) {
			l := begin(t, t.TempDir())
			l.register("before")
			var away atomic.Bool
			away.Store(true)
			answer := func(name string) error {
				if away.Load() && (name == "swap" || name == "settle") {
					return sqlstore.ErrUnsettled
				}
				return nil
			}
			if l.db.before = answer; swapped {
				l.db.before, l.db.after = nil, answer
			}
			var told *InitializeError
			if err := l.Initialize("http://localhost", waiting); !errors.As(err, &told) || !told.Unknown {
				t.Fatal(err)
			}
			if err := l.Initialize("http://localhost", waiting); !errors.As(err, &told) || !told.Unknown {
				t.Error(err)
			}
			if l.Current().Admit() == nil || len(l.Health()) == 0 {
				t.Error("changes are accepted that may be lost")
			}
			away.Store(false)
			l.changing.Lock()
			pending := l.unsettled
			l.changing.Unlock()
			if !l.trySettling(pending) {
				t.Fatal("the database has answered, but the outcome is not known")
			}
			if swapped {
				l.has("afterwards", 2, 0)
			} else {
				l.has("afterwards", 1, 1)
			}
			l.register("after")
			l.stop()
		})
	}
}

// TestStopWithoutOutcome: a stop does not wait for a database that does not answer, and
// the next start finds whatever it holds.
func TestStopWithoutOutcome(t *testing.T) {
	dir := t.TempDir()
	l := begin(t, dir)
	l.register("before")
	l.db.before = func(name string) error {
		if name == "swap" || name == "settle" {
			return sqlstore.ErrUnsettled
		}
		return nil
	}
	if err := l.Initialize("http://localhost", waiting); err == nil {
		t.Fatal("done")
	}
	if err := l.Stop(); !errors.Is(err, sqlstore.ErrUnsettled) {
		t.Errorf("stop: %v", err)
	}
	pending := l.unsettled
	if err := errors.Join(pending.next.abandon(), l.db.Close()); err != nil { // as the end of the process does
		t.Error(err)
	}
	l = begin(t, dir)
	l.has("after the restart", 1, 1)
	l.stop()
}

// TestSimultaneousInitializes: calls for one payment server share a run, the others take
// turns, and those whose callers have left are dropped.
func TestSimultaneousInitializes(t *testing.T) {
	l := begin(t, t.TempDir())
	data, began, goOn := l.cfg.InitialData, make(chan struct{}, 9), make(chan struct{})
	l.cfg.InitialData = func() (*isuride.Tables, error) {
		began <- struct{}{}
		<-goOn
		return data()
	}
	gone := func() bool { return true }
	type caller struct {
		gateway string
		left    func() bool
		dropped bool
	}
	callers := []caller{{"http://a", waiting, false}, {"http://a", waiting, false}, {"http://a", gone, false},
		{"http://b", gone, true}, {"http://b", gone, true}, {"http://c", gone, false}, {"http://c", waiting, false}}
	done := make(chan error, len(callers))
	for i, c := range callers {
		go func() {
			err := l.Initialize(c.gateway, c.left)
			if errors.Is(err, errCallersGone) != c.dropped || !c.dropped && err != nil {
				err = fmt.Errorf("caller %d: %v", i, err)
			} else {
				err = nil
			}
			done <- err
		}()
		if i == 0 {
			<-began // so that the others come while it is under way
		}
		for l.callers() < i+1 {
			runtime.Gosched()
		}
	}
	close(goOn)
	for range callers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	l.has("afterwards", 3, 0)
	if s := l.Stats(); s.Initialized != 2 {
		t.Errorf("%d runs, want one each for a and c", s.Initialized)
	}
	l.stop()
	if err := l.Initialize("http://a", waiting); err == nil || !strings.Contains(err.Error(), "about to stop") {
		t.Errorf("after the stop: %v", err)
	}
}

// callers counts those whose calls are open.
func (l *life) callers() (n int) {
	l.initializes.mu.Lock()
	defer l.initializes.mu.Unlock()
	for _, c := range l.initializes.open {
		n += len(c.left)
	}
	return n
}

// TestDamagedDatabase: a database that lacks a table is not filled again, which would
// throw away all others.
func TestDamagedDatabase(t *testing.T) {
	dir := t.TempDir()
	l := begin(t, dir)
	l.register("kept")
	l.stop()
	damaged := sqlstore.State{Generation: 1, Damaged: "coupons"}
	if err := l.prepare(t.Context(), damaged); err == nil || !strings.Contains(err.Error(), "lacks coupons") {
		t.Error(err)
	}
}

// What an initialize that was killed has left in the next generation's folder is in
// nobody's way, and what is not ours stays there.
func TestLeftoverOfTheNextGeneration(t *testing.T) {
	dir := t.TempDir()
	l := begin(t, dir)
	l.register("before")
	next := l.cfg.Folder.journal(2)
	snapshot, err := l.db.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	snapshot.Generation, snapshot.Position = 2, 0
	g, err := l.build(snapshot, func() (*sqlstore.Snapshot, error) { return snapshot, nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := g.abandon(); err != nil { // as the end of the process does
		t.Fatal(err)
	}
	note := filepath.Join(next, "note.txt")
	if err := os.WriteFile(note, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.db.before = func(name string) error {
		if name == "swap" {
			return errors.New("no")
		}
		return nil
	}
	if err := l.Initialize("http://localhost", waiting); err == nil {
		t.Fatal("done")
	}
	if left, _ := filepath.Glob(filepath.Join(next, "*")); !slices.Equal(left, []string{note}) {
		t.Errorf("the folder holds %v", left)
	}
	l.db.before = nil
	if err := l.Initialize("http://localhost", waiting); err != nil {
		t.Fatal(err)
	}
	l.has("after the next one", 2, 0)
	l.stop()
}
