package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/webapp/sqlstore"
)

// TestFoundAGroup makes a server alone the first of a group: its users are there, on all
// members, and the group goes on.
func TestFoundAGroup(t *testing.T) {
	dir := t.TempDir()
	l := begin(t, dir)
	for i := range 5 {
		l.register(fmt.Sprint("alone", i))
	}
	l.stop()
	found(t, dir)
	alone := &Folder{path: filepath.Join(dir, "journal")}
	if err := alone.forAlone(); err == nil || !strings.Contains(err.Error(), "ISURIDE_REPLICAS") {
		t.Errorf("a server alone would start on the folder: %v", err)
	}
	g := newTrioOn(t, dir)
	g.everybodyHas(5)
	for i := range 5 {
		g.enlist(fmt.Sprint("together", i))
	}
	g.everybodyHas(10)
	name, _ := g.leader()
	g.stop(name)
	g.enlist("later")
	g.start(name)
	g.everybodyHas(11)
	for name, e := range g.engines {
		g.await(name+" has written its tables", func() bool { s := e.Stats(); return s.Flush.Lag.Events == 0 && s.Flush.Outage == nil })
	}
}

// TestFoundAfterAKill is refused: the tables lack what the journal has.
func TestFoundAfterAKill(t *testing.T) {
	dir := t.TempDir()
	l := begin(t, dir)
	l.db.noCuts.Store(true)
	l.register("alone")
	l.Current().discard()
	l.cfg.Folder.Close()
	l.db.Close()
	cfg := l.cfg
	cfg.Folder = nil
	store := openLite(t, dir)
	defer store.Close()
	if _, err := Found(t.Context(), store, cfg); err == nil || !strings.Contains(err.Error(), "stop it by TERM") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "journal", groupFolder)); err == nil {
		t.Error("there is a group's folder all the same")
	}
}

func openLite(t *testing.T, dir string) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(dir, "isuride.db")}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func found(t *testing.T, dir string) {
	t.Helper()
	l := begin(t, t.TempDir()) // for its configuration
	cfg := l.cfg
	l.stop()
	cfg.JournalDir, cfg.Folder = filepath.Join(dir, "journal"), nil
	store := openLite(t, dir)
	f, err := Found(t.Context(), store, cfg)
	if err != nil || f.Users != 5 {
		t.Fatalf("founded %+v, %v", f, err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}
