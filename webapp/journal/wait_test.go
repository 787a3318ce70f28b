package journal

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"isuride/tools/dev/allocs"
	"isuride/webapp/internal/disk"
)

// mustWait returns the outcome of a wait in the background, nil while there is none.
func waitInBackground(j *Journal, term, seq uint64) (outcome func() error, done func() bool) {
	var err error
	ended := make(chan struct{})
	go func() {
		err = j.WaitIn(term, seq)
		close(ended)
	}()
	return func() error { <-ended; return err }, func() bool {
		synctest.Wait()
		select {
		case <-ended:
			return true
		default:
			return false
		}
	}
}

// A waiter goes when its record is committed, and not before; the others stay.
func TestWaitForCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, Options{Dir: t.TempDir(), Replicated: true}, unsynced())
		lead(t, j, 1)
		first := mustAppend(t, j, numbered(1, 20))
		second := mustAppend(t, j, numbered(2, 20))
		outcome, done := waitInBackground(j, 1, first)
		_, later := waitInBackground(j, 1, second)
		if done() {
			t.Fatal("nothing is committed")
		}
		j.Commit(first)
		if !done() || outcome() != nil {
			t.Fatal("the record is committed")
		}
		if later() {
			t.Fatal("the second record is not committed")
		}
		j.Commit(second)
		if !later() || j.Wait(second) != nil {
			t.Fatal("the second record is committed")
		}
	})
}

func lead(t *testing.T, j *Journal, term uint64) {
	t.Helper()
	if err := j.Lead(term); err != nil {
		t.Fatal(err)
	}
}

// At level power the disk has to have it, too.
func TestWaitForCommitAndDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		sys := unsynced()
		sys.syncData = func(f disk.File) error { <-hold; return nil }
		j := mustOpen(t, Options{Dir: t.TempDir(), Durability: Power, Replicated: true}, sys)
		lead(t, j, 1)
		seq := mustAppend(t, j, numbered(1, 20))
		if _, _, err := j.Seal(1, 1, nil, false); err != nil {
			t.Fatal(err)
		}
		_, done := waitInBackground(j, 1, seq)
		j.Commit(seq)
		if done() || j.Watermark() != 0 {
			t.Fatalf("the disk has nothing yet, the watermark is %d", j.Watermark())
		}
		close(hold)
		if !done() || j.Watermark() != seq {
			t.Fatalf("the disk has it, the watermark is %d", j.Watermark())
		}
	})
}

// Those who wait in a term that ends get to know, as do those who come late, though the same
// number is committed in the next term.
func TestWaitersOfALostTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, Options{Dir: t.TempDir(), Replicated: true}, unsynced())
		lead(t, j, 1)
		seq := mustAppend(t, j, numbered(1, 20))
		outcome, done := waitInBackground(j, 1, seq)
		if done() {
			t.Fatal("nothing is committed")
		}
		j.Fence()
		if done() {
			t.Fatal("a leader that hands over may still commit it")
		}
		if err := j.Follow(); err != nil {
			t.Fatal(err)
		}
		if !done() || !errors.Is(outcome(), ErrNotLeading) {
			t.Fatal("the term has ended")
		}
		lead(t, j, 2)
		if again := mustAppend(t, j, numbered(2, 20)); again != seq {
			t.Fatalf("the new record has number %d, not %d", again, seq)
		}
		j.Commit(seq)
		if err := j.WaitIn(1, seq); !errors.Is(err, ErrNotLeading) {
			t.Fatalf("the record of the lost term is taken for the new one: %v", err)
		}
		if err := j.WaitIn(2, seq); err != nil {
			t.Fatal(err)
		}
	})
}

// Nobody waits for a log that is closed.
func TestWaitersOfAClosedLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, Options{Dir: t.TempDir(), Replicated: true}, unsynced())
		lead(t, j, 1)
		outcome, done := waitInBackground(j, 1, mustAppend(t, j, numbered(1, 20)))
		if done() {
			t.Fatal("nothing is committed")
		}
		mustClose(t, j)
		if !done() || !errors.Is(outcome(), ErrClosed) {
			t.Fatal("nobody has told the waiter")
		}
		if err := j.WaitIn(1, 1); !errors.Is(err, ErrNotLeading) {
			t.Fatalf("a wait that comes late: %v", err)
		}
	})
}

// A log that has stopped takes nothing from anybody.
func TestStoppedLogTakesNoEntries(t *testing.T) {
	a, b := newNode(t, Crash), newNode(t, Crash)
	a.lead(1)
	a.add(1, numbered(1, 20))
	a.add(1, numbered(2, 20))
	b.take(a, 1, 1)
	b.disk.Fault = func(operation, _ string) error {
		if operation == "sync" {
			return errDisk
		}
		return nil
	}
	if err := b.Sync(); !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	data, _ := a.AppendBytes(nil, 2)
	if _, err := b.AppendEntry(1, data); !errors.Is(err, errDisk) {
		t.Errorf("an entry: %v", err)
	}
	if _, _, err := b.Seal(2, 1, nil, true); !errors.Is(err, errDisk) {
		t.Errorf("a seal: %v", err)
	}
	if err := b.Lead(2); !errors.Is(err, errDisk) {
		t.Errorf("a leader: %v", err)
	}
	if err := b.Truncate(0); !errors.Is(err, errDisk) {
		t.Errorf("a cut: %v", err)
	}
	if err := b.Reset(Base{Index: 7, Term: 1, Last: 70}); !errors.Is(err, errDisk) {
		t.Errorf("a reset: %v", err)
	}
	if b.Appended() != a.entryEnd(t, 1) {
		t.Errorf("it has %d records", b.Appended())
	}
}

