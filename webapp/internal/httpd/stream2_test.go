package httpd

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

// TestMultiStreams: many streams share a connection with requests; each event is sent at
// once, and the server ends a stream in order.
func TestMultiStreams(t *testing.T) {
	h := newStreamer()
	srv, addr := serve2(t, h.serve, Options{})
	f := dial2(t, addr)
	var streams []*Stream
	var ids []uint32
	for range 6 {
		ids = append(ids, f.begin(true, get("/stream")...))
		streams = append(streams, await(t, "open", h.opened))
		if x, _ := f.next(); x.fields["content-type"] != "text/event-stream" || x.fields["cache-control"] != "no-store" || x.ends() {
			t.Errorf("the head is %v", x)
		}
	}
	if st := srv.Stats(); st.Streams != 6 || st.Conns != 1 {
		t.Errorf("%+v", st)
	}
	f.says(f.ask(get("/plain")...), "200 /plain")
	for i, s := range streams {
		if err := s.Ready(); err != nil {
			t.Error(err)
		}
		event := fmt.Sprintf("data: %d\n\n", i)
		if err := s.Write([]byte(event)); err != nil {
			t.Error(err)
		}
		if x, _ := f.next(); x.data != event || x.StreamID != ids[i] {
			t.Errorf("the event is %v", x)
		}
	}
	streams[0].Close()
	if x, _ := f.next(); !x.ends() || x.StreamID != ids[0] {
		t.Errorf("the end is %v", x)
	}
	f.WriteRSTStream(ids[1], http2.ErrCodeCancel)
	f.WriteRSTStream(ids[1], http2.ErrCodeCancel) // harmless
	for range 2 {
		s := await(t, "close", h.closed)
		if err := s.Write([]byte("x")); err == nil || s != streams[0] && s != streams[1] {
			t.Errorf("after the end: %v", err)
		}
		s.Close()
	}
	f.Close()
	for range 4 {
		await(t, "close", h.closed)
	}
	eventually(t, "nothing is left", func() bool { st := srv.Stats(); return st.Conns+st.Streams == 0 })
}

// TestMultiStreamStalled: a reader that opens no window has the time of one that does not
// read; Ready tells before anything is sent. Others on the connection do not notice.
func TestMultiStreamStalled(t *testing.T) {
	var h *streamer
	inMemory(t, func(c *Ctx) { h.serve(c) }, Options{}, func(t *testing.T, srv *Server, l *pipes) {
		h = newStreamer()
		f := l.open2(t, windowOf(0))
		stalled := f.begin(true, get("/stream")...)
		s := <-h.opened
		live := f.begin(true, get("/stream")...)
		f.WriteWindowUpdate(live, 1000)
		other := <-h.opened
		start := time.Now()
		failed := make(chan error)
		go func() { failed <- s.Ready() }()
		for range 5 {
			if err := other.Write([]byte("data: 1\n\n")); err != nil {
				t.Error(err)
			}
		}
		passed(t, start, 0, 0)
		if <-failed == nil {
			t.Error("ready without a window")
		}
		passed(t, start, 10*time.Second, 12*time.Second)
		if got := <-h.closed; got != s {
			t.Error("another stream was closed")
		}
		f.says(f.answer(stalled), "200  CANCEL")
		// The same within a message.
		stalled = f.begin(true, get("/stream")...)
		f.WriteWindowUpdate(stalled, 3)
		s, start = <-h.opened, time.Now()
		if err := s.Write([]byte("data: 1\n\n")); err == nil {
			t.Error("a message that had no room counts as written")
		}
		passed(t, start, 10*time.Second, 12*time.Second)
		<-h.closed
		// And one whose window opens late.
		late := f.begin(true, get("/stream")...)
		s = <-h.opened
		go func() {
			time.Sleep(5 * time.Second)
			f.WriteWindowUpdate(late, 100)
		}()
		if err := s.Write([]byte("data: 1\n\n")); err != nil {
			t.Error(err)
		}
		time.Sleep(24 * time.Hour) // nothing happens on a stream for long
		if err := s.Write([]byte("data: 2\n\n")); err != nil {
			t.Error(err)
		}
	})
}

// TestMultiStreamLimit: one connection has so many streams at most; the oldest ends in
// order, and the new one is served.
func TestMultiStreamLimit(t *testing.T) {
	h := &streamer{make(chan *Stream, 99), make(chan *Stream, 99)}
	srv, addr := serve2(t, h.serve, Options{})
	f := dial2(t, addr)
	first := f.begin(true, get("/stream")...)
	s := await(t, "open", h.opened)
	for range maxMultiEvents {
		f.begin(true, get("/stream")...)
		await(t, "open", h.opened)
	}
	if await(t, "close", h.closed) != s {
		t.Error("not the oldest is closed")
	}
	f.says(f.answer(first), "200 ")
	if n := srv.Stats().Streams; n != maxMultiEvents {
		t.Errorf("%d streams", n)
	}
}

