package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// An event is a line of `go test -json`, see `go doc test2json`.
type event struct {
	Time    time.Time
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64 // s
}

// A report follows the tests of all packages, whose events may be interleaved.
type report struct {
	out    io.Writer
	output map[string]string    // of running tests, by package and test
	skips  map[string][]string  // package and test by reason
	began  map[string]time.Time // packages, and tests as output has them, that have no result yet
	failed []string             // with what each said first and last
	times  []taken
	last   time.Time
}

// taken is what a package or a test took.
type taken struct {
	name    string
	test    bool
	seconds float64
}

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[string]string{}, skips: map[string][]string{}, began: map[string]time.Time{}}
}

// line handles one event. Other lines, such as a tool's messages, are printed unchanged.
func (r *report) line(text []byte) {
	var e event
	if json.Unmarshal(text, &e) != nil {
		fmt.Fprintf(r.out, "%s\n", text)
		return
	}
	name := strings.TrimSpace(strings.TrimPrefix(e.Package, "isuride/") + " " + e.Test)
	r.time(name, e)
	if e.Test == "" {
		r.ofPackage(e)
		return
	}
	switch e.Action {
	case "output":
		r.output[name] += e.Output
	case "fail":
		fmt.Fprint(r.out, r.output[name])
		r.failed = append(r.failed, name+": "+toldBy(r.output[name]))
		delete(r.output, name)
	case "skip":
		reason := reasonOf(r.output[name])
		r.skips[reason] = append(r.skips[reason], name)
		delete(r.output, name)
	case "pass":
		delete(r.output, name)
	}
}

// time notes when something began and what it took. A test that runs in parallel with others
// begins again where it goes on after its pause.
func (r *report) time(name string, e event) {
	r.last = e.Time
	switch e.Action {
	case "start", "run", "cont":
		r.began[name] = e.Time
	case "pass", "fail", "skip":
		maps.DeleteFunc(r.began, func(other string, _ time.Time) bool {
			return other == name || e.Test == "" && strings.HasPrefix(other, name+" ")
		})
		if e.Elapsed > 0 {
			r.times = append(r.times, taken{name, e.Test != "", e.Elapsed})
		}
	}
}

// ofPackage prints everything except PASS, which the line beginning with ok repeats.
func (r *report) ofPackage(e event) {
	if (e.Action == "output" || e.Action == "build-output") && e.Output != "PASS\n" {
		fmt.Fprint(r.out, e.Output)
	}
	if e.Action == "fail" { // a test that ended the process has no result of its own
		for _, name := range slices.Sorted(maps.Keys(r.output)) {
			if strings.HasPrefix(name, strings.TrimPrefix(e.Package, "isuride/")+" ") {
				fmt.Fprint(r.out, r.output[name])
				delete(r.output, name)
			}
		}
	}
}

var (
	place  = regexp.MustCompile(`(?m)^\s+\w+\.go:\d+: `)
	varies = regexp.MustCompile(`(/[\w.-]+){3,}`) // paths differ between machines
)

// reasonOf finds the reason in a skipped test's output: the text after the last source
// position.
func reasonOf(output string) string {
	at := place.FindAllStringIndex(output, -1)
	if at == nil {
		return "no reason given"
	}
	text, _, _ := strings.Cut(output[at[len(at)-1][1]:], "\n--- SKIP")
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	return varies.ReplaceAllString(text, "…")
}

// toldBy are the first lines of what a failed test said, of its first and last messages: what a test logs
// cannot be told from how it fails. The processes that it ran are left out.
func toldBy(output string) string {
	var told []string
	for _, at := range place.FindAllStringIndex(output, -1) {
		text, _, _ := strings.Cut(output[at[0]:], "\n")
		if text = strings.TrimSpace(text); !strings.Contains(text, " last said:") {
			told = append(told, text)
		}
	}
	switch n := len(told); {
	case n == 0:
		return "it says nothing of its own"
	case n > 4:
		told = slices.Concat(told[:2], []string{"…"}, told[n-2:])
	}
	return strings.Join(told, "; ")
}

// failures repeats what failed: of a long run often only the end is kept.
func (r *report) failures() {
	if len(r.failed) == 0 {
		return
	}
	fmt.Fprintf(r.out, "failed tests: %d\n", len(r.failed))
	for _, text := range r.failed {
		fmt.Fprintf(r.out, "       %s\n", text)
	}
}

// longest is how many packages and tests are listed.
const longest = 15

// slow lists what took longest.
func (r *report) slow() {
	slices.SortStableFunc(r.times, func(a, b taken) int { return cmp.Compare(b.seconds, a.seconds) })
	r.list("packages", false)
	r.list("tests, without those below them,", true)
}

func (r *report) list(what string, tests bool) {
	left := longest
	for _, t := range r.times {
		if t.test != tests || left == 0 || t.seconds < 1 {
			continue
		}
		if left == longest {
			fmt.Fprintf(r.out, "the %s that took longest:\n", what)
		}
		fmt.Fprintf(r.out, "%5.0f s  %s\n", t.seconds, t.name)
		left--
	}
}

// unfinished prints what has no result, because the run was ended.
func (r *report) unfinished() (n int) {
	for _, name := range slices.Sorted(maps.Keys(r.began)) {
		fmt.Fprintf(r.out, "%s was not finished after %.0f s\n%s", name, r.last.Sub(r.began[name]).Seconds(), r.output[name])
	}
	return len(r.began)
}

// finish prints what took long, the skips and the failures, and returns how many tests have no result, or an unexpected skip.
func (r *report) finish(installed bool) (unexpected int) {
	unexpected = r.unfinished()
	r.slow()
	total := 0
	for _, names := range r.skips {
		total += len(names)
	}
	fmt.Fprintf(r.out, "skipped tests: %d\n", total)
	for _, reason := range slices.Sorted(maps.Keys(r.skips)) {
		names := r.skips[reason]
		why, ok := expected(reason, installed)
		if !ok {
			why = "UNEXPECTED: " + strings.Join(names, ", ")
			unexpected += len(names)
		}
		fmt.Fprintf(r.out, "%5d  %s (%s)\n", len(names), reason, why)
	}
	r.failures()
	return unexpected
}
