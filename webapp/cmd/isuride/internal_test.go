package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// operator reads an address of the internal listener.
func (p *process) operator(method, path string) (status int, body []byte) {
	p.tb.Helper()
	req, err := http.NewRequest(method, p.inside+path, nil)
	if err != nil {
		p.tb.Fatal(err)
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		p.tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		p.tb.Fatal(err)
	}
	return resp.StatusCode, body
}

// well and unwell check what the server says of its health.
func (p *process) well() {
	p.t.Helper()
	if status, body := p.operator("GET", "/healthz"); status != 200 {
		p.t.Errorf("the server is not well: %d %s", status, body)
	}
}

func (p *process) unwell(why string) {
	p.t.Helper()
	if status, body := p.operator("GET", "/healthz"); status != 503 || !strings.HasPrefix(string(body), why) {
		p.t.Errorf("of its health the server says %d %s, want 503 %s", status, body, why)
	}
}

// scrape is what /metrics tells, by name.
type scrape struct {
	t        testing.TB
	families map[string]*dto.MetricFamily
}

func (p *process) scrape() scrape {
	p.tb.Helper()
	status, body := p.operator("GET", "/metrics")
	if status != 200 {
		p.tb.Fatalf("/metrics: %d %s", status, body)
	}
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		p.tb.Fatal(err)
	}
	return scrape{p.tb, families}
}

// value is that of a metric with labels, given as name and value in turn; of a histogram
// the number of what it has counted.
func (s scrape) value(name string, labels ...string) float64 {
	s.t.Helper()
	m := s.metric(name, labels)
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Gauge != nil:
		return m.Gauge.GetValue()
	}
	return float64(m.Histogram.GetSampleCount())
}

func (s scrape) metric(name string, labels []string) *dto.Metric {
	s.t.Helper()
	want := map[string]string{}
	for i := 0; i < len(labels); i += 2 {
		want[labels[i]] = labels[i+1]
	}
	for _, m := range s.families[name].GetMetric() {
		have := map[string]string{}
		for _, l := range m.Label {
			have[l.GetName()] = l.GetValue()
		}
		if maps.Equal(have, want) {
			return m
		}
	}
	s.t.Fatalf("there is no metric %s%v", name, labels)
	return nil
}

