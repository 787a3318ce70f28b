package client

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"isuride/bench/world"
	"isuride/tools/dev/freeport"
)

const recorded = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"recorded_at\":1}"

// readRequest reads one request of the bench, whose POSTs have a body that ends with a
// brace.
func readRequest(c net.Conn) bool {
	var got []byte
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if got = append(got, buf[:n]...); err != nil {
			return false
		}
		head, body, ok := bytes.Cut(got, []byte("\r\n\r\n"))
		if ok && (bytes.HasPrefix(head, []byte("GET ")) || bytes.HasSuffix(body, []byte("}"))) {
			return true
		}
	}
}

// position reports a position and returns the event.
func (r *rig) position(c *chairClient) world.Event {
	r.t.Helper()
	return r.one(func() { c.PostPosition(world.Point{}) })
}

// TestBadServers has a server answer in every wrong way, and checks the failure and that
// the next call works.
func TestBadServers(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   world.FailureKind
		handle func(net.Conn)
	}{
		{"closes at once", world.FailureTransport, func(c net.Conn) { readRequest(c); c.Close() }},
		{"resets", world.FailureTransport, func(c net.Conn) { readRequest(c); c.(*net.TCPConn).SetLinger(0); c.Close() }},
		{"garbage", world.FailureTransport, func(c net.Conn) { readRequest(c); io.WriteString(c, "!!!!\r\n\r\n"); c.Close() }},
		{"endless garbage", world.FailureTransport, func(c net.Conn) {
			for {
				if _, err := c.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
					return
				}
			}
		}},
		{"endless header", world.FailureTransport, func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := c.Write(bytes.Repeat([]byte("A: b\r\n"), 1000)); err != nil {
					return
				}
			}
		}},
		{"endless body", world.FailureTransport, func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for {
				if _, err := c.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
					return
				}
			}
		}},
		{"closes in the body", world.FailureTransport, func(c net.Conn) { readRequest(c); io.WriteString(c, recorded[:len(recorded)-5]); c.Close() }},
		{"closes in the header", world.FailureTransport, func(c net.Conn) { readRequest(c); io.WriteString(c, recorded[:20]); c.Close() }},
		{"hangs", world.FailureTimeout, func(c net.Conn) { io.Copy(io.Discard, c) }},
		{"hangs in the header", world.FailureTimeout, func(c net.Conn) { readRequest(c); io.WriteString(c, recorded[:20]); io.Copy(io.Discard, c) }},
		{"hangs in the body", world.FailureTimeout, func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, recorded[:len(recorded)-5])
			io.Copy(io.Discard, c)
		}},
		{"another status", world.FailureStatus, func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")
		}},
		{"redirect", world.FailureStatus, func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
		}},
		{"no content", world.FailureDecode, func(c net.Conn) { readRequest(c); io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }},
		{"false gzip", world.FailureDecode, func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}")
		}},
		{"bad Cache-Control", world.FailureDecode, func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, strings.Replace(recorded, "\r\n", "\r\nCache-Control: max-age=x\r\n", 1))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n atomic.Int32
			addr := listen(t, func(conn net.Conn) {
				defer conn.Close()
				if n.Add(1) == 1 {
					c.handle(conn)
				}
				for readRequest(conn) {
					io.WriteString(conn, recorded)
				}
			})
			r := newRig(t, "http", addr, func(cfg *Config) {
				if c.want == world.FailureTimeout {
					hasty(cfg)
				}
			})
			chair := r.chair()
			got := r.position(chair)
			if got.Failure == nil || got.Failure.Kind != c.want {
				t.Errorf("got %v, want %v", got.Failure, c.want)
			}
			r.engine.config.Limits.Call = patience // a right answer may take its time
			r.ok(r.position(chair))
		})
	}
}

func TestRefused(t *testing.T) {
	r := newRig(t, "http", freeport.Address(t), quick)
	if got := r.position(r.chair()); got.Failure == nil || got.Failure.Kind != world.FailureTransport {
		t.Errorf("got %v", got.Failure)
	}
	if d := r.engine.Dials(); d.Errors["ECONNREFUSED"] != 1 || d.Open != 0 {
		t.Errorf("dials %+v", d)
	}
}

