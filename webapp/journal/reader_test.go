package journal

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestReadFrom(t *testing.T) {
	j := mustOpen(t, Options{Dir: t.TempDir()}, unsynced())
	log := fill(t, j, 100, 100)
	for seq := uint64(1); seq <= 101; seq++ {
		r, err := j.ReadFrom(seq)
		if err != nil {
			t.Fatal(err)
		}
		got, payload, ok := r.Next()
		r.Close()
		if seq == 101 && !ok {
			continue
		}
		if !ok || got != seq || !bytes.Equal(payload, log[seq-1].payload) {
			t.Fatalf("from %d: %d %x %v", seq, got, payload, ok)
		}
	}
	j.Release(80)
	for _, seq := range []uint64{0, j.Oldest() - 1, 102} {
		if _, err := j.ReadFrom(seq); !errors.Is(err, ErrGone) && !errors.Is(err, ErrAhead) {
			t.Errorf("from %d: %v", seq, err)
		}
	}
}

func TestReaderHoldsWhatItHasNotPassed(t *testing.T) {
	j := mustOpen(t, Options{Durability: None}, linux())
	log := fill(t, j, 300, 100)
	r, err := j.ReadFrom(100)
	if err != nil {
		t.Fatal(err)
	}
	j.Release(300)
	if n := j.Backlog(); n != 0 {
		t.Fatalf("backlog of %d bytes after releasing everything", n)
	}
	if n := j.Oldest(); n == 1 || n > 100 {
		t.Fatalf("the oldest record is %d with a reader at 100", n)
	}
	for i := 100; i <= 300; i++ {
		seq, payload, ok := r.Next()
		if !ok || seq != uint64(i) || !bytes.Equal(payload, log[i-1].payload) {
			t.Fatalf("record %d: %d %x %v", i, seq, payload, ok)
		}
	}
	j.Release(300)
	if s := j.Stats(); s.Segments != 1 {
		t.Fatalf("%d segments with a reader at the end", s.Segments)
	}
	fill(t, j, 300, 100)
	j.Release(600)
	if s := j.Stats(); s.Segments < 2 {
		t.Fatalf("%d segments with a reader at 301", s.Segments)
	}
	r.Close()
	j.Release(600)
	if s := j.Stats(); s.Segments != 1 {
		t.Fatalf("%d segments without a reader", s.Segments)
	}
}

// A segment that SQL has may not be on the disk yet. It goes when the sync has passed it,
// so that the log on the disk has no hole.
func TestSegmentIsSyncedBeforeItGoes(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, Options{Dir: dir}, unsynced())
	fill(t, j, 300, 100)
	j.Release(300)
	before := len(segmentFiles(t, dir))
	if err := j.sync(); err != nil {
		t.Fatal(err)
	}
	j.Release(300)
	if after := j.Stats().Segments; before < 8 || after != 1 {
		t.Fatalf("%d files before the sync, %d segments after", before, after)
	}
}

func TestReaderOutlivesClose(t *testing.T) {
	j := mustOpen(t, Options{Dir: t.TempDir()}, unsynced())
	log := fill(t, j, 200, 100)
	r, err := j.ReadFrom(1)
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	for _, want := range log {
		if err := r.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if seq, payload, ok := r.Next(); !ok || seq != want.seq || !bytes.Equal(payload, want.payload) {
			t.Fatalf("got %d %x %v, want %d", seq, payload, ok, want.seq)
		}
	}
	if err := r.Wait(t.Context()); err != ErrClosed {
		t.Fatalf("wait at the end of a closed journal: %v", err)
	}
	if j.Stats().Segments == 0 {
		t.Fatal("the memory was unmapped below the reader")
	}
	r.Close()
	if n := j.Stats().Segments; n != 0 {
		t.Fatalf("%d segments are still mapped", n)
	}
}

func TestReaderSleepsUntilAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, Options{Durability: None}, linux())
		r, err := j.ReadFrom(1)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		woken := make(chan error, 1)
		sleep := func(ctx context.Context) { go func() { woken <- r.Wait(ctx) }() }

		sleep(t.Context())
		synctest.Wait()
		if len(woken) != 0 {
			t.Fatal("woken by nothing")
		}
		mustAppend(t, j, []byte("x"))
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
		if _, _, ok := r.Next(); !ok {
			t.Fatal("woken without a record")
		}

		ctx, cancel := context.WithCancel(t.Context())
		sleep(ctx)
		synctest.Wait()
		cancel()
		if err := <-woken; err != context.Canceled {
			t.Fatal(err)
		}

		sleep(t.Context())
		synctest.Wait()
		mustClose(t, j)
		if err := <-woken; err != ErrClosed {
			t.Fatal(err)
		}
	})
}

// One goroutine appends, others read along and release; the race detector watches.
func TestReadersFollowTheAppender(t *testing.T) {
	const records = 20_000
	j := mustOpen(t, Options{Durability: None}, linux())
	done := make(chan error, 3)
	for i := range 3 {
		r, err := j.ReadFrom(1)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer r.Close()
			done <- follow(j, r, records, i == 0)
		}()
	}
	for i := range records {
		mustAppend(t, j, numbered(i+1, 8))
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	j.Release(records)
	if s := j.Stats(); s.Segments != 1 || s.Backlog != 0 {
		t.Errorf("stats %+v", s)
	}
}

func follow(j *Journal, r *Reader, records int, release bool) error {
	for i := 1; i <= records; {
		seq, payload, ok := r.Next()
		if !ok {
			if err := r.Wait(context.Background()); err != nil {
				return err
			}
			continue
		}
		if seq != uint64(i) || !bytes.Equal(payload, numbered(i, 8)) {
			return errors.New("records out of order")
		}
		if release && i%1000 == 0 {
			j.Release(seq)
		}
		i++
	}
	return nil
}
