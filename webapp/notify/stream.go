package notify

// Stream is one open connection's view of a log. It is used by one goroutine at a
// time, apart from wake.
type Stream[M any] struct {
	log  *Log[M]
	wake func()

	// Guarded by log.mu.
	next      uint64
	closed    bool
	displaced bool
}

// Next returns the stream's next message and its number, for Deliver before it is
// written; if it cannot be written, the stream must be closed.
func (s *Stream[M]) Next() (m M, n uint64, ok bool) {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	n = s.next
	if s.closed || n == l.endLocked() {
		return m, 0, false
	}
	s.next++
	return l.entries[n-l.first], n, true
}

// Displaced reports whether newer streams have taken the place of this one: it gets
// nothing any more and is to be ended.
func (s *Stream[M]) Displaced() bool {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.displaced
}

// Close takes the stream out of its log. Closing twice is harmless.
func (s *Stream[M]) Close() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.removeLocked(s)
}
