package server

import (
	"fmt"
	"testing"
	"time"

	"isuride/webapp/api"
	"isuride/webapp/engine"
	"isuride/webapp/feed"
	"isuride/webapp/internal/histogram"
	"isuride/webapp/replica"
)

// TestFiguresOfTheLastSeconds: rates and quantiles are of the last ten looks; a pause begins again.
func TestFiguresOfTheLastSeconds(t *testing.T) {
	var f figures
	var took histogram.Histogram
	start, answers := time.Unix(1_800_000_000, 0), uint64(0)
	see := func(second int, n int, each time.Duration) *feed.Figures {
		for range n {
			took.Observe(each)
			answers++
		}
		out := &feed.Figures{}
		f.answered(out, look{start.Add(time.Duration(second) * time.Second), []api.EndpointStats{
			{Name: reportEndpoint, Answers: [4]uint64{answers, 0, 0, answers / 2}, Timed: true, Took: took.Snapshot()}, {Name: "idle"}}})
		return out
	}
	if out := see(0, 1000, time.Second); out.Requests != nil || out.Endpoints != nil {
		t.Errorf("the first look knows of no rate, and says %+v", out)
	}
	out := see(1, 10, 30*time.Microsecond)
	if *out.Requests != 15 || *out.ReportP99 > 0.03 || len(out.Endpoints) != 1 || out.Endpoints[0].Errors != 5 {
		t.Errorf("10 answers and half as many failures in a second are %v requests, p99 %v, %+v", *out.Requests, *out.ReportP99, out.Endpoints)
	}
	for second := 2; second <= 30; second++ {
		out = see(second, 10, 30*time.Microsecond)
	}
	if *out.Requests != 15 || len(f.looks) != figuresOver+1 {
		t.Errorf("%v requests a second over %d looks", *out.Requests, len(f.looks))
	}
	if out := see(60, 1000, time.Second); out.Requests != nil {
		t.Errorf("after half a minute in which nobody looked there are %v requests a second", *out.Requests)
	}
}

func TestFiguresKeepSlowRequests(t *testing.T) {
	var f figures
	told := 0
	slow := f.slowly(func(string, string, time.Duration) { told++ })
	for n := range slowKept + 5 {
		slow(fmt.Sprint(n), "GET /x", 20*time.Millisecond)
	}
	if told != slowKept+5 || len(f.slow) != slowKept || f.slow[0].Request != fmt.Sprint(slowKept+4) || f.slow[0].Took != 20 {
		t.Errorf("%d were told, %d are kept, the first is %+v", told, len(f.slow), f.slow[0])
	}
	if f.slowly(nil) != nil {
		t.Error("without ISURIDE_SLOW requests are timed all the same")
	}
}

// TestFiguresOfReplicas: who is heard of and lacks little is in step.
func TestFiguresOfReplicas(t *testing.T) {
	out := &feed.Figures{}
	if replicas(out, nil); out.Replicas != nil {
		t.Errorf("a server alone has replicas %+v", out.Replicas)
	}
	r := &engine.ReplicaStats{}
	r.Term = 7
	r.Peers = []replica.PeerStatus{{Active: true, Behind: inStep}, {Active: true, Behind: inStep + 1}, {}}
	replicas(out, r)
	if got, want := *out.Replicas, (feed.Replicas{All: 4, InStep: 2, Term: 7}); got != want || len(out.Peers) != 3 {
		t.Errorf("of four one is behind and one is silent: %+v, want %+v", got, want)
	}
}
