package engine

import (
	"os"
	"path/filepath"
	"testing"
)

// TestBaseIsKeptOnceWritten: a base that could not be written, as on a full disk, is not there, and is
// written when it is tried again.
func TestBaseIsKeptOnceWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	b, err := openBases(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.keep(base{Generation: 2}); err == nil {
		t.Fatal("a base was kept in a folder that is not there")
	}
	if _, there := b.of(2); there || !b.empty() {
		t.Error("a base that was not written is said to be there")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := b.keep(base{Generation: 2}); err != nil {
		t.Fatal(err)
	}
	if b, err = openBases(dir); err != nil {
		t.Fatal(err)
	}
	if _, there := b.of(2); !there {
		t.Error("the base is not in the file")
	}
}
