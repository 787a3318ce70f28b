package journal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A kill or a power loss may leave any part of the last record.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir}, unsynced())
	whole := fill(t, j, 5, 21)
	end := headerSize + 5*recordSize(21)
	fill(t, j, 1, 21)
	next := end + recordSize(21)
	tears := map[string]func(b []byte, at int) []byte{
		"cut off": func(b []byte, at int) []byte { return b[:at] },
		"zeros":   func(b []byte, at int) []byte { clear(b[at:next]); return b },
		"garbage": func(b []byte, at int) []byte {
			for i := at; i < next; i++ {
				b[i] ^= 0xa5
			}
			return b
		},
	}
	for name, tear := range tears {
		for at := end; at < end+wordSize+21; at++ {
			torn := image(t, dir)
			edit(t, segmentFiles(t, torn)[0], func(b []byte) []byte { return tear(b, at) })
			checkRepaired(t, fmt.Sprintf("%s from %d", name, at-end), torn, whole)
		}
	}
	intact := image(t, dir)
	edit(t, segmentFiles(t, intact)[0], func(b []byte) []byte { return tears["garbage"](b, next-1) })
	j = mustOpen(t, Options{Dir: intact}, unsynced())
	if n := j.Appended(); n != 6 {
		t.Errorf("damage to the padding left %d records, want 6", n)
	}
}

// checkRepaired opens a torn folder, looks for what must be there, and lets the log go
// on.
func checkRepaired(t *testing.T, name, dir string, want []record) {
	t.Helper()
	j, err := tryOpen(Options{Dir: dir}, unsynced())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	sameLog(t, contents(t, j), want)
	more := record{mustAppend(t, j, []byte("more")), []byte("more")}
	again := image(t, dir)
	mustClose(t, j)
	for _, dir := range []string{dir, again} {
		j, err = tryOpen(Options{Dir: dir}, unsynced())
		if err != nil {
			t.Fatalf("%s, opened again: %v", name, err)
		}
		sameLog(t, contents(t, j), append(want[:len(want):len(want)], more))
		mustClose(t, j)
	}
}

// A stopped journal is all on the disk. Whatever byte of it changes, recovery either
// refuses or finds the same end: never fewer records, never others.
func TestEveryDamagedByteOfAStoppedJournal(t *testing.T) {
	dir, _ := stopped(t)
	refused := 0
	for file, path := range segmentFiles(t, dir) {
		whole, _ := os.ReadFile(path)
		for at := range whole {
			b := bytes.Clone(whole)
			b[at] ^= 1 << (at % 8)
			if checkDamaged(t, dir, file, b, fmt.Sprintf("byte %d of %s", at, path)) {
				refused++
			}
		}
	}
	if bytes := 8 * (601 + wordSize); refused < bytes {
		t.Fatalf("only %d damaged bytes were noticed, want %d", refused, bytes)
	}
}

func TestEveryLengthOfAStoppedJournal(t *testing.T) {
	dir, _ := stopped(t)
	for file, path := range segmentFiles(t, dir) {
		whole, _ := os.ReadFile(path)
		for n := range whole {
			checkDamaged(t, dir, file, whole[:n:n], fmt.Sprintf("%s with %d bytes", path, n))
		}
	}
}

// stopped returns a journal of two segments that was closed. The first has some room
// left.
func stopped(t *testing.T) (dir string, log []record) {
	dir = t.TempDir()
	j := mustOpen(t, Options{Dir: dir}, unsynced())
	log = fill(t, j, 8, 601)
	mustClose(t, j)
	if n := len(segmentFiles(t, dir)); n != 2 {
		t.Fatalf("%d segments, want 2", n)
	}
	return dir, log
}

// checkDamaged looks at a stopped journal with one file replaced, in memory only. It
// returns whether recovery refuses.
func checkDamaged(t *testing.T, dir string, file int, damaged []byte, name string) bool {
	t.Helper()
	r := recovery{log: quiet(), dir: onMachine(dir), access: readWrite}
	if err := r.open(); err != nil {
		t.Fatal(err)
	}
	for i, s := range r.segments {
		defer s.unmap()
		if i == file {
			real := s.data
			s.data = damaged
			defer func() { s.data = real }()
		}
	}
	c, err := r.inspect()
	if err != nil {
		checkRefusal(t, err, name)
		return true
	}
	if c.index != 1 || c.seq != 9 || c.reason != "" {
		t.Fatalf("%s: silently cut at %+v", name, c)
	}
	return false
}

