package journal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"isuride/tools/dev/allocs"
	"isuride/webapp/internal/disk"
)

func TestRecordsComeBackInOrder(t *testing.T) {
	for _, level := range []Durability{Crash, Power, None} {
		t.Run(level.String(), func(t *testing.T) {
			j := mustOpen(t, Options{Dir: t.TempDir(), Durability: level}, unsynced())
			want := fill(t, j, 200, 100)
			sameLog(t, contents(t, j), want)
		})
	}
}

func TestReopenKeepsLogAndNumbers(t *testing.T) {
	dir := t.TempDir()
	var want []record
	for range 4 {
		j := mustOpen(t, Options{Dir: dir}, linux())
		sameLog(t, contents(t, j), want)
		for i := range 70 {
			p := numbered(i, i)
			want = append(want, record{mustAppend(t, j, p), p})
		}
		mustClose(t, j)
	}
	if last := want[len(want)-1].seq; last != 280 {
		t.Fatalf("the last number is %d, want 280", last)
	}
}

func TestCleanStopLeavesOnlyUsedBytes(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir}, linux())
	fill(t, j, 1, 100)
	mustClose(t, j)
	files := segmentFiles(t, dir)
	if len(files) != 1 {
		t.Fatalf("%d segment files, want 1", len(files))
	}
	if info, _ := os.Stat(files[0]); info.Size() != int64(headerSize+recordSize(100)) {
		t.Fatalf("the segment has %d bytes", info.Size())
	}
}

func TestRestartsDoNotPileUpFiles(t *testing.T) {
	dir := t.TempDir()
	for range 5 {
		mustClose(t, mustOpen(t, Options{Dir: dir}, unsynced()))
	}
	if files := segmentFiles(t, dir); len(files) != 1 {
		t.Fatalf("%d segment files after restarts without a record, want 1", len(files))
	}
}

func TestNumbersSurviveReleaseOfEverything(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir}, unsynced())
	fill(t, j, 10, 10)
	mustClose(t, j)
	j = mustOpen(t, Options{Dir: dir}, unsynced())
	j.Release(10)
	if n := j.Oldest(); n != 11 {
		t.Fatalf("oldest is %d, want 11", n)
	}
	mustClose(t, j)
	j = mustOpen(t, Options{Dir: dir}, unsynced())
	if seq := mustAppend(t, j, nil); seq != 11 {
		t.Fatalf("the next number is %d, want 11", seq)
	}
}

func TestFirstNumber(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir, First: 100}, unsynced())
	if seq := mustAppend(t, j, []byte("a")); seq != 100 {
		t.Fatalf("the first number is %d, want 100", seq)
	}
	mustClose(t, j)

	j = mustOpen(t, Options{Dir: dir, First: 50}, unsynced())
	if seq := mustAppend(t, j, []byte("b")); seq != 101 {
		t.Fatalf("a position before the end of the log changed the numbering to %d", seq)
	}
	mustClose(t, j)
}

// SQL is ahead of the log when power loss took the tail: its numbers must not be given
// again.
func TestNumberingJumpsToFirst(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir}, unsynced())
	want := fill(t, j, 10, 10)
	mustClose(t, j)

	var said bytes.Buffer
	mustClose(t, mustOpen(t, Options{Dir: dir, First: 21, Log: slog.New(slog.NewTextHandler(&said, nil))}, unsynced()))
	if !strings.Contains(said.String(), "last=10 next=21") {
		t.Errorf("the jump was reported as %q", said.String())
	}
	j = mustOpen(t, Options{Dir: dir, First: 15}, unsynced())
	r, err := j.ReadFrom(16)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, _, ok := r.Next(); ok {
		t.Fatal("there is a record where the numbers jump")
	}
	want = append(want, record{mustAppend(t, j, []byte("x")), []byte("x")})
	if seq, _, ok := r.Next(); !ok || seq != 21 {
		t.Fatalf("read %d, %v after the jump, want 21", seq, ok)
	}
	mustClose(t, j)

	j = mustOpen(t, Options{Dir: dir}, unsynced())
	sameLog(t, contents(t, j), want)
	j.Release(15)
	if n := j.Oldest(); n != 21 {
		t.Fatalf("oldest is %d, want 21", n)
	}
}

