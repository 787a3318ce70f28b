package httpd

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"isuride/tools/dev/allocs"
)

const busyHead = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n"

const refusedAnswer = busyHead + "Retry-After: 2\r\n\r\nbusy"

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

// door refuses every path but /in, and drops /drop.
func door(c *Ctx) bool {
	switch string(c.Path()) {
	case "/in":
		return true
	case "/drop":
		c.Drop()
		return false
	}
	c.SetStatus(503)
	c.SetHead("Retry-After: 2\r\n")
	c.SetSharedBody([]byte("busy"))
	return false
}

// handled counts what comes past the door, and fails for what should not.
func handled(t *testing.T) Handler {
	return func(c *Ctx) {
		if string(c.Path()) != "/in" {
			t.Errorf("%s came to the handler", c.Path())
		}
	}
}

// TestRefusalKeepsTheConnection: a refused request is answered before its body has come, the body
// is skipped however it comes, and what follows on the connection is served.
func TestRefusalKeepsTheConnection(t *testing.T) {
	const in = "GET /in HTTP/1.1\r\nHost: x\r\n\r\n"
	inAllModes(t, handled(t), Options{Admit: door, MaxBody: 64 << 10}, func(t *testing.T, s *Server, a target) {
		c := dial(t, a)
		c.send("GET /out HTTP/1.1\r\nHost: x\r\n\r\n")
		c.expect(refusedAnswer)
		c.send("POST /out HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
		c.expect(refusedAnswer) // though the body has not come
		c.send("GET /")
		c.send("in" + in)
		c.expect(okAnswer)
		c.send("POST /out HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + in) // all at once
		c.expect(refusedAnswer + okAnswer)
		long := strings.Repeat("x", 60<<10)
		c.send("POST /out HTTP/1.1\r\nHost: x\r\nContent-Length: 61440\r\n\r\n" + long + in + "GET /out HTTP/1.1\r\nHost: x\r\n\r\n" + in)
		c.expect(refusedAnswer + okAnswer + refusedAnswer + okAnswer)
		c.send("POST /out HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe")
		c.send("\r\n0\r\n\r\n" + in)
		c.expect(refusedAnswer + okAnswer)
		c.send("POST /out HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n")
		c.expectEnd("HTTP/1.1 413 Content Too Large\r\nContent-Length: 22\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nrequest body too large")
		if n := s.Stats().Requests; n != 11 {
			t.Errorf("%d requests are counted, want 11", n)
		}
	})
}

// TestRefusalEndsWhatIsAmbiguous: nobody knows whether a client that has not been invited sends its
// body.
func TestRefusalEndsWhatIsAmbiguous(t *testing.T) {
	inAllModes(t, handled(t), Options{Admit: door}, func(t *testing.T, _ *Server, a target) {
		c := dial(t, a)
		c.send("POST /out HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
		c.expectEnd(busyHead + "Connection: close\r\nRetry-After: 2\r\n\r\nbusy")
		c = dial(t, a)
		c.send("GET /drop HTTP/1.1\r\nHost: x\r\n\r\n")
		c.expectEnd("")
	})
}

// TestSkippedBodyHasItsTime: a refused body that never comes does not hold the connection.
func TestSkippedBodyHasItsTime(t *testing.T) {
	inMemory(t, handled(t), Options{Admit: door, ReadTimeout: 3 * time.Second}, func(t *testing.T, _ *Server, l *pipes) {
		c := l.dial(t)
		c.send("POST /out HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n")
		c.expect(refusedAnswer)
		began := time.Now()
		c.send("some")
		c.expectEnd("")
		passed(t, began, 3*time.Second, 5*time.Second)
	})
}

// TestMultiRefusal: over HTTP/2 the stream is answered, without its body, and others go on.
func TestMultiRefusal(t *testing.T) {
	_, addr := serve2(t, handled(t), Options{Admit: door})
	f := dial2(t, addr)
	id := f.begin(false, post("/out", "content-length", "5")...)
	f.says(f.answer(id), "503 busy")
	f.says(f.ask(get("/in")...), "200 ")
	if got := f.answer(f.begin(true, get("/drop")...)); strings.HasPrefix(got, "503") {
		t.Errorf("what is dropped gets %q", got)
	}
	f.says(f.ask(get("/in")...), "200 ")
}

// TestMultiRefusalStandardClient: net/http gets the whole refusal, also while it sends a long body,
// and goes on with the connection.
func TestMultiRefusalStandardClient(t *testing.T) {
	srv, addr := serve2(t, handled(t), Options{Admit: door})
	tr, a := transport(t), target{addr, true}
	for range 3 {
		for _, body := range []string{"", strings.Repeat("x", 300_000)} {
			resp, err := tr.RoundTrip(must(http.NewRequest("POST", a.url("/out"), strings.NewReader(body))))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.ProtoMajor != 2 || resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "2" || string(got) != "busy" {
				t.Errorf("HTTP/%d, %s, %v, %q (%v)", resp.ProtoMajor, resp.Status, resp.Header, got, err)
			}
		}
		resp, err := tr.RoundTrip(must(http.NewRequest("GET", a.url("/in"), nil)))
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("what is admitted: %v, %v", resp, err)
		}
	}
	if n := srv.Stats().Conns; n != 1 {
		t.Errorf("%d connections", n)
	}
}

// waits collects what a server is told.
type waits struct {
	mu   sync.Mutex
	told []time.Duration
}

func (w *waits) Wanted(uint64) bool { return true }

func (w *waits) Waited(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, d)
}

func (w *waits) all() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

// late is a listener whose connections come when they are let in.
type late struct {
	net.Listener
	letIn chan struct{}
}

func (l late) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		<-l.letIn
	}
	return nc, err
}

