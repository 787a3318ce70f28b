package acceptance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/webapp/servertest"
)

// documents are what a server says about its own interface, with a text that is in each.
var documents = map[string]struct{ kind, has string }{
	"/docs":          {"text/html; charset=utf-8", "/docs/docs.js"},
	"/docs/docs.js":  {"text/javascript; charset=utf-8", "fetch("},
	"/docs/docs.css": {"text/css; charset=utf-8", "color-scheme"},
	"/openapi.json":  {"application/json", `"openapi":"3.1.0"`},
	"/asyncapi.json": {"application/json", `"asyncapi":"3.0.0"`},
}

// TestDocuments: a server describes itself, without anything from elsewhere, whatever front
// end is in place.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for name, folder := range map[string]string{"built-in page": "", "front end": frontEnd(t)} {
		t.Run(name, func(t *testing.T) {
			p := servertest.New(t, "ISURIDE_STATIC="+folder)
			p.Bare()
			p.Start()
			for path, want := range documents {
				r := p.Send("GET", path, "")
				if kind := r.Header.Get("Content-Type"); r.Status != 200 || kind != want.kind || !strings.Contains(string(r.Body), want.has) {
					t.Errorf("%s answers %d with %s: %.100q", path, r.Status, kind, r.Body)
				}
				if policy := strings.Join(r.Header.Values("Content-Security-Policy"), " "); !strings.Contains(policy, "default-src 'self'") {
					t.Errorf("%s may load what it likes: %s", path, policy)
				}
				if strings.Contains(string(r.Body), `src="http`) || strings.Contains(want.kind, "html") && strings.Contains(string(r.Body), "<script>") {
					t.Errorf("%s needs what its policy forbids", path)
				}
			}
			for _, path := range []string{"/openapi.json", "/asyncapi.json"} {
				if r := p.Send("GET", path, ""); !json.Valid(r.Body) {
					t.Errorf("%s is no JSON", path)
				}
			}
		})
	}
}

// frontEnd is a folder with a page and nothing else.
func frontEnd(t *testing.T, more ...string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range append(more, "index.html") {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("the front end's "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestFrontEndKeepsItsPaths: a file of the front end that is called like a document of ours
// is what its users want.
func TestFrontEndKeepsItsPaths(t *testing.T) {
	t.Parallel()
	p := servertest.New(t, "ISURIDE_STATIC="+frontEnd(t, "openapi.json", "docs/docs.js"))
	p.Bare()
	p.Start()
	for path, want := range map[string]string{"/openapi.json": "the front end's openapi.json", "/docs/docs.js": "the front end's docs/docs.js",
		"/docs/x": "the front end's index.html", "/asyncapi.json": `{"asyncapi"`} {
		if r := p.Send("GET", path, ""); r.Status != 200 || !strings.HasPrefix(string(r.Body), want) {
			t.Errorf("%s answers %d %.100q, want %s", path, r.Status, r.Body, want)
		}
	}
}
