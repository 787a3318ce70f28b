package journal

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"flag"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"isuride/webapp/internal/disk"
)

const smallSegment = minSegmentBytes

// system is the machine's disk, made full, slow or broken.
type system struct {
	disk.Linux
	allocate func(f disk.File, size int64) error
	syncData func(f disk.File) error // of the content of a segment
	syncFile func(f disk.File) error // of a file or folder
}

func linux() system {
	return system{
		allocate: disk.File.Allocate,
		syncData: disk.File.SyncData,
		syncFile: func(f disk.File) error { return f.Sync() },
	}
}

func (s system) Create(path string) (disk.File, error) { return s.hook(s.Linux.Create(path)) }

func (s system) Open(path string, writable bool) (disk.File, error) {
	return s.hook(s.Linux.Open(path, writable))
}

func (s system) hook(f disk.File, err error) (disk.File, error) {
	if err != nil {
		return nil, err
	}
	return hooked{f, s}, nil
}

func (s system) MakeFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return s.SyncFolder(filepath.Dir(path))
}

func (s system) SyncFolder(path string) error { return s.syncFile(folderFile{path: path}) }

type hooked struct {
	disk.File
	s system
}

func (h hooked) Allocate(size int64) error { return h.s.allocate(h.File, size) }
func (h hooked) SyncData() error           { return h.s.syncData(h.File) }
func (h hooked) Sync() error               { return h.s.syncFile(h.File) }

// folderFile is a folder, for the hook of syncs.
type folderFile struct {
	disk.File
	path string
}

func (f folderFile) Name() string { return f.path }
func (f folderFile) Sync() error  { return disk.Linux{}.SyncFolder(f.path) }

// unsynced is a disk that says yes to every sync. Nothing is lost by that: these tests
// never cut the power, and those that do have a disk of their own.
func unsynced() system {
	sys := linux()
	sys.syncData = func(disk.File) error { return nil }
	sys.syncFile = func(disk.File) error { return nil }
	return sys
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func mustOpen(t testing.TB, o Options, sys system) *Journal {
	t.Helper()
	j, err := tryOpen(o, sys)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// tryOpen opens with small segments and no background sync, unless the options say
// otherwise.
func tryOpen(o Options, sys system) (*Journal, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = smallSegment
	}
	if o.SyncInterval == 0 {
		o.SyncInterval = time.Hour
	}
	if o.Log == nil {
		o.Log = quiet()
	}
	return open(o, sys)
}

func mustAppend(t testing.TB, j *Journal, payload []byte) uint64 {
	t.Helper()
	seq, err := j.Append(payload)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return seq
}

func mustClose(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// record is what a test expects to read.
type record struct {
	seq     uint64
	payload []byte
}

// contents reads the whole log.
func contents(t testing.TB, j *Journal) (log []record) {
	t.Helper()
	r, err := j.ReadFrom(j.Oldest())
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	defer r.Close()
	for seq, payload, ok := r.Next(); ok; seq, payload, ok = r.Next() {
		log = append(log, record{seq, bytes.Clone(payload)})
	}
	return log
}

func sameLog(t testing.TB, got, want []record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("the log has %d records, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].seq != want[i].seq || !bytes.Equal(got[i].payload, want[i].payload) {
			t.Fatalf("record %d is %d %x, want %d %x", i, got[i].seq, got[i].payload, want[i].seq, want[i].payload)
		}
	}
}

// numbered is a payload that tells which one it is.
func numbered(n, size int) []byte {
	p := make([]byte, max(size, 8))
	for i := range p {
		p[i] = byte(n + i)
	}
	binary.LittleEndian.PutUint64(p, uint64(n))
	return p[:size]
}

func fill(t testing.TB, j *Journal, n, size int) (log []record) {
	t.Helper()
	for i := range n {
		p := numbered(i, size)
		log = append(log, record{mustAppend(t, j, p), p})
	}
	return log
}

// image copies the folder as a kill at this moment would leave it: the page cache
// survives it.
func image(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, path := range append(segmentFiles(t, dir), keptFiles(t, dir)...) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(path)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// edit changes a file of a folder at rest.
func edit(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

var seedFlag = flag.Uint64("seed", 0, "of the random tests; 0: another one each time")

// seeded returns a source of random numbers and prints its seed.
func seeded(t testing.TB) *rand.Rand {
	seed := cmp.Or(*seedFlag, rand.Uint64())
	t.Logf("seed %d (repeat with -seed %[1]d)", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// readFile returns what is in a file.
func readFile(sys disk.Disk, path string) ([]byte, error) {
	f, err := sys.Open(path, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, 0, size))
}
