package archcheck

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// invariants are the names of what the audit checks, where they are declared.
var invariants = map[string]*regexp.Regexp{
	filepath.Join("webapp", "state", "audit.go"):   regexp.MustCompile(`(?m)^\t(\w+) += "([a-z-]+)" +//`),
	filepath.Join("webapp", "recount", "tally.go"): regexp.MustCompile(`(?m)^\t([A-Z]\w+) += "([a-z-]+)" +//`),
}

// TestInvariantsAreTested: the table of audit.md has exactly the invariants of the code, each with
// tests that exist and have its name, as a word or as its constant.
func TestInvariantsAreTested(t *testing.T) {
	page := read(t, filepath.Join("webapp", "docs", "audit.md"))
	rows := map[string]string{} // tests by invariant
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) == 7 && strings.HasPrefix(cells[1], " `") {
			rows[strings.Trim(cells[1], " `")] = cells[5]
		}
	}
	for file, declaration := range invariants {
		found := declaration.FindAllStringSubmatch(read(t, file), -1)
		if len(found) == 0 {
			t.Errorf("%s declares no invariants", file)
		}
		for _, m := range found {
			constant, name := m[1], m[2]
			tests, ok := rows[name]
			delete(rows, name)
			if !ok {
				t.Errorf("audit.md has no row for %s", name)
				continue
			}
			if !plants(t, tests, constant, name) {
				t.Errorf("no test that audit.md names for %s has it", name)
			}
		}
	}
	for name := range rows {
		t.Errorf("audit.md has %s, which is not in the code", name)
	}
}

// plants reports whether the folder of one of the tests in a cell has a test file with the
// invariant in it, and complains of tests that do not exist.
func plants(t *testing.T, cell, constant, name string) (found bool) {
	word := regexp.MustCompile(`\b` + constant + `\b|\b` + regexp.QuoteMeta(name) + `\b`)
	for folder, test := range citedTests(cell) {
		if !hasTest(t, filepath.Join(root, folder), test) {
			t.Errorf("%s has no %s, which audit.md names", folder, test)
		}
		files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(text), "func "+test+"(") && word.Match(text)
		}
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
