package archcheck

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

var action = regexp.MustCompile("`make ([a-z-]+)")

// TestReadmesListTheSameActions: the Japanese README lists the same actions as the
// English one, and the Makefile has them all.
func TestReadmesListTheSameActions(t *testing.T) {
	english := actions(t, action, "README.md")
	japanese := actions(t, action, filepath.Join("webapp", "docs", "README.ja.md"))
	if !slices.Equal(english, japanese) {
		t.Errorf("README.md has %v\nREADME.ja.md has %v", english, japanese)
	}
	made := actions(t, regexp.MustCompile(`(?m)^([a-z-]+):.*## `), "Makefile")
	for _, a := range english {
		if !slices.Contains(made, a) {
			t.Errorf("make %s is in the READMEs but not in the Makefile", a)
		}
	}
	if len(english) < 10 {
		t.Errorf("only %v found in README.md", english)
	}
}

// actions returns the matches of the expression's group in the file, sorted, each once.
func actions(t *testing.T, e *regexp.Regexp, file string) []string {
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range e.FindAllStringSubmatch(string(text), -1) {
		found[m[1]] = true
	}
	return slices.Sorted(maps.Keys(found))
}
