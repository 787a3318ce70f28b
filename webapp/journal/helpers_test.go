package journal

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const smallSegment = minSegmentBytes

// unsynced is a disk that says yes to every sync. Nothing is lost by that: these tests
// never cut the power, and those that do have a disk of their own.
func unsynced() system {
	sys := linux()
	sys.syncData = func(*os.File) error { return nil }
	sys.syncFile = func(*os.File) error { return nil }
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

// seeded returns a source of random numbers and prints its seed.
func seeded(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
