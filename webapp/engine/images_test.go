package engine

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"isuride/webapp/replica"
	"isuride/webapp/snapshot"
)

// newSingle is a group of one.
func newSingle(t *testing.T) *trio {
	t.Helper()
	return newTrioOf(t, "", []replica.Member{{Name: "a", Address: "a:1"}})
}

// TestPartOfAnImage: what has come of a snapshot when its sender or the receiver ends goes, at once
// or with the next start; a file of somebody else stays.
func TestPartOfAnImage(t *testing.T) {
	g := newSingle(t)
	g.enlist("user")
	m := g.engines["a"].member
	line, err := json.Marshal(m.bases.first())
	g.must(err)
	name := "00000000000000000007.snapshot"
	path := filepath.Join(m.dir, name)
	image := io.MultiReader(strings.NewReader(string(line)+"\nthe beginning"), iotest.ErrReader(errors.New("the sender has gone")))
	if err := (&images{m: m}).Receive(name, image); err == nil {
		t.Error("half an image is taken")
	}
	for _, left := range []string{path, path + ".part"} {
		if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("half an image leaves %s (%v)", left, err)
		}
	}
	g.stop("a")
	foreign := filepath.Join(m.dir, "mine.part")
	g.must(os.WriteFile(path+".part", []byte("what a kill has left"), 0o600))
	g.must(os.WriteFile(foreign, []byte("somebody else's"), 0o600))
	g.start("a")
	if _, err := os.Stat(path + ".part"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the part is there after a start (%v)", err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
}

// TestDamagedImage: if the newest snapshot is damaged the one before is offered to other members,
// and no new one is made for them.
func TestDamagedImage(t *testing.T) {
	g := newSingle(t)
	_, e := g.leader()
	for _, name := range []string{"first", "second"} {
		g.enlist(name)
		_, err := e.Snapshot()
		g.must(err)
	}
	paths, err := snapshot.List(e.member.dir)
	g.must(err)
	if len(paths) != 2 {
		t.Fatalf("there are %d snapshots", len(paths))
	}
	i := &images{m: e.member}
	offers := func(path string) {
		t.Helper()
		if s, ok := i.Latest(1); !ok || s.Name != filepath.Base(path) {
			t.Errorf("%+v is offered (%v), want %s", s, ok, path)
		}
	}
	offers(paths[0])
	b, err := os.ReadFile(paths[0])
	g.must(err)
	b[40] ^= 1
	g.must(os.WriteFile(paths[0], b, 0o600))
	offers(paths[1])
	if i.making.Load() {
		t.Error("a new one is being made")
	}
}
