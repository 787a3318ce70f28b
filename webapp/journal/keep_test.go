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
	"time"

	"isuride/webapp/internal/disk"
)

func keptFiles(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"+keptSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// release releases records once they are on the disk, without which no segment goes.
func release(t testing.TB, j *Journal, upTo uint64) {
	t.Helper()
	if j.synced() {
		if err := j.commit.wait(j.Appended()); err != nil {
			t.Fatal(err)
		}
	}
	j.Release(upTo)
}

// subscribed reads what a subscriber gets now.
func subscribed(t testing.TB, s *Subscriber) (log []record) {
	t.Helper()
	for seq, payload, ok := s.Next(); ok; seq, payload, ok = s.Next() {
		log = append(log, record{seq, bytes.Clone(payload)})
	}
	return log
}

func mustSubscribe(t testing.TB, j *Journal, seq uint64) *Subscriber {
	t.Helper()
	s, err := j.Subscribe(seq)
	if err != nil {
		t.Fatalf("subscribe from %d: %v", seq, err)
	}
	t.Cleanup(s.Close)
	return s
}

func wantGone(t testing.TB, err error, wanted, oldest uint64) {
	t.Helper()
	var gone *GoneError
	if !errors.Is(err, ErrGone) || !errors.As(err, &gone) || gone.Wanted != wanted || gone.Oldest != oldest {
		t.Errorf("got error %v, want record %d gone and %d the oldest", err, wanted, oldest)
	}
}

// What is released stays up to the limit, the oldest goes first, over restarts, and the
// backlog does not count it.
func TestReleasedSegmentsAreKept(t *testing.T) {
	const keep = 4 * smallSegment
	o := Options{Dir: t.TempDir(), Keep: keep}
	var all []record
	for round := range 5 {
		j := mustOpen(t, o, unsynced())
		for i := range 150 {
			p := numbered(i, 100)
			all = append(all, record{mustAppend(t, j, p), p})
			if i%7 == 0 {
				release(t, j, j.Appended())
			}
			if s := j.Stats(); s.Kept > keep || s.Backlog > 7*int64(recordSize(100)) {
				t.Fatalf("round %d: %d bytes are kept, the backlog is %d", round, s.Kept, s.Backlog)
			}
		}
		release(t, j, j.Appended())
		oldest := j.Oldest()
		if held := j.Appended() + 1 - oldest; held < 2*smallSegment/100 || held > 6*smallSegment/100 {
			t.Fatalf("round %d: %d records are kept", round, held)
		}
		sameLog(t, subscribed(t, mustSubscribe(t, j, oldest)), all[oldest-1:])
		sameLog(t, contents(t, j), all[oldest-1:])
		_, err := j.Subscribe(oldest - 1)
		wantGone(t, err, oldest-1, oldest)
		_, err = j.ReadFrom(oldest - 1)
		wantGone(t, err, oldest-1, oldest)
		mustClose(t, j)
	}
}

// A start reads what is not released, however much is kept.
func TestStartDoesNotReadWhatIsKept(t *testing.T) {
	o := Options{Dir: t.TempDir(), Keep: 1 << 30}
	for _, more := range []int{100, 1000, 10_000} {
		j := mustOpen(t, o, unsynced())
		fill(t, j, more, 100)
		release(t, j, j.Appended())
		mustClose(t, j)
		j = mustOpen(t, o, unsynced())
		if s := j.Stats(); s.Checked > smallSegment/100 {
			t.Errorf("%d records are kept, and a start has read %d", s.Appended, s.Checked)
		}
		if n := j.Oldest(); n != 1 {
			t.Errorf("the oldest record is %d", n)
		}
		mustClose(t, j)
	}
}

// Nothing that is not released goes, and a release before the crash holds after it.
func TestKeptSegmentsAreNotRecoveredFrom(t *testing.T) {
	o := Options{Dir: t.TempDir(), Keep: 1 << 20}
	j := mustOpen(t, o, unsynced())
	want := fill(t, j, 200, 100)
	release(t, j, 120)
	o.Dir = image(t, o.Dir)
	again := mustOpen(t, o, unsynced())
	if n := again.Released(); n > 120 || n < 120-smallSegment/100 {
		t.Errorf("released up to %d", n)
	}
	sameLog(t, contents(t, again), want)
	if b := again.Backlog(); b < 80*int64(recordSize(100)) || b > 80*int64(recordSize(100))+smallSegment {
		t.Errorf("the backlog is %d", b)
	}
}

// A power loss may undo the renaming of any segment: from there on all are recovered.
func TestRenamesThatGotLost(t *testing.T) {
	for n := range 4 {
		o := Options{Dir: t.TempDir(), Keep: 1 << 20}
		j := mustOpen(t, o, unsynced())
		want := fill(t, j, 200, 100)
		release(t, j, 200)
		mustClose(t, j)
		if kept := keptFiles(t, o.Dir); n < len(kept) {
			f, _ := j.dir.parseName(filepath.Base(kept[n]))
			if err := os.Rename(kept[n], j.dir.segmentPath(f.ordinal)); err != nil {
				t.Fatal(err)
			}
		}
		j = mustOpen(t, o, unsynced())
		sameLog(t, contents(t, j), want)
		mustClose(t, j)
	}
	// All kept, none left: a folder that somebody has cleaned.
	o := Options{Dir: t.TempDir(), Keep: 1 << 20}
	j := mustOpen(t, o, unsynced())
	want := fill(t, j, 200, 100)
	release(t, j, 200)
	mustClose(t, j)
	for _, path := range segmentFiles(t, o.Dir) {
		os.Remove(path)
	}
	j = mustOpen(t, o, unsynced())
	sameLog(t, contents(t, j), want[:j.Appended()])
	if j.Appended() < 150 {
		t.Errorf("the log ends at %d", j.Appended())
	}
}

// A subscriber that is too far behind is told so, wherever it stands, and holds nothing.
func TestSlowSubscriber(t *testing.T) {
	o := Options{Dir: t.TempDir(), Keep: 3 * smallSegment}
	j := mustOpen(t, o, unsynced())
	s := mustSubscribe(t, j, 1)
	if _, _, ok := s.Next(); ok {
		t.Fatal("a record that was not appended")
	}
	fill(t, j, 30, 100)
	sameLog(t, subscribed(t, s), contents(t, j))
	for range 20 {
		fill(t, j, 30, 100)
		release(t, j, j.Appended())
	}
	if kept := j.Stats().Kept; kept > o.Keep {
		t.Errorf("%d bytes are kept", kept)
	}
	if _, _, ok := s.Next(); ok {
		t.Error("a record that is gone")
	}
	wantGone(t, s.Wait(t.Context()), 31, j.Oldest())
	if n := s.Behind(); n != 600 {
		t.Errorf("behind by %d", n)
	}
	if _, err := j.Subscribe(j.Appended() + 2); !errors.Is(err, ErrAhead) {
		t.Errorf("got error %v", err)
	}
	// A reader of the SQL writer's kind holds everything.
	r, err := j.ReadFrom(j.Oldest())
	if err != nil {
		t.Fatal(err)
	}
	oldest := j.Oldest()
	fill(t, j, 500, 100)
	release(t, j, j.Appended())
	if j.Oldest() != oldest {
		t.Error("what a reader holds is gone")
	}
	r.Close()
	release(t, j, j.Appended())
	if j.Oldest() == oldest || j.Stats().Kept > o.Keep {
		t.Error("what a reader has left stays")
	}
}

// Subscribers come and go, fall behind and catch up, while segments go.
func TestSubscribersWhileSegmentsGo(t *testing.T) {
	const records, subscribers = 20_000, 4
	for _, keep := range []int64{0, 2 * smallSegment, 20 * smallSegment} {
		j := mustOpen(t, Options{Dir: t.TempDir(), Keep: keep, Durability: Power, SyncInterval: time.Millisecond}, unsynced())
		var all sync.WaitGroup
		for n := range subscribers {
			all.Go(func() {
				gone := 0
				for next := uint64(1); next <= records; {
					s, err := j.Subscribe(next)
					var g *GoneError
					if errors.As(err, &g) {
						gone, next = gone+1, g.Oldest
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					for next <= records {
						err := s.Wait(t.Context())
						if errors.As(err, &g) {
							gone, next = gone+1, max(next+1, g.Oldest)
							break
						}
						seq, payload, ok := s.Next()
						if !ok {
							continue
						}
						if seq != next || !bytes.Equal(payload, numbered(int(seq), 100)) || seq > j.Durable() {
							t.Errorf("record %d is %d %x, and %d are durable", next, seq, payload, j.Durable())
							return
						}
						if next++; seq%1000 == uint64(n) {
							time.Sleep(time.Duration(n) * time.Millisecond)
						}
					}
					s.Close()
				}
				t.Logf("keep %d: subscriber %d needed %d snapshots", keep, n, gone)
			})
		}
		for i := range records {
			mustAppend(t, j, numbered(i+1, 100))
			if i%50 == 0 {
				release(t, j, j.Appended())
			}
		}
		all.Wait()
		mustClose(t, j)
	}
}

// At level power nobody but the SQL writer sees what a power loss may take.
func TestWatermark(t *testing.T) {
	for _, level := range []Durability{Crash, Power, None} {
		sys := unsynced()
		hold := make(chan struct{})
		sys.syncData = func(disk.File) error { <-hold; return nil }
		j := mustOpen(t, Options{Dir: t.TempDir(), Durability: level, SyncInterval: time.Millisecond}, sys)
		s := mustSubscribe(t, j, 1)
		fill(t, j, 3, 10)
		want := uint64(3)
		if level == Power {
			want = 0
		}
		if n := j.Watermark(); n != want {
			t.Errorf("%s: the watermark is %d", level, n)
		}
		if got := subscribed(t, s); uint64(len(got)) != want {
			t.Errorf("%s: a subscriber sees %d records", level, len(got))
		}
		late := mustSubscribe(t, j, 3)
		close(hold)
		if err := late.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if seq, _, ok := late.Next(); !ok || seq != 3 || j.Watermark() != 3 {
			t.Errorf("%s: record %d, %t, the watermark is %d", level, seq, ok, j.Watermark())
		}
		mustClose(t, j)
		if err := late.Wait(t.Context()); err != ErrClosed {
			t.Errorf("got error %v", err)
		}
	}
}

// A full disk takes what is kept before it takes the service.
func TestFullDiskTakesWhatIsKept(t *testing.T) {
	sys, full := unsynced(), false
	dir := t.TempDir()
	sys.allocate = func(f disk.File, size int64) error {
		if files := len(segmentFiles(t, dir)) + len(keptFiles(t, dir)); full && files > 3 {
			return syscall.ENOSPC
		}
		return f.Allocate(size)
	}
	o := Options{Dir: dir, Keep: 1 << 20}
	j := mustOpen(t, o, sys)
	for range 20 {
		fill(t, j, 30, 100)
		release(t, j, j.Appended())
	}
	if n := len(keptFiles(t, dir)); n < 10 {
		t.Fatalf("%d segments are kept", n)
	}
	full = true
	for range 20 {
		fill(t, j, 30, 100) // fails if the log has no room
		release(t, j, j.Appended())
	}
	if n := len(keptFiles(t, dir)); n > 3 {
		t.Errorf("%d segments are kept on a full disk", n)
	}
	// What is not released stays, and then appends are refused.
	released := j.Appended()
	var err error
	for err == nil {
		_, err = j.Append(numbered(0, 100))
	}
	if !errors.Is(err, ErrFull) {
		t.Errorf("got error %v", err)
	}
	if n := j.Oldest(); n > released+1 || len(keptFiles(t, dir)) != 0 {
		t.Errorf("the oldest record is %d, released are those up to %d", n, released)
	}
	mustClose(t, j)

	// A start needs a segment, too.
	full = false
	j = mustOpen(t, o, sys)
	fill(t, j, 200, 100)
	release(t, j, j.Appended())
	position := j.Appended()
	mustClose(t, j)
	full = true
	o.First = position + 1
	if len(keptFiles(t, dir)) < 4 {
		t.Fatal("too little is kept")
	}
	mustClose(t, mustOpen(t, o, sys))
}

// Damage in what is kept never keeps a log from being opened. It is found by who reads
// it, and costs what is before it.
func TestDamageInWhatIsKept(t *testing.T) {
	var said bytes.Buffer
	for name, damage := range map[string]func(path string){
		"a byte":   func(path string) { edit(t, path, func(b []byte) []byte { b[200] ^= 1; return b }) },
		"header":   func(path string) { edit(t, path, func(b []byte) []byte { b[firstAt] ^= 1; return b }) },
		"cut":      func(path string) { edit(t, path, func(b []byte) []byte { return b[:1000] }) },
		"empty":    func(path string) { edit(t, path, func([]byte) []byte { return nil }) },
		"missing":  func(path string) { os.Remove(path) },
		"renamed":  func(path string) { os.Rename(path, strings.Replace(path, ".kept", "1.kept", 1)) },
		"a folder": func(path string) { os.Remove(path); os.Mkdir(path, 0o700) },
	} {
		o := Options{Dir: t.TempDir(), Keep: 1 << 20, Log: slog.New(slog.NewTextHandler(&said, nil))}
		j := mustOpen(t, o, unsynced())
		want := fill(t, j, 300, 100)
		release(t, j, 300)
		mustClose(t, j)
		kept := keptFiles(t, o.Dir)
		if len(kept) < 5 {
			t.Fatalf("%d segments are kept", len(kept))
		}
		f, _ := j.dir.parseName(filepath.Base(kept[2]))
		damage(kept[2])

		said.Reset()
		j = mustOpen(t, o, unsynced())
		if seq := mustAppend(t, j, nil); seq != 301 {
			t.Errorf("%s: the next number is %d", name, seq)
		}
		if s, err := j.Subscribe(1); err == nil { // only reading finds it
			got := subscribed(t, s)
			sameLog(t, got, want[:len(got)])
			wantGone(t, s.Wait(t.Context()), uint64(len(got))+1, f.last+1)
			s.Close()
		} else {
			wantGone(t, err, 1, f.last+1)
		}
		if n := j.Oldest(); n != f.last+1 {
			t.Errorf("%s: the oldest record is %d, want %d", name, n, f.last+1)
		}
		if got := subscribed(t, mustSubscribe(t, j, f.last+1)); len(got) != 301-int(f.last) {
			t.Errorf("%s: %d records after the damage", name, len(got))
		}
		if _, err := j.ReadFrom(1); !errors.Is(err, ErrGone) {
			t.Errorf("%s: got error %v", name, err)
		}
		if !strings.Contains(said.String(), "given up") {
			t.Errorf("%s: nobody was told: %s", name, &said)
		}
		mustClose(t, j)
		mustClose(t, mustOpen(t, o, unsynced()))
	}
}

// A repair does not care for what is kept, and does not lose it.
func TestRepairLeavesWhatIsKept(t *testing.T) {
	o := Options{Dir: t.TempDir(), Keep: 1 << 20}
	j := mustOpen(t, o, unsynced())
	want := fill(t, j, 300, 100)
	release(t, j, 200)
	mustClose(t, j)
	live := segmentFiles(t, o.Dir)
	edit(t, live[1], func(b []byte) []byte { b[500] ^= 1; return b })
	if _, err := tryOpen(o, unsynced()); err == nil {
		t.Fatal("a corrupt log was opened")
	}
	o.Repair = true
	j = mustOpen(t, o, unsynced())
	if n := j.Appended(); n < 200 || n == 300 {
		t.Errorf("the log ends at %d", n)
	}
	sameLog(t, subscribed(t, mustSubscribe(t, j, 1)), want[:j.Appended()])
}

// What is kept says whose it is, as all segments do.
func TestKeptSegmentsOfAnotherHistory(t *testing.T) {
	mine, other := History{1}, History{2}
	o := Options{Dir: t.TempDir(), Keep: 1 << 20, History: mine}
	j := mustOpen(t, o, unsynced())
	fill(t, j, 200, 100)
	release(t, j, 200)
	mustClose(t, j)
	path := keptFiles(t, o.Dir)[0]
	edit(t, path, func(b []byte) []byte {
		h, err := parseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		h.history = other
		h.put(b)
		return b
	})
	if _, err := tryOpen(o, unsynced()); !errors.Is(err, ErrHistory) {
		t.Errorf("got error %v", err)
	}
	if _, err := Inspect(o.Dir); !errors.Is(err, ErrHistory) {
		t.Errorf("got error %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// A kill between any two steps of releasing, giving up and removing leaves a log without
// holes.
func TestKillWhileSegmentsGo(t *testing.T) {
	o := Options{Dir: t.TempDir(), Keep: 1 << 20}
	j := mustOpen(t, o, unsynced())
	want := fill(t, j, 300, 100)
	release(t, j, 300)
	mustClose(t, j)
	kept := keptFiles(t, o.Dir)
	for gone := range len(kept) + 1 { // deleting goes from the oldest on
		j := mustOpen(t, o, unsynced())
		sameLog(t, contents(t, j), want[j.Oldest()-1:])
		if seq := j.Appended(); seq != 300 {
			t.Fatalf("the log ends at %d", seq)
		}
		mustClose(t, j)
		if gone < len(kept) {
			os.Remove(kept[gone])
		}
	}
	if err := Remove(o.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(o.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// Remove takes what is kept, too, and first.
func TestRemoveTakesWhatIsKept(t *testing.T) {
	o := Options{Dir: t.TempDir(), Keep: 1 << 20}
	j := mustOpen(t, o, unsynced())
	fill(t, j, 300, 100)
	release(t, j, 300)
	mustClose(t, j)
	if len(keptFiles(t, o.Dir)) == 0 {
		t.Fatal("nothing is kept")
	}
	if err := Remove(o.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(o.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// Nothing is kept with 0, nor in memory, and what was kept before goes.
func TestKeepNothing(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir, Keep: 1 << 20}, unsynced())
	fill(t, j, 300, 100)
	release(t, j, 300)
	mustClose(t, j)
	for i, o := range []Options{{Dir: dir}, {Dir: dir, Durability: None, Keep: 1 << 30}} {
		j := mustOpen(t, o, unsynced())
		fill(t, j, 300, 100)
		release(t, j, j.Appended())
		if n := len(keptFiles(t, dir)); n != 0 || j.Stats().Kept != 0 || j.Oldest() < uint64(300+i*300) {
			t.Errorf("%d segments are kept, the oldest record is %d", n, j.Oldest())
		}
		mustClose(t, j)
	}
}

// Restarts in quick succession do not pile up files.
func TestRestartsDoNotPileUpKeptFiles(t *testing.T) {
	o := Options{Dir: t.TempDir(), Keep: 2 * smallSegment}
	for range 3 * 2 * smallestShare {
		j := mustOpen(t, o, unsynced())
		mustAppend(t, j, nil)
		release(t, j, j.Appended())
		mustClose(t, j)
	}
	if n := len(keptFiles(t, o.Dir)); n > 2*smallestShare {
		t.Errorf("%d files", n)
	}
}

func BenchmarkSubscriber(b *testing.B) {
	j := mustOpen(b, Options{Dir: b.TempDir(), SegmentBytes: 16 << 20, Keep: 1 << 30}, unsynced())
	fill(b, j, 100_000, 128)
	s, err := j.Subscribe(1)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := s.Next(); !ok {
			s.Close()
			s, _ = j.Subscribe(1)
		}
	}
	s.Close()
}

// BenchmarkOpenWithKept is the time of a start with little and with much that is kept.
func BenchmarkOpenWithKept(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			o := Options{Dir: b.TempDir(), SegmentBytes: 4 << 20, Keep: 1 << 30}
			j := mustOpen(b, o, unsynced())
			for range n / 1000 {
				fill(b, j, 1000, 128)
			}
			release(b, j, j.Appended())
			mustClose(b, j)
			for b.Loop() {
				mustClose(b, mustOpen(b, o, unsynced()))
			}
		})
	}
}

// Several subscribers come to the same segments of an earlier process at once.
func TestSubscribersCheckTogether(t *testing.T) {
	o := Options{Dir: t.TempDir(), Keep: 1 << 20}
	j := mustOpen(t, o, unsynced())
	want := fill(t, j, 2000, 100)
	release(t, j, 2000)
	mustClose(t, j)
	j = mustOpen(t, o, unsynced())
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			s, err := j.Subscribe(uint64(1 + n*10))
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if got := subscribed(t, s); len(got) != 2000-n*10 || !bytes.Equal(got[0].payload, want[n*10].payload) {
				t.Errorf("subscriber %d has got %d records", n, len(got))
			}
			if r, err := j.ReadFrom(1); err != nil {
				t.Error(err)
			} else {
				r.Close()
			}
		})
	}
	all.Wait()
}
