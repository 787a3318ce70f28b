package httpd

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"

	"isuride/webapp/internal/httpd/h2"
)

// maxDropped bounds the bytes that the peer of a stream may send; it has none to send.
const maxDropped = 64 << 10

// Stream is a response without an end. While nothing happens it costs its connection, a
// goroutine of minimal stack that waits for the peer to leave, and no buffer or timer.
type Stream struct {
	// Set once.
	conn *conn
	via  *h2.Stream // over HTTP/2, one of many on the connection; else nil

	// Owned by the connection's goroutine.
	opened  bool
	onClose func()
	talk    func(io.Reader) // of an upgraded connection, else nil
	ahead   []byte          // what came of it together with the request
	trash   [32]byte        // what the peer sends is dropped

	// Guarded by srv.mu.
	account    *account
	since      ticks   // when it was opened
	prev, next *Stream // in Server.multiplexed
	listed     bool    // it is in there

	closed atomic.Bool
}

// Write hands p to the socket and returns when the socket has taken all of it. It may be
// called by any goroutine, one at a time. It waits for a peer that does not read for
// Options.WriteTimeout at most. After an error the stream is dead.
func (s *Stream) Write(p []byte) error {
	c := s.conn
	if s.closed.Load() {
		return net.ErrClosed
	}
	if s.via != nil {
		return s.via.Write(p)
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

// Ready returns when the peer has room for a part of a message, as far as that is known
// before it is sent: over HTTP/2, when its windows are open, for which it waits as long as
// Write would. After an error the stream is dead.
func (s *Stream) Ready() error {
	if s.via == nil {
		return nil
	}
	return s.via.Ready()
}

// Close ends the stream: the peer sees the end of the body, and the function given to
// OnClose is called soon after. Any goroutine may call it, repeatedly.
func (s *Stream) Close() {
	s.closed.Store(true)
	if s.via != nil {
		s.via.End()
		return
	}
	s.conn.wake()
}

// OnClose has fn called once when the stream has ended, for any reason. It must be called
// within the function given to Ctx.Stream.
func (s *Stream) OnClose(fn func()) { s.onClose = fn }

// start makes the connection a stream. The head has been sent.
func (s *Stream) start(open func(*Stream)) {
	c := s.conn
	s.opened = true
	c.srv.streams.Add(1)
	c.srv.join(s, c.owner)
	if c.sock != nil {
		c.sock.atStream = c.sock.total
	}
	c.deadline.enter(streaming, 0)
	if c.srv.draining.Load() {
		s.Close()
	}
	open(s)
}

// watch waits for the end of the stream.
func (s *Stream) watch() {
	defer s.conn.recoverAndEnd()
	for dropped := 0; dropped <= maxDropped && !s.conn.stuck(); {
		n, err := s.conn.nc.Read(s.trash[:])
		if err != nil {
			break
		}
		dropped = s.conn.taken(dropped + n)
	}
	s.close()
	s.conn.end()
}

// converse has the peer of an upgraded connection heard, to the end of the stream.
func (s *Stream) converse() {
	defer s.conn.recoverAndEnd()
	s.talk(&heard{stream: s})
	s.close()
	s.conn.end()
}

// heard is what the peer of an upgraded connection sends.
type heard struct {
	stream *Stream
	bytes  int
}

// recordCost bounds, in bytes of TLS for each byte that is for us, what a peer may send that
// does not want to waste our time: a record has 22 bytes of its own.
const recordCost = 32

var errWasteful = errors.New("httpd: the peer sends records without content")

func (h *heard) Read(p []byte) (int, error) {
	s := h.stream
	if n := copy(p, s.ahead); n > 0 {
		s.ahead = s.ahead[n:]
		return n, nil
	}
	if s.conn.stuck() {
		return 0, errWouldWait
	}
	n, err := s.conn.nc.Read(p)
	h.bytes += n
	if c := s.conn; err == nil && c.sock != nil && c.sock.total-c.sock.atStream > maxDropped+recordCost*h.bytes {
		return 0, errWasteful
	}
	return n, err
}

// close is called once the peer is gone or Close was called.
func (s *Stream) close() {
	if !s.opened {
		return
	}
	s.opened = false
	s.closed.Store(true)
	s.conn.srv.streams.Add(-1)
	s.conn.srv.leave(s)
	s.conn.nc.Close()
	if s.onClose != nil {
		s.onClose()
	}
}

// stuck reports whether a read had to write and could not.
func (c *conn) stuck() bool { return c.sock != nil && c.sock.stuck.Load() }

// taken returns how many bytes a stream's peer has sent, with TLS those of the records:
// they need not hold anything.
func (c *conn) taken(plain int) int {
	if c.sock != nil {
		return c.sock.total - c.sock.atStream
	}
	return plain
}
