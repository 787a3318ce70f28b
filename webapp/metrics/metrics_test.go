package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"isuride/webapp/admission"
	"isuride/webapp/api"
	"isuride/webapp/engine"
	"isuride/webapp/feed"
	"isuride/webapp/flush"
	"isuride/webapp/internal/batch"
	"isuride/webapp/internal/histogram"
	"isuride/webapp/internal/httpd"
	"isuride/webapp/replica"
	"isuride/webapp/stream"
)

// sources are figures that nothing has counted, but for the latency of one endpoint.
func sources() Sources {
	var took histogram.Histogram
	for _, d := range []time.Duration{0, 40 * time.Microsecond, 30 * time.Millisecond, time.Minute} {
		took.Observe(d)
	}
	return Sources{
		HTTP: func() httpd.Stats { return httpd.Stats{} },
		API: func() api.Stats {
			return api.Stats{Endpoints: []api.EndpointStats{{Name: "GET /a", Timed: true, Took: took.Snapshot()}, {Name: "GET /b"}}}
		},
		Feed:   func() feed.Stats { return feed.Stats{Subscriptions: 12} },
		Stream: func() stream.ProducerStats { return stream.ProducerStats{Broken: 2} },
		Engine: func() engine.Stats {
			return engine.Stats{Flush: flush.Stats{Level: batch.Filling, CutRows: 1234}, Replica: &engine.ReplicaStats{Leads: true, Status: replica.Status{Peers: []replica.PeerStatus{{Peer: replica.Peer{Member: replica.Member{Name: "b"}}}}}}}
		},
		Errors: func() uint64 { return 7 },
		Admission: func() admission.Stats {
			s := admission.Stats{Delay: map[string]time.Duration{admission.SocketSource: time.Millisecond}}
			s.Refused[admission.C][admission.Stale] = 3
			s.Share[admission.B] = 0.5
			return s
		},
	}
}

// TestConsistent: what is collected is what is described, and nothing twice.
func TestConsistent(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(collector{sources()})
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != len(all) {
		t.Errorf("%d metrics are described, and %d collected", len(all), len(families))
	}
}

func TestText(t *testing.T) {
	answer := httptest.NewRecorder()
	Handler(sources()).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	text := answer.Body.String()
	for _, line := range []string{
		`isuride_http_request_duration_seconds_bucket{endpoint="GET /a",le="3e-05"} 1`,
		`isuride_http_request_duration_seconds_bucket{endpoint="GET /a",le="0.0001"} 2`,
		`isuride_http_request_duration_seconds_bucket{endpoint="GET /a",le="0.02"} 2`,
		`isuride_http_request_duration_seconds_bucket{endpoint="GET /a",le="0.03"} 3`,
		`isuride_http_request_duration_seconds_bucket{endpoint="GET /a",le="10"} 3`,
		`isuride_http_request_duration_seconds_bucket{endpoint="GET /a",le="+Inf"} 4`,
		`isuride_http_request_duration_seconds_sum{endpoint="GET /a"} 60.03004`,
		`isuride_http_request_duration_seconds_count{endpoint="GET /a"} 4`,
		`isuride_http_requests_total{endpoint="GET /b",status="5xx"} 0`,
		`isuride_feed_subscriptions 12`,
		`isuride_stream_broken_total 2`,
		`isuride_flush_level{level="filling"} 1`,
		`isuride_flush_level{level="idle"} 0`,
		`isuride_flush_batch_rows 1234`,
		`isuride_log_errors_total 7`,
		`isuride_shed_total{class="C",reason="stale"} 3`,
		`isuride_shed_share{class="B"} 0.5`,
		`isuride_admission_delay_seconds{source="sockets"} 0.001`,
		`# TYPE go_goroutines gauge`,
		`# TYPE process_cpu_seconds_total counter`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no line %s", line)
		}
	}
	if strings.Contains(text, `duration_seconds_count{endpoint="GET /b"}`) {
		t.Error("an endpoint without times has a histogram")
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "isuride_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// TestSinkText has the figures of a program that is not the server.
func TestSinkText(t *testing.T) {
	answer := httptest.NewRecorder()
	SinkHandler(func() stream.SinkStats { return stream.SinkStats{Rows: 9, Level: batch.Paused} }).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{`isuride_sink_rows_total 9`, `isuride_sink_level{level="paused"} 1`, `isuride_sink_level{level="idle"} 0`} {
		if !strings.Contains(answer.Body.String(), line+"\n") {
			t.Errorf("the text lacks %s:\n%s", line, answer.Body.String())
		}
	}
}
