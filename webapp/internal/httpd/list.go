package httpd

import "iter"

// connList is a doubly linked list through the connections themselves, so that joining
// and leaving allocate nothing. The server's mutex guards it.
type connList struct {
	first *conn
	len   int
}

func (l *connList) push(c *conn) {
	c.next = l.first
	if l.first != nil {
		l.first.prev = c
	}
	l.first = c
	l.len++
}

func (l *connList) remove(c *conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
	l.len--
}

// streamList is the same of streams, the oldest first.
type streamList struct {
	first, last *Stream
	len         int
}

func (l *streamList) push(s *Stream) {
	if s.prev = l.last; l.last != nil {
		l.last.next = s
	} else {
		l.first = s
	}
	l.last = s
	l.len++
}

func (l *streamList) remove(s *Stream) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		l.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		l.last = s.prev
	}
	s.prev, s.next = nil, nil
	l.len--
}

func (l *connList) all() iter.Seq[*conn] {
	return func(yield func(*conn) bool) {
		for c := l.first; c != nil; c = c.next {
			if !yield(c) {
				return
			}
		}
	}
}