func checkRefusal(t *testing.T, err error, name string) {
	t.Helper()
	if errors.Is(err, ErrVersion) {
		return
	}
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) {
		t.Fatalf("%s: %v", name, err)
	}
	if text := err.Error(); !strings.Contains(text, corrupt.Segment) || !strings.Contains(text, "start with repair") {
		t.Fatalf("%q does not help", text)
	}
}

func TestCorruptionNamesThePlace(t *testing.T) {
	dir, _ := stopped(t)
	paths := segmentFiles(t, dir)
	third := headerSize + 2*recordSize(601)
	for _, c := range []struct {
		name   string
		damage func()
		want   CorruptError
	}{
		{"payload", func() { flip(t, paths[0], third+100) },
			CorruptError{paths[0], int64(third), "the checksum of the record does not match", 3}},
		{"length", func() { flip(t, paths[0], third+3) },
			CorruptError{paths[0], int64(third), "the commit word of the record is damaged", 3}},
		{"long length", func() { flip(t, paths[0], third+2) },
			CorruptError{paths[0], int64(third), "the record reaches beyond the segment", 3}},
		{"header", func() { flip(t, paths[1], firstAt) },
			CorruptError{paths[1], 0, "the checksum of the header does not match", 7}},
		{"mark", func() { flip(t, paths[1], markAt+5) },
			CorruptError{paths[1], markAt, "the durable mark is not whole", 9}},
		{"emptied file", func() { edit(t, paths[1], func(b []byte) []byte { return nil }) },
			CorruptError{paths[1], markAt, "the durable mark is not whole", 7}},
		{"missing end", func() { edit(t, paths[1], func(b []byte) []byte { clear(b[headerSize:]); return b }) },
			CorruptError{paths[1], headerSize, "there is no record where one is known to have been", 7}},
		{"missing records", func() {
			edit(t, paths[0], func(b []byte) []byte { clear(b[third:]); clear(b[markAt:historyAt]); return b })
		},
			CorruptError{paths[0], int64(third), "records 3 to 6 are missing", 3}},
		{"records twice", func() { copyFile(t, paths[0], filepath.Join(dir, "000000000009.segment")) },
			CorruptError{filepath.Join(dir, "000000000009.segment"), 0, "the segment repeats records of the one before", 9}},
	} {
		before := snapshot(t, dir)
		c.damage()
		_, err := tryOpen(Options{Dir: dir}, unsynced())
		var got *CorruptError
		if !errors.As(err, &got) || *got != c.want {
			t.Errorf("%s: got %+v (%v)\nwant %+v", c.name, got, err, c.want)
		}
		restore(t, dir, before)
	}
}

func flip(t *testing.T, path string, at int) {
	t.Helper()
	edit(t, path, func(b []byte) []byte { b[at] ^= 0x80; return b })
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func snapshot(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	for _, path := range segmentFiles(t, dir) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = b
	}
	return files
}

// restore makes the segment files of a folder be exactly these.
func restore(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for _, path := range segmentFiles(t, dir) {
		os.Remove(path)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefusalChangesNothing(t *testing.T) {
	dir, _ := stopped(t)
	flip(t, segmentFiles(t, dir)[0], 1000)
	before := snapshot(t, dir)
	if _, err := tryOpen(Options{Dir: dir}, unsynced()); err == nil {
		t.Fatal("opened")
	}
	if after := snapshot(t, dir); !maps.EqualFunc(before, after, bytes.Equal) {
		t.Fatal("the refused folder was changed")
	}
}

func TestRepairCutsAndSays(t *testing.T) {
	dir, want := stopped(t)
	flip(t, segmentFiles(t, dir)[0], headerSize+2*recordSize(601)+100)
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	j := mustOpen(t, Options{Dir: dir, Repair: true, Log: log}, unsynced())
	sameLog(t, contents(t, j), want[:2])
	mustClose(t, j)
	for _, part := range []string{"level=ERROR", "lost_bytes=", "next=3", "does not match"} {
		if !strings.Contains(said.String(), part) {
			t.Errorf("%q does not say %q", said.String(), part)
		}
	}
	checkRepaired(t, "repair", dir, want[:2])
}

func TestRepairOfADamagedMarkLosesNothing(t *testing.T) {
	dir, want := stopped(t)
	flip(t, segmentFiles(t, dir)[1], markAt)
	mustClose(t, mustOpen(t, Options{Dir: dir, Repair: true}, unsynced()))
	checkRepaired(t, "mark", dir, want)
}

func TestRepairWithNothingToRepair(t *testing.T) {
	dir, want := stopped(t)
	j := mustOpen(t, Options{Dir: dir, Repair: true}, unsynced())
	sameLog(t, contents(t, j), want)
}

func TestTornTailIsReported(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir}, unsynced())
	fill(t, j, 2, 100)
	torn := image(t, dir)
	flip(t, segmentFiles(t, torn)[0], headerSize+recordSize(100))
	var said bytes.Buffer
	mustOpen(t, Options{Dir: torn, Log: slog.New(slog.NewTextHandler(&said, nil))}, unsynced())
	for _, part := range []string{"level=WARN", "torn tail", "lost_bytes=1", "next=2"} {
		if !strings.Contains(said.String(), part) {
			t.Errorf("%q does not say %q", said.String(), part)
		}
	}
}

