package main

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// link is the way of one server to another, which can be cut. Then neither end is told, as with a
// cable: what is sent waits, and so does who connects. When it is whole again, connections
// of before end, and the servers make new ones.
type link struct {
	from, to *member
	target   string
	l        net.Listener

	mu    sync.Mutex
	cut   bool                  // guarded by mu
	conns map[net.Conn]struct{} // guarded by mu
}

func newLink(from, to *member, address string) (*link, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	k := &link{from: from, to: to, target: to.peers, l: l, conns: map[net.Conn]struct{}{}}
	go k.serve()
	return k, nil
}

func (k *link) serve() {
	for {
		in, err := k.l.Accept()
		if err != nil {
			return // it is closed
		}
		go k.join(in)
	}
}

// join passes on what a connection brings, in both directions.
func (k *link) join(in net.Conn) {
	if k.hold(in) {
		return // nobody answers it
	}
	out, err := net.Dial("tcp", k.target)
	if err != nil {
		k.drop(in)
		return
	}
	k.hold(out)
	go k.pass(in, out)
	k.pass(out, in)
}

// hold keeps a connection for the next cut, and reports whether there is one now.
func (k *link) hold(c net.Conn) (cut bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns[c] = struct{}{}
	if k.cut {
		_ = c.SetReadDeadline(time.Now())
	}
	return k.cut
}

// pass ends when an end has closed, or the link is cut.
func (k *link) pass(to, from net.Conn) {
	_, _ = io.Copy(to, from) // the ends see for themselves
	k.mu.Lock()
	cut := k.cut
	k.mu.Unlock()
	if !cut {
		k.drop(to)
		k.drop(from)
	}
}

func (k *link) drop(c net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.conns, c)
	c.Close()
}

// set cuts the link, or makes it whole.
func (k *link) set(cut bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cut = cut
	for c := range k.conns {
		if cut {
			_ = c.SetReadDeadline(time.Now())
			continue
		}
		c.Close()
		delete(k.conns, c)
	}
}

func (k *link) close() {
	k.l.Close()
	k.set(false)
}

// connect makes the links between all members, in both directions.
func (c *cluster) connect() error {
	for _, from := range c.members {
		for _, to := range c.members {
			if from == to {
				continue
			}
			k, err := newLink(from, to, c.address(firstLink+len(c.links)))
			if err != nil {
				return err
			}
			c.links = append(c.links, k)
		}
	}
	return nil
}

func (c *cluster) disconnect() {
	for _, k := range c.links {
		k.close()
	}
}

// way is the address at which one member reaches another.
func (c *cluster) way(from, to *member) string {
	for _, k := range c.links {
		if k.from == from && k.to == to {
			return k.l.Addr().String()
		}
	}
	return to.peers
}

// part cuts a member off from the others for a while.
func (c *cluster) part(name string, d time.Duration) error {
	if err := lasts(d); err != nil {
		return err
	}
	m, err := c.named(name)
	if err != nil {
		return err
	}
	if len(c.links) == 0 {
		return fmt.Errorf("the servers of this cluster reach each other directly, and cannot be parted: start it with cluster run")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.apart {
		return fmt.Errorf("%s is cut off already; wait until it is back", m.name)
	}
	c.cutLocked(m, true)
	time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.cutLocked(m, false)
	})
	return nil
}

// cutLocked cuts a member off, or joins it to all that are not cut off themselves.
func (c *cluster) cutLocked(m *member, off bool) {
	m.apart = off
	for _, k := range c.links {
		if k.from == m || k.to == m {
			k.set(k.from.apart || k.to.apart)
		}
	}
}