// The header of a segment without records may be all that knows the next number.
func TestNumbersSurviveAFailedOpen(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, mustOpen(t, Options{Dir: dir, First: 100}, unsynced()))
	full := unsynced()
	full.allocate = func(disk.File, int64) error { return syscall.ENOSPC }
	if _, err := tryOpen(Options{Dir: dir}, full); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	j := mustOpen(t, Options{Dir: dir}, unsynced())
	if seq := mustAppend(t, j, nil); seq != 100 {
		t.Fatalf("number %d, want 100", seq)
	}
}

func TestSecondServerIsKeptOut(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir}, unsynced())
	if _, err := tryOpen(Options{Dir: dir}, unsynced()); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("error %v, want ErrLocked that names the folder", err)
	}
	mustClose(t, j)
	mustOpen(t, Options{Dir: dir}, unsynced())
}

func TestClosed(t *testing.T) {
	j := mustOpen(t, Options{Dir: t.TempDir()}, unsynced())
	seq := mustAppend(t, j, []byte("x"))
	mustClose(t, j)
	if _, err := j.Append(nil); err != ErrClosed {
		t.Errorf("Append: %v", err)
	}
	if err := j.Wait(seq); err != nil {
		t.Errorf("Wait for what Close has synced: %v", err)
	}
	if _, err := j.ReadFrom(1); err != ErrClosed {
		t.Errorf("ReadFrom: %v", err)
	}
	if err := j.Close(); err != ErrClosed {
		t.Errorf("Close: %v", err)
	}
	j.Release(seq)
	if s := j.Stats(); s.Segments != 0 || s.Oldest != 2 || s.Appended != 1 {
		t.Errorf("stats of a closed journal: %+v", s)
	}
}

func TestTooLarge(t *testing.T) {
	j := mustOpen(t, Options{Dir: t.TempDir()}, unsynced())
	fill(t, j, 3, 10)
	largest := smallSegment - headerSize - wordSize
	if _, err := j.Append(make([]byte, largest+1)); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("error %v, want ErrTooLarge", err)
	}
	if seq := mustAppend(t, j, bytes.Repeat([]byte{1}, largest)); seq != 4 {
		t.Fatalf("number %d after a refused record, want 4", seq)
	}
	if log := contents(t, j); len(log[3].payload) != largest {
		t.Fatalf("read %d bytes, want %d", len(log[3].payload), largest)
	}
}

func TestFullDisk(t *testing.T) {
	for _, code := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		dir := t.TempDir()
		sys := unsynced()
		var mu sync.Mutex
		full := false
		sys.allocate = func(f disk.File, size int64) error {
			mu.Lock()
			defer mu.Unlock()
			if full {
				return os.NewSyscallError("fallocate", code)
			}
			return f.Allocate(size)
		}
		setFull := func(to bool) {
			mu.Lock()
			defer mu.Unlock()
			full = to
		}
		j := mustOpen(t, Options{Dir: dir}, sys)
		setFull(true)
		var want []record
		for {
			p := numbered(len(want), 100)
			seq, err := j.Append(p)
			if errors.Is(err, ErrFull) && errors.Is(err, code) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, record{seq, p})
		}
		if len(want) != (smallSegment-headerSize)/recordSize(100) {
			t.Fatalf("%d records in a segment", len(want))
		}
		sameLog(t, contents(t, j), want)
		setFull(false)
		p := numbered(0, 100)
		want = append(want, record{mustAppend(t, j, p), p})
		mustClose(t, j)
		sameLog(t, contents(t, mustOpen(t, Options{Dir: dir}, unsynced())), want)
	}
}

