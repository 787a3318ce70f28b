package httpd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestStandardClient has net/http talk to the server.
func TestStandardClient(t *testing.T) {
	inAllModes(t, echo, Options{}, func(t *testing.T, srv *Server, a target) {
		talk(t, transport(t), a, 1)
		if st := srv.Stats(); st.Conns != 1 {
			t.Errorf("connection was not kept: %+v", st)
		}
	})
}

func talk(t *testing.T, tr http.RoundTripper, a target, version int) {
	t.Helper()
	large := strings.Repeat("x", 100_000)
	for range 3 {
		for _, tc := range []struct {
			method, path string
			body         io.Reader
			expect       bool
			want         string
		}{
			{"GET", "/a?b", nil, false, `GET /a ? b s="1"`},
			{"GET", "/204", nil, false, ""},
			{"HEAD", "/a", nil, false, ""},
			{"POST", "/a", strings.NewReader("x"), false, `POST /a ?  body="x" s="1"`},
			{"POST", "/a", struct{ io.Reader }{strings.NewReader("x")}, false, `POST /a ?  body="x" s="1"`}, // chunked
			{"POST", "/a", strings.NewReader(large), true, `POST /a ?  body="` + large + `" s="1"`},
			{"POST", "/a", struct{ io.Reader }{strings.NewReader(large)}, true, `POST /a ?  body="` + large + `" s="1"`},
		} {
			req, err := http.NewRequest(tc.method, a.url(tc.path), tc.body)
			if err != nil {
				t.Fatal(err)
			}
			req.AddCookie(&http.Cookie{Name: "s", Value: "1"})
			if tc.expect {
				req.Header.Set("Expect", "100-continue")
			}
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || string(got) != tc.want || resp.ProtoMajor != version {
				t.Fatalf("%s %s: %.100q, %v", tc.method, tc.path, got, err)
			}
		}
	}
}

// TestPanic ends one request and no other.
func TestPanic(t *testing.T) {
	var log logBuffer
	after := make(chan error, 1)
	h := func(c *Ctx) {
		if string(c.Path()) == "/panic" {
			c.AfterWrite(func(err error) { after <- err })
			c.SetBody([]byte("half an answer"))
			panic("the reason")
		}
	}
	o := Options{Log: log.logger(), Error: func(c *Ctx, status int, message string) {
		c.SetBody(fmt.Appendf(c.Out(0), `{"message":%q}`, message))
	}}
	inAllModes(t, h, o, func(t *testing.T, _ *Server, a target) {
		c, other := dial(t, a), dial(t, a)
		other.send(lines("GET / HTTP/1.1", "Host: x"))
		other.expect(ok(""))
		c.send(lines("GET /panic?secret HTTP/1.1", "Host: x"))
		c.expectEnd("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 28\r\nConnection: close\r\n\r\n" +
			`{"message":"internal error"}`)
		if err := await(t, "AfterWrite", after); err == nil {
			t.Error("AfterWrite heard of no error")
		}
		other.send(lines("GET / HTTP/1.1", "Host: x"))
		other.expect(ok(""))
		for _, part := range []string{"path=/panic ", `panic="the reason"`, "server_test.go"} {
			if !strings.Contains(log.String(), part) {
				t.Errorf("log without %q: %s", part, log.String())
			}
		}
	})
}

