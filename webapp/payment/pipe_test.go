package payment

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
)

// pipeNet is a network of in-memory connections: unlike sockets, they let the fake
// clock of a synctest bubble move on while somebody waits for bytes.
type pipeNet struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newPipeNet() *pipeNet {
	closed := make(chan struct{})
	return &pipeNet{make(chan net.Conn), closed, sync.OnceFunc(func() { close(closed) })}
}

func (p *pipeNet) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeNet) Close() error   { p.close(); return nil }
func (p *pipeNet) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (p *pipeNet) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inBubble runs the test under a fake clock with a Gateway that talks to the handler
// over pipes.
func inBubble(t *testing.T, h http.Handler, test func(*testing.T, *Gateway)) {
	t.Helper()
	overPipes(t, func(l net.Listener) { (&http.Server{Handler: h}).Serve(l) }, test)
}

// overPipes is inBubble for a server of any kind. It serves until its listener ends.
func overPipes(t *testing.T, serve func(net.Listener), test func(*testing.T, *Gateway)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := newPipeNet()
		go serve(network)
		defer network.Close()
		g := New("http://gateway.test", Options{})
		g.links.dial = network.dial
		defer g.Close()
		test(t, g)
	})
}
