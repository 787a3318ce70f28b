package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"isuride/webapp/internal/histogram"
	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
)

// Watermark is the one gate in front of everything that leaves the server and may depend on
// what is recorded: answers and refusals, notifications, calls of the payment gateway. It
// lets pass what is as safe as promised. The tables, feeds and brokers read the log behind
// the same mark (journal.Subscribe).
type Watermark interface {
	// Await reports whether everything that is recorded by now is safe, or why it never
	// will be. If neither is known yet, it returns false, and calls w.Wake once as soon as
	// one is; w.Err then tells which.
	Await(w *Waiter) (passed bool, err error)
}

// Waiter is somebody's place at a Watermark, for one Await at a time.
type Waiter struct {
	Wake func() // set once by its owner; it must not block

	err   error  // set before Wake is called
	seq   uint64 // what is awaited
	since time.Time
	next  *Waiter
}

// Err says why what was awaited never becomes safe, nil if it is. It may be called once Wake
// has been, until the next Await.
func (w *Waiter) Err() error { return w.err }

// appended is the watermark of a server that promises what is in the page cache, or nothing:
// a record is safe as soon as it is there.
type appended struct{}

func (appended) Await(*Waiter) (bool, error) { return true, nil }

// queue is the watermark of a log whose records become safe later: by a sync, or by a majority.
//
// Those who wait stand in the order of what they wait for, since a place is given out with
// the end of the log, under the lock. So each step of the mark lets a front part of the
// queue pass, whose members are woken one by one: nobody is woken in vain, nobody polls, and
// nothing is allocated.
type queue struct {
	// Set once.
	log    marked
	wanted chan struct{}        // one token: somebody has begun to wait
	waits  *histogram.Histogram // how long they waited; nil if nobody asks

	ended atomic.Pointer[ending] // nil while the queue is open

	mu          lockwatch.Mutex
	first, last *Waiter // guarded by mu, as what they hold
}

// marked is the part of a log that a queue looks at.
type marked interface {
	Appended() uint64
	Watermark() uint64
	// Wait returns once the watermark has reached a record, or with the reason why it never
	// will.
	Wait(seq uint64) error
}

// ending is what a queue has come to: records beyond its mark never become safe.
type ending struct {
	mark uint64
	err  error
}

func newQueue(log marked) *queue {
	return &queue{log: log, wanted: make(chan struct{}, 1)}
}

// Await is a Watermark.
//
// Fast path: nothing waits to become safe. What is recorded is read first, since the mark
// only moves on; whether the queue is open is read last, since it is closed before the log
// loses what was never safe.
func (q *queue) Await(w *Waiter) (bool, error) {
	if seq := q.log.Appended(); q.log.Watermark() >= seq {
		return true, q.loss(seq)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	w.seq, w.err, w.next = q.log.Appended(), nil, nil
	// The mark may have moved meanwhile, or the queue be closed, and nobody will call.
	if q.log.Watermark() >= w.seq || q.failure() != nil {
		return true, q.loss(w.seq)
	}
	if q.waits != nil {
		w.since = time.Now()
	}
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
	select {
	case q.wanted <- struct{}{}:
	default:
	}
	return false, nil
}

// failure says why the queue is closed, nil if it is not.
func (q *queue) failure() error {
	if e := q.ended.Load(); e != nil {
		return e.err
	}
	return nil
}

// loss says why a record, up to which all was safe or will never be, is not: nil if the queue is open, and
// if the record was safe before it was closed, however late somebody asks.
func (q *queue) loss(seq uint64) error {
	if e := q.ended.Load(); e != nil && seq > e.mark {
		return e.err
	}
	return nil
}

// run lets those pass whose records have become safe, until ctx ends.
func (q *queue) run(ctx context.Context) {
	for {
		select {
		case <-q.wanted:
		case <-ctx.Done():
			return
		}
		for seq, ok := q.front(); ok; seq, ok = q.front() {
			if err := q.log.Wait(seq); err != nil {
				q.release(q.log.Watermark(), nil)
				q.release(q.log.Appended(), err)
				continue
			}
			q.release(q.log.Watermark(), nil)
		}
	}
}

// front returns what the first one waits for.
func (q *queue) front() (seq uint64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.first == nil {
		return 0, false
	}
	return q.first.seq, true
}

// pass lets those pass whose records are safe by now.
func (q *queue) pass() { q.release(q.log.Watermark(), nil) }

// release lets those pass who wait for records up to a position.
func (q *queue) release(upTo uint64, err error) {
	q.mu.Lock()
	out := q.first
	var end *Waiter
	for w := q.first; w != nil && w.seq <= upTo; w = w.next {
		end = w
	}
	if end == nil {
		q.mu.Unlock()
		return
	}
	q.first, end.next = end.next, nil
	if q.first == nil {
		q.last = nil
	}
	q.mu.Unlock()
	for w := out; w != nil; {
		next := w.next // a woken waiter may wait again at once
		if q.waits != nil {
			q.waits.Observe(time.Since(w.since))
		}
		w.err = err
		w.Wake()
		w = next
	}
}

// end closes the queue: all who wait for more than is safe by now, or will, get the error. The
// first call counts.
func (q *queue) end(err error) {
	q.ended.CompareAndSwap(nil, &ending{q.log.Watermark(), err})
	e := q.ended.Load()
	q.release(e.mark, nil)
	q.release(^uint64(0), e.err)
}

// blocked is a Waiter whose goroutine sleeps.
type blocked struct {
	Waiter
	woken chan struct{} // has room for the one wake-up
}

// sleepers keeps them for reuse.
type sleepers struct{ pool sync.Pool }

// wait returns once the watermark lets pass what is recorded by now.
func (s *sleepers) wait(mark Watermark) error {
	b, _ := s.pool.Get().(*blocked)
	if b == nil {
		b = &blocked{woken: make(chan struct{}, 1)}
		b.Wake = func() { b.woken <- struct{}{} }
	}
	defer s.pool.Put(b)
	passed, err := mark.Await(&b.Waiter)
	if !passed {
		<-b.woken
		err = b.Err()
	}
	return err
}

// unrecorded is the refusal of what cannot become safe.
func unrecorded(err error) error {
	if err == nil {
		return nil
	}
	return isuride.Because(err, isuride.Unavailable, "the server cannot record changes now")
}
