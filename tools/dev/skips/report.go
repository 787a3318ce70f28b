package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// An event is a line of `go test -json`, see `go doc test2json`.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// A report follows the tests of all packages, whose events may be interleaved.
type report struct {
	out    io.Writer
	output map[string]string   // of running tests, by package and test
	skips  map[string][]string // package and test by reason
}

func newReport(out io.Writer) *report {
	return &report{out, map[string]string{}, map[string][]string{}}
}

// line handles one event. Other lines, such as a tool's messages, are printed unchanged.
func (r *report) line(text []byte) {
	var e event
	if json.Unmarshal(text, &e) != nil {
		fmt.Fprintf(r.out, "%s\n", text)
		return
	}
	if e.Test == "" {
		r.ofPackage(e)
		return
	}
	name := strings.TrimPrefix(e.Package, "isuride/") + " " + e.Test
	switch e.Action {
	case "output":
		r.output[name] += e.Output
	case "fail":
		fmt.Fprint(r.out, r.output[name])
		delete(r.output, name)
	case "skip":
		reason := reasonOf(r.output[name])
		r.skips[reason] = append(r.skips[reason], name)
		delete(r.output, name)
	case "pass":
		delete(r.output, name)
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

// finish prints the skips and returns the number of unexpected ones.
func (r *report) finish(installed bool) (unexpected int) {
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
	return unexpected
}
