package acceptance

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/webapp/servertest"
)

// TestStaticFiles is appendix B: files as they are, index.html for every other path, no
// redirects, caching and compression.
func TestStaticFiles(t *testing.T) {
	t.Parallel()
	files := someFiles()
	folder := t.TempDir()
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	servertest.Protocols(t, func(t *testing.T, p *servertest.Process) { servesFolder(t, p, files) }, "ISURIDE_STATIC="+folder)
}

func servesFolder(t *testing.T, p *servertest.Process, files map[string][]byte) {
	p.Bare()
	p.Start()
	index := files["index.html"]
	t.Run("files", func(t *testing.T) { servesFiles(t, p, files) })
	t.Run("fallback", func(t *testing.T) {
		fallsBack(t, p, index)
		fallsBack(t, p, index, "/assets", "/assets/", "/assets/missing.js", "/../index.html", "/assets/../../secret", "/%2e%2e/%2e%2e/secret")
	})
	t.Run("compression", func(t *testing.T) { compresses(t, p, files) })
	t.Run("caching", func(t *testing.T) { isCached(t, p, "/", index) })
	t.Run("caching of assets", func(t *testing.T) { isCached(t, p, "/assets/app-5d2c1a.js", files["assets/app-5d2c1a.js"]) })
	t.Run("methods", func(t *testing.T) { onlyReads(t, p, "/client", index) })
}

// TestStaticPageWithoutFolder is the same for the page that says what runs here.
func TestStaticPageWithoutFolder(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.Bare()
	p.Start()
	r := p.Send("GET", "/", "")
	if !bytes.Contains(r.Body, []byte("ISURIDE")) || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("the page is %q: %s", r.Header.Get("Content-Type"), r.Body)
	}
	fallsBack(t, p, r.Body)
	isCached(t, p, "/client", r.Body)
	onlyReads(t, p, "/", r.Body)
}

// someFiles are the contents of a folder by name.
func someFiles() map[string][]byte {
	random := make([]byte, 50_000) // nothing can be gained by compressing it
	rand.NewChaCha8([32]byte{}).Read(random)
	return map[string][]byte{
		"index.html":           []byte("<!doctype html>" + strings.Repeat("<p>isuride</p>", 100)),
		"favicon.svg":          []byte("<svg/>"),
		"empty.txt":            {},
		"images/photo.png":     random,
		"assets/app-5d2c1a.js": []byte(strings.Repeat("console.log('chair');\n", 30_000)),
		"a/b/c/deep.css":       []byte("a{}"),
		"with blank äß+%.txt":  []byte("any name"),
	}
}

func servesFiles(t *testing.T, p *servertest.Process, files map[string][]byte) {
	for path, name := range map[string]string{
		"/index.html": "index.html", "/favicon.svg": "favicon.svg", "/empty.txt": "empty.txt", "/images/photo.png": "images/photo.png",
		"/assets/app-5d2c1a.js": "assets/app-5d2c1a.js", "/assets/app-5d2c1a.js?v=1": "assets/app-5d2c1a.js",
		"/a/b/c/deep.css": "a/b/c/deep.css", "/with%20blank%20%C3%A4%c3%9f+%25.txt": "with blank äß+%.txt",
	} {
		r := p.Send("GET", path, "")
		if r.Status != 200 || !bytes.Equal(r.Body, files[name]) || r.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s answers %d with %d bytes, want %s with %d", path, r.Status, len(r.Body), name, len(files[name]))
		}
	}
	for path, prefix := range map[string]string{"/": "text/html", "/favicon.svg": "image/svg+xml", "/images/photo.png": "image/png",
		"/assets/app-5d2c1a.js": "text/javascript", "/a/b/c/deep.css": "text/css"} {
		if got := p.Send("GET", path, "").Header.Get("Content-Type"); !strings.HasPrefix(got, prefix) {
			t.Errorf("%s comes as %q, want %s", path, got, prefix)
		}
	}
}

// fallsBack: a path that is no file is index.html, without a redirect; all below /api is
// not. Without further paths those of appendix B are tried.
func fallsBack(t *testing.T, p *servertest.Process, index []byte, paths ...string) {
	t.Helper()
	if len(paths) == 0 {
		paths = []string{"/", "/?a=b", "/index.html", "/client", "/client/", "/client/history", "/owner", "/owner/", "/owner/sales",
			"/simulator", "/nothing.js", "/apis", "/API/owner/sales", "//", "//api/app/rides"}
	}
	for _, path := range paths {
		r := p.Send("GET", path, "")
		if r.Status != 200 || !bytes.Equal(r.Body, index) || r.Header.Get("Location") != "" {
			t.Errorf("%s answers %d with %d bytes, want index.html", path, r.Status, len(r.Body))
		}
	}
	p.Send("GET", "/api/nothing", "").Refused(t, 404, "/api/nothing")
}

