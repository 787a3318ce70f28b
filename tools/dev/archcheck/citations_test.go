package archcheck

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The two pages of rules: S4.8 is a heading of the server's, B9.2 one of the bench's.
var books = map[string]string{
	"S": filepath.Join("webapp", "docs", "rules.md"),
	"B": filepath.Join("bench", "docs", "rules.md"),
}

var (
	citation = regexp.MustCompile(`\b([SB])(\d+(?:\.\d+)*|\sappendix\s[A-Z])\b`)
	heading  = regexp.MustCompile(`(?m)^#{2,3} (?:(\d+(?:\.\d+)?)[. ]|Appendix ([A-Z])\.)`)
)

// notCitations are files with text that looks like a citation but is not: names of chairs
// in data, of rows in tests.
var notCitations = []string{"sql/", "bench/world/chairmodel.go", "bench/naive/model.go", "webapp/isuride/event_codec_test.go"}

// TestCitationsResolve: every citation has its heading in the repository.
func TestCitationsResolve(t *testing.T) {
	headings := readBooks(t)
	cited := 0
	eachText(t, func(name, text string) {
		for _, m := range citationsIn(name, text) {
			cited++
			if key := m[1] + lastField(m[2]); !headings[key] {
				t.Errorf("%s cites %s, which is not a heading of %s", name, m[0], books[m[1]])
			}
		}
	})
	if cited < 400 {
		t.Errorf("only %d citations found: the test looks in the wrong place", cited)
	}
}

// TestRulesHaveTests lists the rules that are cited neither in a test nor in `bench
// verify`.
func TestRulesHaveTests(t *testing.T) {
	untested := readBooks(t)
	eachText(t, func(name, text string) {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "bench/verify/") {
			for _, m := range citationsIn(name, text) {
				delete(untested, m[1]+lastField(m[2]))
			}
		}
	})
	t.Log("headings that no test cites:", slices.Sorted(maps.Keys(untested)))
}

// citationsIn returns the letter and number of each citation. The pages of rules
// themselves contain none.
func citationsIn(name, text string) [][]string {
	if strings.HasSuffix(name, "docs/rules.md") || slices.ContainsFunc(notCitations, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return nil
	}
	return citation.FindAllStringSubmatch(text, -1)
}

func lastField(s string) string { return s[strings.LastIndexAny(s, " \n\t")+1:] }

func readBooks(t *testing.T) map[string]bool {
	headings := map[string]bool{}
	for letter, file := range books {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
			headings[letter+m[1]+m[2]] = true
		}
	}
	return headings
}

// eachText visits the text files of the project.
func eachText(t *testing.T, visit func(name, text string)) {
	kinds := []string{".go", ".md", ".sh", ".sql", ".yml", ".template", ".conf"}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != root && isForeign(d.Name()) {
			return fs.SkipDir
		}
		name := filepath.ToSlash(strings.TrimPrefix(file, root+string(filepath.Separator)))
		if d.IsDir() || !slices.Contains(kinds, filepath.Ext(name)) {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		visit(name, string(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
