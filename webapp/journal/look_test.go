package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// look returns what Look shows: records by number, and remarks.
func lookAt(t testing.TB, path string) (log []record, remarks []Sight) {
	t.Helper()
	err := Look(path, func(s Sight) error {
		if s.Remark != "" {
			remarks = append(remarks, s)
		} else {
			log = append(log, record{s.Seq, bytes.Clone(s.Payload)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return log, remarks
}

func equalRecords(a, b []record) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].seq != b[i].seq || !bytes.Equal(a[i].payload, b[i].payload) {
			return false
		}
	}
	return true
}

func text(i int) []byte { return []byte(strings.Repeat(fmt.Sprint(i, " "), 40)) }

// severalSegments fills a folder and returns its records and segments.
func severalSegments(t testing.TB, dir string) (log []record, paths []string) {
	t.Helper()
	j := mustOpen(t, Options{Dir: dir, History: History{1}}, unsynced())
	for i := range 100 {
		log = append(log, record{mustAppend(t, j, text(i)), text(i)})
	}
	mustClose(t, j)
	paths, _, err := onMachine(dir).segments()
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d segments, %v", len(paths), err)
	}
	return log, paths
}

func TestLook(t *testing.T) {
	dir := t.TempDir()
	want, paths := severalSegments(t, dir)
	before := snapshot(t, dir)
	got, remarks := lookAt(t, dir)
	if !equalRecords(got, want) || len(remarks) != 1 || remarks[0].Remark != "the log ends after record 100; a running server may have added more" {
		t.Errorf("%d records, %v", len(got), remarks)
	}
	if remarks[0].History != (History{1}) {
		t.Errorf("history %s", remarks[0].History)
	}
	if !reflect.DeepEqual(snapshot(t, dir), before) {
		t.Error("the folder has changed")
	}
	var parts []record
	for _, path := range paths {
		part, _ := lookAt(t, path)
		parts = append(parts, part...)
	}
	if !equalRecords(parts, want) {
		t.Errorf("the segments alone have %d records", len(parts))
	}
	stop := errors.New("stop")
	if err := Look(dir, func(Sight) error { return stop }); err != stop {
		t.Error(err)
	}
	if err := Look(filepath.Join(dir, "nothing"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestLookPastDamage flips a byte of a record in the second segment: the records before it
// are shown, the place is named, and the next segment goes on.
func TestLookPastDamage(t *testing.T) {
	dir := t.TempDir()
	want, paths := severalSegments(t, dir)
	flip(t, paths[1], headerSize+2*recordSize(len(text(30)))+wordSize+3)
	got, remarks := lookAt(t, dir)
	first, second := remarks[0], remarks[1]
	if len(remarks) != 3 || !first.Damaged || first.Segment != paths[1] || first.Offset < headerSize ||
		!strings.Contains(first.Remark, "the checksum of the record does not match; isuride -repair would cut here, and give up record") {
		t.Fatalf("%+v", remarks)
	}
	if !second.Damaged || second.Segment != paths[2] || second.Seq != first.Seq ||
		!strings.HasPrefix(second.Remark, fmt.Sprintf("records %d to ", first.Seq)) {
		t.Errorf("%+v", second)
	}
	var missing int
	if _, err := fmt.Sscanf(second.Remark, fmt.Sprintf("records %d to %%d are missing", first.Seq), &missing); err != nil {
		t.Fatal(err)
	}
	rest := append(append([]record{}, want[:first.Seq-1]...), want[missing:]...)
	if !equalRecords(got, rest) {
		t.Errorf("%d records, want %d", len(got), len(rest))
	}
}

// TestLookMatchesOpen: for every byte of a log, what Look calls damage is what Open
// refuses, and before the damage both see the same records.
func TestLookMatchesOpen(t *testing.T) {
	from := t.TempDir()
	want, paths := severalSegments(t, from)
	for _, path := range paths[1:2] {
		size := int(fileSize(t, path))
		for offset := 0; offset < size; offset += 1 + offset%41 {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
			flip(t, filepath.Join(dir, filepath.Base(path)), offset)
			got, remarks := lookAt(t, dir)
			damaged := false
			for _, r := range remarks {
				damaged = damaged || r.Damaged
			}
			j, err := tryOpen(Options{Dir: dir, History: History{1}}, unsynced())
			if err == nil {
				mustClose(t, j)
			}
			if damaged != (err != nil) && !errors.Is(err, ErrVersion) {
				t.Fatalf("%s at %d: Look finds %+v, Open %v", path, offset, remarks, err)
			}
			var corrupt *CorruptError
			if errors.As(err, &corrupt) && !equalRecords(got[:corrupt.Seq-1], want[:corrupt.Seq-1]) {
				t.Fatalf("%s at %d: other records before the damage", path, offset)
			}
		}
	}
}

func fileSize(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestLookAtATornTail: what a power loss leaves after the mark is named, and no damage.
func TestLookAtATornTail(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir}, unsynced())
	for i := range 3 {
		mustAppend(t, j, text(i))
	}
	paths, _, _ := j.dir.segments() // as at a kill: no mark at the end
	copied := t.TempDir()
	b, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	b[headerSize+2*recordSize(len(text(0)))+wordSize] ^= 1
	if err := os.WriteFile(filepath.Join(copied, filepath.Base(paths[0])), b, 0o600); err != nil {
		t.Fatal(err)
	}
	got, remarks := lookAt(t, copied)
	if len(got) != 2 || len(remarks) != 1 || remarks[0].Damaged || remarks[0].Seq != 3 || !strings.HasPrefix(remarks[0].Remark, "torn tail: ") {
		t.Errorf("%d records, %+v", len(got), remarks)
	}
}

// TestLookBesideAWriter: while a log grows and its segments are released, every look sees
// a gapless stretch, but for what was released meanwhile, and finds no damage.
func TestLookBesideAWriter(t *testing.T) {
	for name, keep := range map[string]int64{"released segments go": 0, "some are kept": 64 << 10} {
		t.Run(name, func(t *testing.T) { lookBesideAWriter(t, keep) })
	}
}

func lookBesideAWriter(t *testing.T, keep int64) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir, SyncInterval: time.Millisecond, Keep: keep}, unsynced())
	write := func() {
		for i := range 300 {
			if seq, err := j.Append(text(i % 7)); err == nil && seq%50 == 0 {
				j.Release(seq - 20)
			}
		}
	}
	for range 50 {
		var wait sync.WaitGroup
		wait.Go(write)
		next := uint64(0)
		err := Look(dir, func(s Sight) error {
			switch {
			case s.Damaged:
				t.Errorf("%+v", s)
			case strings.Contains(s.Remark, "were released by the server"):
				next = 0
			case s.Remark != "":
			case next != 0 && s.Seq != next:
				t.Errorf("record %d came after %d", s.Seq, next-1)
			}
			if s.Remark == "" {
				next = s.Seq + 1
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		wait.Wait()
	}
}
