package api

import (
	"sync/atomic"

	"isuride/webapp/engine"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
	"isuride/webapp/wire"
)

// eventStream carries one recipient's messages to one connection.
//
// No goroutine waits while nothing happens: a new message calls a writer of the pool,
// which writes all there is; see turns.
type eventStream struct {
	gen      *engine.Generation
	writers  *writerPool
	to       recipient
	counters *recipientCounters
	conn     *httpd.Stream
	log      *state.Stream
	since    isuride.Time // when it was opened
	waiter   engine.Waiter

	// Owned by the writer.
	mute    bool          // nothing was written yet
	message state.Message // that is being sent
	holding bool          // it is marked as delivered, and must not leave yet

	passed atomic.Bool // the watermark has decided about the held message
	turns  turns
}

// open is called when the head of the stream has been sent.
func (s *eventStream) open(conn *httpd.Stream) {
	s.conn = conn
	leave, ok := s.gen.Join(conn.Close)
	if !ok { // the generation has ended meanwhile
		conn.Close()
		return
	}
	s.counters.streams.Add(1)
	s.since = s.gen.Now()
	s.turns.begin() // before the log knows the stream: wake must not start a second one
	s.log = s.to.log.Open(s.wake)
	conn.OnClose(func() {
		s.log.Close()
		leave()
		s.to.left()
		s.counters.streams.Add(-1)
	})
	s.mute = true
	s.waiter.Wake = s.pass
	s.writers.write(s)
}

// pass is called once the watermark has decided about the held message.
func (s *eventStream) pass() {
	s.passed.Store(true)
	s.wake()
}

// wake is called, with the log locked, when a message has been added.
func (s *eventStream) wake() {
	if s.turns.wake() {
		s.writers.write(s)
	}
}

// write writes until nothing is left, and returns the buffer it was given.
func (s *eventStream) write(buf []byte) []byte {
	ok := true
	if s.mute {
		s.mute = false
		buf, ok = s.greet(buf)
	}
	for ok {
		s.turns.begin()
		buf, ok = s.writeAll(buf)
		if ok && s.turns.end() {
			return buf
		}
	}
	s.conn.Close() // stays writing: nothing calls a writer for a dead stream
	return buf
}

// greet begins a stream with null if there never was a message.
func (s *eventStream) greet(buf []byte) ([]byte, bool) {
	if _, _, ok := s.to.log.Current(); ok {
		return buf, true
	}
	buf = wire.AppendEventClose(wire.AppendNoRide(wire.AppendEventOpen(buf[:0])))
	return buf, s.conn.Write(buf) == nil
}

// writeAll sends the messages that wait. Each is marked as delivered before it is sent,
// and the next one only after that, so that neither a kill nor a client that comes back
// at once makes a new stream begin too early or too late (notify, invariant 5). While a
// message must not leave yet, no writer waits for that: the watermark calls one.
func (s *eventStream) writeAll(buf []byte) ([]byte, bool) {
	for {
		if s.holding {
			if !s.passed.Load() {
				return buf, true
			}
			s.holding = false
			if s.waiter.Err() != nil || !s.send(&buf) {
				return buf, false
			}
		}
		m, n, ok := s.log.Next()
		if !ok {
			return buf, !s.log.Displaced()
		}
		if s.conn.Ready() != nil { // over HTTP/2 it is known when a client has no room: nothing is spent on it
			return buf, false
		}
		// A chair that its client has left is not told of its next ride: that it missed the end of
		// the last one is mended by a new stream, which begins with what was sent last, but not both.
		if m.Status == isuride.Matching && s.conn.Gone() {
			return buf, false
		}
		if s.gen.Store.Delivered(s.to.log, s.to.side, n) != nil {
			return buf, false
		}
		s.message = m
		s.passed.Store(false)
		passed, err := s.gen.Await(&s.waiter)
		s.holding = !passed
		if err != nil || passed && !s.send(&buf) {
			return buf, false
		}
	}
}

// send writes the message.
func (s *eventStream) send(buf *[]byte) bool {
	*buf = wire.AppendEventClose(s.to.encode(wire.AppendEventOpen((*buf)[:0]), &s.message))
	if s.conn.Write(*buf) != nil {
		return false
	}
	s.counters.message(&s.message, s.since, s.gen.Now())
	return true
}
