// Package notify keeps, for one recipient, the ordered log of its messages, the mark up
// to which they have been delivered, and the streams that listen.
//
// The rules are those of S6.4: every message, in order, at least once, to every open
// stream; a new stream starts with the last delivered message. The package knows neither
// what a message is nor how it travels.
//
// Invariants, for entries numbered from 0 as they are appended:
//
//  1. first <= delivered <= first+len(entries).
//  2. The entry before the mark, if there ever was one, is kept: first < delivered unless
//     nothing was delivered yet.
//  3. Every open stream's next entry is kept, or is the one still to come.
//  4. The mark moves by one entry at a time, in order.
//  5. A stream moves the mark past an entry before it writes it, and takes the next one
//     only when it has written it.
//
// Hence nobody has read anything past the mark, so that a new stream never begins with an
// older message than the last one read; and of what is before the mark only the last
// entry may not have been written, with which every new stream begins. This holds at any
// moment, also for a mark that is found after a kill.
//
// Written is not read: what a socket has taken is lost if the client has closed it by then. So before
// what must not be missed together with the entry before it, writers look whether the client
// is still there.
//
// Rejected: moving the mark after the write. What was read in between is sent again after
// the message before it, to a client that comes back quickly and after a kill.
package notify

import (
	"slices"

	"isuride/webapp/internal/lockwatch"
)

// Log is the log of one recipient. The zero value is ready. Its lock is innermost but
// for the journal's: Append is called with the lock of the entity that changed.
type Log[M any] struct {
	mu lockwatch.Mutex
	// The rest is guarded by mu.
	first     uint64 // number of entries[0]
	delivered uint64 // number of the first entry not delivered yet
	entries   []M
	streams   []*Stream[M]
}

// Append adds a message and wakes every stream. It is called in the critical section
// that commits the change, so that log order is commit order.
func (l *Log[M]) Append(m M) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, m)
	for _, s := range l.streams {
		s.wake()
	}
}

// Deliver moves the mark past entry n, unless it is there already. commit records that
// before the mark moves; if it fails the mark stays. It gets the entry, and the one that was
// the last delivered one until then, nil if there was none.
func (l *Log[M]) Deliver(n uint64, commit func(last, next *M) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n < l.delivered {
		return nil
	}
	if n > l.delivered || n >= l.endLocked() {
		panic("BUG: delivery out of order")
	}
	if err := commit(l.lastLocked(), &l.entries[n-l.first]); err != nil {
		return err
	}
	l.delivered++
	l.trimLocked()
	return nil
}

// lastLocked returns the last delivered entry, nil if there is none.
func (l *Log[M]) lastLocked() *M {
	if l.delivered == l.first {
		return nil
	}
	return &l.entries[l.delivered-1-l.first]
}

// DeliverNext moves the mark past the oldest pending entry if it is the one that
// match accepts, which gets the same as the commit of Deliver. Recovery uses it to repeat a
// recorded delivery.
func (l *Log[M]) DeliverNext(match func(last, next *M) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.delivered == l.endLocked() || !match(l.lastLocked(), &l.entries[l.delivered-l.first]) {
		return false
	}
	l.delivered++
	l.trimLocked()
	return true
}

// View shows the entries with which a new stream would begin: the last delivered one, if
// delivered says so, then the pending ones. They are lent for the call, in which neither
// is the mark moved nor a message added.
func (l *Log[M]) View(see func(entries []M, delivered bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := l.resumeLocked()
	see(l.entries[from-l.first:], from < l.delivered)
}

// Current returns the message for a polling client: the oldest pending one, else the last
// delivered one once more. ok is false if there never was a message.
func (l *Log[M]) Current() (m M, n uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = l.resumeLocked()
	if l.delivered < l.endLocked() {
		n = l.delivered
	}
	if n == l.endLocked() {
		return m, 0, false
	}
	return l.entries[n-l.first], n, true
}

// MaxStreams bounds the open streams of a recipient. A client needs one, and a second
// while it comes back; the rest is for several windows of a browser.
const MaxStreams = 8

// Open adds a stream, which starts with the last delivered message. wake is called,
// with the log locked, whenever a message arrives; it must not block nor call back.
// A stream more than there may be takes the place of the oldest, which is woken, too, to
// find itself displaced: a client that comes back is never refused.
func (l *Log[M]) Open(wake func()) *Stream[M] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.streams) == MaxStreams {
		l.displaceLocked(l.streams[0])
	}
	s := &Stream[M]{log: l, wake: wake, next: l.resumeLocked()}
	l.streams = append(l.streams, s)
	return s
}

func (l *Log[M]) displaceLocked(s *Stream[M]) {
	l.removeLocked(s)
	s.displaced = true
	s.wake()
}

// removeLocked takes a stream out, unless it is out already.
func (l *Log[M]) removeLocked(s *Stream[M]) {
	s.closed = true
	if i := slices.Index(l.streams, s); i >= 0 {
		l.streams = slices.Delete(l.streams, i, i+1)
		l.trimLocked()
	}
}

// resumeLocked returns the number of the last delivered entry, or of the first one to
// come if nothing was delivered yet.
func (l *Log[M]) resumeLocked() uint64 {
	if l.delivered > l.first {
		return l.delivered - 1
	}
	return l.delivered
}

func (l *Log[M]) endLocked() uint64 { return l.first + uint64(len(l.entries)) }

// trimLocked forgets the entries that nobody can ask for any more.
func (l *Log[M]) trimLocked() {
	keep := l.resumeLocked()
	for _, s := range l.streams {
		keep = min(keep, s.next)
	}
	if n := keep - l.first; n > 0 {
		kept := copy(l.entries, l.entries[n:])
		clear(l.entries[kept:])
		l.entries = l.entries[:kept]
		l.first = keep
	}
}
