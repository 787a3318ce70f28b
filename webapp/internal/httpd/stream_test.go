package httpd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// streamer is a handler that hands every opened stream to the test.
type streamer struct {
	opened chan *Stream
	closed chan *Stream
}

func newStreamer() *streamer {
	return &streamer{make(chan *Stream, 16), make(chan *Stream, 16)}
}

func (h *streamer) serve(c *Ctx) {
	if string(c.Path()) != "/stream" {
		c.SetBody(append(c.Out(0), c.Path()...))
		return
	}
	c.Stream(func(s *Stream) {
		s.OnClose(func() { h.closed <- s })
		h.opened <- s
	})
}

func (c client) openStream() {
	c.t.Helper()
	c.send(lines("GET /stream HTTP/1.1", "Host: x"))
	c.expect(streamHead + "\r\n")
}

func TestStreamWriteAndClose(t *testing.T) {
	h := newStreamer()
	inAllModes(t, h.serve, Options{}, func(t *testing.T, srv *Server, a target) {
		c := dial(t, a)
		c.send(lines("GET /plain HTTP/1.1", "Host: x")) // the stream is not the first request
		c.expect(ok("/plain"))
		c.openStream()
		s := await(t, "open", h.opened)
		if st := srv.Stats(); st.Streams != 1 || st.Conns != 1 || st.Requests != 2 {
			t.Errorf("stats %+v", st)
		}
		for i := range 100 {
			event := fmt.Sprintf("data: %d\n\n", i)
			if err := s.Write([]byte(event)); err != nil {
				t.Fatal(err)
			}
			c.expect(event)
		}
		s.Close()
		if err := s.Write([]byte("x")); err == nil {
			t.Error("Write after Close: no error")
		}
		s.Close()
		c.expectEnd("")
		if await(t, "close", h.closed) != s {
			t.Error("another stream was closed")
		}
		if err := s.Write([]byte("x")); err == nil {
			t.Error("Write after the end: no error")
		}
		s.Close()
	})
}

func TestStreamPeerLeaves(t *testing.T) {
	h := newStreamer()
	inAllModes(t, h.serve, Options{}, func(t *testing.T, srv *Server, a target) {
		c := dial(t, a)
		c.openStream()
		s := await(t, "open", h.opened)
		c.send("this is not read as a request\r\n\r\n")
		if err := s.Write([]byte("data: 1\n\n")); err != nil {
			t.Fatal(err)
		}
		c.expect("data: 1\n\n")
		c.Close()
		if await(t, "close", h.closed) != s {
			t.Error("another stream was closed")
		}
		if st := srv.Stats(); st.Streams != 0 {
			t.Errorf("stats %+v", st)
		}
	})
}

