package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"isuride/tools/dev/allocs"
)

// stepLog is a log whose mark is moved by hand.
type stepLog struct {
	appended, mark atomic.Uint64
	moved          chan error // each value lets a Wait look again; an error ends it
}

func (l *stepLog) Appended() uint64  { return l.appended.Load() }
func (l *stepLog) Watermark() uint64 { return l.mark.Load() }

func (l *stepLog) Wait(seq uint64) error {
	for l.mark.Load() < seq {
		if err := <-l.moved; err != nil {
			return err
		}
	}
	return nil
}

// TestWatermarkLetsPassInOrder has three wait, and moves the mark twice.
func TestWatermarkLetsPassInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &stepLog{moved: make(chan error)}
		q := newQueue(l)
		go q.run(t.Context())
		var woken []int
		wait := func(n int) {
			l.appended.Add(1)
			w := &Waiter{Wake: func() { woken = append(woken, n) }}
			if passed, err := q.Await(w); passed || err != nil {
				t.Fatalf("waiter %d passed at once: %v", n, err)
			}
			synctest.Wait()
		}
		wait(1)
		wait(2)
		wait(3)
		l.mark.Store(2)
		l.moved <- nil
		synctest.Wait()
		if len(woken) != 2 || woken[0] != 1 || woken[1] != 2 {
			t.Fatalf("at mark 2 %v were woken, want 1 and 2", woken)
		}
		if passed, err := q.Await(&Waiter{}); passed || err != nil {
			t.Fatalf("a newcomer passed before record 3 was safe: %v", err)
		}
		q.first.next.Wake = func() {}
		l.mark.Store(3)
		l.moved <- nil
		synctest.Wait()
		if passed, err := q.Await(&Waiter{}); !passed || err != nil || len(woken) != 3 {
			t.Fatalf("at mark 3: passed %v, %v, woken %v", passed, err, woken)
		}
	})
}

// TestWatermarkThatEnds refuses those who wait and those who come for more than was safe, though the
// log's mark moves on with what another leader writes.
func TestWatermarkThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &stepLog{moved: make(chan error)}
		q := newQueue(l)
		ctx, cancel := context.WithCancel(t.Context())
		defer func() { cancel(); close(l.moved) }()
		go q.run(ctx)
		l.appended.Store(1)
		var got error
		w := &Waiter{}
		w.Wake = func() { got = w.Err() }
		q.Await(w)
		synctest.Wait()
		deposed := errors.New("deposed")
		q.end(deposed)
		if got != deposed {
			t.Errorf("who waited got %v", got)
		}
		l.mark.Store(1)
		if passed, err := q.Await(&Waiter{}); !passed || err != deposed {
			t.Errorf("who came later: passed %v, %v", passed, err)
		}
		l.moved <- errors.New("over")
	})
}

// TestWatermarkOfWhoComesLate: a request that recorded something may look up only when the queue has
// ended. If all was safe by then, as after a hand-over, it passes.
func TestWatermarkOfWhoComesLate(t *testing.T) {
	l := &stepLog{}
	q := newQueue(l)
	l.appended.Store(5)
	l.mark.Store(5)
	q.end(errors.New("deposed"))
	q.end(errors.New("a second time"))
	l.mark.Store(9)
	if passed, err := q.Await(&Waiter{}); !passed || err != nil {
		t.Errorf("with all safe by the end: passed %v, %v", passed, err)
	}
	l.appended.Store(6)
	if passed, err := q.Await(&Waiter{}); !passed || err == nil || err.Error() != "deposed" {
		t.Errorf("with more than was safe by the end: passed %v, %v", passed, err)
	}
}

// TestWatermarkThatFails tells those whose records are not safe, and only them.
func TestWatermarkThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &stepLog{moved: make(chan error)}
		q := newQueue(l)
		go q.run(t.Context())
		got := map[int]error{}
		for n := range 2 {
			l.appended.Add(1)
			w := &Waiter{}
			w.Wake = func() { got[n] = w.Err() }
			q.Await(w)
		}
		synctest.Wait()
		l.mark.Store(1)
		broken := errors.New("the disk is broken")
		l.moved <- nil
		synctest.Wait()
		l.moved <- broken
		synctest.Wait()
		if len(got) != 2 || got[0] != nil || got[1] != broken {
			t.Errorf("got %v", got)
		}
	})
}

// promptLog makes whatever is waited for safe.
type promptLog struct{ appended, mark atomic.Uint64 }

func (l *promptLog) Appended() uint64  { return l.appended.Load() }
func (l *promptLog) Watermark() uint64 { return l.mark.Load() }

func (l *promptLog) Wait(seq uint64) error {
	l.mark.Store(seq)
	return nil
}

// TestWatermarkDoesNotAllocate waits with and without sleeping.
func TestWatermarkDoesNotAllocate(t *testing.T) {
	l := &promptLog{}
	q := newQueue(l)
	go q.run(t.Context())
	var s sleepers
	for name, step := range map[string]uint64{"nothing to wait for": 0, "one record": 1} {
		n := allocs.PerRun(100, func() {
			l.appended.Add(step)
			if err := s.wait(q); err != nil {
				t.Fatal(err)
			}
		})
		if n >= 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkWatermark(b *testing.B) {
	l := &promptLog{}
	q := newQueue(l)
	go q.run(b.Context())
	var s sleepers
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.appended.Add(1)
			s.wait(q)
		}
	})
}