// TestBenchFaults checks that trouble of this machine is not called a fault of the
// server.
func TestBenchFaults(t *testing.T) {
	addr := listen(t, func(c net.Conn) { c.Close() })
	r := newRig(t, "http", addr, func(c *Config) {
		c.Routes = Routes([]netip.Addr{netip.MustParseAddr("192.0.2.1")}, []netip.AddrPort{netip.MustParseAddrPort(addr)}) // not ours
	})
	if got := r.position(r.chair()); got.Failure == nil || got.Failure.Kind != world.FailureBench {
		t.Errorf("got %v", got.Failure)
	}
	if d := r.engine.Dials(); d.Errors["EADDRNOTAVAIL"] != 1 || d.Open != 0 {
		t.Errorf("dials %+v", d)
	}
}

// TestRetries checks when a request is silently repeated (B13.6): its connection served
// before and died without a byte of an answer, and the request is a GET.
func TestRetries(t *testing.T) {
	const rides = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"rides\":[]}"
	for _, c := range []struct {
		name   string
		second func(net.Conn) // what the first connection does with its second request
		get    bool
		want   bool // success
	}{
		{"GET, closed", func(c net.Conn) { readRequest(c); c.Close() }, true, true},
		{"GET, reset", func(c net.Conn) { readRequest(c); c.(*net.TCPConn).SetLinger(0); c.Close() }, true, true},
		{"GET, closed after a byte", func(c net.Conn) { readRequest(c); io.WriteString(c, "H"); c.Close() }, true, false},
		{"GET, garbage", func(c net.Conn) { readRequest(c); io.WriteString(c, "garbage\n"); c.Close() }, true, false},
		{"POST, closed", func(c net.Conn) { readRequest(c); c.Close() }, false, false},
		{"POST, reset", func(c net.Conn) { readRequest(c); c.(*net.TCPConn).SetLinger(0); c.Close() }, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n atomic.Int32
			addr := listen(t, func(conn net.Conn) {
				defer conn.Close()
				first := n.Add(1) == 1
				for i := 0; ; i++ {
					if first && i == 1 {
						c.second(conn)
						return
					}
					if !readRequest(conn) {
						return
					}
					if c.get {
						io.WriteString(conn, rides)
					} else {
						io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
					}
				}
			})
			r := newRig(t, "http", addr, quick)
			u := r.user()
			ask := func() {
				if c.get {
					u.Rides()
				} else {
					u.RegisterPayment("x")
				}
			}
			r.ok(r.one(ask))
			if got := r.one(ask); (got.Failure == nil) != c.want {
				t.Errorf("got %v", got.Failure)
			}
			if conns := n.Load(); c.want && conns != 2 || !c.want && conns != 1 {
				t.Errorf("%d connections", conns)
			}
		})
	}
}

// TestNoRetryOnFreshConnection checks that a server which closes every connection gets
// each request once.
func TestNoRetryOnFreshConnection(t *testing.T) {
	var n atomic.Int32
	addr := listen(t, func(c net.Conn) { n.Add(1); readRequest(c); c.Close() })
	r := newRig(t, "http", addr, quick)
	if got := r.one(r.user().Rides); got.Failure == nil || n.Load() != 1 {
		t.Errorf("%v after %d connections", got.Failure, n.Load())
	}
}

// TestIdleConnections checks that a connection is used again, is closed by the bench
// after its time, and is not used once the server has closed it.
func TestIdleConnections(t *testing.T) {
	closed := make(chan struct{}, 10)
	var closing atomic.Bool
	addr := listen(t, func(c net.Conn) {
		defer func() { c.Close(); closed <- struct{}{} }()
		for readRequest(c) {
			io.WriteString(c, recorded)
			if closing.Load() {
				return
			}
		}
	})
	r := newRig(t, "http", addr, quick)
	chair := r.chair()
	r.ok(r.position(chair))
	r.ok(r.position(chair))
	if d := r.engine.Dials(); d.Dials != 1 {
		t.Fatalf("%d connections for two calls", d.Dials)
	}
	limits := &r.engine.config.Limits
	limits.Idle = time.Millisecond
	r.ok(r.position(chair))
	r.until("idle connection closed", func() bool { return r.engine.Dials().Open == 0 })
	<-closed
	limits.Idle = patience
	closing.Store(true)
	r.ok(r.position(chair))
	r.until("closed by the server", func() bool { return r.engine.Dials().Open == 0 })
	<-closed
	closing.Store(false)
	r.ok(r.position(chair))
	if d := r.engine.Dials(); d.Dials != 3 {
		t.Errorf("%d connections, want 3", d.Dials)
	}
}

