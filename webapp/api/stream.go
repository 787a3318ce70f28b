package api

import (
	"sync"
	"sync/atomic"

	"isuride/webapp/engine"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/state"
	"isuride/webapp/wire"
)

// eventStream carries one recipient's messages to one connection.
//
// Nobody waits while nothing happens: a new message starts the writer, a goroutine
// that writes all there is and ends. There is never more than one, since only the
// step from idle starts it; a message that comes while it writes makes it look once
// more before it ends.
type eventStream struct {
	gen  *engine.Generation
	to   audience
	conn *httpd.Stream
	log  *state.Stream

	writer atomic.Int32 // idle, writing or writingAgain

	// mu is held from taking messages to marking them delivered: the stream must not
	// leave its log in between (notify, invariant 5).
	mu sync.Mutex
}

const (
	idle int32 = iota
	writingOnce
	writingAgain
)

// open is called when the head of the stream has been sent.
func (s *eventStream) open(conn *httpd.Stream) {
	s.conn = conn
	leave, ok := s.gen.Join(conn.Close)
	if !ok { // the generation has ended meanwhile
		conn.Close()
		return
	}
	s.writer.Store(writingOnce) // before the log knows the stream: wake must not start a second one
	s.log = s.to.log.Open(s.wake)
	conn.OnClose(func() {
		s.mu.Lock() // not for long: a write to a closed connection fails at once
		s.log.Close()
		s.mu.Unlock()
		leave()
		s.to.left()
	})
	go s.begin()
}

// wake is called, with the log locked, when a message has been added.
func (s *eventStream) wake() {
	if s.writer.Swap(writingAgain) == idle {
		go s.write(nil)
	}
}

// begin writes what a new stream starts with: messages, or null if there never was one.
func (s *eventStream) begin() {
	var first []byte
	if _, _, ok := s.to.log.Current(); !ok {
		first = wire.AppendEventClose(wire.AppendNoRide(wire.AppendEventOpen(nil)))
	}
	s.write(first)
}

// write writes until nothing is left. What first holds goes out before.
func (s *eventStream) write(first []byte) {
	buf := append(make([]byte, 0, 1024), first...)
	for {
		s.writer.Store(writingOnce)
		if !s.writeAll(buf) {
			s.conn.Close()
			return // stays writing: nothing starts a writer on a dead stream
		}
		if s.writer.CompareAndSwap(writingOnce, idle) {
			return
		}
		buf = buf[:0]
	}
}

// writeAll sends the messages that wait, together, and marks them delivered.
func (s *eventStream) writeAll(buf []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var last, count uint64
	for {
		m, n, ok := s.log.Next()
		if !ok {
			break
		}
		buf = wire.AppendEventClose(s.to.encode(wire.AppendEventOpen(buf), &m))
		last, count = n, count+1
	}
	if len(buf) == 0 {
		return true
	}
	if s.gen.Barrier() != nil || s.conn.Write(buf) != nil {
		return false
	}
	for n := last + 1 - count; count > 0; n, count = n+1, count-1 {
		if s.gen.Store.Delivered(s.to.log, s.to.side, n) != nil {
			return false
		}
	}
	return true
}
