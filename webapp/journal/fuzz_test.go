package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"isuride/webapp/internal/disk"
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

// FuzzEntry: whatever the bytes, they are refused and change nothing, or they are the entry
// that the log then gives back.
func FuzzEntry(f *testing.F) {
	from := &node{disk: new(disk.Memory), o: Options{Dir: "log", SegmentBytes: smallSegment, Replicated: true, Log: quiet()}}
	from.Stepped, _ = OpenStepped(from.o, from.disk)
	for _, sizes := range [][]int{{}, {0}, {1, 8, 9}, {100, 0, 3000, 100}} {
		for i, size := range sizes {
			from.Lead(1)
			from.Append(numbered(i, size))
		}
		e, _, err := from.Seal(from.LastIndex()+1, 1, []byte("note"), true)
		if err != nil {
			f.Fatal(err)
		}
		b, _ := from.AppendBytes(nil, e.Index)
		f.Add(b)
		f.Add(b[:len(b)-8])
		from.Stepped, _ = OpenStepped(from.o, new(disk.Memory))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := OpenStepped(from.o, new(disk.Memory))
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.AppendEntry(9, data)
		if err != nil {
			if !errors.Is(err, ErrNoEntry) || s.Appended() != 0 {
				t.Fatalf("%d records after %v", s.Appended(), err)
			}
			return
		}
		if back, err := s.AppendBytes(nil, e.Index); err != nil || !bytes.Equal(back, data) {
			t.Fatalf("%x has become %x: %v", data, back, err)
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
