package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"isuride/bench/client/burn"
	"isuride/bench/client/evloop"
	"isuride/bench/client/h1"
)

// A conn is one connection to the server, in the hands of its shard's goroutine. It has
// no buffers of its own while it waits: input goes through the loop's scratch buffer, and
// only what cannot be used yet is kept.
type conn struct {
	fd        evloop.FD
	entity    *entity
	route     int
	idleTimer evloop.Timer // closes it when it has been idle for long

	older, newer *conn     // in the idlePool
	parked       time.Time // when it went there

	exchange *exchange // nil while idle
	reader   h1.Reader
	served   int    // complete answers so far
	sent     int    // bytes of the present request written
	unread   []byte // input that makes no sense yet: part of a line
	unsent   []byte // output the socket had no room for
	paused   bool   // nothing is read because the consumer has enough

	state      connState
	watched    bool               // there is a descriptor to close
	cancelDial context.CancelFunc // of a TLS connection being made
	secure     *tls.Conn          // nil for plain HTTP
}

type connState uint8

const (
	connDialing connState = iota
	connOpen
	connClosed
)

// assign gives the connection a request to send. A new connection sends it when it is
// open.
func (c *conn) assign(x *exchange) {
	c.exchange, x.conn = x, c
	c.sent = 0
	c.reader.Reset()
	if c.state == connOpen {
		c.send(x.out)
	}
}

// Ready is called by the loop.
func (c *conn) Ready(e evloop.Events) {
	if c.state == connDialing {
		c.connected()
		return
	}
	if e&evloop.Writable != 0 {
		c.flush()
	}
	if c.state == connOpen && e&(evloop.Readable|evloop.Closed) != 0 {
		c.read(e)
	}
}

