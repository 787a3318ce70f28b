package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"isuride/tools/ops/observability/prometheus"
)

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		unit  string
		value float64
		want  string
	}{
		{"s", 0, "0"}, {"s", 0.0000012, "1.2 µs"}, {"s", 0.01234, "12.3 ms"}, {"s", 0.9999, "1 s"}, {"s", 75, "75 s"},
		{"ops", 0, "0/s"}, {"ops", 12345, "12.3k/s"}, {"reqps", 999.9, "1k/s"}, {"short", 1234567, "1.23M"}, {"short", 7, "7"},
		{"bytes", 1536, "1.5 KiB"}, {"bytes", 1 << 30, "1 GiB"}, {"Bps", 512, "512 B/s"}, {"none", 0.5, "0.5"}, {"", 2, "2"},
	} {
		if got := unitOf(c.unit).text(c.value); got != c.want {
			t.Errorf("%g %s is written %q, want %q", c.value, c.unit, got, c.want)
		}
	}
}

func TestAxes(t *testing.T) {
	for _, c := range []struct {
		highest float64
		unit    string
		want    string
	}{
		{0, "short", "0 0.25 0.5 0.75 1"},
		{1, "ops", "0 0.25/s 0.5/s 0.75/s 1/s"},
		{0.9, "s", "0 0.25 s 0.5 s 0.75 s 1 s"},
		{0.034, "s", "0 10 ms 20 ms 30 ms 40 ms"},
		{17_000, "short", "0 5k 10k 15k 20k"},
		{300 << 20, "bytes", "0 128 MiB 256 MiB 384 MiB"},
		{4, "none", "0 1 2 3 4"},
	} {
		a := newAxis(c.highest, unitOf(c.unit))
		var got []string
		for _, tick := range a.ticks() {
			got = append(got, a.text(tick))
		}
		if strings.Join(got, " ") != c.want || a.top < c.highest {
			t.Errorf("up to %g %s the axis has %q, want %q", c.highest, c.unit, got, c.want)
		}
	}
}

func TestLogAxes(t *testing.T) {
	for _, c := range []struct {
		lowest, highest float64
		want            string
	}{
		{15e-6, 0.4, "10 µs 100 µs 1 ms 10 ms 100 ms 1 s"},
		{1e-3, 1e-2, "1 ms 10 ms"},
		{1e-3, 1e-3, "1 ms 10 ms"},
		{0.002, 0.003, "1 ms 10 ms"},
	} {
		a := newLogAxis(c.lowest, c.highest, unitOf("s"))
		var got []string
		for _, tick := range a.ticks() {
			got = append(got, a.text(tick))
		}
		if strings.Join(got, " ") != c.want || a.at(c.lowest) < 0 || a.at(c.highest) > 1+1e-9 || a.at(0) != 0 || a.at(a.top) != 1 {
			t.Errorf("from %g to %g s the axis has %q, want %q", c.lowest, c.highest, got, c.want)
		}
	}
}

func TestTimeTicks(t *testing.T) {
	for seconds, want := range map[float64]string{1: "[0 1]", 65: "[0 10 20 30 40 50 60]", 900: "[0 300 600 900]", 86400: "[0 21600 43200 64800 86400]"} {
		if got := fmt.Sprint(timeTicks(seconds)); got != want {
			t.Errorf("%g s have ticks at %s, want %s", seconds, got, want)
		}
	}
	if got := clock(75) + " " + clock(3675); got != "1:15 1:01:15" {
		t.Errorf("times are written %s", got)
	}
}

func TestStack(t *testing.T) {
	points := func(values ...float64) (list []prometheus.Point) {
		for i, v := range values {
			list = append(list, prometheus.Point{At: float64(i), Value: v})
		}
		return list
	}
	got := stack([]curve{{"a", points(1, 2)}, {"b", points(10, 20, 30)}})
	if want := fmt.Sprint([]curve{{"a", points(1, 2)}, {"b", points(11, 22, 30)}}); fmt.Sprint(got) != want {
		t.Errorf("stacked to %v, want %s", got, want)
	}
}

