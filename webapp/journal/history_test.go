package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var ours, theirs = History{1: 0xab}, History{15: 0xcd}

// putHeader1 writes a header of version 1, as the releases before identities did.
func putHeader1(b []byte, first, follows uint64) {
	binary.NativeEndian.PutUint64(b[firstAt:], first)
	binary.NativeEndian.PutUint64(b[followsAt:], follows)
	binary.NativeEndian.PutUint32(b[versionAt:], 1)
	binary.NativeEndian.PutUint32(b[versionAt+4:], headerSum(b))
	binary.NativeEndian.PutUint64(b[magicAt:], magic)
}

// oldLog makes a folder of version 1 with records from 1 on.
func oldLog(t *testing.T, records int) (dir string, want []record) {
	t.Helper()
	dir = t.TempDir()
	b := make([]byte, smallSegment)
	putHeader1(b, 1, 0)
	for at := headerSize1; len(want) < records; at += recordSize(100) {
		p := numbered(len(want), 100)
		want = append(want, record{uint64(len(want) + 1), p})
		putRecord(b[at:], uint64(len(want)), p)
	}
	if err := os.WriteFile(filepath.Join(dir, "000000000000.segment"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, want
}

func inspect(t *testing.T, dir string) Info {
	t.Helper()
	before := snapshot(t, dir)
	info, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(before, snapshot(t, dir), bytes.Equal) {
		t.Error("Inspect changed the folder")
	}
	return info
}

// TestVersion1IsRead: a log of version 1 goes on in version 2, and both are read
// together.
func TestVersion1IsRead(t *testing.T) {
	dir, want := oldLog(t, 3)
	if got := inspect(t, dir); got != (Info{Segments: true, Records: true, Last: 3}) {
		t.Errorf("before: %+v", got)
	}
	j := mustOpen(t, Options{Dir: dir, History: ours}, unsynced())
	sameLog(t, contents(t, j), want)
	want = append(want, record{mustAppend(t, j, []byte("new")), []byte("new")})
	if got := inspect(t, dir); got != (Info{Segments: true, Known: true, History: ours, Records: true, Last: 4}) {
		t.Errorf("after: %+v", got)
	}
	sameLog(t, contents(t, mustOpen(t, Options{Dir: image(t, dir), History: ours}, unsynced())), want)
	j.Release(4)
	mustClose(t, j)
	if files := segmentFiles(t, dir); len(files) != 1 {
		t.Errorf("files after the release: %v", files)
	}
}

// TestEmptyVersion1Log: a header without records keeps the numbering in either version.
func TestEmptyVersion1Log(t *testing.T) {
	dir, _ := oldLog(t, 0)
	edit(t, segmentFiles(t, dir)[0], func(b []byte) []byte { putHeader1(b, 8, 7); return b[:headerSize1] })
	if got := inspect(t, dir); got != (Info{Segments: true, Last: 7}) {
		t.Errorf("%+v", got)
	}
	j := mustOpen(t, Options{Dir: dir, History: ours}, unsynced())
	if seq := mustAppend(t, j, nil); seq != 8 {
		t.Errorf("record %d", seq)
	}
}

// TestAnotherHistoryIsRefused, and not touched, with or without records, even by a
// repair.
func TestAnotherHistoryIsRefused(t *testing.T) {
	for _, records := range []int{0, 5} {
		dir := t.TempDir()
		j := mustOpen(t, Options{Dir: dir, History: theirs}, unsynced())
		fill(t, j, records, 1000)
		mustClose(t, j)
		before := snapshot(t, dir)
		for _, repair := range []bool{false, true} {
			for _, level := range []Durability{Crash, Power, None} {
				_, err := tryOpen(Options{Dir: dir, History: ours, Repair: repair, Durability: level}, unsynced())
				if !errors.Is(err, ErrHistory) || !strings.Contains(err.Error(), dir) ||
					!strings.Contains(err.Error(), ours.String()) || !strings.Contains(err.Error(), theirs.String()) {
					t.Errorf("%d records, repair %v, %s: %v", records, repair, level, err)
				}
			}
		}
		if !maps.EqualFunc(before, snapshot(t, dir), bytes.Equal) {
			t.Error("the folder was changed")
		}
	}
}

// TestMixedHistoriesAreRefused: segments of two logs in one folder are nobody's.
func TestMixedHistoriesAreRefused(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, mustOpen(t, Options{Dir: dir, History: ours}, unsynced()))
	other := make([]byte, smallSegment)
	header{first: 1, history: theirs}.put(other)
	if err := os.WriteFile(filepath.Join(dir, "000000000009.segment"), other, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(dir); !errors.Is(err, ErrHistory) {
		t.Errorf("Inspect: %v", err)
	}
	if _, err := tryOpen(Options{Dir: dir, History: ours}, unsynced()); !errors.Is(err, ErrHistory) {
		t.Errorf("Open: %v", err)
	}
}

// TestDamagedIdentityIsCorruption: every byte of the header but the mark is under a
// checksum.
func TestDamagedIdentityIsCorruption(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir, History: ours}, unsynced())
	fill(t, j, 3, 100)
	mustClose(t, j)
	for at := range headerSize {
		damaged := image(t, dir)
		flip(t, segmentFiles(t, damaged)[0], at)
		var corrupt *CorruptError
		if _, err := tryOpen(Options{Dir: damaged, History: ours}, unsynced()); !errors.As(err, &corrupt) {
			t.Errorf("byte %d: %v", at, err)
		}
		if info := inspect(t, damaged); !info.Records {
			t.Errorf("byte %d: a damaged segment passes for an empty one", at)
		}
	}
}

// TestOldProgramsTellTheVersion: the first four words keep the form of version 1, so that
// a program of then says that the version is too new, instead of taking the segment for
// damaged.
func TestOldProgramsTellTheVersion(t *testing.T) {
	b := make([]byte, headerSize)
	header{first: 1, history: ours, term: 2, group: 3}.put(b)
	if got, want := binary.NativeEndian.Uint32(b[versionAt+4:]), headerSum(b); got != want {
		t.Errorf("sum %x, version 1 wants %x", got, want)
	}
	if h, err := parseHeader(b); err != nil || h != (header{version: 2, first: 1, history: ours, term: 2, group: 3}) {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestInspectWithoutRecords(t *testing.T) {
	for name, prepare := range map[string]func(dir string){
		"no folder":    func(dir string) { os.Remove(dir) },
		"empty folder": func(string) {},
		"only a lock":  func(dir string) { os.WriteFile(filepath.Join(dir, lockName), nil, 0o600) },
		"a spare segment": func(dir string) {
			os.WriteFile(filepath.Join(dir, "000000000000.segment"), make([]byte, smallSegment), 0o600)
		},
	} {
		dir := t.TempDir()
		prepare(dir)
		if info, err := Inspect(dir); err != nil || info != (Info{}) {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
}

func TestParseHistory(t *testing.T) {
	if h, err := ParseHistory(ours.String()); err != nil || h != ours {
		t.Errorf("%v, %v", h, err)
	}
	for _, text := range []string{"", "ab", strings.Repeat("g", 32), strings.Repeat("a", 33), strings.Repeat("a", 34)} {
		if _, err := ParseHistory(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
