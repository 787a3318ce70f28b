package watch

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// metrics are a scrape of a server that started at a moment and has run steadily for some
// seconds.
func metrics(started, seconds int) string {
	return strings.NewReplacer("SECONDS", fmt.Sprint(seconds), "STARTED", fmt.Sprint(started), "TEN", fmt.Sprint(10*seconds)).Replace(`
# TYPE process_start_time_seconds gauge
process_start_time_seconds STARTED
# TYPE isuride_rides_requested_total counter
isuride_rides_requested_total TEN
# TYPE isuride_rides gauge
isuride_rides{state="waiting"} 3
isuride_rides{state="carrying"} 14
# TYPE isuride_http_requests_total counter
isuride_http_requests_total{endpoint="POST /api/chair/coordinate",status="2xx"} TEN
isuride_http_requests_total{endpoint="POST /api/app/rides",status="4xx"} SECONDS
# TYPE isuride_http_request_duration_seconds histogram
isuride_http_request_duration_seconds_bucket{endpoint="POST /api/chair/coordinate",le="0.001"} SECONDS
isuride_http_request_duration_seconds_bucket{endpoint="POST /api/chair/coordinate",le="0.002"} TEN
isuride_http_request_duration_seconds_bucket{endpoint="POST /api/chair/coordinate",le="+Inf"} TEN
isuride_http_request_duration_seconds_count{endpoint="POST /api/chair/coordinate"} TEN
isuride_http_request_duration_seconds_sum{endpoint="POST /api/chair/coordinate"} 1
`)
}

// TestReplica reads what a member of a group says of itself; a server alone says nothing.
func TestReplica(t *testing.T) {
	var s server
	s.add(100, frame{"metrics": metrics(1000, 50)}, time.Unix(5000, 0))
	if r := s.report().Replica; r != nil {
		t.Errorf("a server alone is %+v", r)
	}
	s.add(101, frame{"metrics": metrics(1000, 51) + `
# TYPE isuride_replica_role gauge
isuride_replica_role{role="leader"} 1
isuride_replica_term 7
isuride_replica_leader_known 1
isuride_replica_in_doubt 0
isuride_replica_lag 2
isuride_replica_peer_behind{peer="s2"} 12
isuride_replica_peer_behind{peer="s3"} 0
`}, time.Unix(5000, 0))
	r := s.report().Replica
	if !r.leads() || r.Term != 7 || !r.Leader || r.InDoubt || r.Lag != 2 || r.Behind["s2"] != 12 || len(r.Behind) != 2 {
		t.Errorf("got %+v", r)
	}
}

func TestServer(t *testing.T) {
	now := time.Unix(5000, 0)
	scraped := func(text string) frame {
		return frame{"metrics": text, "release": "/home/isucon/webapp/releases/r7\n", "error": " it broke\n"}
	}
	var s server
	for i := range 4 {
		s.add(float64(100+i), scraped(metrics(1000, 50+i)), now)
	}
	steady := func(when string) {
		t.Helper()
		r := s.report()
		if r.Rides.Requested != 10 || r.Requests.All != 11 || r.Requests.ClientError != 1 || r.Requests.ServerError != 0 {
			t.Errorf("%s: got rides %+v, requests %+v", when, r.Rides, r.Requests)
		}
		if l := r.Latencies[0]; l.Name != "position report" || l.Rate != 10 || !near(l.P50, 0.001+0.001*4/9) {
			t.Errorf("%s: got %+v", when, l)
		}
		if r.Rides.Waiting != 3 || r.Rides.Carrying != 14 || r.Release != "r7" || r.Errors.Last != "it broke" {
			t.Errorf("%s: got %+v", when, r)
		}
	}
	steady("in a steady life")

	s.add(104, scraped(""), now)
	s.add(105, scraped("nonsense"), now)
	if s.problem == "" {
		t.Error("nonsense is no scrape")
	}
	s.add(106, scraped(metrics(1000, 56)), now)
	steady("after two seconds without answers")

	s.add(107, scraped(metrics(1107, 1)), now)
	s.add(108, scraped(metrics(1107, 2)), now)
	steady("after a restart")
	if got := s.report().Started.Unix(); got != 1107 {
		t.Errorf("it started at %d", got)
	}

	s.add(200, frame{"metrics": metrics(1107, 99)}, now)
	if r := s.report(); r.Release != "" || r.Requests.All != 0 || r.Rides.Waiting != 3 {
		t.Errorf("after a minute without a scrape rates are not known, got %+v", r)
	}
}
