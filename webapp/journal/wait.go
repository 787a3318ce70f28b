package journal

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/internal/pulse"
)

// waits is the watermark of a replicated log, and the place to wait for it: the last record
// that is both as durable here as the level says and committed by the group. It never goes
// back, since nothing that is committed is ever cut.
type waits struct {
	mark      atomic.Uint64
	committed atomic.Uint64
	moved     pulse.Pulse
	used      sync.Pool // channels of waiters

	mu    lockwatch.Mutex
	queue []waiter // in the order of their records
}

// waiter waits for a record. Its channel has room for the one outcome that it gets.
type waiter struct {
	seq  uint64
	done chan error
}

// Commit says that the group will never lose the record, which this log has, nor any before
// it. An earlier one than before changes nothing. After Open nothing is committed but what
// Commit says, and readers see nothing else.
func (j *Journal) Commit(seq uint64) {
	if last := j.appended.Load(); seq > last || !j.replicated {
		panic(fmt.Sprintf("BUG: journal: record %d is committed, the last one is %d", seq, last))
	}
	j.waits.mu.Lock()
	if seq > j.waits.committed.Load() {
		j.waits.committed.Store(seq)
	}
	j.waits.mu.Unlock()
	j.waits.advance(j, nil)
}

// Committed returns the number of the last record that Commit has passed.
func (j *Journal) Committed() uint64 { return j.waits.committed.Load() }

// WaitIn returns when the watermark of a replicated log has reached a record that this node
// has appended as the leader of the term. ErrNotLeading says that the leadership has ended
// before, and that the record may have gone, or its number to another. What was reached
// stays reached only as long as the node leads: who asks later gets ErrNotLeading.
func (j *Journal) WaitIn(term, seq uint64) error {
	w := &j.waits
	if w.mark.Load() >= seq && j.leads.Load() == term && term != 0 {
		return nil
	}
	done, err := w.join(j, term, seq)
	if done == nil {
		return err
	}
	err = <-done
	w.used.Put(done)
	return err
}

// join puts a waiter into the queue, or returns the outcome if it is known.
func (w *waits) join(j *Journal, term, seq uint64) (done chan error, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case j.leads.Load() != term || term == 0:
		return nil, ErrNotLeading
	case w.mark.Load() >= seq:
		return nil, nil
	case j.commit.failure() != nil:
		return nil, j.commit.failure()
	}
	done, _ = w.used.Get().(chan error)
	if done == nil {
		done = make(chan error, 1)
	}
	at := len(w.queue)
	for at > 0 && w.queue[at-1].seq > seq {
		at--
	}
	w.queue = slices.Insert(w.queue, at, waiter{seq, done})
	return done, nil
}

// advance moves the watermark and lets those go who have waited for it; all, if there will
// be no more syncs.
func (w *waits) advance(j *Journal, err error) {
	w.mu.Lock()
	mark := w.committed.Load()
	if j.level == Power {
		mark = min(mark, j.commit.durable.Load())
	}
	moved := mark > w.mark.Load()
	if moved {
		w.mark.Store(mark)
	}
	n := 0
	for n < len(w.queue) && w.queue[n].seq <= w.mark.Load() {
		w.queue[n].done <- nil
		n++
	}
	w.queue = slices.Delete(w.queue, 0, n)
	w.mu.Unlock()
	if err != nil {
		w.end(err)
	}
	if moved {
		w.moved.Beat()
	}
}

// end gives all who wait an error.
func (w *waits) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, waiter := range w.queue {
		waiter.done <- err
	}
	w.queue = w.queue[:0]
}

// SyncSoon asks for a sync without waiting for it. Safe says when it is over.
func (j *Journal) SyncSoon() { notify(j.commit.wanted) }

// Safe returns a channel that is closed after the next sync, successful or not.
func (j *Journal) Safe() <-chan struct{} { return j.safety.Next() }

// Moved returns a channel that is closed when the watermark moves next.
func (j *Journal) Moved() <-chan struct{} { return j.watermark().Next() }
