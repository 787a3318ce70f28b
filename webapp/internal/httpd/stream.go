package httpd

import (
	"net"
	"os"
	"sync/atomic"
)

// Stream is a response without an end. While nothing happens it costs its
// connection, a goroutine of minimal stack that waits for the peer to leave, and
// no buffer or timer.
type Stream struct {
	// Set once.
	conn *conn

	// Owned by the connection's goroutine.
	opened  bool
	onClose func()
	trash   [32]byte // what the peer sends is dropped

	closed atomic.Bool
}

// Write hands p to the socket and returns when the socket has taken all of it.
// It may be called by any goroutine, one at a time. It waits for a peer that does
// not read for Options.WriteTimeout at most. After an error the stream is dead.
func (s *Stream) Write(p []byte) error {
	c := s.conn
	if s.closed.Load() {
		return net.ErrClosed
	}
	if !c.deadline.enter(streamWriting, c.srv.dueIn(c.srv.write)) {
		return os.ErrDeadlineExceeded
	}
	_, err := c.nc.Write(p)
	if !c.deadline.enter(streaming, 0) && err == nil {
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		s.Close()
	}
	return err
}

// Close ends the stream: the peer sees the end of the body, and the function
// given to OnClose is called soon after. Any goroutine may call it, repeatedly.
func (s *Stream) Close() {
	s.closed.Store(true)
	s.conn.wake(streaming)
}

// OnClose has fn called once when the stream has ended, whoever ended it. It must
// be called within the function given to Ctx.Stream.
func (s *Stream) OnClose(fn func()) { s.onClose = fn }

// start makes the connection a stream. The head has been sent.
func (s *Stream) start(open func(*Stream)) {
	c := s.conn
	s.opened = true
	c.srv.streams.Add(1)
	c.deadline.enter(streaming, 0)
	if c.srv.draining.Load() {
		s.Close()
	}
	open(s)
}

// watch waits for the end of the stream.
func (s *Stream) watch() {
	defer s.conn.recoverAndEnd()
	for {
		if _, err := s.conn.nc.Read(s.trash[:]); err != nil {
			break
		}
	}
	s.close()
	s.conn.end()
}

// close is called once the peer is gone or Close was called.
func (s *Stream) close() {
	if !s.opened {
		return
	}
	s.opened = false
	s.closed.Store(true)
	s.conn.srv.streams.Add(-1)
	s.conn.nc.Close()
	if s.onClose != nil {
		s.onClose()
	}
}