// TestMetrics: what one ride does to the figures.
func TestMetrics(t *testing.T) {
	dialects(t, func(t *testing.T, p *process) {
		p.bare()
		p.start()
		p.initialize()
		_, register := p.owner("owner")
		chair := p.chair(register, "AB-1-1", "SitEase", at(1, 1))
		p.chair(register, "AB-1-2", "SitEase", at(900, 900)) // of the other region
		user, _ := p.user("rider", "")
		toChair, toUser := chair.listen(), user.listen()
		toChair.next()
		toUser.next()

		before := p.scrape()
		check := func(name string, want float64, labels ...string) {
			t.Helper()
			eventually(t, func() error { // counted after it was written
				if got := p.scrape().value(name, labels...); got != want {
					return fmt.Errorf("%s%v is %v, want %v", name, labels, got, want)
				}
				return nil
			})
		}
		grew := func(name string, want float64, labels ...string) {
			t.Helper()
			check(name, before.value(name, labels...)+want, labels...)
		}

		check("isuride_users", 1)
		check("isuride_streams_open", 1, "recipient", "user")
		check("isuride_streams_open", 1, "recipient", "chair")
		check("isuride_chairs", 2, "state", "free")
		check("isuride_generation", 2)
		check("isuride_build_info", 1, "revision", "unknown")

		ride := user.request(at(2, 2), at(5, 5))
		toUser.expect(ride, "MATCHING")
		toChair.expect(ride, "MATCHING")
		check("isuride_rides", 1, "state", "matched")
		check("isuride_chairs", 1, "state", "busy")
		check("isuride_chairs", 1, "state", "free")
		check("isuride_ride_oldest_wait_seconds", 0)
		check("isuride_match_round_rides", 1)
		chair.advance(ride, "ENROUTE")
		chair.report(at(2, 2))
		check("isuride_rides", 1, "state", "pickup")
		chair.advance(ride, "CARRYING")
		check("isuride_rides", 1, "state", "carrying")
		chair.report(at(5, 5))
		check("isuride_rides", 1, "state", "arrived")
		check("isuride_rides", 0, "state", "matched")
		user.rate(ride, 4)
		toUser.expect(ride, "ENROUTE", "PICKUP", "CARRYING", "ARRIVED", "COMPLETED")
		toChair.expect(ride, "ENROUTE", "PICKUP", "CARRYING", "ARRIVED", "COMPLETED")
		user.call("POST", "/api/app/rides", object{}).refused(t, 400, "pickup")
		user.call("GET", "/api/nothing", nil)
		user.call("GET", "/", nil)
		p.flushed()

		grew("isuride_rides_requested_total", 1)
		grew("isuride_rides_matched_total", 1)
		grew("isuride_rides_completed_total", 1)
		grew("isuride_match_rounds_total", 1)
		grew("isuride_match_round_seconds", 1)
		grew("isuride_match_pickup_seconds_total", 0.03) // two units of distance, two a tick
		grew("isuride_http_requests_total", 2, "endpoint", "POST /api/chair/coordinate", "status", "2xx")
		grew("isuride_http_request_duration_seconds", 2, "endpoint", "POST /api/chair/coordinate")
		grew("isuride_http_requests_total", 2, "endpoint", "POST /api/chair/rides/{ride_id}/status", "status", "2xx")
		grew("isuride_http_requests_total", 1, "endpoint", "POST /api/app/rides", "status", "4xx")
		grew("isuride_http_requests_total", 1, "endpoint", "other", "status", "4xx")
		grew("isuride_http_requests_total", 1, "endpoint", "static", "status", "2xx")
		for _, recipient := range []string{"user", "chair"} {
			grew("isuride_notifications_sent_total", 6, "recipient", recipient)
			grew("isuride_notification_delay_seconds", 6, "recipient", recipient)
		}
		check("isuride_payment_in_progress", 0)
		grew("isuride_payment_attempts_total", 1, "result", "accepted")
		now := p.scrape()
		for _, name := range []string{"isuride_journal_appended_total", "isuride_journal_appended_bytes_total",
			"isuride_flush_batches_total", "isuride_flush_rows_total", "isuride_flush_seconds"} {
			if now.value(name) <= before.value(name) {
				t.Errorf("%s was %v and is %v", name, before.value(name), now.value(name))
			}
		}
		for _, name := range []string{"isuride_http_connections", "isuride_http_connections_max", "isuride_journal_segments_bytes",
			"go_goroutines", "process_open_fds", "process_cpu_seconds_total"} {
			if v := now.value(name); v <= 0 || math.IsNaN(v) {
				t.Errorf("%s is %v", name, v)
			}
		}
		check("isuride_flush_lag_seconds", 0)
		check("isuride_flush_retries_total", 0)
		check("isuride_log_errors_total", 0)
		check("isuride_http_connections_refused_total", 0)

		// A new generation goes on counting.
		toUser.close()
		toChair.close()
		p.initialize()
		grew("isuride_generation", 1)
		grew("isuride_rides_completed_total", 1)
		grew("isuride_match_rounds_total", 1)
		grew("isuride_payment_attempts_total", 1, "result", "accepted")
		check("isuride_journal_appended_total", now.value("isuride_journal_appended_total"))
		check("isuride_users", 0)
		check("isuride_streams_open", 0, "recipient", "user")
	})
}

// TestWaiting: rides without a chair.
func TestWaiting(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.bare()
	p.start()
	p.initialize()
	user, _ := p.user("rider", "")
	user.request(at(2, 2), at(5, 5))
	eventually(t, func() error {
		s := p.scrape()
		if n, age := s.value("isuride_rides", "state", "waiting"), s.value("isuride_ride_oldest_wait_seconds"); n != 1 || age <= 0 {
			return fmt.Errorf("%v rides wait, the oldest for %v s", n, age)
		}
		return nil
	})
}

