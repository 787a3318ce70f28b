package archcheck

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code     = regexp.MustCompile("(?ms)^```.*?^```|`[^`\n]*`")
	title    = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N}\p{M} _-]`)
)

// TestLinksResolve: every relative link in a page leads to an existing file or folder,
// and its anchor to a heading.
func TestLinksResolve(t *testing.T) {
	pages := map[string]string{}
	eachText(t, func(name, text string) {
		if path.Ext(name) == ".md" {
			pages[name] = text
		}
	})
	links := 0
	for name, text := range pages {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(text, "code"), -1) {
			if strings.Contains(m[1], ":") {
				continue // a URL
			}
			links++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := name
			if file != "" {
				target = path.Join(path.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			} else if anchor != "" && !anchors(pages[target])[anchor] {
				t.Errorf("%s links to %s, but %s has no such heading", name, m[1], target)
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links found: the test looks in the wrong place", links)
	}
}

// anchors returns the names under which a page's headings can be linked to.
func anchors(page string) map[string]bool {
	names := map[string]bool{}
	for _, m := range title.FindAllStringSubmatch(page, -1) {
		name := noAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		names[strings.ReplaceAll(name, " ", "-")] = true
	}
	return names
}

func TestAnchors(t *testing.T) {
	got := anchors("# 1. The journal, and `write(2)`\n\ntext\n")
	if !got["1-the-journal-and-write2"] || len(got) != 1 {
		t.Errorf("anchors: %v", got)
	}
}
