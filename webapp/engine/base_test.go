package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"isuride/webapp/isuride"
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

// TestBaseOfManyModels: a foreign data set may have thousands of models, all in one line.
func TestBaseOfManyModels(t *testing.T) {
	dir := t.TempDir()
	b, err := openBases(dir)
	if err != nil {
		t.Fatal(err)
	}
	many := base{Generation: 1}
	for i := range 5000 {
		many.Models = append(many.Models, isuride.ChairModel{Name: fmt.Sprintf("model %d", i), Speed: i % 100})
	}
	if err := b.keep(many); err != nil {
		t.Fatal(err)
	}
	if b, err = openBases(dir); err != nil {
		t.Fatal(err)
	}
	if one, there := b.of(1); !there || len(one.Models) != len(many.Models) {
		t.Errorf("%d of %d models were read", len(one.Models), len(many.Models))
	}
}
