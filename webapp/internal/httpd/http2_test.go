package httpd

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

func serve2(t *testing.T, h Handler, o Options) (*Server, string) {
	t.Helper()
	l := listen(t, "tcp")
	return serve(t, secure2(t, l), h, o), l.Addr().String()
}

// TestMultiStandardClient has net/http talk over HTTP/2, one request after the other and
// many at a time, all on one connection.
func TestMultiStandardClient(t *testing.T) {
	srv, addr := serve2(t, echo, Options{})
	tr, a := transport(t), target{addr, true}
	talk(t, tr, a, 2)
	var wg sync.WaitGroup
	large := strings.Repeat("y", 300_000)
	for i := range 50 {
		wg.Go(func() {
			req, _ := http.NewRequest("POST", a.url(fmt.Sprint("/", i)), strings.NewReader(large[:i*1000]))
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil || resp.ProtoMajor != 2 || !bytes.Contains(got, []byte(large[:i*1000])) {
				t.Errorf("HTTP/%d, %d bytes, %v", resp.ProtoMajor, len(got), err)
			}
		})
	}
	wg.Wait()
	if st := srv.Stats(); st.Conns != 1 || st.Requests != 71 {
		t.Errorf("%+v", st)
	}
}

// TestMultiIsAskedFor: without being told to, the server offers HTTP/1.1 alone.
func TestMultiIsAskedFor(t *testing.T) {
	l := listen(t, "tcp")
	serve(t, secure(t, l), echo, Options{})
	resp, err := transport(t).RoundTrip(must(http.NewRequest("GET", target{l.Addr().String(), true}.url("/"), nil)))
	if err != nil || resp.ProtoMajor != 1 {
		t.Errorf("%v, %v", resp, err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// inMemory runs a test under a fake clock.
func inMemory(t *testing.T, h Handler, o Options, test func(t *testing.T, srv *Server, l *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		test(t, serve(t, l, h, o), l)
	})
}

// open connects and reads all that comes.
func (p *pipes) open2(t *testing.T, settings ...http2.Setting) *framer {
	f := p.dial2(t, settings...)
	go f.read()
	return f
}

// window is a setting of the client.
func windowOf(n uint32) http2.Setting {
	return http2.Setting{ID: http2.SettingInitialWindowSize, Val: n}
}

// passed checks how long something took.
func passed(t *testing.T, since time.Time, from, to time.Duration) {
	t.Helper()
	if d := time.Since(since); d < from || d > to {
		t.Errorf("after %v, want %v to %v", d, from, to)
	}
}

// TestMultiIdle: an idle connection ends in order, and nothing but a complete request
// renews its time.
func TestMultiIdle(t *testing.T) {
	for name, again := range map[string]func(f *framer){
		"nothing":  func(f *framer) {},
		"pings":    func(f *framer) { f.WritePing(false, [8]byte{}) },
		"resets":   func(f *framer) { f.WriteRSTStream(f.begin(false, post("/")...), http2.ErrCodeCancel) },
		"requests": func(f *framer) { f.begin(false, post("/")...) },
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, echo, Options{}, func(t *testing.T, srv *Server, l *pipes) {
				f := l.open2(t)
				time.Sleep(10 * time.Second)
				f.says(f.ask(get("/")...), "200 GET / ? ")
				start := time.Now()
				f.beside(100, func() { again(f) })
				f.says(f.goneWith(), "NO_ERROR")
				passed(t, start, 75*time.Second, 92*time.Second)
			})
		})
	}
}

// TestMultiOverlaps: requests that overlap for long, so that there is always an incomplete
// one, are no idle connection.
func TestMultiOverlaps(t *testing.T) {
	inMemory(t, echo, Options{}, func(t *testing.T, srv *Server, l *pipes) {
		f := l.open2(t)
		id := f.begin(false, post("/")...)
		for range 60 {
			next := f.begin(false, post("/")...)
			time.Sleep(3 * time.Second)
			f.WriteData(id, true, nil)
			f.says(f.answer(id), "200 POST / ? ")
			id = next
		}
	})
}