// long is far above a tick of any kernel.
const long = 60 * time.Millisecond

// TestWaitIsMeasured: a request that waits in the kernel is told with the time it has waited, and a
// pipelined one is left out.
func TestWaitIsMeasured(t *testing.T) {
	const request = "GET /in HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, tc := range map[string]struct {
		send string
		told int
	}{"one": {request, 1}, "pipelined": {request + request, 0}} {
		t.Run(name, func(t *testing.T) {
			w := new(waits)
			tcp := late{listen(t, "tcp"), make(chan struct{})}
			var waited time.Duration
			serve(t, tcp, func(c *Ctx) { waited = c.Waited() }, Options{Waits: w})
			c := dial(t, target{tcp.Addr().String(), false})
			began := time.Now()
			c.send(tc.send)
			sent := time.Now()
			time.Sleep(long) // what is measured
			close(tcp.letIn)
			c.expect(okAnswer)
			took := time.Since(began)
			told := w.all()
			if len(told) != tc.told {
				t.Fatalf("told %v", told)
			}
			if least := long - tickSlack; tc.told == 1 && (told[0] < least || told[0] > took+tickSlack || waited != told[0]) {
				t.Errorf("told %v (the handler %v), want %v to %v; sent within %v", told, waited, least, took+tickSlack, sent.Sub(began))
			}
		})
	}
}

// TestWaitForTheAnswerBefore: a request that has come while the one before it was served has waited
// for that one, not for the server.
func TestWaitForTheAnswerBefore(t *testing.T) {
	w := new(waits)
	l := listen(t, "tcp")
	begun, end := make(chan struct{}, 2), make(chan struct{}, 2)
	serve(t, l, func(*Ctx) { begun <- struct{}{}; <-end }, Options{Waits: w, Observe: func(*Ctx, time.Duration) {}})
	c := dial(t, target{l.Addr().String(), false})
	const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	sent := time.Now()
	c.send(request)
	<-begun
	most := time.Since(sent) + tickSlack // of the first
	c.send(request)
	time.Sleep(most + long)
	end <- struct{}{}
	<-begun
	end <- struct{}{}
	c.expect(okAnswer + okAnswer)
	for _, d := range w.all() {
		if d > most {
			t.Errorf("told %v, want %v at most", d, most)
		}
	}
	if n := len(w.all()); n != 1 {
		t.Errorf("%d requests are told, want the first", n)
	}
}

