package httpd

import (
	"net"
	"os"
)

const (
	// writePiece is the part of a large body, in bytes, that one write timeout covers.
	writePiece = 256 << 10
	// lingerTicks and lingerBytes bound how long a refused client is listened to, so that
	// closing does not reset the connection before it has read the answer (RFC 9112 9.6).
	lingerTicks = 2
	lingerBytes = 1 << 20
	// slowest is the rate in bytes per second at which a reader has to take an answer,
	// beyond the write timeout that every answer has.
	slowest = 32 << 10
)

// send writes the answer.
func (c *conn) send(keep bool) error {
	x := c.ctx
	first, second := x.res.pack(&x.req, x.isHead(), keep, c.sock != nil)
	c.size, c.answerDue = len(first)+len(second), 0
	defer c.letGo()
	if len(second) > 0 {
		n := min(len(second), writePiece)
		if err := c.push(first, second[:n]); err != nil {
			return err
		}
		first = second[n:]
	}
	return c.write(first)
}

// write hands p to the socket. Where the descriptor is at hand and takes all at once, as
// it nearly always does, there is no deadline to set.
func (c *conn) write(p []byte) error {
	if c.fd >= 0 && len(p) > 0 {
		n, err := writeSome(c.fd, p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	for len(p) > 0 {
		n := min(len(p), writePiece)
		if err := c.push(p[:n], nil); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// push waits until the socket has taken p and more, for the write timeout at most, and
// not beyond what the whole answer has.
func (c *conn) push(p, more []byte) (err error) {
	due := c.srv.dueIn(c.srv.write)
	if c.answerDue == 0 {
		c.answerDue = due + ticks(c.size/slowest)
	}
	if c.sock == nil { // below TLS it is known better
		c.hold()
	}
	if !c.deadline.enter(writing, min(due, c.answerDue)) {
		return os.ErrDeadlineExceeded
	}
	if more == nil {
		_, err = c.nc.Write(p)
	} else {
		_, err = (&net.Buffers{p, more}).WriteTo(c.nc)
	}
	if !c.deadline.enter(busy, 0) && err == nil {
		err = os.ErrDeadlineExceeded
	}
	c.progressed(len(p) + len(more))
	return err
}

// discard ends our side and reads for a while what the client still sends.
func (c *conn) discard() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || !c.await(aside, c.srv.dueIn(lingerTicks)) {
		return
	}
	buf := make([]byte, readSize)
	for total := 0; total < lingerBytes; {
		n, err := c.nc.Read(buf)
		if err != nil {
			return
		}
		total += n
	}
}