// connected goes on after the connection attempt, which may have failed.
func (c *conn) connected() {
	errno, err := unix.GetsockoptInt(c.fd.Num(), unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && errno != 0 {
		err = unix.Errno(errno)
	}
	if err != nil {
		c.entity.shard.engine.dials.failed(c.route, err)
		c.fail(err)
		return
	}
	c.opened()
}

// opened sends what has waited for the connection.
func (c *conn) opened() {
	c.state = connOpen
	c.exchange.lane.Owe(burn.Connection)
	c.send(c.exchange.out)
}

// send writes the request. A failure is reported after the caller has returned.
func (c *conn) send(p []byte) {
	var err error
	if c.secure != nil {
		c.sent, err = c.secure.Write(p) // leaves in unsent what does not fit
	} else {
		c.sent, err = writeSocket(c.fd.Num(), p)
		c.unsent = p[c.sent:]
	}
	if err == nil {
		err = c.fd.Want(c.interest())
	}
	if err != nil {
		x := c.exchange
		c.entity.shard.loop.Defer(evloop.Func(func() {
			if x.conn == c { // still
				c.fail(err)
			}
		}))
	}
}

// flush goes on with what did not fit.
func (c *conn) flush() {
	n, err := writeSocket(c.fd.Num(), c.unsent)
	c.unsent = c.unsent[n:]
	c.sent += n
	if err == nil {
		err = c.fd.Want(c.interest())
	}
	if err != nil {
		c.fail(err)
	}
}

func (c *conn) interest() evloop.Events {
	var e evloop.Events
	if !c.paused {
		e |= evloop.Readable
	}
	if len(c.unsent) > 0 {
		e |= evloop.Writable
	}
	return e
}

// writeSocket writes without waiting; a full socket is no error.
func writeSocket(fd int, p []byte) (int, error) {
	n, err := evloop.Write(fd, p)
	if errors.Is(err, unix.EAGAIN) {
		return 0, nil
	}
	return n, err
}

// read takes what has come, once for a plain socket: the loop reports what is left.
func (c *conn) read(e evloop.Events) {
	if c.paused {
		if e&evloop.Closed != 0 { // would be reported again and again
			c.fail(h1.ErrEarlyEnd)
		}
		return
	}
	for {
		n, err := c.readInto(c.entity.shard.loop.Scratch())
		switch {
		case n > 0:
			c.input(c.entity.shard.loop.Scratch()[:n])
		case err == nil || errors.Is(err, unix.EAGAIN):
			return
		case errors.Is(err, io.EOF):
			c.inputEnded()
			return
		default:
			c.fail(err)
			return
		}
		if c.secure == nil || c.state != connOpen || c.paused {
			return
		}
	}
}

func (c *conn) readInto(p []byte) (int, error) {
	if c.secure != nil {
		return c.secure.Read(p)
	}
	return readSocket(c.fd.Num(), p)
}

// readSocket reads without waiting: unix.EAGAIN if there is nothing, io.EOF at the end.
func readSocket(fd int, p []byte) (int, error) {
	n, err := evloop.Read(fd, p)
	if err == nil && n == 0 {
		return 0, io.EOF
	}
	return n, err
}

// input consumes p, which starts after what is left in unread.
func (c *conn) input(p []byte) {
	if c.exchange == nil {
		c.close() // there was no request
		return
	}
	if len(c.unread) > 0 {
		c.unread = append(c.unread, p...)
		p = c.unread
	}
	rest, ok := c.consume(p)
	if !ok {
		return
	}
	c.unread = append(c.unread[:0], rest...)
	if len(c.unread) == 0 && cap(c.unread) > bufferSize {
		c.unread = nil
	}
}

// consume goes through p and returns what needs more input; false if the answer is
// complete or the connection gone.
func (c *conn) consume(p []byte) (rest []byte, ok bool) {
	x := c.exchange
	for {
		n, m, part, err := c.reader.Next(p)
		piece := p[n-m : n]
		p = p[n:]
		switch {
		case err != nil:
		case part == h1.HeadPart:
			x.begin(&c.reader.Head)
		case part == h1.BodyPart:
			err = c.body(x, piece)
		case part == h1.EndPart:
			c.answered(len(p) == 0)
			return nil, false
		default:
			if err = x.keep(); err == nil {
				return p, true
			}
		}
		if err != nil {
			c.fail(err)
		}
		if c.exchange != x {
			return nil, false
		}
	}
}

// body hands a piece of the body on. A consumer that has enough stops the reading.
func (c *conn) body(x *exchange, piece []byte) error {
	if !x.streaming {
		return x.take(piece)
	}
	if !x.consumer.piece(piece) && c.exchange == x {
		c.paused = true
		return c.fd.Want(c.interest())
	}
	return nil
}

// answered ends the exchange and keeps the connection if it can be used again. It cannot
// if there is input that nobody asked for.
func (c *conn) answered(clean bool) {
	x := c.exchange
	c.exchange, x.conn = nil, nil
	c.unread = c.unread[:0]
	c.paused = false
	c.served++
	if x.head.KeepAlive && clean && len(c.unsent) == 0 {
		c.fd.Want(evloop.Readable)
		c.entity.putIdle(c)
	} else {
		c.close()
	}
	x.complete()
}

// inputEnded goes on after the server has closed its side.
func (c *conn) inputEnded() {
	if c.exchange == nil {
		c.close()
		return
	}
	if err := c.reader.Finish(); err != nil {
		c.fail(err)
		return
	}
	c.answered(true)
}

// resume goes on reading after a pause.
func (c *conn) resume() {
	if !c.paused {
		return
	}
	c.paused = false
	c.fd.Want(c.interest())
	if c.secure != nil {
		c.read(0) // what is decrypted already, no socket reports
	}
}

// fail closes the connection and passes the error to its exchange.
func (c *conn) fail(err error) {
	x := c.exchange
	c.exchange = nil
	c.close()
	if x != nil {
		x.lost(c, err)
	}
}

// close ends the connection. It may be called again.
func (c *conn) close() {
	if c.state == connClosed {
		return
	}
	c.entity.forget(c)
	if c.cancelDial != nil {
		c.cancelDial()
	}
	if c.secure != nil {
		c.secure.Close() // says goodbye
	}
	if c.watched {
		c.fd.Close()
	}
	c.entity.shard.engine.dials.closed(c.route, c.state == connOpen)
	c.entity.shard.open--
	c.state = connClosed
}