// TestMultiBegun: what has begun to come has its time: the preface, a frame, a head in
// pieces.
func TestMultiBegun(t *testing.T) {
	for name, begin := range map[string]func(f *framer){
		"frame": func(f *framer) { f.Write([]byte{0, 0}) },
		"head":  func(f *framer) { f.part(1) },
		"head in trickles": func(f *framer) {
			f.part(1)
			f.beside(60, func() { f.WriteContinuation(1, false, nil) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, echo, Options{}, func(t *testing.T, srv *Server, l *pipes) {
				f := l.open2(t)
				start := time.Now()
				begin(f)
				f.goneWith()
				passed(t, start, 10*time.Second, 12*time.Second)
			})
		})
	}
	inMemory(t, echo, Options{}, func(t *testing.T, srv *Server, l *pipes) {
		mine, theirs := pipe(t)
		l.conns <- chosen{theirs}
		start := time.Now()
		io.Copy(io.Discard, mine)
		passed(t, start, 10*time.Second, 12*time.Second)
	})
}

// TestMultiReadTimeout: a request that is not complete in time is answered with 408,
// whatever trickles in, and disturbs no other.
func TestMultiReadTimeout(t *testing.T) {
	inMemory(t, echo, Options{}, func(t *testing.T, srv *Server, l *pipes) {
		f := l.open2(t)
		start := time.Now()
		id := f.begin(false, post("/")...)
		trickle := f.beside(30, func() { f.WriteData(id, false, []byte("x")) })
		f.says(f.answer(id), "408 request took too long")
		passed(t, start, 10*time.Second, 12*time.Second)
		trickle.Wait()
		f.says(f.ask(get("/")...), "200 GET / ? ")
	})
}

// outcomes is a handler whose answer has as many bytes as the path says, and that notes
// how each ended.
func outcomes(done *chan error) Handler {
	return func(c *Ctx) {
		told := *done // made under the test's clock
		c.AfterWrite(func(err error) { told <- err })
		sized(c)
	}
}