func (n *node) entryEnd(t *testing.T, index uint64) uint64 {
	t.Helper()
	end, err := n.End(index)
	if err != nil {
		t.Fatal(err)
	}
	return end
}

// A failed sync ends all waits.
func TestWaitersOfAFailedSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys := unsynced()
		sys.syncData = func(disk.File) error { return errDisk }
		j := mustOpen(t, Options{Dir: t.TempDir(), Replicated: true}, sys)
		lead(t, j, 1)
		outcome, done := waitInBackground(j, 1, mustAppend(t, j, numbered(1, 20)))
		j.SyncSoon()
		if !done() || !errors.Is(outcome(), errDisk) {
			t.Fatal("nobody has told the waiter")
		}
		if err := j.WaitIn(1, 1); !errors.Is(err, errDisk) {
			t.Fatalf("a wait that comes late: %v", err)
		}
	})
}

func TestReplicatedDoesNotAllocate(t *testing.T) {
	j := mustOpen(t, Options{Dir: t.TempDir(), SegmentBytes: 1 << 22, Replicated: true}, unsynced())
	lead(t, j, 1)
	event := numbered(1, 120)
	if n := allocs.PerRun(1000, func() {
		j.Commit(mustAppend(t, j, event))
		if err := j.WaitIn(1, j.Appended()); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%.1f allocations for a record", n)
	}
	if n := allocs.PerRun(1000, func() {
		seq := mustAppend(t, j, event)
		done, err := j.waits.join(j, 1, seq)
		if err != nil {
			t.Fatal(err)
		}
		j.Commit(seq)
		<-done
		j.waits.used.Put(done)
	}); n != 0 {
		t.Errorf("%.1f allocations for a record that is waited for", n)
	}
}

// With everything at once, for the race detector: writers and waiters, the sealer, a follower
// that takes entries and is cut back, its readers, and releases.
func TestParallelGroup(t *testing.T) {
	rng := seeded(t)
	a := mustOpen(t, Options{Dir: t.TempDir(), Replicated: true, Durability: Power, SegmentBytes: 4 * smallSegment}, unsynced())
	b := mustOpen(t, Options{Dir: t.TempDir(), Replicated: true, SegmentBytes: 2 * smallSegment, Keep: 20 * smallSegment}, unsynced())
	lead(t, a, 1)
	const records = 3000
	var writers, readers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for i := range records / 4 {
				seq, err := a.Append(numbered(i%200, 8+i%300))
				if err == nil {
					err = a.Wait(seq)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { writers.Wait(); close(ended) }()
	r, err := b.ReadFrom(1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscribe(1)
	if err != nil {
		t.Fatal(err)
	}
	readers.Go(func() {
		defer r.Close()
		for r.Wait(t.Context()) == nil {
			if seq, _, ok := r.Next(); ok && seq%64 == 0 {
				b.Release(seq)
			}
		}
	})
	readers.Go(func() {
		defer s.Close()
		for s.Wait(t.Context()) == nil {
			s.Next()
		}
	})
	replicate(t, rng.IntN, a, b, ended)
	if a.Head() != b.Head() || b.Watermark() != a.Appended() {
		t.Errorf("the logs end with %+v and %+v", a.Head(), b.Head())
	}
	mustClose(t, b)
	readers.Wait()
}

// replicate brings entries from one log to another until the writers have ended, and takes
// some back on the way.
func replicate(t *testing.T, random func(int) int, a, b *Journal, ended chan struct{}) {
	for done := false; !done; {
		select {
		case <-ended:
			done = true
		default:
		}
		if _, _, err := a.Seal(a.LastIndex()+1, 1, nil, false); err != nil {
			t.Fatal(err)
		}
		for b.LastIndex() < a.LastIndex() {
			data, err := a.AppendBytes(nil, b.LastIndex()+1)
			if err != nil {
				t.Fatal(err)
			}
			switch _, err := b.AppendEntry(1, data); {
			case errors.Is(err, ErrLate): // on a busy machine; it may be tried again
				runtime.Gosched()
			case err != nil:
				t.Fatal(err)
			}
		}
		if last := b.Head(); random(4) == 0 && last.Index > 1 {
			e, err := b.Entry(last.Index)
			if err != nil {
				t.Fatal(err)
			}
			if e.First-1 >= b.Committed() {
				if err := b.Truncate(e.First - 1); err != nil {
					t.Fatal(err)
				}
				continue
			}
		}
		b.Commit(b.Head().Last)
		a.Commit(b.Head().Last)
		runtime.Gosched()
	}
}