// TestMetricsAreDocumented: the table of docs/metrics.md and the scrape have the same
// metrics of ours, in the same types.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{} // type by name
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) > 3 && strings.HasPrefix(cells[1], " `isuride_") {
			name, _, _ := strings.Cut(strings.Trim(cells[1], " `"), "{")
			documented[name] = strings.TrimSpace(cells[2])
		}
	}
	p := newProcess(t)
	p.bare()
	p.start()
	scraped := map[string]string{}
	for name, f := range p.scrape().families {
		if strings.HasPrefix(name, "isuride_") {
			scraped[name] = strings.ToLower(f.GetType().String())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if scraped[name] != documented[name] {
			t.Errorf("%s is documented as %q and scraped as %q", name, documented[name], scraped[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(scraped)) {
		if _, ok := documented[name]; !ok {
			t.Errorf("%s is not documented", name)
		}
	}
}

// TestInternals: what operators see, and strangers do not.
func TestInternals(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.bare()
	p.start()
	p.well()
	page := p.anonymous().call("GET", "/", nil).body
	for path, want := range map[string]string{
		"/metrics":                        "isuride_generation 1",
		"/healthz":                        "the server is well",
		"/debug/pprof/":                   "goroutine",
		"/debug/pprof/mutex?debug=1":      "--- mutex:",
		"/debug/pprof/trace?seconds=0.01": "go 1.",
	} {
		if status, body := p.operator("GET", path); status != 200 || !bytes.Contains(body, []byte(want)) {
			t.Errorf("%s: %d, %.200q, want %q", path, status, body, want)
		}
		if r := p.anonymous().call("GET", path, nil); r.status != 200 || !bytes.Equal(r.body, page) {
			t.Errorf("%s in public: %d, %.200q, want the page", path, r.status, r.body)
		}
	}
	if status, _ := p.operator("GET", "/api/app/notification"); status != 404 {
		t.Errorf("the API on the internal listener: %d", status)
	}
}

// TestFlight: the flight recorder can be switched on and read.
func TestFlight(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.bare()
	p.start()
	if status, body := p.operator("GET", "/debug/flight"); status != 503 || !strings.Contains(string(body), "curl -X POST") {
		t.Errorf("before the beginning: %d %s", status, body)
	}
	p.operator("POST", "/debug/flight")
	p.anonymous().call("GET", "/", nil)
	if status, body := p.operator("GET", "/debug/flight"); status != 200 || !bytes.HasPrefix(body, []byte("go 1.")) || !bytes.Contains(body, []byte("httpd.(*conn).serve")) {
		t.Errorf("%d, %.20q..., %d bytes", status, body, len(body))
	}
}

// TestSlowRequest: a request that takes longer than it may leaves a trace and a line.
func TestSlowRequest(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "ISURIDE_SLOW=1ns", "ISURIDE_LOG=json")
	p.bare()
	p.start()
	p.anonymous().call("GET", "/", nil) // files may take long
	p.anonymous().call("GET", "/api/owner/sales", nil)
	p.says(`"msg":"a request was slow","request":"1-2","endpoint":"GET /api/owner/sales"`)
	_, rest, _ := strings.Cut(p.output.String(), `"trace":"`)
	path, _, _ := strings.Cut(rest, `"`)
	if trace, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(trace, []byte("go 1.")) {
		t.Errorf("%q holds %.20q (%v)", path, trace, err)
	}
}

// TestInternalAddressTaken: the variable is named.
func TestInternalAddressTaken(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.bare()
	p.start()
	q := newProcess(t, "ISURIDE_INTERNAL="+strings.TrimPrefix(p.inside, "http://"))
	if err := q.tryStart(); err == nil || !strings.Contains(err.Error(), "ISURIDE_INTERNAL: ") {
		t.Errorf("an address taken is answered with: %v", err)
	}
}
