package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzScan: whatever the bytes, the scanner stops inside them, and what it calls records
// it would have written itself.
func FuzzScan(f *testing.F) {
	for _, sizes := range [][]int{{}, {0}, {1, 8, 9}, {100, 0, 0, 100}} {
		b := make([]byte, 512)
		at := 0
		for i, size := range sizes {
			putRecord(b[at:], uint64(7+i), numbered(i, size))
			at += recordSize(size)
		}
		f.Add(b, uint64(7))
		f.Add(b[:max(at-1, 0)], uint64(7))
	}
	f.Fuzz(func(t *testing.T, data []byte, seq uint64) {
		b := append(make([]byte, 0, len(data)+wordSize), data...) // starts at a word
		end, next, reason := scan(b, 0, seq)
		if end < 0 || end > len(b) || end%wordSize != 0 {
			t.Fatalf("end at %d of %d", end, len(b))
		}
		if rest := b[end:]; reason == "" && len(rest) >= wordSize && !bytes.Equal(rest[:wordSize], make([]byte, wordSize)) {
			t.Fatalf("no reason to stop at %d", end)
		}
		at := 0
		for n := seq; n != next; n++ {
			payload := body(b[at:])
			size := recordSize(len(payload))
			again := make([]byte, size)
			putRecord(again, n, payload)
			if !bytes.Equal(again[:wordSize+len(payload)], b[at:at+wordSize+len(payload)]) {
				t.Fatalf("record %d at %d would be written differently", n, at)
			}
			at += size
		}
		if at != end {
			t.Fatalf("the records end at %d, the scanner says %d", at, end)
		}
	})
}

// FuzzOpen: any file is opened or refused, and a repaired one opens ever after with the
// same log.
func FuzzOpen(f *testing.F) {
	whole := make([]byte, 1024)
	header{first: 5, follows: 4}.put(whole)
	putRecord(whole[headerSize:], 5, numbered(1, 100))
	putRecord(whole[headerSize+recordSize(100):], 6, numbered(2, 30))
	marked := bytes.Clone(whole)
	putMark(marked, headerSize+recordSize(100))
	for _, b := range [][]byte{nil, whole[:20], whole[:headerSize], whole[:headerSize+50], whole, marked, marked[:100], make([]byte, 200)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "000000000000.segment"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := tryOpen(Options{Dir: dir}, unsynced())
		if corrupt := (*CorruptError)(nil); errors.As(err, &corrupt) {
			j, err = tryOpen(Options{Dir: dir, Repair: true}, unsynced())
		}
		if errors.Is(err, ErrVersion) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		want := contents(t, j)
		mustClose(t, j)
		j = mustOpen(t, Options{Dir: dir}, unsynced())
		sameLog(t, contents(t, j), want)
		mustClose(t, j)
	})
}
