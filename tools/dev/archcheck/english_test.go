package archcheck

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// translated matches phrases that mark a translation and are never right in this project.
// Add one when a review has found it twice.
var translated = regexp.MustCompile(`(?i)\b(anew|whoever|(is|are|was|were|be) told of|` +
	`stopped to answer|who minds|at the begin|what is not so)\b`)

// TestPlainEnglish: code, scripts and pages are free of these phrases.
func TestPlainEnglish(t *testing.T) {
	eachText(t, func(name, text string) {
		kind := path.Ext(name)
		if !slices.Contains([]string{".go", ".md", ".sh"}, kind) || strings.HasSuffix(name, "archcheck/english_test.go") {
			return
		}
		number := 0
		for line := range strings.Lines(text) {
			number++
			if phrase := translated.FindString(line); phrase != "" {
				t.Errorf("%s:%d: %q reads like a translation", name, number, phrase)
			}
		}
	})
}