// An append waits for a segment that the background loop makes too slowly, but not
// endlessly.
func TestSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys := unsynced()
		slow := time.Duration(0)
		sys.allocate = func(f disk.File, size int64) error {
			time.Sleep(slow)
			return f.Allocate(size)
		}
		j := mustOpen(t, Options{Dir: t.TempDir()}, sys)
		largest := make([]byte, smallSegment-headerSize-wordSize)
		synctest.Wait()
		for _, c := range []struct {
			slow time.Duration
			err  error
		}{{spareLimit - 1, nil}, {spareLimit + 1, ErrLate}} {
			slow = 0
			mustAppend(t, j, largest)
			synctest.Wait() // the next segment is ready
			slow = c.slow
			mustAppend(t, j, largest)
			synctest.Wait() // the one after is in the making
			before, began := j.Appended(), time.Now()
			if _, err := j.Append(largest); err != c.err {
				t.Errorf("a segment that takes %v: error %v, want %v", c.slow, err, c.err)
			}
			if waited := time.Since(began); waited != min(c.slow, spareLimit) {
				t.Errorf("a segment that takes %v: waited %v", c.slow, waited)
			}
			if c.err != nil && j.Appended() != before {
				t.Error("a refused record is in the log")
			}
			time.Sleep(spareLimit)
			synctest.Wait()
			slow = 0
		}
		mustAppend(t, j, largest)
	})
}

// Close answers the appends that wait for a segment.
func TestCloseOutOfRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys := unsynced()
		full := false
		sys.allocate = func(f disk.File, size int64) error {
			if full {
				time.Sleep(time.Second)
				return syscall.ENOSPC
			}
			return f.Allocate(size)
		}
		j := mustOpen(t, Options{Dir: t.TempDir()}, sys)
		full = true
		largest := make([]byte, smallSegment-headerSize-wordSize)
		mustAppend(t, j, largest)
		got := make(chan error, 1)
		go func() { _, err := j.Append(largest); got <- err }()
		synctest.Wait()
		mustClose(t, j)
		if err := <-got; !errors.Is(err, ErrClosed) && !errors.Is(err, ErrFull) {
			t.Fatalf("error %v, want ErrClosed", err)
		}
	})
}

func TestOptions(t *testing.T) {
	dir := t.TempDir()
	for _, o := range []Options{
		{},
		{Dir: dir, Durability: None + 1},
		{Dir: dir, SegmentBytes: minSegmentBytes - 1},
		{Dir: dir, SegmentBytes: maxSegmentBytes + 1},
		{Dir: dir, SyncInterval: -1},
		{Dir: filepath.Join(os.DevNull, "x")},
	} {
		if j, err := Open(o); err == nil {
			j.Close()
			t.Errorf("%+v was accepted", o)
		}
	}
	j, err := Open(Options{Dir: filepath.Join(dir, "new", "folder")})
	if err != nil {
		t.Fatal(err)
	}
	if s := j.Stats(); s.Bytes != defaultSegmentBytes || s.Segments != 1 {
		t.Errorf("stats %+v", s)
	}
	mustClose(t, j)
}

func TestDurabilityText(t *testing.T) {
	for _, d := range []Durability{Crash, Power, None} {
		if got, err := ParseDurability(d.String()); err != nil || got != d {
			t.Errorf("%s reads as %s, %v", d, got, err)
		}
	}
	if _, err := ParseDurability("always"); err == nil {
		t.Error("nonsense was accepted")
	}
	if s := (None + 1).String(); s != "durability(3)" {
		t.Errorf("unknown level is %q", s)
	}
}

// A change of the level must not forget what the old one promised.
func TestNoneRecoversTheFolder(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir}, unsynced())
	onDisk := fill(t, j, 100, 100)
	mustClose(t, j)

	j = mustOpen(t, Options{Dir: dir, Durability: None}, unsynced())
	both := append(onDisk[:100:100], record{mustAppend(t, j, []byte("m")), []byte("m")})
	sameLog(t, contents(t, j), both)
	mustClose(t, j)

	j = mustOpen(t, Options{Dir: dir, Durability: None}, unsynced())
	sameLog(t, contents(t, j), onDisk)
	j.Release(100)
	mustClose(t, j)
	if files := segmentFiles(t, dir); len(files) != 0 {
		t.Fatalf("released files are still there: %v", files)
	}
}

