package notify

import "slices"

// Stream is one open connection's view of a log. It is used by one goroutine at a
// time, apart from wake.
type Stream[M any] struct {
	log  *Log[M]
	wake func()

	// Guarded by log.mu.
	next   uint64
	closed bool
}

// Next is the stream's next message and its number, for Deliver before it is written; if
// it cannot be written, the stream must be closed.
func (s *Stream[M]) Next() (m M, n uint64, ok bool) {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	n = s.next
	if s.closed || n == l.end() {
		return m, 0, false
	}
	s.next++
	return l.entries[n-l.first], n, true
}

// Close takes the stream out of its log. Closing twice is harmless.
func (s *Stream[M]) Close() {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	s.closed = true
	if i := slices.Index(l.streams, s); i >= 0 {
		l.streams = slices.Delete(l.streams, i, i+1)
		l.trim()
	}
}
