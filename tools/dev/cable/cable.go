// Package cable is a way to a server that can be cut, for tests and for people who want to see what a
// cut does. It knows nothing of what passes.
package cable

import (
	"net"
	"sync"
	"time"
)

// Cable leads to a server, and can be cut. Then neither end is told: what is sent waits, and so does who
// connects. When it is whole again, connections of before end, and the ends make new ones. Its
// methods may be called from any goroutine.
type Cable struct {
	// set once
	Address string // where it begins, host:port
	target  string
	l       net.Listener

	mu    sync.Mutex
	cut   bool                  // guarded by mu
	conns map[net.Conn]struct{} // guarded by mu
}

// New makes one from an address, whose port may be 0, to a target, both host:port. It is to be closed.
func New(address, target string) (*Cable, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &Cable{Address: l.Addr().String(), target: target, l: l, conns: map[net.Conn]struct{}{}}
	go c.serve()
	return c, nil
}

func (c *Cable) serve() {
	for {
		in, err := c.l.Accept()
		if err != nil {
			return // it is closed
		}
		go c.join(in)
	}
}

// join passes on what a connection brings, in both directions.
func (c *Cable) join(in net.Conn) {
	if c.hold(in) {
		return // nobody answers it
	}
	out, err := net.Dial("tcp", c.target)
	if err != nil {
		c.drop(in)
		return
	}
	c.hold(out)
	go c.pass(in, out)
	c.pass(out, in)
}

// hold keeps a connection for the next cut, and reports whether there is one now.
func (c *Cable) hold(conn net.Conn) (cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[conn] = struct{}{}
	if c.cut {
		_ = conn.SetReadDeadline(time.Now())
	}
	return c.cut
}

// pass ends when an end has closed, or the cable is cut. It looks after each read: what was read
// when the cable was cut was sent by then, and a deadline alone lets one more pass.
func (c *Cable) pass(to, from net.Conn) {
	for buf := make([]byte, 32<<10); ; {
		n, err := from.Read(buf)
		if c.IsCut() {
			return
		}
		if n > 0 {
			if _, failed := to.Write(buf[:n]); failed != nil {
				err = failed
			}
		}
		if err != nil { // the ends see for themselves
			c.drop(to)
			c.drop(from)
			return
		}
	}
}

func (c *Cable) drop(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, conn)
	conn.Close()
}

// Set cuts it, or makes it whole.
func (c *Cable) Set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	for conn := range c.conns {
		if cut {
			_ = conn.SetReadDeadline(time.Now())
			continue
		}
		conn.Close()
		delete(c.conns, conn)
	}
}

// IsCut reports whether it is cut now.
func (c *Cable) IsCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

// Close ends it, with all its connections.
func (c *Cable) Close() {
	c.l.Close()
	c.Set(false)
}
