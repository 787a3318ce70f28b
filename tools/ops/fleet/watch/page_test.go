package watch

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file of testdata; -update rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; go test -update rewrites it. Got\n%s", file, got)
	}
}

// minute has the reports of a minute in which the load grew and the server was
// unreachable for a moment.
func minute() []Report {
	end := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	var reports []Report
	for i := range 60 {
		r := Report{Time: end.Add(time.Duration(i-59) * time.Second), Hosts: threeHosts()}
		if i < 30 || i > 32 {
			r.Server = busyServer(float64(i) / 59)
		}
		reports = append(reports, r)
	}
	return reports
}

func busyServer(load float64) *Server {
	return &Server{
		Revision: "3cd054b1f00d", Release: "20260102-145500", Generation: 4,
		Started: time.Date(2026, 1, 2, 14, 55, 30, 0, time.UTC),
		Memory:  412e6, Goroutines: 1234,
		Rides: Rides{Requested: 40 * load, Matched: 38 * load, Completed: 30 * load * load, Waiting: math.Round(25 * load),
			Assigned: 31, Pickup: 12, Carrying: 208, Arrived: 5, OldestWait: 4.25},
		Requests: Requests{All: math.Round(41234 * load), Success: 41100, Redirect: 4, ClientError: 130},
		Latencies: []Latency{
			{"position report", 31022, 0.00021, 0.0043},
			{"nearby chairs", 812, 0.0009, 0.0121},
			{"ride request", 40, 0.0011, 0.0152},
			{"rating", 30, 0.0402, 0.31},
			{"news to users", 302, 0.00012, 0.0021},
			{"news to chairs", 0, 0, 0},
		},
		Matching:    Matching{Rounds: 18.2, Round: Latency{P99: 0.0081}, Rides: 25, Chairs: 190, Cost: 12345},
		Accounts:    Accounts{FreeChairs: 190, BusyChairs: 260, InactiveChairs: 4, Users: 1870},
		Streams:     Streams{Users: 1204, Chairs: 450, Sent: 613},
		Journal:     Journal{Events: 31000, Bytes: 3.1e6, Unsynced: 412, Size: 92e6},
		Database:    Database{Backlog: 12345, Lag: 0.42, Rows: 9123, Batch: Latency{P99: 0.08}},
		Payments:    Payments{Accepted: 30, Refused: 1.2, Open: 2},
		Connections: Connections{Open: 1702, Max: 19000},
		Errors:      Errors{Logged: 2, Last: `time=15:03:59 level=ERROR msg="write behind" err="connection refused"`},
	}
}

func threeHosts() []Host {
	return []Host{
		{Name: "s1", Roles: "front,app", Here: true, CPUs: 2, Busy: 1.56, Load: 2.31, MemoryUsed: 1.3e9, Memory: 4e9,
			Received: 12.3e6, Sent: 40.1e6, TCP: 4210, TimeWait: 12,
			Processes: []Process{{"isuride", 1.12}, {"nginx", 0.31}}},
		{Name: "s2", Roles: "front", Here: true, CPUs: 2, Busy: 0.4, Stolen: 0.21, Load: 0.5, MemoryUsed: 0.4e9, Memory: 4e9,
			Received: 8e6, Sent: 9e6, TCP: 2100, Processes: []Process{{"nginx", 0.38}}},
		{Name: "s3", Roles: "db", Gone: 72, Problem: "ssh does not get there: Connection timed out"},
	}
}

// broken is the last report of the minute with every kind of problem.
func broken() []Report {
	reports := minute()
	last := &reports[len(reports)-1]
	s := *last.Server
	s.Rides.OldestWait, s.Requests.ServerError, s.Database.Retries = 31, 3, 1
	s.Payments.Failed, s.Connections.Refused, s.Errors.Rate, s.Errors.Last = 4, 7, 2, "no \x1b[31mcolour of its own"
	last.Server = &s
	return reports
}

func away() []Report {
	reports := minute()
	last := &reports[len(reports)-1]
	last.Server = nil
	last.Hosts[0].Problem = "no metrics on 127.0.0.1:8081"
	return reports
}

