package main

import (
	"strings"
	"testing"
)

const events = `{"Action":"start","Package":"isuride/a"}
{"Action":"output","Package":"isuride/a","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"pass","Package":"isuride/a","Test":"TestGood"}
{"Action":"output","Package":"isuride/a","Test":"TestBad","Output":"    a_test.go:3: wrong\n        in detail\n"}
{"Action":"fail","Package":"isuride/a","Test":"TestBad"}
{"Action":"output","Package":"isuride/b","Test":"TestDump","Output":"    b_test.go:7: needs the contest's dump: open /x/y/z.gz: no such file\n"}
{"Action":"output","Package":"isuride/b","Test":"TestDump","Output":"--- SKIP: TestDump (0.00s)\n"}
{"Action":"skip","Package":"isuride/b","Test":"TestDump"}
{"Action":"output","Package":"isuride/b","Test":"TestProxy","Output":"    b_test.go:9: nginx is not installed (Debian package nginx)\n"}
{"Action":"skip","Package":"isuride/b","Test":"TestProxy"}
{"Action":"output","Package":"isuride/a","Output":"FAIL\tisuride/a\t0.1s\n"}
{"Action":"fail","Package":"isuride/a","Elapsed":0.1}
{"Action":"output","Package":"isuride/b","Output":"PASS\n"}
{"Action":"output","Package":"isuride/b","Output":"ok  \tisuride/b\t0.1s\n"}
{"Action":"pass","Package":"isuride/b","Elapsed":100.4}
go: a message of a tool
`

func TestReport(t *testing.T) {
	for installed, want := range map[bool]string{
		false: "    1  nginx is not installed (Debian package nginx) (a program is missing)\n",
		true:  "    1  nginx is not installed (Debian package nginx) (UNEXPECTED: b TestProxy)\n",
	} {
		var out strings.Builder
		r := newReport(&out)
		for line := range strings.Lines(events) {
			r.line([]byte(strings.TrimSuffix(line, "\n")))
		}
		unexpected := r.finish(installed)
		want = "    a_test.go:3: wrong\n        in detail\nFAIL\tisuride/a\t0.1s\nok  \tisuride/b\t0.1s\ngo: a message of a tool\n" +
			"the packages that took longest:\n  100 s  b\nskipped tests: 2\n" +
			"    1  needs the contest's dump: open …: no such file (the dump is not ours to publish)\n" + want +
			"failed tests: 1\n       a TestBad: a_test.go:3: wrong\n"
		if out.String() != want {
			t.Errorf("installed %v:\n%s\nwant\n%s", installed, out.String(), want)
		}
		if (unexpected > 0) != installed {
			t.Errorf("installed %v: %d unexpected", installed, unexpected)
		}
	}
}

// TestPanic: a test that ends its process has no result, but its output is shown.
func TestPanic(t *testing.T) {
	var out strings.Builder
	r := newReport(&out)
	r.line([]byte(`{"Action":"output","Package":"isuride/a","Test":"TestX","Output":"panic: no\n"}`))
	r.line([]byte(`{"Action":"fail","Package":"isuride/a"}`))
	if !strings.Contains(out.String(), "panic: no") {
		t.Errorf("the panic is not shown:\n%s", out.String())
	}
}

// TestUnfinished: what still ran when the run was ended is named, with what it has said.
func TestUnfinished(t *testing.T) {
	var out strings.Builder
	r := newReport(&out)
	for _, line := range []string{
		`{"Time":"2026-01-02T03:04:00Z","Action":"start","Package":"isuride/a"}`,
		`{"Time":"2026-01-02T03:04:01Z","Action":"run","Package":"isuride/a","Test":"TestX"}`,
		`{"Time":"2026-01-02T03:04:01Z","Action":"run","Package":"isuride/a","Test":"TestY"}`,
		`{"Time":"2026-01-02T03:04:02Z","Action":"output","Package":"isuride/a","Test":"TestX","Output":"waiting\n"}`,
		`{"Time":"2026-01-02T03:04:31Z","Action":"pass","Package":"isuride/a","Test":"TestY","Elapsed":30}`,
	} {
		r.line([]byte(line))
	}
	if n := r.finish(true); n != 2 {
		t.Errorf("%d without a result", n)
	}
	const want = "a was not finished after 31 s\na TestX was not finished after 30 s\nwaiting\n" +
		"the tests, without those below them, that took longest:\n   30 s  a TestY\nskipped tests: 0\n"
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}

func TestUnknownReasonIsUnexpected(t *testing.T) {
	if why, ok := expected("no reason given", false); ok {
		t.Errorf("expected because %s", why)
	}
}

// TestOtherActions: what is a make action of its own is no test that was forgotten.
func TestOtherActions(t *testing.T) {
	for _, reason := range []string{"it takes as long as -soak says, 2m at least: make ui-soak", "the film is only made: make picture",
		"a folder is only made, which TestFoldersOfReleases opens: give -folder"} {
		if _, ok := expected(reason, true); !ok {
			t.Errorf("%q is not expected", reason)
		}
	}
}

func TestToldBy(t *testing.T) {
	if got, want := toldBy("=== RUN TestX\n    a_test.go:1: seed 7\n    a_test.go:2: began\n    a_test.go:3: goes on\n    a_test.go:4: goes on\n    a_test.go:5: it ended\n        early\n    process.go:6: the server \"a\" last said:\n        nothing\n"),
		"a_test.go:1: seed 7; a_test.go:2: began; …; a_test.go:4: goes on; a_test.go:5: it ended"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := toldBy("=== RUN TestX\n"), "it says nothing of its own"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
