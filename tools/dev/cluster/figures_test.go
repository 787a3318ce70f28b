package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

const someMetrics = `# TYPE isuride_replica_role gauge
isuride_replica_role{role="leader"} 1
isuride_replica_role{role="standby"} 0
# TYPE isuride_replica_committed gauge
isuride_replica_committed 1500
# TYPE isuride_replica_wait_seconds histogram
isuride_replica_wait_seconds_bucket{le="0.0003"} 90
isuride_replica_wait_seconds_bucket{le="0.001"} 120
isuride_replica_wait_seconds_bucket{le="+Inf"} 200
isuride_replica_wait_seconds_sum 1
isuride_replica_wait_seconds_count 200
# TYPE isuride_replica_behind_seconds histogram
isuride_replica_behind_seconds_bucket{le="0.0003"} 0
isuride_replica_behind_seconds_bucket{le="0.001"} 0
isuride_replica_behind_seconds_bucket{le="+Inf"} 0
isuride_replica_behind_seconds_sum 0
isuride_replica_behind_seconds_count 0
`

func TestFigures(t *testing.T) {
	to, err := readFigures(strings.NewReader(someMetrics))
	if err != nil {
		t.Fatal(err)
	}
	from := figures{committed: 500, wait: counts{0.0003: 40, 0.001: 40, math.Inf(1): 100}}
	to.at = from.at.Add(10 * time.Second)
	if got, want := describe("a", from, to), "a leads: 100 events/s; what waits for a majority waits p50 0s to 300µs, p99 above 1ms (of 100)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	to.leads = false
	if got := describe("b", from, to); got != "b has applied nothing" {
		t.Error(got)
	}
	if _, err := readFigures(strings.NewReader("isuride_replica_committed 1500\n")); err == nil {
		t.Error("figures were read of a server that has no replicas")
	}
}