func TestPage(t *testing.T) {
	for _, c := range []struct {
		file          string
		reports       []Report
		width, height int
		colour        bool
	}{
		{"usual.txt", minute(), 80, 24, false},
		{"wide.txt", minute(), 150, 50, false},
		{"narrow.txt", minute(), 40, 60, false},
		{"low.txt", minute(), 100, 8, false},
		{"first.txt", minute()[59:], 100, 24, false},
		{"broken.txt", broken(), 120, 40, true},
		{"away.txt", away(), 120, 40, true},
	} {
		lines := draw(c.reports, c.width, c.height, c.colour)
		golden(t, c.file, strings.Join(lines, "\n")+"\n")
		if len(lines) > c.height {
			t.Errorf("%s: %d lines on %d", c.file, len(lines), c.height)
		}
		for _, l := range lines {
			if n := utf8.RuneCountInString(l); !c.colour && n > c.width {
				t.Errorf("%s: %d characters on %d: %s", c.file, n, c.width, l)
			}
		}
	}
}

// TestPageFitsEverywhere draws pages of many sizes.
func TestPageFitsEverywhere(t *testing.T) {
	reports := minute()
	for width := 0; width < 130; width += 7 {
		for height := range 45 {
			lines := draw(reports, width, height, false)
			if len(lines) > height || slices.ContainsFunc(lines, func(l string) bool { return utf8.RuneCountInString(l) > width }) {
				t.Fatalf("%d x %d: got\n%s", width, height, strings.Join(lines, "\n"))
			}
		}
	}
}

func TestLines(t *testing.T) {
	var b bytes.Buffer
	for _, reports := range [][]Report{minute(), away(), broken()} {
		if err := (Lines{&b}).Show(reports); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "lines.txt", b.String())
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	for range 2 {
		if err := (JSON{&b}).Show(minute()); err != nil {
			t.Fatal(err)
		}
	}
	one, two, _ := strings.Cut(b.String(), "\n")
	if one+"\n" != two {
		t.Errorf("a report is not a line of its own:\n%s", &b)
	}
	var got Report
	if err := json.Unmarshal([]byte(one), &got); err != nil {
		t.Fatal(err)
	}
	if want := minute()[59]; got.Server.Rides != want.Server.Rides || got.Hosts[2].Gone != 72 || !got.Time.Equal(want.Time) {
		t.Errorf("got %+v", got)
	}
}

// TestGroupOnThePage: who leads, and what is wrong with a group in red.
func TestGroupOnThePage(t *testing.T) {
	leads := &Replica{Role: "leader", Term: 7, Leader: true, Behind: map[string]float64{"s2": 3, "s3": 0}}
	for want, replicas := range map[string][]*Replica{
		"term 7  wait p99 0 s  s1 leader  s2 standby lacks 3  s3 witness lacks 0": {leads, {Role: "standby", Leader: true}, {Role: "witness"}},
		"nobody leads  s1 standby  s2 candidate  s3 standby":                      {{Role: "standby"}, {Role: "candidate"}, {Role: "standby"}},
		"2 lead  s1 leader  s2 leader":                                            {leads, leads},
		"s2 standby lacks 3 in doubt  s3 standby lacks 60,000 differs":            {leads, {Role: "standby", InDoubt: true}, {Role: "standby", Lag: 60_000, Different: 1}},
	} {
		r := Report{Time: time.Unix(5000, 0)}
		for i, one := range replicas {
			r.Hosts = append(r.Hosts, Host{Name: fmt.Sprint("s", i+1), Here: true, Replica: one})
		}
		text := strings.Join(draw([]Report{r}, 200, 50, false), "\n")
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
		if red := strings.Contains(strings.Join(draw([]Report{r}, 200, 50, true), "\n"), string(bad)+"nobody leads"); red != strings.HasPrefix(want, "nobody") {
			t.Errorf("%s: in red: %v", want, red)
		}
	}
	if text := strings.Join(draw(minute(), 200, 50, false), "\n"); strings.Contains(text, "group ") {
		t.Errorf("a server alone has a group:\n%s", text)
	}
}
