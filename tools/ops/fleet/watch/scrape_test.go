package watch

import (
	"fmt"
	"math"
	"testing"
)

// scrapeOf is a scrape of a process that started at a moment; the histogram has counts up
// to 0.1 s, up to 1 s, and of all.
func scrapeOf(t *testing.T, started, requests int, counts [3]int) scrape {
	t.Helper()
	s, err := parseScrape(fmt.Sprintf(`# HELP process_start_time_seconds Start.
# TYPE process_start_time_seconds gauge
process_start_time_seconds %d
# TYPE requests_total counter
requests_total{endpoint="GET /a",status="2xx"} %d
requests_total{endpoint="GET /a",status="5xx"} 3
requests_total{endpoint="POST /b",status="2xx"} 7
# TYPE open gauge
open 12
# TYPE took_seconds histogram
took_seconds_bucket{endpoint="GET /a",le="0.1"} %d
took_seconds_bucket{endpoint="GET /a",le="1"} %d
took_seconds_bucket{endpoint="GET /a",le="+Inf"} %d
took_seconds_sum{endpoint="GET /a"} 1
took_seconds_count{endpoint="GET /a"} %d
# TYPE odd gauge
odd{is="nan"} NaN
odd{is="inf"} +Inf
odd{is="some"} 3
# TYPE build_info gauge
build_info{revision="abc"} 1
# TYPE pauses summary
pauses{quantile="0.5"} 1
pauses_sum 5
pauses_count 5
`, started, requests, counts[0], counts[1], counts[2], counts[2]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestScrape(t *testing.T) {
	s := scrapeOf(t, 1000, 5, [3]int{1, 2, 4})
	for _, c := range []struct {
		got, want float64
	}{
		{s.sum("requests_total"), 15},
		{s.sum("requests_total", "status", "2xx"), 12},
		{s.sum("requests_total", "status", "2xx", "endpoint", "GET /a"), 5},
		{s.sum("requests_total", "status", "4xx"), 0},
		{s.sum("open"), 12},
		{s.sum("odd"), 3},
		{s.sum("nothing"), 0},
		{s.sum("took_seconds"), 0},
	} {
		if c.got != c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	if got := s.label("build_info", "revision"); got != "abc" {
		t.Errorf("the label is %q", got)
	}
	if got := s.label("build_info", "nothing") + s.label("nothing", "revision"); got != "" {
		t.Errorf("labels that are not there are %q", got)
	}
	if _, err := parseScrape("what is this\n"); err == nil {
		t.Error("nonsense is no scrape")
	}
}

func TestSince(t *testing.T) {
	before := scrapeOf(t, 1000, 100, [3]int{10, 20, 40})
	for _, c := range []struct {
		name     string
		now      scrape
		requests float64
		counts   [3]float64
	}{
		{"grows", scrapeOf(t, 1000, 130, [3]int{11, 25, 47}), 30, [3]float64{1, 5, 7}},
		{"stays", before, 0, [3]float64{0, 0, 0}},
		{"counters start over", scrapeOf(t, 1000, 4, [3]int{1, 2, 3}), 4, [3]float64{1, 2, 3}},
		{"a bucket started over, the count has passed what it was", scrapeOf(t, 1000, 100, [3]int{0, 41, 41}), 0, [3]float64{0, 41, 41}},
		{"another process has counted more already", scrapeOf(t, 1001, 130, [3]int{11, 25, 47}), 130, [3]float64{11, 25, 47}},
	} {
		moved := c.now.since(before)
		if got := moved.sum("requests_total", "endpoint", "GET /a", "status", "2xx"); got != c.requests {
			t.Errorf("%s: %v requests, want %v", c.name, got, c.requests)
		}
		for i, b := range moved.histogram("took_seconds") {
			if b.count != c.counts[i] {
				t.Errorf("%s: bucket %v has %v, want %v", c.name, b.bound, b.count, c.counts[i])
			}
		}
		if _, ok := moved["open"]; ok {
			t.Errorf("%s: a gauge does not move", c.name)
		}
	}
	if got := before.histogram("took_seconds")[0].count; got != 10 {
		t.Errorf("the scrape itself has changed: %v", got)
	}
}

// TestSinceNewSeries has a label that appears later, which counts from 0.
func TestSinceNewSeries(t *testing.T) {
	now := scrapeOf(t, 1000, 100, [3]int{1, 2, 3})
	before := scrapeOf(t, 1000, 100, [3]int{1, 2, 3})
	delete(before["requests_total"].series, "endpoint\xffPOST /b\xffstatus\xff2xx\xff")
	if got := now.since(before).sum("requests_total"); got != 7 {
		t.Errorf("%v requests, want those of the new series, 7", got)
	}
}

func TestQuantile(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name string
		q    float64
		all  []bucket
		want float64
	}{
		{"no buckets", 0.5, nil, 0},
		{"no values", 0.5, []bucket{{1, 0}, {inf, 0}}, 0},
		{"middle of the first", 0.5, []bucket{{0.1, 10}, {1, 10}, {inf, 10}}, 0.05},
		{"middle of the second", 0.75, []bucket{{1, 50}, {3, 100}, {inf, 100}}, 2},
		{"end of a bucket", 0.5, []bucket{{1, 50}, {3, 100}, {inf, 100}}, 1},
		{"beyond the last bound", 0.99, []bucket{{1, 50}, {3, 60}, {inf, 100}}, 3},
		{"an empty bucket in between", 0.99, []bucket{{1, 50}, {2, 50}, {4, 100}, {inf, 100}}, 3.96},
		{"nothing else than beyond", 0.5, []bucket{{inf, 8}}, 0},
	} {
		if got := quantile(c.q, c.all); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzScrape(f *testing.F) {
	f.Add("# TYPE a counter\na{b=\"c\"} 1\n", "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_count 2\n")
	f.Fuzz(func(t *testing.T, text, before string) {
		now, err := parseScrape(text)
		if err != nil {
			return
		}
		then, _ := parseScrape(before)
		moved := now.since(then)
		for name := range moved {
			quantile(0.99, moved.histogram(name))
		}
	})
}