// TestStreamFirstEvents sends events with the head and learns that they are out before
// the stream is opened.
func TestStreamFirstEvents(t *testing.T) {
	steps := make(chan string, 3)
	h := func(c *Ctx) {
		c.SetBody(append(c.Out(0), "data: first\n\n"...))
		c.AfterWrite(func(err error) { steps <- fmt.Sprint("written ", err) })
		c.Stream(func(s *Stream) {
			steps <- "open"
			s.Write([]byte("data: second\n\n"))
			s.Close()
		})
	}
	inAllModes(t, h, Options{}, func(t *testing.T, _ *Server, a target) {
		c := dial(t, a)
		c.send(lines("GET / HTTP/1.1", "Host: x"))
		c.expectEnd(streamHead + "\r\ndata: first\n\ndata: second\n\n")
		for _, want := range []string{"written <nil>", "open"} {
			if got := await(t, want, steps); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

func TestStreamsEndWithShutdown(t *testing.T) {
	h := newStreamer()
	inAllModes(t, h.serve, Options{}, func(t *testing.T, srv *Server, a target) {
		clients := []client{dial(t, a), dial(t, a)}
		for _, c := range clients {
			c.openStream()
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range clients {
			c.expectEnd("")
			await(t, "close", h.closed)
			await(t, "open", h.opened)
		}
	})
}

// TestStreamConcurrency has writers, closers and leaving peers meet.
func TestStreamConcurrency(t *testing.T) {
	h := newStreamer()
	inAllModes(t, h.serve, Options{}, func(t *testing.T, srv *Server, a target) {
		var wg sync.WaitGroup
		get := http.Client{Transport: transport(t)}
		for i := range 50 {
			wg.Go(func() {
				resp, err := get.Get(a.url("/stream"))
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				buf := make([]byte, 64)
				for range i {
					if _, err := resp.Body.Read(buf); err != nil {
						return // the server closed first
					}
				}
			})
			s := await(t, "open", h.opened)
			wg.Go(func() {
				for s.Write([]byte("data: 1\n\n")) == nil {
				}
			})
			if i%3 == 0 {
				wg.Go(s.Close)
			}
		}
		for range 50 {
			await(t, "close", h.closed)
		}
		wg.Wait()
	})
}

// TestStreamSlowReader has one reader that stops. Its writer gets an error after the
// write timeout; other streams do not notice.
func TestStreamSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l := newStreamer(), newPipes()
		serve(t, l, h.serve, Options{WriteTimeout: 10 * time.Second})
		slow, live := l.dial(t), l.dial(t)
		slow.openStream()
		slowStream := <-h.opened
		live.openStream()
		liveStream := <-h.opened
		go io.Copy(io.Discard, live)

		start := time.Now()
		failed := make(chan time.Duration)
		go func() {
			if slowStream.Write([]byte("data: 1\n\n")) == nil {
				t.Error("a write that nobody reads succeeded")
			}
			failed <- time.Since(start)
		}()
		for range 5 {
			if err := liveStream.Write([]byte("data: 1\n\n")); err != nil {
				t.Error(err)
			}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("live stream was held up for %v", d)
		}
		if d := <-failed; d < 10*time.Second || d > 12*time.Second {
			t.Errorf("write failed after %v", d)
		}
		if s := <-h.closed; s != slowStream {
			t.Error("another stream was closed")
		}
		if err := liveStream.Write([]byte("data: 1\n\n")); err != nil {
			t.Error(err)
		}
	})
}

// TestStreamFullSocket fills a real socket: the write waits, and goes on when the peer
// reads.
func TestStreamFullSocket(t *testing.T) {
	h := newStreamer()
	inAllModes(t, h.serve, Options{}, func(t *testing.T, _ *Server, a target) {
		c := dial(t, a)
		c.openStream()
		s := await(t, "open", h.opened)
		const size = 16 << 20 // more than both socket buffers hold
		done := make(chan error, 1)
		go func() { done <- s.Write(make([]byte, size)) }()
		if n, err := io.CopyN(io.Discard, c, size); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if err := await(t, "write", done); err != nil {
			t.Fatal(err)
		}
	})
}

func TestStreamLivesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l := newStreamer(), newPipes()
		serve(t, l, h.serve, Options{})
		c := l.dial(t)
		c.openStream()
		s := <-h.opened
		time.Sleep(24 * time.Hour)
		go s.Write([]byte("data: 1\n\n"))
		c.expect("data: 1\n\n")
	})
}

// TestStreamPanics has each function of a stream panic in turn: the connection ends,
// OnClose is kept, the server lives.
func TestStreamPanics(t *testing.T) {
	for _, at := range []string{"written", "open", "close"} {
		var log logBuffer
		closed := make(chan bool, 1)
		h := func(c *Ctx) {
			c.AfterWrite(func(error) { panicAt(at, "written") })
			c.Stream(func(s *Stream) {
				s.OnClose(func() {
					closed <- true
					panicAt(at, "close")
				})
				defer s.Close()
				panicAt(at, "open")
			})
		}
		t.Run(at, func(t *testing.T) {
			inAllModes(t, h, Options{Log: log.logger()}, func(t *testing.T, srv *Server, a target) {
				c := dial(t, a)
				c.send(lines("GET / HTTP/1.1", "Host: x"))
				c.expectEnd(streamHead + "\r\n")
				if at != "written" {
					await(t, "OnClose", closed)
				}
				if err := srv.Shutdown(context.Background()); err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(log.String(), "panic at "+at) {
					t.Errorf("log: %s", log.String())
				}
			})
		})
	}
}

func panicAt(at, here string) {
	if at == here {
		panic("panic at " + at)
	}
}

// TestStreamCutOff resets the connection from the client's side under a writer.
func TestStreamCutOff(t *testing.T) {
	h := newStreamer()
	inAllModes(t, h.serve, Options{}, func(t *testing.T, _ *Server, a target) {
		c := dial(t, a)
		c.openStream()
		s := await(t, "open", h.opened)
		c.reset()
		await(t, "close", h.closed)
		if err := s.Write([]byte("data: 1\n\n")); err == nil {
			t.Error("Write to a reset connection: no error")
		}
	})
}

// TestStreamPeerTalks: the peer of a stream has nothing to say, and cannot say it for
// long.
func TestStreamPeerTalks(t *testing.T) {
	h := newStreamer()
	inAllModes(t, h.serve, Options{}, func(t *testing.T, _ *Server, a target) {
		c := dial(t, a)
		c.openStream()
		await(t, "open", h.opened)
		for nonsense := make([]byte, 1<<10); ; {
			if _, err := c.Write(nonsense); err != nil {
				break
			}
		}
		await(t, "close", h.closed)
	})
}