func TestNoneWithoutFolder(t *testing.T) {
	j := mustOpen(t, Options{Durability: None}, linux())
	want := fill(t, j, 1000, 100)
	if err := j.Wait(1000); err != nil {
		t.Fatal(err)
	}
	sameLog(t, contents(t, j), want)
	j.Release(1000)
	if s := j.Stats(); s.Backlog != 0 || s.Segments != 1 || s.Durable != 0 || s.Syncs != 0 {
		t.Fatalf("stats %+v", s)
	}
}

func TestConcurrentAppendersAreDenseAndOrdered(t *testing.T) {
	const writers, each = 16, 500
	j := mustOpen(t, Options{Dir: t.TempDir(), SegmentBytes: 16 << 10}, unsynced())
	var wg sync.WaitGroup
	numbers := make([][]uint64, writers)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				seq, err := j.Append([]byte(fmt.Sprintf("%d/%d", w, i)))
				if err != nil {
					t.Error(err)
					return
				}
				numbers[w] = append(numbers[w], seq)
			}
		})
	}
	wg.Wait()
	log := contents(t, j)
	if len(log) != writers*each {
		t.Fatalf("%d records, want %d", len(log), writers*each)
	}
	for w := range writers {
		for i, seq := range numbers[w] {
			if got := string(log[seq-1].payload); got != fmt.Sprintf("%d/%d", w, i) || log[seq-1].seq != seq {
				t.Fatalf("record %d is %q, want %d/%d", seq, got, w, i)
			}
			if i > 0 && numbers[w][i-1] >= seq {
				t.Fatalf("writer %d got %d after %d", w, seq, numbers[w][i-1])
			}
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	j := mustOpen(t, Options{Dir: t.TempDir(), SegmentBytes: 1 << 20}, unsynced())
	n := allocs.PerRun(1000, func() {
		var onStack [100]byte
		onStack[0] = 1
		if _, err := j.Append(onStack[:]); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func TestWaitForWhatWasNotAppendedIsABug(t *testing.T) {
	j := mustOpen(t, Options{Durability: None}, linux())
	for name, call := range map[string]func(){
		"Wait":    func() { j.Wait(1) },
		"Release": func() { j.Release(1) },
	} {
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.HasPrefix(r, "BUG:") {
					t.Errorf("%s: %s", name, r)
				}
			}()
			call()
		}()
	}
}

func TestSegmentsWithoutFallocate(t *testing.T) {
	sys := unsynced()
	sys.allocate = func(f disk.File, size int64) error { return disk.WriteZeros(f, size) }
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir, SegmentBytes: 2<<20 + pageBytes}, sys)
	if info, _ := os.Stat(segmentFiles(t, dir)[0]); info.Size() != 2<<20+pageBytes {
		t.Fatalf("%d bytes", info.Size())
	}
	want := fill(t, j, 10, 10)
	sameLog(t, contents(t, j), want)
}

// TestStatsSinceOpen: what grows begins at nothing when a log is opened.
func TestStatsSinceOpen(t *testing.T) {
	dir := t.TempDir()
	expect := func(j *Journal, added uint64, synced uint64) {
		t.Helper()
		s := j.Stats()
		if size := int64(added) * int64(recordSize(1)); s.Added != added || s.AddedBytes != size || s.Synced != synced {
			t.Errorf("stats %+v, want %d added in %d bytes, %d synced", s, added, size, synced)
		}
	}
	j := mustOpen(t, Options{Dir: dir, Durability: Power, First: 21}, linux())
	expect(j, 0, 0)
	for range 3 {
		if err := j.Wait(mustAppend(t, j, []byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	expect(j, 3, 3)
	mustClose(t, j)
	expect(j, 3, 3)
	j = mustOpen(t, Options{Dir: dir, SyncInterval: time.Hour}, unsynced())
	expect(j, 0, 0)
	mustAppend(t, j, []byte("x"))
	expect(j, 1, 0)
}
