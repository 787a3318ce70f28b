package live

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"isuride/bench/client"
)

// A behavior is the reaction of a bad server to a request that it has read. The
// connection is closed afterwards.
type behavior func(c net.Conn, w *bufio.Writer)

// behave hands a request's connection to a behavior.
func behave(b behavior) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		b(c, rw.Writer)
	}
}

// hang sends nothing until the client is gone.
func hang(c net.Conn, _ *bufio.Writer) { io.Copy(io.Discard, c) }

// late sends the right answer after too long a time.
func late(c net.Conn, w *bufio.Writer) {
	time.Sleep(2 * shortLimit)
	io.WriteString(w, "HTTP/1.1 204 No Content\r\n\r\n")
	w.Flush()
}

func resetting(c net.Conn, _ *bufio.Writer) { c.(*net.TCPConn).SetLinger(0) }

func closing(net.Conn, *bufio.Writer) {}

// saying sends something and closes.
func saying(text string) behavior {
	return func(_ net.Conn, w *bufio.Writer) {
		io.WriteString(w, text)
		w.Flush()
	}
}

// endless sends something again and again after a beginning, as fast as it is read.
func endless(begin, again string) behavior {
	block := []byte(strings.Repeat(again, 1+(32<<10)/len(again)))
	return func(_ net.Conn, w *bufio.Writer) {
		io.WriteString(w, begin)
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
}

// dripping is endless at a byte each millisecond.
func dripping(begin, again string) behavior {
	return func(_ net.Conn, w *bufio.Writer) {
		io.WriteString(w, begin)
		for i := 0; ; i = (i + 1) % len(again) {
			if w.WriteByte(again[i]) != nil || w.Flush() != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
}

const (
	activity     = "POST /api/chair/activity"
	history      = "GET /api/app/rides"
	initialize   = "POST /api/initialize"
	registration = "POST /api/app/users"
	chairFeed    = "GET /api/chair/notification"
	eventHead    = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
	jsonHead     = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	unheardOf    = `data: {"ride_id":"r","user":{"id":"u","name":"n"},"pickup_coordinate":{"latitude":1,"longitude":2},"destination_coordinate":{"latitude":3,"longitude":4},"status":"UNHEARD"}` + "\n\n"
)

const (
	// shortLimit is for servers that do not answer: far above the time of a right answer,
	// and far below a load of limitTicks, whose calls may begin late.
	shortLimit = time.Second
	limitTicks = 150
	// patientLimit is for all others. It is not reached even if the machine is busy.
	patientLimit = onTime
)

func limits(call time.Duration) client.Limits {
	return client.Limits{Call: call, Notification: 200 * time.Millisecond, Idle: time.Second, Reconnect: 30 * time.Millisecond}
}

// TestBadServers lets servers misbehave in the middle of the load. The load goes on to
// its end, however bad they are, unless there are too many errors before; errors in
// notifications do not count (B9.2).
func TestBadServers(t *testing.T) {
	noTraces(t)
	for _, c := range []struct {
		name     string
		pattern  string
		behavior behavior
		code     int    // 0: there are no errors
		text     string // of one of them
		many     bool   // there are so many that the run ends
	}{
		{"hangs", activity, hang, 13, "timeout", false},
		{"answers too late", activity, late, 13, "timeout", false},
		{"drips a header", activity, dripping("HTTP/1.1 204 No Content\r\n", "X-A: b\r\n"), 13, "timeout", false},
		{"resets connections", activity, resetting, 13, "reset", true},
		{"closes connections", activity, closing, 13, "without an answer", true},
		{"sends garbage", activity, saying("\x00\x16\x03\x01 garbage\r\n\r\n"), 13, "malformed", true},
		{"closes in the status line", activity, saying("HTTP/1.1"), 13, "in the middle", true},
		{"closes in the header", activity, saying("HTTP/1.1 204 No Content\r\nX-A: b\r\n"), 13, "in the middle", true},
		{"sends an endless header line", activity, endless("HTTP/1.1 204 No Content\r\nX-A: ", "a"), 13, "too large", true},
		{"sends an endless header", activity, endless("HTTP/1.1 204 No Content\r\n", "Set-Cookie: a="+strings.Repeat("b", 1000)+"\r\n"), 13, "too large", true},
		{"sends interim answers without end", activity, endless("", "HTTP/1.1 100 Continue\r\n\r\n"), 13, "too many 1xx", true},

		{"has no number as its length", history, saying("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), 7, "malformed", true},
		{"closes in the body", history, saying(jsonHead + "Content-Length: 100\r\n\r\n{\"rides\":["), 7, "in the middle", true},
		{"closes in a chunk", history, saying(jsonHead + "Transfer-Encoding: chunked\r\n\r\nff\r\n{\"rides\":["), 7, "in the middle", true},
		{"sends no JSON", history, saying(jsonHead + "Content-Length: 3\r\n\r\n\xff\xfe{"), 7, "undecodable", true},
		{"does not compress as it says", history, saying(jsonHead + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"), 7, "undecodable", true},
		{"nests deeply", history, saying(jsonHead + "\r\n" + `{"x":` + strings.Repeat("[", 50_000)), 7, "undecodable", true},
		{"sends an endless body", history, endless(jsonHead+"\r\n", "a"), 7, "", false},
		{"drips a body", history, dripping(jsonHead+"\r\n", " "), 7, "timeout", false},

		{"hangs in notifications", chairFeed, hang, 0, "", false},
		{"resets notifications", chairFeed, resetting, 0, "", false},
		{"sends garbage as notifications", chairFeed, saying("\x00\x16\x03\x01"), 0, "", false},
		{"closes each stream at once", chairFeed, saying(eventHead), 0, "", false},
		{"floods a stream with comments", chairFeed, endless(eventHead, ": ping\n"), 0, "", false},
		{"floods a stream with empty lines", chairFeed, endless(eventHead, "\n"), 0, "", false},
		{"floods a stream with nulls", chairFeed, endless(eventHead, "data: null\n\n"), 0, "", false},
		{"floods a stream with garbage", chairFeed, endless(eventHead, "data: {]\n\n"), 0, "", false},
		{"floods a stream with messages", chairFeed, endless(eventHead, unheardOf), 0, "", false},
		{"floods a stream with long messages", chairFeed, endless(eventHead, strings.Replace(unheardOf, `"r"`, `"`+strings.Repeat("r", 60_000)+`"`, 1)), 0, "", false},
		{"sends an endless event line", chairFeed, endless(eventHead+"data: ", "a"), 0, "", false},
		{"drips a stream", chairFeed, dripping(eventHead, "data: "), 0, "", false},
		{"sends an endless poll", chairFeed, endless(jsonHead+"\r\n", " "), 0, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := new(stub)
			config := s.start(t, 20)
			config.limits = limits(patientLimit)
			switch {
			case c.many:
				config.Load = time.Hour
			case c.code != 0:
				config.Load, config.limits = limitTicks*tickPeriod, limits(shortLimit)
			}
			s.breakWith(c.pattern, behave(c.behavior))
			began := time.Now()
			r, err := Run(context.Background(), config)
			if took := time.Since(began); err != nil || took > onTime {
				t.Fatalf("%v after %v", err, took)
			}
			if r.Passed == c.many || c.many && !strings.Contains(r.Reason, "too many errors") || r.BenchFaults != 0 {
				t.Errorf("passed %v, %q, %s", r.Passed, r.Reason, r.BenchFault)
			}
			if c.code == 0 && r.ErrorCount > 0 || c.code != 0 && !complained(r, c.code, c.text) {
				t.Errorf("errors %+v", r.Errors)
			}
		})
	}
}

// complained tells whether one of the errors of a code has a text.
func complained(r *Result, code int, text string) bool {
	for _, e := range r.Errors {
		if e.Code == code {
			return slices.ContainsFunc(e.Examples, func(x Example) bool { return strings.Contains(x.Text, text) })
		}
	}
	return false
}

// TestBadServersBeforeLoad lets servers misbehave before the load. The run ends with that
// phase.
func TestBadServersBeforeLoad(t *testing.T) {
	noTraces(t)
	for _, c := range []struct {
		name     string
		pattern  string
		behavior behavior
		phase    Phase
	}{
		{"initialize hangs", initialize, hang, PhaseInitialize},
		{"initialize is reset", initialize, resetting, PhaseInitialize},
		{"initialize answers garbage", initialize, saying("garbage\r\n\r\n"), PhaseInitialize},
		{"initialize drips", initialize, dripping(jsonHead+"\r\n", " "), PhaseInitialize},
		{"initialize has an endless header", initialize, endless("HTTP/1.1 200 OK\r\n", "X-A: b\r\n"), PhaseInitialize},
		{"initialize has an endless body", initialize, endless(jsonHead+"\r\n", " "), PhaseInitialize},
		{"registrations hang", registration, hang, PhasePopulate},
		{"registrations are late", registration, late, PhasePopulate},
		{"registrations are cut off", registration, saying(jsonHead + "Content-Length: 100\r\n\r\n{"), PhasePopulate},
		{"registrations have an endless body", registration, endless("HTTP/1.1 201 Created\r\n\r\n", " "), PhasePopulate},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := new(stub)
			config := s.start(t, 1)
			config.limits, config.initializing = limits(shortLimit), shortLimit
			s.breakWith(c.pattern, behave(c.behavior))
			began := time.Now()
			_, err := Run(context.Background(), config)
			var failed *PhaseError
			if took := time.Since(began); !errors.As(err, &failed) || failed.Phase != c.phase || took > onTime {
				t.Errorf("%v after %v", err, took)
			}
		})
	}
}

// onTime is much more than any of these runs should take, even if the machine is busy.
const onTime = time.Minute

// noTraces checks at the end of the test, after all cleanups registered later, that no
// goroutines and files are left over, and that memory stayed low. The process does not
// return memory, so this bounds its peak, including that of the server in the same
// process.
func noTraces(t *testing.T) {
	goroutines, files, memory := runtime.NumGoroutine(), openFiles(t), heapFromSystem()
	t.Cleanup(func() {
		for end := time.Now().Add(onTime); ; time.Sleep(10 * time.Millisecond) {
			g, f := runtime.NumGoroutine(), openFiles(t)
			if g <= goroutines && f <= files {
				break
			}
			if time.Now().After(end) {
				stacks := make([]byte, 1<<16)
				t.Errorf("%d goroutines and %d files, before %d and %d\n%s", g, f, goroutines, files, stacks[:runtime.Stack(stacks, true)])
				break
			}
		}
		if grown := heapFromSystem() - memory; grown > 400<<20 {
			t.Errorf("%d MiB more memory", grown>>20)
		}
	})
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func heapFromSystem() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapSys)
}