func TestAfterWrite(t *testing.T) {
	after := make(chan error, 1)
	answered := make(chan bool)
	h := func(c *Ctx) {
		c.AfterWrite(func(err error) { t.Error("the first function was not replaced") })
		c.AfterWrite(func(err error) {
			<-answered // the client has the answer before this returns
			after <- err
		})
	}
	inAllModes(t, h, Options{}, func(t *testing.T, _ *Server, a target) {
		c := dial(t, a)
		for range 3 {
			c.send(lines("GET / HTTP/1.1", "Host: x"))
			c.expect(ok(""))
			answered <- true
			if err := await(t, "AfterWrite", after); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestAfterWriteFails resets the connection under a handler.
func TestAfterWriteFails(t *testing.T) {
	started, release, after := make(chan bool), make(chan bool), make(chan error, 1)
	h := func(c *Ctx) {
		c.AfterWrite(func(err error) { after <- err })
		started <- true
		<-release
	}
	inAllModes(t, h, Options{}, func(t *testing.T, _ *Server, a target) {
		c := dial(t, a)
		c.send(lines("GET / HTTP/1.1", "Host: x"))
		await(t, "handler", started)
		c.reset()
		release <- true
		if err := await(t, "AfterWrite", after); err == nil {
			t.Error("AfterWrite heard of no error")
		}
	})
}

func TestShutdownWaitsForRequests(t *testing.T) {
	started, release := make(chan bool), make(chan bool)
	h := func(c *Ctx) {
		if string(c.Path()) == "/slow" {
			started <- true
			<-release
		}
	}
	inAllModes(t, h, Options{}, func(t *testing.T, srv *Server, a target) {
		idle, running := dial(t, a), dial(t, a)
		idle.send(lines("GET / HTTP/1.1", "Host: x"))
		idle.expect(ok(""))
		running.send(lines("GET /slow HTTP/1.1", "Host: x"))
		await(t, "handler", started)

		done := make(chan error, 1)
		go func() { done <- srv.Shutdown(context.Background()) }()
		idle.expectEnd("")
		eventually(t, "the end of listening", func() bool { // somebody else may listen at the port by now
			srv.mu.Lock()
			defer srv.mu.Unlock()
			return len(srv.listeners) == 0
		})
		if len(done) > 0 {
			t.Error("Shutdown did not wait for the running request")
		}
		release <- true
		running.expectEnd(okClose(""))
		if err := await(t, "Shutdown", done); err != nil {
			t.Error(err)
		}
	})
}

// TestShutdownBetweenRequests begins a shutdown when the answer is out and the connection
// does not wait yet, so that Shutdown finds it neither idle nor a stream: it has to
// notice by itself.
func TestShutdownBetweenRequests(t *testing.T) {
	for path, answer := range map[string]string{"/": ok("/"), "/stream": streamHead + "\r\n"} {
		var srv *Server
		h := newStreamer()
		handler := func(c *Ctx) {
			c.AfterWrite(func(error) { srv.drain() })
			h.serve(c)
		}
		t.Run(path, func(t *testing.T) {
			inAllModes(t, handler, Options{}, func(t *testing.T, s *Server, a target) {
				srv = s
				c := dial(t, a)
				c.send(lines("GET "+path+" HTTP/1.1", "Host: x"))
				c.expectEnd(answer)
			})
		})
	}
}

func TestShutdownCutsWhatIsLeft(t *testing.T) {
	started, release := make(chan bool), make(chan bool)
	h := func(c *Ctx) {
		started <- true
		<-release
	}
	inAllModes(t, h, Options{}, func(t *testing.T, srv *Server, a target) {
		c := dial(t, a)
		c.send(lines("GET / HTTP/1.1", "Host: x"))
		await(t, "handler", started)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		reading := dial(t, a) // has begun a request and does not go on
		reading.send("GET /")
		if err := srv.Shutdown(ctx); err != context.Canceled {
			t.Errorf("Shutdown: %v", err)
		}
		release <- true
	})
}

// TestShutdownRaces shuts down while connections come, talk and go.
func TestShutdownRaces(t *testing.T) {
	inAllModes(t, echo, Options{}, func(t *testing.T, srv *Server, a target) {
		var wg sync.WaitGroup
		warm := make(chan bool, 8)
		for range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					nc, err := a.connect()
					if err != nil {
						return // closed
					}
					r := bufio.NewReader(nc)
					for range 20 {
						io.WriteString(nc, lines("GET / HTTP/1.1", "Host: x"))
						resp, err := http.ReadResponse(r, nil)
						if err != nil {
							break
						}
						io.Copy(io.Discard, resp.Body)
					}
					nc.Close()
					if i == 2 {
						warm <- true
					}
				}
			})
		}
		for range 8 {
			await(t, "warm-up", warm)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

func TestServeAfterShutdown(t *testing.T) {
	s := New(echo, Options{})
	for range 2 {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	l := listen(t, "tcp")
	if err := s.Serve(l); err != ErrServerClosed {
		t.Errorf("Serve: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("listener is open: %v", err)
	}
}

// TestAcceptedTooLate hands over a connection that was accepted just before Shutdown
// closed the listener. No handler may run any more.
func TestAcceptedTooLate(t *testing.T) {
	s := New(echo, Options{})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := listen(t, "tcp")
	defer l.Close()
	c := dial(t, target{addr: l.Addr().String()})
	c.send(lines("GET / HTTP/1.1", "Host: x"))
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s.start(nc)
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("the request was answered")
	}
}

// failing is a listener that has errors in front of its connections.
type failing struct {
	*pipes
	errs []error
}

func (l *failing) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", err)}
	}
	return l.pipes.Accept()
}

func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		l := &failing{newPipes(), []error{syscall.EMFILE, syscall.ENFILE, syscall.EMFILE}}
		serve(t, l, echo, Options{Log: log.logger()})
		start := time.Now()
		c := l.dial(t)
		if d := time.Since(start); d != 35*time.Millisecond {
			t.Errorf("accepted after %v, want 5+10+20 ms", d)
		}
		c.send(lines("GET / HTTP/1.1", "Host: x"))
		c.expect(ok("GET / ? "))
		if n := strings.Count(log.String(), "cannot accept"); n != 1 || !strings.Contains(log.String(), "again") {
			t.Errorf("log: %s", log.String())
		}
	})
}

