package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"isuride/webapp/admission"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/servertest"
)

// asBare makes the test binary be a server on the same HTTP stack that answers
// everything with the same few bytes: what a position report would cost if it did
// nothing.
const asBare = "ISURIDE_TEST_AS_BARE"

func runBare() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(os.Stderr, "msg=listening address=%s\n", l.Addr())
	httpd.New(func(c *httpd.Ctx) {
		c.SetHead("Content-Type: application/json;charset=utf-8\r\n")
		c.SetBody(append(c.Out(0), `{"recorded_at":1732579200123}`...))
	}, httpd.Options{}).Serve(l)
}

// asShut makes it be one that refuses everything at its door, as under overload.
const asShut = "ISURIDE_TEST_AS_SHUT"

func runShut() {
	l, err := httpd.ListenTCP("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(os.Stderr, "msg=listening address=%s\n", l.Addr())
	gate := admission.New(admission.Options{Mode: admission.Strict,
		Sources: []admission.Source{{Name: "test", Low: func() (time.Duration, bool) { return time.Second / 2, true }}}})
	go gate.Run(context.Background())
	body := []byte(`{"message":"the server is busy; try again in 2 s"}`)
	httpd.New(func(*httpd.Ctx) {}, httpd.Options{Waits: gate, Admit: func(c *httpd.Ctx) bool {
		session := gate.Session(c.Cookie("chair_session"))
		gate.Decide(admission.Request{Class: admission.C, Session: session})
		gate.RetryAfter(session)
		c.SetStatus(503)
		c.SetHead("Content-Type: application/json;charset=utf-8\r\nRetry-After: 2\r\n")
		c.SetSharedBody(body)
		return false
	}}).Serve(l)
}

// TestMain makes the test binary be one of these servers, if the environment says so.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asBare) != "":
		runBare()
		return
	case os.Getenv(asShut) != "":
		runShut()
		return
	}
	os.Exit(servertest.Main(m))
}

// usage reads the CPU time of the server process, in seconds, and its resident memory,
// in bytes.
func usage(p *servertest.Process) (cpu, resident float64) {
	p.TB.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Cmd.Process.Pid))
	if err != nil {
		p.TB.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may have blanks
	f := strings.Fields(rest)
	number := func(i int) float64 {
		n, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			p.TB.Fatal(err)
		}
		return n
	}
	const ticksPerSecond = 100 // USER_HZ, the same on every Linux machine
	return (number(11) + number(12)) / ticksPerSecond, number(21) * float64(os.Getpagesize())
}

// BenchmarkReportOverLoopback compares the CPU time of the server for one position
// report with that of a bare responder on the same HTTP stack, in one run, over 64
// kept connections. The ratio is the figure; times vary with the machine.
func BenchmarkReportOverLoopback(b *testing.B) {
	server := servertest.New(b)
	bare := servertest.New(b, asBare+"=1")
	bare.Start()
	requests := reports(server)
	compare(b, side{"report", server, requests, 200, false}, side{"bare", bare, requests, 200, false})
}

// BenchmarkRefusalOverLoopback compares a refusal, with everything but the look-up of the token, with a
// position report.
func BenchmarkRefusalOverLoopback(b *testing.B) {
	server := servertest.New(b)
	shut := servertest.New(b, asShut+"=1")
	shut.Start()
	requests := reports(server)
	compare(b, side{"refusal", shut, requests, 503, false}, side{"report", server, requests, 200, false})
}

// BenchmarkFreshRefusalOverLoopback compares a refusal on a connection of its own, as a client has that
// comes rarely, with one on a kept connection.
func BenchmarkFreshRefusalOverLoopback(b *testing.B) {
	server := servertest.New(b)
	requests := reports(server)
	fresh, kept := servertest.New(b, asShut+"=1"), servertest.New(b, asShut+"=1")
	fresh.Start()
	kept.Start()
	compare(b, side{"fresh", fresh, requests, 503, true}, side{"kept", kept, requests, 503, false})
}

// BenchmarkFlightRecorder compares the same with and without the flight recorder.
func BenchmarkFlightRecorder(b *testing.B) {
	with, without := servertest.New(b, "ISURIDE_SLOW=1h"), servertest.New(b)
	compare(b, side{"with", with, reports(with), 200, false}, side{"without", without, reports(without), 200, false})
}