// TestMultiStreamsInAll: over HTTP/2 there are as many streams as there may be connections.
// For one more, the oldest leaves of an account that has others, then the oldest of all,
// and none that is young.
func TestMultiStreamsInAll(t *testing.T) {
	var h *streamer
	inMemory(t, func(c *Ctx) {
		c.SetOwner(string(c.Query()))
		h.serve(c)
	}, Options{MaxConns: 4}, func(t *testing.T, srv *Server, l *pipes) {
		h = newStreamer()
		f := l.open2(t)
		open := func(owner string) *Stream {
			f.begin(true, get("/stream?"+owner)...)
			return <-h.opened
		}
		lone := open("modest")
		greedy := open("greedy")
		time.Sleep(20 * time.Second)
		open("greedy")
		open("greedy")
		open("new")
		if <-h.closed != greedy {
			t.Error("not the oldest of the account with several left")
		}
		time.Sleep(time.Second)
		open("newer")
		if <-h.closed != lone {
			t.Error("not the oldest left")
		}
		f.says(f.ask(get("/stream?late")...), "503 too many streams")
		if n := srv.Stats().Streams; n != 4 {
			t.Errorf("%d streams", n)
		}
	})
}

// TestMultiLeaves: when the server is full, connections of HTTP/2 leave like others: the
// idle one before the one with a stream, none with a request under way.
func TestMultiLeaves(t *testing.T) {
	crowded(t, 3, func(t *testing.T, c *crowd) {
		busy, stream, idle := c.open2(t), c.open2(t), c.open2(t)
		busy.begin(true, get("/slow")...)
		stream.begin(true, get("/stream?owner")...)
		stream.next()
		idle.ask(get("/")...)
		time.Sleep(20 * time.Second)
		c.idle()
		idle.says(idle.goneWith(), "NO_ERROR")
		one := c.open2(t)
		one.begin(true, get("/slow")...)
		time.Sleep(20 * time.Second)
		last := c.dial(t)
		last.send(lines("GET /slow HTTP/1.1", "Host: x"))
		stream.says(stream.goneWith(), "NO_ERROR")
		close(c.release)
		synctest.Wait()
		last.expect(ok(""))
		busy.says(busy.answer(1), "200 ")
	})
}

// TestMultiManyRequests: requests of all connections together are bounded; the only one of
// a connection is served in any case.
func TestMultiManyRequests(t *testing.T) {
	crowded(t, 10, func(t *testing.T, c *crowd) {
		f, other := c.open2(t), c.open2(t)
		for range 20 {
			f.begin(true, get("/slow")...)
		}
		synctest.Wait()
		f.says(f.answer(f.begin(true, get("/slow")...)), " REFUSED_STREAM")
		id := other.begin(true, get("/slow")...)
		other.says(other.ask(get("/slow")...), " REFUSED_STREAM")
		close(c.release)
		other.says(other.answer(id), "200 ")
	})
}

// TestMultiPanics has each function of a stream panic in turn: the stream ends, OnClose is
// kept, the server and the connection live.
func TestMultiPanics(t *testing.T) {
	for _, at := range []string{"handler", "written", "open", "close"} {
		var log logBuffer
		closed := make(chan bool, 1)
		h := func(c *Ctx) {
			if string(c.Path()) != "/" {
				return
			}
			panicAt(at, "handler")
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
			_, addr := serve2(t, h, Options{Log: log.logger()})
			f := dial2(t, addr)
			got := f.ask(get("/")...)
			if at == "open" || at == "close" {
				f.says(got, "200 ")
				await(t, "OnClose", closed)
			}
			f.says(f.ask(get("/more")...), "200 ")
			eventually(t, "it is logged", func() bool { return strings.Contains(log.String(), "panic at "+at) })
		})
	}
}

// TestMultiStreamConcurrency has writers, closers, requests and leaving peers meet.
func TestMultiStreamConcurrency(t *testing.T) {
	h := &streamer{make(chan *Stream, 99), make(chan *Stream, 99)}
	_, addr := serve2(t, h.serve, Options{})
	a := target{addr, true}
	var wg sync.WaitGroup
	clients := []http.Client{{Transport: transport(t)}, {Transport: transport(t)}}
	for i := range 60 {
		wg.Go(func() {
			resp, err := clients[i%2].Get(a.url("/stream"))
			if err != nil {
				return // the connection's oldest stream was closed before its head was read
			}
			defer resp.Body.Close()
			r := bufio.NewReader(resp.Body)
			for range i {
				if _, err := r.ReadString('\n'); err != nil {
					return
				}
			}
			if resp, err := clients[i%2].Get(a.url("/plain")); err == nil {
				resp.Body.Close()
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
	for range 60 {
		await(t, "close", h.closed)
	}
	wg.Wait()
}
