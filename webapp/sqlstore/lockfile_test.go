package sqlstore

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFileLockEndsWithClose: also while a process that was being started has a copy of the
// descriptor, as between its fork and its exec.
func TestFileLockEndsWithClose(t *testing.T) {
	c := Config{Dialect: SQLite, Path: filepath.Join(t.TempDir(), "isuride.db")}
	if err := os.WriteFile(c.Path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := c.lockFile()
	if err != nil {
		t.Fatal(err)
	}
	child, err := syscall.Dup(int(l.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(child)
	if _, err := c.lockFile(); !errors.Is(err, ErrInUse) {
		t.Fatalf("a second lock: %v", err)
	}
	if err := giveBack(l.file); err != nil {
		t.Fatal(err)
	}
	again, err := c.lockFile()
	if err != nil {
		t.Fatal(err)
	}
	again.file.Close()
}
