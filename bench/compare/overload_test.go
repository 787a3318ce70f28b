package main

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"isuride/bench/live"
	"isuride/bench/report"
	"isuride/bench/world"
)

// overloaded is a run that misses nothing.
func overloaded() *loaded {
	r := &loaded{Record: &report.Record{}, cpuPerRide: 0.003, share: 0.3, recovered: time.Second, atDoor: time.Millisecond}
	r.Passed, r.Reason, r.LoadSeconds = true, "pass", 60
	r.OpenLoop = &world.OpenLoop{CompletedRate: 98, Started: 60 * 330}
	r.Endpoints = []live.Latency{
		{Name: "GET /api/app/rides", P99: 900 * world.Millisecond, Refused: &live.Latency{Count: 9, P99: 9 * world.Millisecond}},
		{Name: "POST /api/chair/coordinate", Count: 1000, P99: 50 * world.Millisecond},
		{Name: "POST /api/chair/rides/{id}/status", Count: 100, P99: 70 * world.Millisecond},
		{Name: "POST /api/app/rides/{id}/evaluation", Count: 10, P99: 500 * world.Millisecond},
	}
	for range 60 {
		r.memory = append(r.memory, 100<<20)
	}
	return r
}

// TestOverloadBars: each bar is missed by what breaks it in most pairs, and by nothing else; what is
// an error is missed by one.
func TestOverloadBars(t *testing.T) {
	type breaks struct {
		each bool
		run  func(*loaded)
	}
	for what, b := range map[string]breaks{
		"":                                     {false, func(*loaded) {}},
		"rides offered in time":                {false, func(r *loaded) { r.OpenLoop.Late = 60 * 40 }},
		"rides completed":                      {false, func(r *loaded) { r.OpenLoop.CompletedRate = 94 }},
		"class A calls that failed":            {true, func(r *loaded) { r.Endpoints[3].Failures = 1 }},
		"class A calls that failed or were re": {true, func(r *loaded) { r.shed = map[string]float64{`{class="A",reason="rate"}`: 1} }},
		"class A p99":                          {false, func(r *loaded) { r.Endpoints[1].P99 = 101 * world.Millisecond }},
		"a refusal in the server, p99":         {false, func(r *loaded) { r.atDoor = 20 * time.Millisecond }},
		"runs that fail":                       {true, func(r *loaded) { r.Passed = false }},
		"seconds until nothing is refused":     {false, func(r *loaded) { r.recovered = 3 * time.Second }},
		"growth of memory": {false, func(r *loaded) {
			for i := 40; i < 60; i++ {
				r.memory[i] = 120 << 20
			}
		}},
	} {
		for broken := range 3 {
			var pairs []*pair
			for i := range 3 {
				p := &pair{overloaded(), overloaded()}
				p.saturated.OpenLoop = &world.OpenLoop{CompletedRate: 100}
				p.saturated.Endpoints[2].P99 = 40 * world.Millisecond // so 50 ms of positions are its p99
				if i < broken {
					b.run(p.beyond)
				}
				pairs = append(pairs, p)
			}
			var out strings.Builder
			passed := holds(&out, pairs)
			var missed []string
			for line := range strings.Lines(out.String()) {
				if strings.Contains(line, "MISSED") {
					missed = append(missed, line)
				}
			}
			want := what != "" && (broken == 2 || broken == 1 && b.each)
			if passed == want || len(missed) > 1 || want && (len(missed) == 0 || !strings.HasPrefix(missed[0], what)) {
				t.Errorf("%q in %d pairs: passed %t, missed %q", what, broken, passed, missed)
			}
		}
	}
}

// TestMemoryGrowsWithTheCity: what the rides themselves need is no fault of the overload.
func TestMemoryGrowsWithTheCity(t *testing.T) {
	p := &pair{overloaded(), overloaded()}
	for i := 40; i < 60; i++ {
		p.saturated.memory[i], p.beyond.memory[i] = 130<<20, 131<<20
	}
	if out := new(strings.Builder); !holds(out, []*pair{p}) {
		t.Error(out)
	}
}

// TestServerWithoutItsPart: a run in which something else took the processor says so.
func TestServerWithoutItsPart(t *testing.T) {
	for cpu, want := range map[float64]bool{0.003: false, 0.001: true} {
		saturated, beyond := pair{overloaded(), overloaded()}, pair{overloaded(), overloaded()}
		saturated.saturated.cpuPerRide, beyond.beyond.cpuPerRide = cpu, cpu
		for _, p := range []pair{saturated, beyond} {
			var out strings.Builder
			p.show(&out, 1)
			if got := strings.Contains(out.String(), "something else on this machine took it"); got != want {
				t.Errorf("%v s a ride: warns %t", cpu, got)
			}
		}
	}
}

func TestTook(t *testing.T) {
	const name = `isuride_http_request_duration_seconds_bucket{endpoint="GET /a",le=`
	text := name + "\"0.001\"} 980\n" + name + "\"0.01\"} 995\n" + name + "\"+Inf\"} 1000\n" + strings.Replace(name, "/a", "/b", 1) + "\"0.001\"} 1\n"
	for endpoint, want := range map[string]time.Duration{"GET /a": 10 * time.Millisecond, "GET /b": time.Millisecond, "GET /c": 0} {
		if got := took(text, endpoint, 0.99); got != want {
			t.Errorf("%s: %v, want %v", endpoint, got, want)
		}
	}
}

func TestSheds(t *testing.T) {
	got := sheds("# HELP isuride_shed_total x\nisuride_shed_share{class=\"C\"} 1\n" +
		"isuride_shed_total{class=\"C\",reason=\"wait\"} 1.5e+03\nisuride_shed_total{class=\"A\",reason=\"rate\"} 0\n")
	if want := map[string]float64{`{class="C",reason="wait"}`: 1500}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestCgroupFiles: what is written, with both versions.
func TestCgroupFiles(t *testing.T) {
	for _, two := range []bool{false, true} {
		g := &cgroup{t.TempDir(), two}
		if err := g.limit(0.3); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"cpu.cfs_period_us": "10000", "cpu.cfs_quota_us": "3000"}
		if two {
			want = map[string]string{"cpu.max": "3000 10000"}
		}
		for name, text := range want {
			if got := readText(t, g.dir+"/"+name); got != text {
				t.Errorf("version 2 %t: %s has %q, want %q", two, name, got, text)
			}
		}
		if err := g.limit(0); err != nil {
			t.Fatal(err)
		}
		name, text := "cpu.cfs_quota_us", "-1"
		if two {
			name, text = "cpu.max", "max"
		}
		if got := readText(t, g.dir+"/"+name); got != text {
			t.Errorf("version 2 %t: without a limit %s has %q, want %q", two, name, got, text)
		}
		if err := g.add(42); err != nil || readText(t, g.dir+"/cgroup.procs") != fmt.Sprint(42) {
			t.Errorf("%v", err)
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
