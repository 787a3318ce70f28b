package httpd

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// timed runs a test on a fake clock against a server with different timeouts.
func timed(t *testing.T, h Handler, test func(t *testing.T, l *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		serve(t, l, h, Options{
			IdleTimeout:  75 * time.Second,
			ReadTimeout:  10 * time.Second,
			WriteTimeout: 20 * time.Second,
		})
		test(t, l)
	})
}

// between checks that what began at start took at least d, and at most two ticks longer.
func between(t *testing.T, start time.Time, d time.Duration) {
	t.Helper()
	if took := time.Since(start); took < d || took > d+2*tick {
		t.Errorf("took %v, want %v to %v", took, d, d+2*tick)
	}
}

func TestIdleTimeout(t *testing.T) {
	timed(t, echo, func(t *testing.T, l *pipes) {
		c := l.dial(t)
		start := time.Now()
		for range 3 { // each request starts the time again
			time.Sleep(74 * time.Second)
			start = time.Now()
			c.send(lines("GET / HTTP/1.1", "Host: x"))
			c.expect(ok("GET / ? "))
		}
		c.expectEnd("")
		between(t, start, 75*time.Second)
	})
}

func TestIdleTimeoutOfNewConnection(t *testing.T) {
	timed(t, echo, func(t *testing.T, l *pipes) {
		start := time.Now()
		l.dial(t).expectEnd("")
		between(t, start, 75*time.Second)
	})
}

func TestReadTimeout(t *testing.T) {
	for name, request := range map[string]string{
		"request line": "GE",
		"field":        "GET / HTTP/1.1\r\nHo",
		"body":         lines("POST / HTTP/1.1", "Host: x", "Content-Length: 10") + "abc",
		"chunk":        lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + "5\r\nab",
		"second request": lines("GET / HTTP/1.1", "Host: x") +
			"GET ",
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, echo, func(t *testing.T, l *pipes) {
				c := l.dial(t)
				c.send(request)
				start := time.Now()
				if name == "second request" {
					c.expect(ok("GET / ? "))
				}
				c.expectEnd(refused("408 Request Timeout", "request took too long"))
				between(t, start, 10*time.Second)
			})
		})
	}
}

// TestSlowLoris sends a byte a second: the time counts from the first one.
func TestSlowLoris(t *testing.T) {
	timed(t, echo, func(t *testing.T, l *pipes) {
		c := l.dial(t)
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			for _, b := range []byte("GET /" + strings.Repeat("x", 1000)) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		synctest.Wait()
		start := time.Now()
		c.expectEnd(refused("408 Request Timeout", "request took too long"))
		between(t, start, 10*time.Second)
	})
}

// TestReadTimeoutStartsAnew has two slow requests, each of them in time.
func TestReadTimeoutStartsAnew(t *testing.T) {
	timed(t, echo, func(t *testing.T, l *pipes) {
		c := l.dial(t)
		for range 3 {
			c.send("GET / HT")
			time.Sleep(8 * time.Second)
			c.send("TP/1.1\r\nHost: x\r\n\r\nGE")
			c.expect(ok("GET / ? "))
			time.Sleep(8 * time.Second)
			c.send(lines("T / HTTP/1.1", "Host: x"))
			c.expect(ok("GET / ? "))
		}
	})
}

// TestEmptyLinesRenewNothing: only a complete request renews the idle time.
func TestEmptyLinesRenewNothing(t *testing.T) {
	for name, parts := range map[string][]string{"lines": {"\r\n"}, "halves": {"\r", "\n"}, "many": {"\r\n\r\n\r\n"}} {
		for _, used := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " used ", used), func(t *testing.T) {
				timed(t, echo, func(t *testing.T, l *pipes) {
					c := l.dial(t)
					if used {
						time.Sleep(30 * time.Second)
						c.send(lines("GET / HTTP/1.1", "Host: x"))
						c.expect(ok("GET / ? "))
					}
					start := time.Now()
					var wg sync.WaitGroup
					defer wg.Wait()
					wg.Go(func() {
						for i := 0; ; i++ {
							if _, err := io.WriteString(c, parts[i%len(parts)]); err != nil {
								return
							}
							time.Sleep(4 * time.Second)
						}
					})
					c.expectEnd("")
					between(t, start, 75*time.Second)
				})
			})
		}
	}
}

