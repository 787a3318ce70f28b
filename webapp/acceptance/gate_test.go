package acceptance

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"isuride/webapp/servertest"
)

// gate passes payments on to the gateway, and can hold them back.
type gate struct {
	t       testing.TB
	next    http.Handler
	arrived chan string // keys, as the payments come

	mu   sync.Mutex
	held chan struct{} // nil if payments pass; guarded by mu, closed by release
}

// newGate begins a generation whose payments come through a gate.
func newGate(p *servertest.Process) *gate {
	p.T.Helper()
	g := &gate{t: p.T, next: p.Gateway, arrived: make(chan string, 1000)}
	srv := httptest.NewServer(g)
	p.T.Cleanup(func() { g.release(); srv.Close() })
	p.Anonymous().Want(200, "POST", "/api/initialize", servertest.Object{"payment_server": srv.URL})
	return g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	held := g.held
	g.mu.Unlock()
	g.arrived <- r.Header.Get("Idempotency-Key")
	if held != nil {
		<-held
	}
	g.next.ServeHTTP(w, r)
}

func (g *gate) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = make(chan struct{})
}

// forget empties the list of what has come.
func (g *gate) forget() {
	for len(g.arrived) > 0 {
		<-g.arrived
	}
}

// release lets the payments through that wait, and all others.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held != nil {
		close(g.held)
		g.held = nil
	}
}

// await returns when a payment for the ride has come to the gate.
func (g *gate) await(ride string) {
	g.t.Helper()
	for limit := time.After(servertest.TellLimit); ; {
		select {
		case key := <-g.arrived:
			if key == ride {
				return
			}
		case <-limit:
			g.t.Fatalf("no payment for ride %s comes", ride)
		}
	}
}