// compresses: for clients that take gzip, where it gains something.
func compresses(t *testing.T, p *servertest.Process, files map[string][]byte) {
	const path = "/assets/app-5d2c1a.js"
	for _, c := range []struct {
		path, accept string
		packed       bool
	}{
		{path, "gzip", true},
		{path, "gzip, deflate, br", true},
		{path, "br, GZIP;q=0.5", true},
		{path, "deflate,gzip ; q=1.0", true},
		{path, "", false},
		{path, "identity", false},
		{path, "br", false},
		{path, "gzip;q=0", false},
		{path, "gzip; q=0.000, br", false},
		{path, "x-gzipped", false},
		{"/index.html", "gzip", true},
		{"/images/photo.png", "gzip", false},
		{"/favicon.svg", "gzip", false},
		{"/empty.txt", "gzip", false},
	} {
		r := p.Send("GET", c.path, "", "Accept-Encoding", c.accept)
		content := r.Body
		if packed := r.Header.Get("Content-Encoding") == "gzip"; packed != c.packed {
			t.Errorf("%s for %q: compressed is %v, want %v", c.path, c.accept, packed, c.packed)
			continue
		}
		if !strings.Contains(r.Header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%s: Vary is %q", c.path, r.Header.Get("Vary"))
		}
		if c.packed {
			content = unzip(t, r.Body)
		}
		if !bytes.Equal(content, files[c.path[1:]]) {
			t.Errorf("%s for %q has another content", c.path, c.accept)
		}
	}
}

func unzip(t *testing.T, packed []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// isCached: a copy may be kept for a while, and is then confirmed by 304 without a body.
func isCached(t *testing.T, p *servertest.Process, path string, content []byte) {
	t.Helper()
	first := p.Send("GET", path, "")
	etag, modified := first.Header.Get("Etag"), first.Header.Get("Last-Modified")
	// The interface's own page names the files of one build, so it is asked for each time.
	if caching := first.Header.Get("Cache-Control"); !strings.Contains(caching, "max-age=") && caching != "no-cache" || etag == "" {
		t.Fatalf("%s has the header %v", path, first.Header)
	}
	strong := strings.TrimPrefix(etag, "W/")
	conditions := []struct {
		fields []string
		status int
	}{
		{[]string{"If-None-Match", etag}, 304},
		{[]string{"If-None-Match", strong}, 304},
		{[]string{"If-None-Match", "W/" + strong}, 304},
		{[]string{"If-None-Match", `"other", ` + etag}, 304},
		{[]string{"If-None-Match", etag, "Accept-Encoding", "gzip"}, 304},
		{[]string{"If-None-Match", `"other"`}, 200},
		{[]string{"If-None-Match", "*"}, 304},
		{[]string{"If-Match", "*"}, 200},
		{[]string{"If-Match", "*", "If-None-Match", etag}, 304},
		{[]string{"If-Match", `"other"`}, 412},
		{[]string{"If-Match", etag}, 412}, // a weak tag is never the same for sure
		{[]string{"If-Match", `"other"`, "If-None-Match", etag}, 412},
		{[]string{"If-Unmodified-Since", "yesterday"}, 200},
	}
	if modified != "" { // the built-in page has no time
		conditions = append(conditions, []struct {
			fields []string
			status int
		}{
			{[]string{"If-Modified-Since", modified}, 304},
			{[]string{"If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"}, 200},
			{[]string{"If-None-Match", `"other"`, "If-Modified-Since", modified}, 200},
			{[]string{"If-Unmodified-Since", modified}, 200},
			{[]string{"If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"}, 412},
			{[]string{"If-Unmodified-Since", "Monday, 02-Jan-06 15:04:05 GMT"}, 412},
			{[]string{"If-Unmodified-Since", "Mon Jan  2 15:04:05 2006"}, 412},
			{[]string{"If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:05 GMT", "If-Match", "*"}, 200},
		}...)
	}
	for _, c := range conditions {
		for _, method := range []string{"GET", "HEAD"} {
			r := p.Send(method, path, "", c.fields...)
			if r.Status != c.status {
				t.Errorf("%s %s with %q answers %d, want %d", method, path, c.fields, r.Status, c.status)
			}
			if r.Status == 304 && (len(r.Body) > 0 || r.Header.Get("Etag") != etag || r.Header.Get("Cache-Control") == "") {
				t.Errorf("%s %s: 304 has %d bytes and the header %v", method, path, len(r.Body), r.Header)
			}
			if r.Status == 200 && method == "GET" && !bytes.Equal(r.Body, content) {
				t.Errorf("%s has another content", path)
			}
		}
	}
}

// onlyReads: HEAD is GET without a body, everything else is refused.
func onlyReads(t *testing.T, p *servertest.Process, path string, content []byte) {
	t.Helper()
	get, head := p.Send("GET", path, ""), p.Send("HEAD", path, "")
	if head.Status != 200 || len(head.Body) > 0 {
		t.Errorf("HEAD answers %d with %d bytes", head.Status, len(head.Body))
	}
	for _, name := range []string{"Content-Length", "Content-Type", "Etag", "Cache-Control", "Last-Modified"} {
		if g, h := get.Header.Get(name), head.Header.Get(name); g != h {
			t.Errorf("%s is %q for GET and %q for HEAD", name, g, h)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		r := p.Send(method, path, "")
		r.Refused(t, 405, method)
		if r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: Allow is %q", method, r.Header.Get("Allow"))
		}
	}
	if r := p.Send("GET", path, ""); r.Status != http.StatusOK || !bytes.Equal(r.Body, content) {
		t.Errorf("after all that GET answers %d", r.Status)
	}
}
