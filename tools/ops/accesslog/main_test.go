package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// request is a line of an access log.
func request(method, uri string, status int, size, reqtime, apptime string) string {
	return fmt.Sprintf("time:2026-11-21T06:00:00+00:00\tmethod:%s\turi:%s\tstatus:%d\tsize:%s\treqtime:%s\tapptime:%s\thost:10.0.0.1\tconn:17\n",
		method, uri, status, size, reqtime, apptime)
}

const rides = "/api/app/rides"

var before = request("GET", rides+"?page=1", 200, "1500", "0.010", "0.008") +
	request("GET", rides, 200, "500", "0.030", "0.020") +
	request("POST", rides+"/01JDFEDF00B09BNMV8MP0RB34G/evaluation", 200, "20", "0.100", "0.100") +
	request("POST", rides+"/01JDFEDF00B09BNMV8MP0RB34H/evaluation", 503, "20", "2.000", "1.000, 1.000") +
	request("GET", "/assets/index-12.js", 304, "0", "0.000", "-")

var after = request("GET", rides, 200, "500", "0.005", "0.005") +
	request("GET", rides, 200, "500", "0.005", "0.005") +
	request("GET", rides, 404, "500", "0.010", "0.005") +
	request("GET", "/assets/index-12.js", 304, "0", "0.000", "-") +
	request("GET", "/new", 200, "7", "0.001", "0.001")

// write makes a file of the test.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// output runs the command and returns what it prints, with single spaces.
func output(t *testing.T, stdin string, args ...string) (out, complaints string) {
	t.Helper()
	var o, c bytes.Buffer
	if err := start(args, strings.NewReader(stdin), &o, &c); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, c.String())
	}
	var lines []string
	for line := range strings.Lines(o.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n"), c.String()
}

func TestTable(t *testing.T) {
	want := strings.Join([]string{
		"count sum avg p50 p90 p99 max app-sum app-avg app-p50 app-p90 app-p99 app-max bytes 2xx 3xx 4xx 5xx endpoint (sums in s, other times in ms)",
		"2 2.10 1050 99.8 2000 2000 2000 2.10 1050 99.8 2000 2000 2000 40 1 0 0 1 POST /api/app/rides/{id}/evaluation",
		"2 0.040 20.0 10.0 30.0 30.0 30.0 0.028 14.0 8.03 20.0 20.0 20.0 2.0k 2 0 0 0 GET /api/app/rides",
		"1 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0 0 1 0 0 GET /assets/*",
		"5 2.14 428 30.1 2000 2000 2000 2.13 532 20.1 2000 2000 2000 2.0k 3 1 0 1 total"}, "\n")
	if got, _ := output(t, before); got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
	if got, _ := output(t, before, "-sort", "bytes"); !strings.Contains(strings.Split(got, "\n")[1], "GET /api/app/rides") {
		t.Errorf("sorted by bytes, it is\n%s", got)
	}
}

func TestCompare(t *testing.T) {
	want := strings.Join([]string{
		"count after change sum after change avg after change p50 after change p99 after change 5xx after change endpoint (sums in s, other times in ms)",
		"2 0 gone 2.10 0.000 gone 1050 0.000 gone 99.8 0.000 gone 2000 0.000 gone 1 0 gone POST /api/app/rides/{id}/evaluation",
		"2 3 +50% 0.040 0.020 -50% 20.0 6.67 -67% 10.0 5.02 -50% 30.0 10.0 -67% 0 0 = GET /api/app/rides",
		"0 1 new 0.000 0.001 new 0.000 1.00 new 0.000 1.00 new 0.000 1.00 new 0 0 = GET /new",
		"1 1 = 0.000 0.000 = 0.000 0.000 = 0.000 0.000 = 0.000 0.000 = 0 0 = GET /assets/*",
		"5 5 = 2.14 0.021 -99% 428 4.20 -99% 30.1 5.02 -83% 2000 10.0 -100% 1 0 gone total"}, "\n")
	got, _ := output(t, before, "-", write(t, "after.log", after))
	if got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
}

// TestFiles reads a run of two files, one of them compressed.
func TestFiles(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write([]byte(before))
	z.Close()
	together, _ := output(t, before+after)
	if got, _ := output(t, "", write(t, "a.log.gz", zipped.String())+","+write(t, "b.log", after)); got != together {
		t.Errorf("two files are read as\n%s\nwant\n%s", got, together)
	}
	if got, _ := output(t, strings.ReplaceAll(before+strings.TrimSuffix(after, "\n"), "\n", "\r\n")); got != together {
		t.Errorf("with other ends of lines it is\n%s\nwant\n%s", got, together)
	}
}