// reports starts a server and returns a position report for each of 64 chairs.
func reports(p *servertest.Process) (requests []string) {
	p.Start()
	p.Initialize()
	_, register := p.Owner("owner")
	for i := range 64 {
		c := p.Chair(register, fmt.Sprint("chair", i), "SitEase", servertest.At(i, i))
		requests = append(requests, reportOf(c))
	}
	return requests
}

// side is one of the two servers that are compared, with the requests that it gets.
type side struct {
	name string
	*servertest.Process
	requests []string
	status   int  // of all answers
	fresh    bool // each request has a connection of its own
}

// compare reports the CPU time for a request of both servers, and the ratio.
func compare(b *testing.B, sides ...side) {
	b.ResetTimer()
	var cost [2]float64
	for b.Loop() { // in turns, so that both see the same machine
		for i, s := range sides {
			const n = 50_000
			before, _ := usage(s.Process)
			s.load(n)
			after, _ := usage(s.Process)
			cost[i] += (after - before) / n
		}
	}
	for i, s := range sides {
		b.ReportMetric(cost[i]/float64(b.N)*1e6, s.name+"-us")
	}
	b.ReportMetric(cost[0]/cost[1], "ratio")
}

// reportOf is a position report as the benchmarker sends it (bench 13.2).
func reportOf(c *servertest.Client) string {
	const body = `{"latitude":-123,"longitude":4567}`
	return "POST /api/chair/coordinate HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: isucandar\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n", len(body)) +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
		"Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n" +
		"Content-Type: application/json; charset=utf-8\r\nCookie: " + c.Cookie + "\r\n\r\n" + body
}

// load sends n requests, each connection one after the other or, if the side is fresh, one alone.
func (s side) load(n int) {
	s.TB.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var wait sync.WaitGroup
	for _, request := range s.requests {
		wait.Go(func() {
			ask := s.repeat
			if s.fresh {
				ask = s.connect
			}
			if err := ask(request, &left); err != nil {
				s.TB.Error(err)
			}
		})
	}
	wait.Wait()
}

// repeat relies on all answers having the same length.
func (s side) repeat(request string, left *atomic.Int64) error {
	nc, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		return err
	}
	defer nc.Close()
	text, answer := []byte(request), make([]byte, 4096)
	size := 0
	for left.Add(-1) >= 0 {
		if _, err := nc.Write(text); err != nil {
			return err
		}
		if size == 0 {
			if size, err = nc.Read(answer); err != nil || !strings.HasPrefix(string(answer), fmt.Sprint("HTTP/1.1 ", s.status)) {
				return fmt.Errorf("answer %q, %w", answer[:size], err)
			}
			continue
		}
		if _, err := io.ReadFull(nc, answer[:size]); err != nil {
			return err
		}
	}
	return nil
}

// connect is repeat with a connection for each request.
func (s side) connect(request string, left *atomic.Int64) error {
	for left.Add(-1) >= 0 {
		var one atomic.Int64
		one.Store(1)
		if err := s.repeat(request, &one); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkIdleStreams opens 5,000 notification streams of a chair to a fresh server and
// reports what each costs it in resident memory.
func BenchmarkIdleStreams(b *testing.B) {
	const streams = 5000
	total := 0.0
	for b.Loop() {
		p := servertest.New(b)
		p.Start()
		p.Initialize()
		_, register := p.Owner("owner")
		c := p.Chair(register, "chair", "SitEase", servertest.At(0, 0))
		_, before := usage(p)
		open := make([]net.Conn, streams)
		for i := range open {
			open[i] = openStream(p, c)
		}
		for _, nc := range open { // each has said that there is no ride
			if err := awaitText(nc, "data: null\n\n"); err != nil {
				b.Fatal(err)
			}
		}
		_, after := usage(p)
		total += (after - before) / streams
		for _, nc := range open {
			nc.Close()
		}
		p.Kill()
	}
	b.ReportMetric(total/float64(b.N)/1024, "KiB/stream")
}

func openStream(p *servertest.Process, c *servertest.Client) net.Conn {
	p.TB.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
	if err != nil {
		p.TB.Fatal(err)
	}
	fmt.Fprintf(nc, "GET /api/chair/notification HTTP/1.1\r\nHost: x\r\nCookie: %s\r\n\r\n", c.Cookie)
	return nc
}

func awaitText(nc net.Conn, want string) error {
	var got []byte
	buf := make([]byte, 4096)
	for !strings.HasSuffix(string(got), want) {
		n, err := nc.Read(buf)
		if err != nil {
			return err
		}
		got = append(got, buf[:n]...)
	}
	return nil
}