func TestKillLeavesNothingToReport(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir}, unsynced())
	want := fill(t, j, 100, 100)
	var said bytes.Buffer
	again := mustOpen(t, Options{Dir: image(t, dir), Log: slog.New(slog.NewTextHandler(&said, nil))}, unsynced())
	sameLog(t, contents(t, again), want)
	if said.Len() > 0 {
		t.Errorf("said %q", said.String())
	}
}

// A segment that a kill caught between its making and its first record holds nothing.
func TestKillWhileASegmentBegins(t *testing.T) {
	whole := make([]byte, smallSegment)
	header{first: 1}.put(whole)
	states := map[string][]byte{
		"zeros":          make([]byte, smallSegment),
		"only first":     append(make([]byte, firstAt), whole[firstAt:]...),
		"all but magic":  append(make([]byte, versionAt), whole[versionAt:]...),
		"without record": whole,
	}
	for name, b := range states {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "000000000000.segment"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		checkRepaired(t, name, dir, nil)
	}
}

func TestKillWhileASegmentIsMade(t *testing.T) {
	dir, want := stopped(t)
	unnamed := filepath.Join(dir, "000000000002.segment.new")
	if err := os.WriteFile(unnamed, make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	checkRepaired(t, "unnamed file", dir, want)
	if _, err := os.Stat(unnamed); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the unnamed file is still there: %v", err)
	}
}

func TestOtherVersionIsNotTouched(t *testing.T) {
	dir, _ := stopped(t)
	path := segmentFiles(t, dir)[1]
	edit(t, path, func(b []byte) []byte {
		b[versionAt] = version + 1
		sum := headerSum(b)
		b[versionAt+4], b[versionAt+5], b[versionAt+6], b[versionAt+7] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
		return b
	})
	before := snapshot(t, dir)
	for _, repair := range []bool{false, true} {
		if _, err := tryOpen(Options{Dir: dir, Repair: repair}, unsynced()); !errors.Is(err, ErrVersion) {
			t.Errorf("repair %v: %v", repair, err)
		}
	}
	if after := snapshot(t, dir); !maps.EqualFunc(before, after, bytes.Equal) {
		t.Error("the folder was changed")
	}
}

// A disk error under a mapping arrives as SIGBUS; so does a page after the end of the
// file.
func TestUnreadablePageIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "000000000000.segment")
	if err := os.WriteFile(path, make([]byte, 2*pageBytes), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := onMachine(filepath.Dir(path)).openSegment(path, readWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer s.unmap()
	header{first: 1}.put(s.data)
	putRecord(s.data[headerSize:], 1, make([]byte, pageBytes))
	if err := s.file.Truncate(pageBytes); err != nil {
		t.Fatal(err)
	}
	r := recovery{log: quiet(), segments: []*segment{s}}
	_, err = r.inspect()
	if !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), fmt.Sprintf("%s at offset %d", path, pageBytes)) {
		t.Fatalf("error %v", err)
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	dir, want := stopped(t)
	for _, name := range []string{"note.txt", "12.segment", "0000000000-1.segment", "000000000099.segment.old"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j := mustOpen(t, Options{Dir: dir}, unsynced())
	sameLog(t, contents(t, j), want)
	j.Release(8)
	mustClose(t, j)
	names := slices.Sorted(maps.Keys(snapshot(t, dir)))
	if fmt.Sprint(names) != "[0000000000-1.segment 000000000002.segment 12.segment]" {
		t.Fatalf("files %v", names)
	}
}
