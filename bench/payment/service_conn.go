package payment

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"golang.org/x/sys/unix"

	"isuride/bench/client/evloop"
)

// maxRequest bounds a request of the payment API; an honest one has a few hundred bytes.
const maxRequest = 64 << 10

var (
	errIncomplete = errors.New("request incomplete")
	errTooLarge   = errors.New("request too large")
)

// A conn is a connection of the server under test. Its requests are answered one after
// the other.
type conn struct {
	fd        evloop.FD
	service   *Service
	in        []byte // input not used yet
	out       []byte // output that the socket had no room for
	busy      bool   // a request is being answered
	last      bool   // close after the answer
	closed    bool
	continued bool // 100 Continue was sent for this request
}

func (s *Service) serve(fd int) {
	c := &conn{service: s}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	var err error
	if c.fd, err = s.loop.Watch(fd, evloop.Readable, c); err != nil {
		unix.Close(fd)
		return
	}
	s.conns[c] = struct{}{}
}

// Ready is called by the loop.
func (c *conn) Ready(e evloop.Events) {
	if e&evloop.Writable != 0 {
		c.flush()
	}
	if !c.closed && e&(evloop.Readable|evloop.Closed) != 0 {
		c.read()
	}
}

func (c *conn) read() {
	buf := c.service.loop.Scratch()
	n, err := evloop.Read(c.fd.Num(), buf)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return
	case err != nil || n == 0:
		c.close() // a payment that has begun goes on unheard
		return
	}
	c.in = append(c.in, buf[:n]...)
	c.next()
}

// next begins the next request if it is complete and the last one is answered. Until then
// input waits, in the socket if there is much of it.
func (c *conn) next() {
	if c.busy || c.closed {
		c.want()
		return
	}
	r, body, n, err := parse(c.in)
	switch {
	case err == errIncomplete:
		c.proceed(r)
	case err != nil:
		c.last = true
		c.answer(message(http.StatusBadRequest, err.Error()))
	default:
		c.in = append(c.in[:0], c.in[n:]...)
		c.busy, c.continued = true, false
		c.last = r.Close
		c.service.handle(r, body, c.answer)
	}
}

// proceed tells a careful client to send the body.
func (c *conn) proceed(r *http.Request) {
	if r != nil && !c.continued && strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		c.continued = true
		c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
	}
}

// answer ends the current request.
func (c *conn) answer(r response) {
	c.service.statuses[r.status]++
	c.busy = false
	if c.closed {
		return
	}
	c.write(r.append(nil, !c.last))
	if c.closed || len(c.out) > 0 {
		return
	}
	if c.last {
		c.close()
		return
	}
	if len(c.in) > 0 {
		c.service.loop.Defer(evloop.Func(c.next)) // next may have called this
	}
	c.want()
}

func (c *conn) write(p []byte) {
	if len(c.out) == 0 {
		n, err := evloop.Write(c.fd.Num(), p)
		if err != nil && !errors.Is(err, unix.EAGAIN) {
			c.close()
			return
		}
		p = p[n:]
	}
	c.out = append(c.out, p...)
	c.want()
}

func (c *conn) flush() {
	p := c.out
	c.out = nil
	c.write(p)
	if c.closed || len(c.out) > 0 || c.busy {
		return
	}
	if c.last {
		c.close()
		return
	}
	c.next()
}

// want watches for the events that the connection can use.
func (c *conn) want() {
	if c.closed {
		return
	}
	var e evloop.Events
	if len(c.in) < maxRequest {
		e |= evloop.Readable
	}
	if len(c.out) > 0 {
		e |= evloop.Writable
	}
	c.fd.Want(e)
}

func (c *conn) close() {
	if !c.closed {
		c.closed = true
		delete(c.service.conns, c)
		c.fd.Close()
	}
}

// parse reads the first request of p and its length n. If p ends too early, the error is
// errIncomplete, with the request if at least its header is complete.
func parse(p []byte) (r *http.Request, body []byte, n int, err error) {
	if !bytes.Contains(p, []byte("\n\r\n")) && !bytes.Contains(p, []byte("\n\n")) {
		return nil, nil, 0, incomplete(p)
	}
	raw := bytes.NewReader(p)
	in := bufio.NewReader(raw)
	if r, err = http.ReadRequest(in); err != nil {
		return nil, nil, 0, err
	}
	if body, err = io.ReadAll(r.Body); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = incomplete(p)
		}
		return r, nil, 0, err
	}
	return r, body, len(p) - raw.Len() - in.Buffered(), nil
}

func incomplete(p []byte) error {
	if len(p) >= maxRequest {
		return errTooLarge
	}
	return errIncomplete
}