// TestMaxConns lets one connection more come than there may be, while nobody may leave.
func TestMaxConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		l := newPipes()
		release := make(chan struct{})
		srv := serve(t, l, func(c *Ctx) { <-release }, Options{MaxConns: 2, Log: log.logger()})
		first, second := l.dial(t), l.dial(t)
		first.send(lines("GET / HTTP/1.1", "Host: x"))
		synctest.Wait()
		second.send(lines("GET / HTTP/1.1", "Host: x"))
		synctest.Wait()
		third := l.dial(t)
		go third.trySend(lines("GET / HTTP/1.1", "Host: x"))
		time.Sleep(time.Minute)
		if st := srv.Stats(); st.Conns != 2 || st.Refused != 0 || !strings.Contains(log.String(), "connections=2") {
			t.Errorf("%+v, log %s", st, log.String())
		}
		release <- struct{}{}
		first.expect(ok(""))
		first.expectEnd("") // idle, and in the way
		release <- struct{}{}
		second.expect(ok(""))
		release <- struct{}{}
		third.expect(ok(""))
		second.send(lines("GET / HTTP/1.1", "Host: x"))
		third.send(lines("GET / HTTP/1.1", "Host: x"))
		synctest.Wait()
		fourth := l.dial(t) // its wait does not keep the server from ending
		close(release)
		second.expect(ok(""))
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		fourth.expectEnd("")
	})
}