// TestMultiReleaseAfterFlush: an answer counts as written when its last frame is with the
// socket, not before: here the window is missing.
func TestMultiReleaseAfterFlush(t *testing.T) {
	var done chan error
	inMemory(t, outcomes(&done), Options{}, func(t *testing.T, srv *Server, l *pipes) {
		done = make(chan error, 9)
		f := l.open2(t, windowOf(99))
		id := f.begin(true, get("/100")...)
		synctest.Wait()
		if len(done) > 0 {
			t.Fatal("written before its last byte could be")
		}
		f.WriteWindowUpdate(id, 1)
		f.says(f.answer(id), "200 "+string(make([]byte, 100)))
		if err := <-done; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := srv.Stats().Waiting; n != 0 {
			t.Errorf("%d bytes wait", n)
		}
	})
	// And here the client does not read.
	inMemory(t, outcomes(&done), Options{}, func(t *testing.T, srv *Server, l *pipes) {
		done = make(chan error, 9)
		f := l.dial2(t)
		f.begin(true, get("/100")...)
		synctest.Wait()
		if len(done) > 0 {
			t.Fatal("written before it was read")
		}
		go f.read()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestMultiStalledWindow: an answer for which the client opens no window has the time that
// a slow reader has, and the memory; then its stream ends, and no other.
func TestMultiStalledWindow(t *testing.T) {
	var done chan error
	inMemory(t, outcomes(&done), Options{}, func(t *testing.T, srv *Server, l *pipes) {
		done = make(chan error, 9)
		f := l.open2(t, windowOf(0))
		start := time.Now()
		id := f.begin(true, get("/100000")...)
		synctest.Wait()
		if n := srv.Stats().Waiting; n < 100_000 {
			t.Errorf("%d bytes wait", n)
		}
		f.says(f.ask(get("/0")...), "200 ")
		if err := <-done; err != nil {
			t.Error(err)
		}
		f.says(f.answer(id), " CANCEL")
		passed(t, start, 13*time.Second, 15*time.Second)
		if err := <-done; err == nil {
			t.Error("a stalled answer counts as written")
		}
		// By bytes it would take for ever.
		start = time.Now()
		id = f.begin(true, get("/100000")...)
		f.beside(30, func() { f.WriteWindowUpdate(id, 1) })
		f.answer(id)
		passed(t, start, 13*time.Second, 15*time.Second)
		synctest.Wait()
		if n := srv.Stats().Waiting; n != 0 {
			t.Errorf("%d bytes wait", n)
		}
	})
}

// TestMultiConnectionWindow: streams that share what the connection may send all get
// their share, byte by byte if need be.
func TestMultiConnectionWindow(t *testing.T) {
	inMemory(t, sized, Options{}, func(t *testing.T, srv *Server, l *pipes) {
		f := l.open2(t, windowOf(1<<20))
		var ids []uint32
		for range 5 {
			ids = append(ids, f.begin(true, get("/30000")...))
		}
		go func() {
			for range 1000 {
				f.WriteWindowUpdate(0, 100)
			}
		}()
		got := map[uint32]int{}
		for ended := 0; ended < 5; {
			x, ok := f.next()
			if !ok {
				t.Fatal("the connection ends")
			}
			if got[x.StreamID] += len(x.data); x.ends() {
				ended++
			}
		}
		for _, id := range ids {
			if got[id] != 30_000 {
				t.Errorf("stream %d has %d bytes", id, got[id])
			}
		}
	})
}

// TestMultiWriteTimeout: a client that reads nothing loses the connection, and with it
// everything on it.
func TestMultiWriteTimeout(t *testing.T) {
	var done chan error
	inMemory(t, outcomes(&done), Options{}, func(t *testing.T, srv *Server, l *pipes) {
		done = make(chan error, 9)
		f := l.dial2(t)
		start := time.Now()
		for range 3 {
			f.begin(true, get("/100")...)
		}
		for range 3 {
			if <-done == nil {
				t.Error("an answer that nobody reads was written")
			}
		}
		passed(t, start, 10*time.Second, 12*time.Second)
		synctest.Wait()
		if st := srv.Stats(); st.Conns != 0 || st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestMultiWaitingIsBounded: what waits on one connection is counted like what waits on
// many.
func TestMultiWaitingIsBounded(t *testing.T) {
	inMemory(t, sized, Options{MaxWaiting: 10 * mega}, func(t *testing.T, srv *Server, l *pipes) {
		f := l.open2(t, windowOf(0))
		for range 30 {
			f.begin(true, get("/1048576")...)
			synctest.Wait()
			if n := srv.Stats().Waiting; n > 10*mega {
				t.Fatalf("%d bytes wait", n)
			}
		}
		if n := srv.Stats().Cut; n != 21 {
			t.Errorf("%d answers were cut, want 21", n)
		}
		f.says(f.ask(get("/0")...), "200 ")
	})
}

// TestMultiShutdown: the client is told which streams are the last, these are answered, and
// a new one is not begun.
func TestMultiShutdown(t *testing.T) {
	wait := make(chan struct{})
	h := func(c *Ctx) {
		<-wait
		echo(c)
	}
	synctest.Test(t, func(t *testing.T) {
		wait = make(chan struct{})
		l := newPipes()
		srv := New(h, Options{})
		go srv.Serve(l)
		f := l.open2(t)
		id := f.begin(true, get("/")...)
		synctest.Wait()
		stopped := make(chan error)
		go func() { stopped <- srv.Shutdown(t.Context()) }()
		x, _ := f.next()
		if x.Type != http2.FrameGoAway || x.code != 0 || x.last != id {
			t.Errorf("%v, last %d", x, x.last)
		}
		f.begin(true, get("/late")...)
		time.Sleep(time.Second)
		close(wait)
		f.says(f.answer(id), "200 GET / ? ")
		if _, ok := f.next(); ok {
			t.Error("more comes")
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

// TestMultiShutdownLimits are those of HTTP/1.1: nothing at all ends at once, an incomplete
// request within 2 s, an answer that nobody reads within 10 s.
func TestMultiShutdownLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		begin    func(f *framer)
		window   uint32
		from, to time.Duration
	}{
		"idle":               {func(f *framer) {}, 0, 0, 0},
		"incomplete request": {func(f *framer) { f.begin(false, post("/")...) }, 1000, time.Second, 3 * time.Second},
		"stalled window":     {func(f *framer) { f.begin(true, get("/100000000")...) }, 0, 8 * time.Second, 10 * time.Second},
		"stream":             {func(f *framer) { f.begin(true, get("/stream")...) }, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipes()
				srv := New(func(c *Ctx) {
					if string(c.Path()) == "/stream" {
						c.Stream(func(*Stream) {})
						return
					}
					sized(c)
				}, Options{})
				go srv.Serve(l)
				f := l.open2(t, windowOf(tc.window))
				tc.begin(f)
				synctest.Wait()
				start := time.Now()
				if err := srv.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				passed(t, start, tc.from, tc.to)
				if st := srv.Stats(); st.Conns+st.Streams+st.Waiting != 0 {
					t.Errorf("%+v", st)
				}
			})
		})
	}
	// A client that reads nothing at all.
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		srv := New(sized, Options{})
		go srv.Serve(l)
		f := l.dial2(t)
		f.begin(true, get("/100")...)
		synctest.Wait()
		start := time.Now()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		passed(t, start, 8*time.Second, 12*time.Second)
	})
}
