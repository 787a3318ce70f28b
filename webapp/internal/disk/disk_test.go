package disk

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func eachDisk(t *testing.T, test func(t *testing.T, d Disk, dir string)) {
	t.Run("linux", func(t *testing.T) { test(t, Linux{}, filepath.Join(t.TempDir(), "folder")) })
	t.Run("memory", func(t *testing.T) { test(t, new(Memory), "folder") })
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Both disks do the same.
func TestDisks(t *testing.T) {
	eachDisk(t, func(t *testing.T, d Disk, dir string) {
		if err := d.MakeFolder(dir); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "b.new")
		f := must(d.Create(path))(t)
		if err := f.Allocate(8192); err != nil {
			t.Fatal(err)
		}
		m := must(f.Map(8192, true))(t)
		copy(m.Bytes()[100:], "stored")
		if f.Name() != path {
			t.Errorf("the name is %s", f.Name())
		}
		if err := errors.Join(f.Sync(), f.SyncData(), d.Rename(path, filepath.Join(dir, "b")), d.SyncFolder(dir)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Truncate(4096), f.Close()); err != nil {
			t.Fatal(err)
		}
		other := must(d.Create(filepath.Join(dir, "a")))(t)
		must(other.WriteAt([]byte("text"), 2))(t)
		f = must(d.Open(filepath.Join(dir, "b"), false))(t)
		got := make([]byte, 6)
		must(f.ReadAt(got, 100))(t)
		if size := must(f.Size())(t); string(got) != "stored" || size != 4096 {
			t.Errorf("%q of %d bytes", got, size)
		}
		if n, err := f.ReadAt(got, 4092); n != 4 || err != io.EOF {
			t.Errorf("at the end %d bytes, %v", n, err)
		}
		if string(m.Bytes()[100:106]) != "stored" {
			t.Error("the memory does not outlive the file")
		}
		m.LetPagesGo()
		m.Unmap()
		if names := must(d.List(dir))(t); !slices.Equal(names, []string{"a", "b"}) {
			t.Errorf("the names are %v", names)
		}
		if err := d.Remove(filepath.Join(dir, "a")); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{
			"open": func() error { _, err := d.Open(filepath.Join(dir, "a"), true); return err }(), "remove": d.Remove(filepath.Join(dir, "a")),
			"rename": d.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "c")),
		} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s of a file that is not there: %v", what, err)
			}
		}
		lock := must(d.Lock(filepath.Join(dir, "lock")))(t)
		if _, err := d.Lock(filepath.Join(dir, "lock")); !errors.Is(err, ErrLocked) {
			t.Errorf("a lock that somebody has: %v", err)
		}
		lock.Close()
		must(d.Lock(filepath.Join(dir, "lock")))(t).Close()
	})
}

// What was synced is there after a loss of power, whatever came since; what was not may be
// there in part.
func TestPowerLoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	synced, half, names := 0, 0, 0
	for range 200 {
		m := new(Memory)
		f := must(m.Create("d/a"))(t)
		if err := f.Allocate(4 * sectorBytes); err != nil {
			t.Fatal(err)
		}
		b := must(f.Map(4*sectorBytes, true))(t).Bytes()
		fill := func(c byte) { copy(b, bytes.Repeat([]byte{c}, len(b))) }
		fill(1)
		f.Sync()
		m.SyncFolder("d")
		fill(2)
		m.Rename("d/a", "d/b")
		m.Create("d/c")
		m.PowerLoss(rng)
		list := must(m.List("d"))(t)
		if slices.Contains(list, "c") && !slices.Contains(list, "b") {
			t.Fatalf("the names have changed their order: %v", list)
		}
		if slices.Contains(list, "b") {
			names++
		}
		file := must(m.Open("d/"+list[0], false))(t)
		got := make([]byte, 4*sectorBytes)
		must(file.ReadAt(got, 0))(t)
		ones := 0
		for at := 0; at < len(got); at += sectorBytes {
			if !bytes.Equal(got[at:at+sectorBytes], bytes.Repeat(got[at:at+1], sectorBytes)) || got[at] != 1 && got[at] != 2 {
				t.Fatal("a sector is torn")
			}
			if got[at] == 1 {
				ones++
			}
		}
		switch ones {
		case 4:
			synced++
		case 1, 2, 3:
			half++
		}
	}
	if synced == 0 || half == 0 || names == 0 || names == 200 {
		t.Errorf("of 200 losses %d left what was synced, %d a mixture, %d the new name", synced, half, names)
	}
}

func TestKillLeavesThePageCache(t *testing.T) {
	m := new(Memory)
	f := must(m.Create("d/a"))(t)
	must(f.WriteAt([]byte("one"), 0))(t)
	must(m.Lock("d/lock"))(t)
	m.Kill()
	must(f.WriteAt([]byte("two"), 0))(t) // of a process that is dead
	got := make([]byte, 3)
	must(must(m.Open("d/a", false))(t).ReadAt(got, 0))(t)
	if string(got) != "one" {
		t.Errorf("the file has %q", got)
	}
	must(m.Lock("d/lock"))(t)
}

func TestFaults(t *testing.T) {
	m := &Memory{Capacity: 1000}
	f := must(m.Create("d/a"))(t)
	if err := f.Allocate(1001); !IsFull(err) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	if err := f.Allocate(1000); err != nil {
		t.Error(err)
	}
	broken := errors.New("broken")
	m.Fault = func(operation, path string) error {
		if operation == "sync" && path == "d/a" {
			return broken
		}
		return nil
	}
	if err := f.Sync(); err != broken {
		t.Errorf("a sync that fails: %v", err)
	}
	m.Fault, m.Lie = nil, true
	if err := errors.Join(f.Sync(), m.SyncFolder("d")); err != nil {
		t.Error(err)
	}
	m.PowerLoss(rand.New(rand.NewPCG(1, 1)))
	if len(f.(*memoryFile).synced) > 0 {
		t.Error("a disk that lies has synced")
	}
}

// TestLockEndsWithClose: also while a process that was being started has a copy of the
// descriptor, as between its fork and its exec.
func TestLockEndsWithClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, err := Linux{}.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	child, err := syscall.Dup(int(l.(held).Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(child)
	if _, err := (Linux{}).Lock(path); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second lock: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Linux{}.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