// first wants the first measurement alone.
type first struct {
	waits
	asked chan struct{}
	again bool // owned by the one connection
}

func (f *first) Wanted(uint64) bool {
	if f.again {
		return false
	}
	f.again = true
	close(f.asked)
	return true
}

// TestIdleTimeIsNoWait: the time of a read that finds nothing, as that of a new connection, is not
// the wait of what comes next, whether it comes before that read or after it.
func TestIdleTimeIsNoWait(t *testing.T) {
	for range 20 {
		w := &first{asked: make(chan struct{})}
		l := late{listen(t, "tcp"), make(chan struct{})}
		serve(t, l, func(*Ctx) {}, Options{Waits: w})
		c := dial(t, target{l.Addr().String(), false})
		time.Sleep(2 * tickSlack)
		close(l.letIn)
		await(t, "the first read", w.asked)
		sent := time.Now()
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.expect(okAnswer)
		for _, d := range w.all() {
			if most := time.Since(sent) + tickSlack; d > most {
				t.Fatalf("told %v, want %v at most", d, most)
			}
		}
	}
}

// TestWaitBelowTLS: that of the record counts.
func TestWaitBelowTLS(t *testing.T) {
	w := new(waits)
	l := listen(t, "tcp")
	serve(t, secure(t, l), func(*Ctx) {}, Options{Waits: w})
	c := dial(t, target{l.Addr().String(), true})
	for range 3 { // one that comes while the answer before it is written is read at once
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.expect(okAnswer)
	}
	if told := w.all(); len(told) < 1 || len(told) > 3 || slices.Max(told) > patience {
		t.Errorf("told %v", told)
	}
}

// switched holds back what is written, if told to.
type switched struct {
	net.Conn
	hold bool
	kept []byte
}

func (s *switched) Write(p []byte) (int, error) {
	if !s.hold {
		return s.Conn.Write(p)
	}
	s.kept = append(s.kept, p...)
	return len(p), nil
}

func (s *switched) release() {
	s.hold = false
	s.Conn.Write(s.kept)
}

// TestTwoRecords: requests that come as two records at once are pipelined, too.
func TestTwoRecords(t *testing.T) {
	w := new(waits)
	l := listen(t, "tcp")
	serve(t, secure(t, l), func(*Ctx) {}, Options{Waits: w})
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	socket := &switched{Conn: nc}
	c := client{t, tls.Client(socket, insecure())}
	const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	c.send(request)
	c.expect(okAnswer)
	socket.hold = true
	c.send(request)
	c.send(request)
	socket.release()
	c.expect(okAnswer + okAnswer)
	if told := w.all(); len(told) != 1 {
		t.Errorf("told %v, want the first request alone", told)
	}
}

// TestNothingToMeasure: no other socket tells how long data has waited.
func TestNothingToMeasure(t *testing.T) {
	w := new(waits)
	l := listen(t, "unix")
	serve(t, l, func(*Ctx) {}, Options{Waits: w})
	nc, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c := client{t, nc}
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	c.expect(okAnswer)
	if told := w.all(); len(told) > 0 {
		t.Errorf("told %v", told)
	}
}

// TestMeasuringDoesNotAllocate, nor is a wait told that was not measured.
func TestMeasuringDoesNotAllocate(t *testing.T) {
	nc, err := net.Dial("tcp", listen(t, "tcp").Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if n := allocs.PerRun(100, func() { sinceData(int(fd)) }); n > 0 {
			t.Errorf("%v allocations", n)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if _, ok := sinceData(-1); ok {
		t.Error("a closed socket tells a wait")
	}
}
