package api

import (
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
		s.log.Close()
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
	buf := append(make([]byte, 0, 512), first...)
	ok := len(buf) == 0 || s.conn.Write(buf) == nil
	for ok {
		s.writer.Store(writingOnce)
		ok = s.writeAll(buf)
		if ok && s.writer.CompareAndSwap(writingOnce, idle) {
			return
		}
	}
	s.conn.Close() // stays writing: nothing starts a writer on a dead stream
}

// writeAll sends the messages that wait. Each is marked as delivered before it is sent,
// and the next one only after that, so that neither a kill nor a client that comes back at
// once makes a new stream begin too early or too late (notify, invariant 5).
func (s *eventStream) writeAll(buf []byte) bool {
	for {
		m, n, ok := s.log.Next()
		if !ok {
			return true
		}
		if s.gen.Store.Delivered(s.to.log, s.to.side, n) != nil || s.gen.Barrier() != nil {
			return false
		}
		buf = wire.AppendEventClose(s.to.encode(wire.AppendEventOpen(buf[:0]), &m))
		if s.conn.Write(buf) != nil {
			return false
		}
	}
}