// TestConnectionClose checks that a connection is given up when the server says so, or
// says more than it was asked.
func TestConnectionClose(t *testing.T) {
	for _, answer := range []string{strings.Replace(recorded, "\r\n", "\r\nConnection: close\r\n", 1), recorded + "HTTP/1.1 200 OK\r\n"} {
		addr := listen(t, func(c net.Conn) {
			for readRequest(c) {
				io.WriteString(c, answer)
			}
			c.Close()
		})
		r := newRig(t, "http", addr, quick)
		chair := r.chair()
		r.ok(r.position(chair))
		r.ok(r.position(chair))
		if d := r.engine.Dials(); d.Dials != 2 || d.Open != 0 {
			t.Errorf("dials %+v", d)
		}
	}
}

// TestSlowReader checks a request that does not fit into the socket at once, and an
// answer in many pieces.
func TestSlowReader(t *testing.T) {
	name := strings.Repeat("n", 6<<20)
	addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if len(body) != len(name)+len(`{"name":""}`) {
			t.Errorf("the server got %d bytes", len(body))
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"id":"%s","chair_register_token":"t"}`, name)
	}))
	r := newRig(t, "http", addr, func(c *Config) {})
	o := r.engine.NewOwner(world.Entity{Kind: world.KindOwner})
	if got := r.ok(r.one(func() { o.Register(name) })); got.Body.(*world.OwnerAccount).ID != name {
		t.Error("the answer is another one")
	}
}

// TestTLSFailures checks that a server which is none of TLS does not hang the bench.
func TestTLSFailures(t *testing.T) {
	for name, handle := range map[string]func(net.Conn){
		"plain HTTP":               func(c net.Conn) { io.WriteString(c, recorded); c.Close() },
		"hangs in the handshake":   func(c net.Conn) { io.Copy(io.Discard, c) },
		"closes in the handshake":  func(c net.Conn) { c.Read(make([]byte, 100)); c.Close() },
		"garbage in the handshake": func(c net.Conn) { c.Write(bytes.Repeat([]byte{0x16}, 1000)); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "https", listen(t, handle), hasty)
			if got := r.position(r.chair()); got.Failure == nil {
				t.Error("no failure")
			}
			r.until("all closed", func() bool { return r.engine.Dials().Open == 0 })
		})
	}
}

// TestLargeTLS moves more through TLS than a socket holds, both ways.
func TestLargeTLS(t *testing.T) {
	name := strings.Repeat("n", 3<<20)
	for _, http2 := range []bool{false, true} {
		addr := serveTLS(t, http2, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			io.Copy(io.Discard, req.Body)
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"id":"%s","chair_register_token":"t"}`, name)
		}))
		r := newRig(t, "https", addr, func(c *Config) {})
		o := r.engine.NewOwner(world.Entity{Kind: world.KindOwner})
		for range 2 {
			if got := r.ok(r.one(func() { o.Register(name) })); got.Body.(*world.OwnerAccount).ID != name {
				t.Error("the answer is another one")
			}
		}
		if d := r.engine.Dials(); d.Dials != 1 {
			t.Errorf("%d connections", d.Dials)
		}
	}
}

// TestNoDescriptorLeaks goes through failures and checks that nothing stays open.
func TestNoDescriptorLeaks(t *testing.T) {
	addr := listen(t, func(c net.Conn) { readRequest(c); c.Close() })
	r := newRig(t, "http", addr, quick)
	r.position(r.chair())
	before := openFiles(t)
	for range 200 {
		r.position(r.chair())
	}
	r.until("closed", func() bool { return openFiles(t) <= before+5 })
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here")
	}
	return len(entries)
}

// TestUnfinishedBodies checks that many long answers at once are not all kept: with six
// of 30 MiB, four must go.
func TestUnfinishedBodies(t *testing.T) {
	addr := listen(t, func(c net.Conn) {
		readRequest(c)
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		for range 30 {
			c.Write(bytes.Repeat([]byte(" "), 1<<20))
		}
		io.Copy(io.Discard, c)
	})
	r := newRig(t, "http", addr, nil)
	var chairs []*chairClient
	for range 6 {
		chairs = append(chairs, r.chair())
	}
	events := r.do(4, func() {
		for _, c := range chairs {
			c.PostPosition(world.Point{})
		}
	})
	for _, e := range events {
		if e.Failure == nil || !strings.Contains(e.Failure.Detail, "together") {
			t.Errorf("%+v, %v", e, e.Failure)
		}
	}
	for _, c := range chairs {
		c.Close()
	}
	if n := r.engine.home.gathered; n != 0 {
		t.Errorf("%d bytes are still counted", n)
	}
}
