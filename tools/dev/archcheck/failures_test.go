package archcheck

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	citedFolder = regexp.MustCompile("`([a-z]+(?:/[a-z]+)*)`")
	citedTest   = regexp.MustCompile(`\bTest[A-Z]\w*`)
)

// TestFailuresNameTests: each line of failures.md ends with tests that exist. A folder
// applies to all tests after it on the line; without one, they are in webapp/server.
func TestFailuresNameTests(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "webapp", "docs", "failures.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[4]) == "test" {
			continue
		}
		lines++
		if !citedTest.MatchString(cells[4]) {
			t.Errorf("no test covers %q", strings.TrimSpace(cells[1]))
		}
		for folder, name := range citedTests(cells[4]) {
			if !hasTest(t, filepath.Join(root, folder), name) {
				t.Errorf("%s has no %s, which failures.md names", folder, name)
			}
		}
	}
	if lines == 0 {
		t.Error("failures.md has no lines")
	}
}

// citedTests yields folder and name of each test in a cell.
func citedTests(cell string) func(yield func(folder, name string) bool) {
	return func(yield func(folder, name string) bool) {
		folder := "webapp/server"
		for _, part := range strings.Split(cell, ",") {
			if m := citedFolder.FindStringSubmatch(part); m != nil {
				folder = m[1]
			}
			for _, name := range citedTest.FindAllString(part, -1) {
				if !yield(folder, name) {
					return
				}
			}
		}
	}
}

func hasTest(t *testing.T, folder, name string) bool {
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}

var (
	packageOrTest = regexp.MustCompile("`((?:webapp|bench|tools|nginx)(?:/[a-z]+)*)`|\\b(Test[A-Z]\\w*)")
	command       = regexp.MustCompile(`-run \S+`)
)

// TestWorkingHereNamesTests: the tests that working-here.md names are in the packages
// named before them.
func TestWorkingHereNamesTests(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "webapp", "docs", "working-here.md"))
	if err != nil {
		t.Fatal(err)
	}
	folder := ""
	text := command.ReplaceAllString(string(page), "")
	for _, m := range packageOrTest.FindAllStringSubmatch(text, -1) {
		switch {
		case m[1] != "":
			folder = m[1]
		case !hasTest(t, filepath.Join(root, folder), m[2]):
			t.Errorf("%s has no %s, which working-here.md names", folder, m[2])
		}
	}
}
