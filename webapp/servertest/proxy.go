package servertest

import (
	"net"
	"sync"
	"testing"
)

// Proxy is a way to a server, from another one of its group for instance, that can be cut. Bytes that are on their
// way when it is are lost, and so is all that comes until it is whole again: neither side is
// told, as with a cable.
type Proxy struct {
	Address  string
	from, to int // in a group

	target string
	mu     sync.Mutex
	cut    bool                  // guarded by mu
	conns  map[net.Conn]struct{} // guarded by mu
}

// NewProxy leads to a target, host:port, until the test ends.
func NewProxy(t *testing.T, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Address: l.Addr().String(), target: target, conns: map[net.Conn]struct{}{}}
	t.Cleanup(func() {
		l.Close()
		p.closeAll()
	})
	go p.serve(l)
	return p
}

func (p *Proxy) serve(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			in.Close()
			continue
		}
		p.hold(in, out)
		go p.pass(in, out)
		go p.pass(out, in)
	}
}

func (p *Proxy) hold(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
}

func (p *Proxy) pass(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !p.isCut() {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) isCut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut
}

// Set cuts the way, or makes it whole: connections that have lost bytes end then.
func (p *Proxy) Set(cut bool) {
	p.mu.Lock()
	p.cut = cut
	p.mu.Unlock()
	if !cut {
		p.closeAll()
	}
}

func (p *Proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
		delete(p.conns, c)
	}
}
