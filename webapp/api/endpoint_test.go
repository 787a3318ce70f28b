package api

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"isuride/tools/dev/allocs"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// of finds an endpoint's figures.
func (s *Stats) of(t *testing.T, name string) EndpointStats {
	t.Helper()
	for _, e := range s.Endpoints {
		if e.Name == name {
			return e
		}
	}
	t.Fatalf("there is no endpoint %q", name)
	return EndpointStats{}
}

func TestEndpointStats(t *testing.T) {
	a, request := newReport(t)
	exchange(t, a, request, 3)
	s := a.Stats()
	if e := s.of(t, "POST /api/chair/coordinate"); e.Answers != [classes]uint64{3} || !e.Timed || e.Took.Count() != 3 || e.Took.Sum <= 0 {
		t.Errorf("three reports are counted as %+v", e)
	}
	for _, e := range s.Endpoints {
		if e.Name != "POST /api/chair/coordinate" && e.Answers != [classes]uint64{} {
			t.Errorf("%s has answered %v", e.Name, e.Answers)
		}
		streams := strings.HasSuffix(e.Name, "/notification") || e.Name == "GET /api/feed" || e.Name == "GET /api/realtime"
		if streams = streams || e.Name == otherName; e.Timed == streams {
			t.Errorf("the time of %s counts: %t", e.Name, e.Timed)
		}
	}
}

// TestReportDoesNotAllocate: from the bytes of a position report to those of its answer,
// counting included.
func TestReportDoesNotAllocate(t *testing.T) {
	a, request := newReport(t)
	const n = 10_000
	for session, request := range map[string]string{"cookie": request,
		"bearer token": strings.Replace(request, "Cookie: chair_session=", "Authorization: Bearer ", 1)} {
		exchange(t, a, request, 1)
		if n := allocs.PerRun(1, func() { exchange(t, a, request, n) }) / n; n >= mostAllocations {
			t.Errorf("%v allocations per report with a %s", n, session)
		}
	}
}

// TestSlow: slow answers are reported where the time is the server's own.
func TestSlow(t *testing.T) {
	var reported []string
	a := &API{opt: Options{Slow: time.Second, OnSlow: func(_, endpoint string, took time.Duration) {
		reported = append(reported, endpoint+" "+took.String())
	}}, other: &endpoint{latency: unbounded}}
	var tag any
	var took time.Duration
	server := httpd.New(func(c *httpd.Ctx) { c.SetTag(tag) }, httpd.Options{
		Observe: func(c *httpd.Ctx, _ time.Duration) { a.Observe(c, took) }, Log: slog.New(slog.DiscardHandler)})
	for _, e := range []*endpoint{{name: "own", latency: own}, {name: "external", latency: external}, {name: "unbounded", latency: unbounded}, nil} {
		for _, took = range []time.Duration{time.Second - 1, time.Second, time.Minute} {
			if tag = nil; e != nil {
				tag = e
			}
			conn := &memoryConn{request: []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), left: 1, closed: make(chan struct{})}
			server.Serve(&memoryListener{conn: conn})
		}
	}
	if got := strings.Join(reported, ", "); got != "own 1s, own 1m0s" {
		t.Errorf("reported %s", got)
	}
}

// TestNotificationDelay: only messages that found an open stream say how quick we are.
func TestNotificationDelay(t *testing.T) {
	var c recipientCounters
	const opened = isuride.Time(1_000_000)
	c.message(&state.Message{At: 0}, opened, opened+10)
	c.message(&state.Message{At: opened - 1}, opened, opened+10)
	c.message(&state.Message{At: opened}, opened, opened+7000)
	if s := c.stats(); s.Sent != 3 || s.Delay.Count() != 1 || s.Delay.Sum != 7*time.Millisecond {
		t.Errorf("counted as %+v", s)
	}
}

// BenchmarkObserve is what counting costs a request: alone, and when both cores count the
// same endpoint.
func BenchmarkObserve(b *testing.B) {
	a, request := newReport(b)
	conn := &memoryConn{request: []byte(request), left: 1, closed: make(chan struct{})}
	measured := make(chan struct{})
	httpd.New(a.Serve, httpd.Options{Observe: func(c *httpd.Ctx, took time.Duration) {
		defer close(measured)
		b.Run("one", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a.Observe(c, took)
			}
		})
		b.Run("parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					a.Observe(c, took)
				}
			})
		})
	}}).Serve(&memoryListener{conn: conn})
	<-measured
}
