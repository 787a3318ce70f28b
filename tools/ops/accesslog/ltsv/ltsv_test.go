package ltsv

import (
	"strings"
	"testing"
)

const line = "time:2026-11-21T06:00:00+00:00\tmethod:GET\turi:/api/app/nearby-chairs?latitude=1&longitude=2\tstatus:200\tsize:512\treqtime:0.012\tapptime:0.010\thost:10.0.0.1\tconn:17"

func TestParse(t *testing.T) {
	var a Access
	if err := a.Parse([]byte(line)); err != nil {
		t.Fatal(err)
	}
	if string(a.Method) != "GET" || string(a.URI) != "/api/app/nearby-chairs?latitude=1&longitude=2" ||
		a.Status != 200 || a.Size != 512 || a.Request != 12_000 || a.App != 10_000 || !a.HasApp {
		t.Errorf("parsed %+v", a)
	}
}

func TestAppTime(t *testing.T) {
	for value, want := range map[string]uint64{"0.010": 10_000, "0.010, 0.002": 12_000, "0.010 : 0.003": 13_000, "-, 0.001": 1_000, "3600.5": 3_600_500_000} {
		var a Access
		if err := a.Parse([]byte(strings.Replace(line, "apptime:0.010", "apptime:"+value, 1))); err != nil || a.App != want || !a.HasApp {
			t.Errorf("%q is read as %d us, %v", value, a.App, err)
		}
	}
	for _, none := range []string{"apptime:-", "apptime:", "other:0.010"} {
		var a Access
		if err := a.Parse([]byte(strings.Replace(line, "apptime:0.010", none, 1))); err != nil || a.HasApp {
			t.Errorf("%q: there is a time of the server, %v", none, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, edit := range map[string][2]string{
		"a wrong status":       {"status:200", "status:20x"},
		"a status of no kind":  {"status:200", "status:99"},
		"no status":            {"status:200", "code:200"},
		"no colon":             {"status:200", "status"},
		"a negative size":      {"size:512", "size:-1"},
		"an empty size":        {"size:512", "size:"},
		"a huge size":          {"size:512", "size:99999999999999999999"},
		"a wrong time":         {"reqtime:0.012", "reqtime:0.0.1"},
		"no time":              {"reqtime:0.012", "reqtime:-"},
		"a huge time":          {"reqtime:0.012", "reqtime:9999999999"},
		"a wrong upstream":     {"apptime:0.010", "apptime:0.01x"},
		"a line of text":       {line, "nginx: the configuration has an error"},
		"an empty line":        {line, ""},
		"a line cut in halves": {line, line[:60]},
	} {
		var a Access
		if err := a.Parse([]byte(strings.Replace(line, edit[0], edit[1], 1))); err == nil {
			t.Errorf("%s is accepted: %+v", name, a)
		}
	}
}

func TestEndpoint(t *testing.T) {
	for uri, want := range map[string]string{
		"/":                         "GET /",
		"/api/app/rides":            "GET /api/app/rides",
		"/api/app/rides?x=/1/2":     "GET /api/app/rides",
		"/assets/index-1a2b3c.js":   "GET /assets/*",
		"/assets":                   "GET /assets",
		"/images/12/small.png":      "GET /images/{id}/small.png",
		"/api/app/rides/":           "GET /api/app/rides/",
		"/api/chair/notification":   "GET /api/chair/notification",
		"/api/app/payment-methods":  "GET /api/app/payment-methods",
		"//":                        "GET //",
		"-":                         "GET -",
		"/favicon.ico?v=1":          "GET /favicon.ico",
		"/ABCDEFGHIJKLMNOPQRSTUVWX": "GET /ABCDEFGHIJKLMNOPQRSTUVWX",
		"/api/app/rides/01JDFEDF00B09BNMV8MP0RB34G/evaluation":    "GET /api/app/rides/{id}/evaluation",
		"/api/app/rides/01jdfedf00b09bnmv8mp0rb34g/evaluation?":   "GET /api/app/rides/{id}/evaluation",
		"/x/123e4567-e89b-12d3-a456-426614174000":                 "GET /x/{id}",
		"/x/this-is-a-name-of-thirty-six-letters":                 "GET /x/this-is-a-name-of-thirty-six-letters",
		"/api/chair/rides/01JDFEDF00B09BNMV8MP0RB34G/status/more": "GET /api/chair/rides/{id}/status/more",
	} {
		a := Access{Method: []byte("GET"), URI: []byte(uri)}
		if got := string(a.AppendEndpoint(nil)); got != want {
			t.Errorf("%s is folded to %q, want %q", uri, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(line))
	f.Add([]byte("method:\turi:\tstatus:499\tsize:0\treqtime:0\tapptime:-, 1.5 : 2"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var a Access
		if a.Parse(line) != nil {
			return
		}
		if a.Status > 999 || a.Request > (maxSeconds+1)*1_000_000 || !a.HasApp && a.App != 0 {
			t.Errorf("%q is read as %+v", line, a)
		}
		name := a.AppendEndpoint(nil)
		again := Access{Method: a.Method, URI: name[len(a.Method)+1:]}
		if twice := again.AppendEndpoint(nil); string(twice) != string(name) {
			t.Errorf("%q is folded to %q, and that to %q", a.URI, name, twice)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(line) + 1))
	b.ReportAllocs()
	var name []byte
	text := []byte(line)
	for b.Loop() {
		var a Access
		if err := a.Parse(text); err != nil {
			b.Fatal(err)
		}
		name = a.AppendEndpoint(name[:0])
	}
}