const smallDashboard = `{"title": "City <1>", "panels": [
	{"id": 1, "type": "row", "title": "Flow", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}},
	{"id": 2, "type": "stat", "title": "Now", "gridPos": {"x": 0, "y": 1, "w": 4, "h": 4},
		"fieldConfig": {"defaults": {"unit": "ops"}}, "targets": [{"expr": "now"}]},
	{"id": 3, "type": "timeseries", "title": "Rides & chairs", "description": "why", "gridPos": {"x": 4, "y": 1, "w": 8, "h": 8},
		"fieldConfig": {"defaults": {"custom": {"stacking": {"mode": "normal"}}}}, "targets": [{"expr": "rate(rides[$__rate_interval])", "legendFormat": "{{state}}"}]},
	{"id": 4, "type": "timeseries", "title": "Nothing", "gridPos": {"x": 12, "y": 1, "w": 8, "h": 8}, "targets": [{"expr": "nothing"}]}]}`

// answers is a Prometheus with three expressions; the curve "waiting" has a hole.
func answers(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result := ""
		switch query := r.FormValue("query"); query {
		case "now":
			result = `{"metric":{},"values":[[1000,"1"],[1001,"3"],[1002,"2500"]]}`
		case "rate(rides[4s])":
			result = `{"metric":{"state":"waiting"},"values":[[1000,"1"],[1001,"2"],[1005,"NaN"],[1006,"2"],[1007,"4"]]},
				{"metric":{"state":"<done>"},"values":[[1000,"1"]]}`
		case "nothing":
		default:
			t.Errorf("asked for %q", query)
		}
		fmt.Fprintf(w, `{"data":{"result":[%s]}}`, result)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func render(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	dashboard, out := filepath.Join(dir, "dashboard.json"), filepath.Join(dir, name)
	if err := os.WriteFile(dashboard, []byte(smallDashboard), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-dashboard", dashboard, "-url", answers(t), "-from", "1000", "-to", "1010",
		"-scrape", "1s", "-note", "a <note>", out}); err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(picture)
}

func TestPicture(t *testing.T) {
	picture := render(t, "out.svg")
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v\n%s", err, picture)
		}
	}
	for _, want := range []string{"City &lt;1&gt;", "a &lt;note&gt;", "Flow", "Rides &amp; chairs: why", ">2.5k/s<", ">&lt;done&gt;<", ">waiting<", ">max 4<", "no data", ">0:10<"} {
		if !strings.Contains(picture, want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	hole := regexp.MustCompile(`<path class="curve"[^>]*d="M[^M]*M[^M]*"><title>waiting</title>`)
	if !hole.MatchString(picture) {
		t.Errorf("the curve with a hole is not drawn in two pieces:\n%s", picture)
	}
}

func TestPage(t *testing.T) {
	got := render(t, "out.html")
	if !strings.HasPrefix(got, "<!DOCTYPE html>") || !strings.Contains(got, "<title>City &lt;1&gt;</title>") || !strings.HasSuffix(got, "</svg>\n") {
		t.Errorf("the page is\n%s", got)
	}
}

func TestSteps(t *testing.T) {
	begin := time.Unix(0, 0)
	for long, want := range map[time.Duration]time.Duration{time.Minute: 5 * time.Second, 20 * time.Minute: 5 * time.Second, time.Hour: 15 * time.Second} {
		if got := (span{begin, begin.Add(long)}).step(5 * time.Second); got != want {
			t.Errorf("%v are drawn in steps of %v, want %v", long, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, args := range map[string][]string{
		"no file to write":   {},
		"two files":          {"a.svg", "b.svg"},
		"a wrong name":       {"a.png"},
		"no time":            {"-last", "0s", "a.svg"},
		"time that runs out": {"-from", "20", "-to", "10", "a.svg"},
		"no scrapes":         {"-scrape", "0s", "a.svg"},
		"no dashboard":       {"-dashboard", "missing.json", "a.svg"},
	} {
		if err := run(context.Background(), args); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := parse([]string{"-last", "1m", "a.svg"}, time.Unix(100, 0)); err != nil {
		t.Error(err)
	}
}