// TestBytesWithoutEnd: a connection that never waits, since more is always there, is not
// found by the sweep and ends by itself.
func TestBytesWithoutEnd(t *testing.T) {
	for _, bytes := range []string{"\r\n", "a"} {
		s := New(echo, Options{})
		c := newConn(s, addrConn{})
		c.idleDue = s.dueIn(s.idle)
		c.acquire()
		took := ticks(0)
		for ; took < 1000; took++ {
			n := copy(c.ctx.buf.space(), bytes)
			c.ctx.buf.end += n
			c.served = false
			for c.ctx.buf.skipLineEnds() {
			}
			if !c.inTime() {
				break
			}
			s.clock.Add(1)
		}
		if want := map[string]ticks{"\r\n": s.idle, "a": s.read}[bytes]; took != want {
			t.Errorf("%q may come for %d ticks, want %d", bytes, took, want)
		}
	}
}

// TestShutdownLimits: a client that has not begun a request goes at once, one that has
// not completed it within two seconds, one that does not read its answer within the write
// timeout.
func TestShutdownLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		srv := serve(t, l, echo, Options{WriteTimeout: 10 * time.Second, ReadTimeout: time.Minute})
		silent, slow, empty, unread := l.dial(t), l.dial(t), l.dial(t), l.dial(t)
		slow.send("GET / HT")
		empty.send("\r\n")
		unread.send(lines("GET / HTTP/1.1", "Host: x"))
		synctest.Wait()
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- srv.Shutdown(t.Context()) }()
		silent.expectEnd("")
		empty.expectEnd("")
		if d := time.Since(start); d != 0 {
			t.Errorf("silent connections ended after %v", d)
		}
		slow.expectEnd("")
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("a slow request ended after %v", d)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("an answer that nobody reads ended after %v", d)
		}
	})
}

func TestWriteTimeout(t *testing.T) {
	written := make(chan error, 1)
	h := func(c *Ctx) { c.AfterWrite(func(err error) { written <- err }) }
	timed(t, h, func(t *testing.T, l *pipes) {
		c := l.dial(t)
		c.send(lines("GET / HTTP/1.1", "Host: x"))
		start := time.Now()
		synctest.Wait()
		if len(written) > 0 {
			t.Error("written before anybody has read")
		}
		time.Sleep(30 * time.Second)
		select {
		case err := <-written:
			if err == nil {
				t.Error("written although nobody has read")
			}
		default:
			t.Errorf("still writing after %v", time.Since(start))
		}
		if _, err := io.ReadAll(c); err != nil {
			t.Error(err)
		}
	})
}

func TestHandlerHasNoTimeout(t *testing.T) {
	h := func(c *Ctx) { time.Sleep(time.Hour) }
	timed(t, h, func(t *testing.T, l *pipes) {
		c := l.dial(t)
		c.send(lines("GET / HTTP/1.1", "Host: x"))
		c.expect(ok(""))
	})
}

func TestHandshakeTimeout(t *testing.T) {
	cert := tlsConfig(t)
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		serve(t, tls.NewListener(l, cert), echo, Options{ReadTimeout: 10 * time.Second})
		start := time.Now()
		l.dial(t).expectEnd("")
		between(t, start, 10*time.Second)
	})
}

// TestExpiryOvertaken is the race of the sweep with a connection that goes on.
func TestExpiryOvertaken(t *testing.T) {
	var d deadline
	d.enter(idle, 5)
	word, _, _ := d.load()
	if !d.enter(busy, 0) || d.expire(word) {
		t.Error("the sweep took a connection that had gone on")
	}
	d.enter(idle, 5)
	word, _, _ = d.load()
	if !d.expire(word) || d.enter(busy, 0) {
		t.Error("the connection went on although the sweep had taken it")
	}
}

func TestTicksOf(t *testing.T) {
	for d, want := range map[time.Duration]ticks{1: 2, tick: 2, tick + 1: 3, 75 * tick: 76} {
		if got := ticksOf(d); got != want {
			t.Errorf("ticksOf(%v) = %d, want %d", d, got, want)
		}
	}
}