func TestMalformed(t *testing.T) {
	long := strings.Repeat("x", 3*pieceSize) + "\n"
	clean, _ := output(t, before)
	got, complaints := output(t, long+before+"nonsense\n"+long)
	if got != clean {
		t.Errorf("malformed lines change the table to\n%s", got)
	}
	for _, want := range []string{"3 malformed lines", "-:1: the line is too long", "xxx"} {
		if !strings.Contains(complaints, want) {
			t.Errorf("the complaint lacks %q: %s", want, complaints)
		}
	}
}

func TestSlow(t *testing.T) {
	log := `# Time: 2026-11-21T06:00:00.123456Z
# User@Host: isucon[isucon] @ localhost []  Id:     8
# Query_time: 0.500000  Lock_time: 0.100000 Rows_sent: 1  Rows_examined: 4
SET timestamp=1795240800;
SELECT * FROM rides WHERE fare > 500;
# User@Host: isucon[isucon] @ localhost []  Id:     8
# Query_time: 1.500000  Lock_time: 0.000000 Rows_sent: 2  Rows_examined: 5
SELECT * FROM rides WHERE fare > 700` + strings.Repeat(" ", 2*pieceSize) + `;
`
	want := "count sum avg p50 p90 p99 max lock-sum lock-avg lock-p50 lock-p90 lock-p99 lock-max examined sent statement (sums in s, other times in ms)\n" +
		"2 2.00 1000 502 1499 1499 1500 0.100 50.0 0.000 99.8 99.8 100 9 3 SELECT * FROM rides WHERE fare > ?\n" +
		"2 2.00 1000 502 1499 1499 1500 0.100 50.0 0.000 99.8 99.8 100 9 3 total"
	if got, complaints := output(t, log, "-slow"); got != want || complaints != "" {
		t.Errorf("printed\n%s\nwant\n%s\n%s", got, want, complaints)
	}
}

func TestJSON(t *testing.T) {
	got, _ := output(t, before, "-json", "-", write(t, "after.log", after))
	var runs []struct {
		Groups []map[string]any
		Total  map[string]any
	}
	if err := json.Unmarshal([]byte(got), &runs); err != nil {
		t.Fatal(err)
	}
	if len(runs) != 2 || len(runs[0].Groups) != 3 || runs[0].Groups[0]["endpoint"] != "POST /api/app/rides/{id}/evaluation" ||
		runs[0].Groups[0]["5xx"] != 1.0 || runs[1].Total["count"] != 5.0 {
		t.Errorf("printed %s", got)
	}
}

// TestStrangeRequests are from one who tries every path: they must not fill the memory.
func TestStrangeRequests(t *testing.T) {
	var log strings.Builder
	for i := range maxGroups + 10 {
		log.WriteString(request("GET", fmt.Sprintf("/x%d", i), 404, "0", "0.001", "-"))
	}
	got, _ := output(t, log.String())
	if lines := strings.Count(got, "\n"); lines > maxGroups+2 || !strings.Contains(got, furtherGroups) {
		t.Errorf("%d lines", lines)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		stdin, want string
		args        []string
	}{
		"an unknown column": {before, "there are count, sum", []string{"-sort", "speed"}},
		"three runs":        {before, "more than two runs", []string{"a", "b", "c"}},
		"no file":           {before, "no such file", []string{"missing.log"}},
		"another log":       {"127.0.0.1 - - GET /\n", "is no access log in LTSV", nil},
		"another slow log":  {before, "is no slow query log", []string{"-slow"}},
		"half a gzip file":  {"\x1f\x8b\x08\x00", "EOF", nil},
	} {
		err := start(c.args, strings.NewReader(c.stdin), &bytes.Buffer{}, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q in it", name, err, c.want)
		}
	}
}

// BenchmarkAccessLog is the whole way of a line.
func BenchmarkAccessLog(b *testing.B) {
	log := []byte(strings.Repeat(before+after, 1000))
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		if err := readFile(access, newRun("-"), "-", bytes.NewReader(log)); err != nil {
			b.Fatal(err)
		}
	}
}