func TestAcceptFails(t *testing.T) {
	s := New(echo, Options{})
	if err := s.Serve(&failing{newPipes(), []error{syscall.EBADF}}); !errors.Is(err, syscall.EBADF) {
		t.Errorf("Serve: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStats(t *testing.T) {
	inAllModes(t, echo, Options{}, func(t *testing.T, srv *Server, a target) {
		one, two := dial(t, a), dial(t, a)
		for _, c := range []client{one, one, two} {
			c.send(lines("GET / HTTP/1.1", "Host: x"))
			c.expect(ok("GET / ? "))
		}
		st := srv.Stats()
		for ; st.Waiting > 0; st = srv.Stats() {
			runtime.Gosched() // a client has its answer before the server has noticed
		}
		if st != (Stats{Conns: 2, Requests: 3}) {
			t.Errorf("stats %+v", st)
		}
		two.send(lines("GET / HTTP/1.1", "Host: x", "Connection: close"))
		two.expectEnd(okClose("GET / ? "))
		one.send(lines("GET / HTTP/1.1", "Host: x"))
		one.expect(ok("GET / ? "))
		if st := srv.Stats(); st.Requests != 5 {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestLocal(t *testing.T) {
	for addr, want := range map[net.Addr]bool{
		&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}:     true,
		&net.TCPAddr{IP: net.IPv6loopback}:           true,
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}:     false,
		&net.TCPAddr{IP: net.ParseIP("2001:db8::1")}: false,
		&net.UnixAddr{}: true,
	} {
		c := newCtx()
		c.conn = newConn(New(echo, Options{}), addrConn{remote: addr})
		if got := c.Local(); got != want {
			t.Errorf("%v: %t", addr, got)
		}
	}
}

type addrConn struct {
	net.Conn
	remote net.Addr
}

func (c addrConn) RemoteAddr() net.Addr { return c.remote }

// TestConnectionsKeepNothing checks that what one connection left in the pooled buffers
// is not seen by the next.
func TestConnectionsKeepNothing(t *testing.T) {
	inAllModes(t, echo, Options{}, func(t *testing.T, _ *Server, a target) {
		for i := range 20 {
			c := dial(t, a)
			body := bytes.Repeat([]byte{'a' + byte(i)}, 50*(20-i))
			c.send(lines("POST /json?q HTTP/1.1", "Host: x", "Cookie: s=v", fmt.Sprintf("Content-Length: %d", len(body))) + string(body))
			c.send(lines("GET / HTTP/1.1", "Host: x"))
			want := fmt.Sprintf("POST /json ? q body=%q s=%q", body, "v")
			c.expect(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n", len(want)) +
				"Content-Type: application/json;charset=utf-8\r\nSet-Cookie: s=1; Path=/\r\n\r\n" + want + ok("GET / ? "))
			c.send("GET /unfinished")
			c.Close()
		}
	})
}

// TestKeepAliveProbes checks what this package leaves to net.Listen: that peers which
// vanish without a word are noticed.
func TestKeepAliveProbes(t *testing.T) {
	l, err := ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	on := make(chan [4]int, 1)
	serve(t, l, func(c *Ctx) {
		c.conn.raw.Control(func(fd uintptr) {
			var v [4]int
			v[0], _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
			for i, option := range []int{syscall.TCP_KEEPIDLE, syscall.TCP_KEEPINTVL, syscall.TCP_KEEPCNT} {
				v[i+1], _ = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, option)
			}
			on <- v
		})
	}, Options{})
	dial(t, target{addr: l.Addr().String()}).send(lines("GET / HTTP/1.1", "Host: x"))
	if got := await(t, "handler", on); got != [4]int{1, probeIdle, probeInterval, probes} {
		t.Errorf("TCP keep-alive of the connection is %d", got)
	}
}

// TestLast: a connection whose handler wants no more of it ends with its answer, and says so.
func TestLast(t *testing.T) {
	h := func(c *Ctx) {
		if string(c.Path()) == "/last" {
			c.Last()
		}
		c.SetStatus(204)
	}
	inAllModes(t, h, Options{}, func(t *testing.T, _ *Server, a target) {
		c := dial(t, a)
		c.send(lines("GET / HTTP/1.1", "Host: x"))
		c.expect("HTTP/1.1 204 No Content\r\n\r\n")
		c.send(lines("GET /last HTTP/1.1", "Host: x"))
		c.expectEnd("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	})
}
