package api

import (
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
)

// The interface is below /ui/ in any case, and at / where there is nothing else.
func TestInterfacePaths(t *testing.T) {
	built := fstest.MapFS{}
	for _, name := range []string{"index.html", "assets/main-1.js"} {
		built[name] = &fstest.MapFile{Data: []byte(name)}
		built[name+".gz"] = &fstest.MapFile{Data: []byte(name + " as gzip")}
		built[name+".br"] = &fstest.MapFile{Data: []byte(name + " as brotli")}
	}
	built["README"] = &fstest.MapFile{Data: []byte("no file of the interface")}
	s, err := NewStatic(t.Context(), "", built, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/": "index.html", "/ride": "index.html",
		"/ui": "index.html", "/ui/": "index.html", "/ui/fleet": "index.html", "/ui/README": "index.html",
		"/ui/assets/main-1.js": "assets/main-1.js", "/ui/assets/main-0.js": "", "/ui/assets/main-1.js.br": "",
	} {
		f := s.find(path)
		if s.ui.has(path) {
			f = s.ui.find(path)
		}
		got := ""
		if f != nil {
			got = string(f.plain)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	index, script := s.ui.index, s.ui.files["/ui/assets/main-1.js"]
	if string(script.brotli) != "assets/main-1.js as brotli" || string(script.gzipped) != "assets/main-1.js as gzip" {
		t.Errorf("the packed forms are %q and %q", script.brotli, script.gzipped)
	}
	if !strings.Contains(index.head, "default-src 'self'") || strings.Count(index.head, "Content-Security-Policy") != 1 ||
		!strings.Contains(index.head, "no-cache") || !strings.Contains(script.head, "immutable") {
		t.Errorf("headers of the page:\n%s\nand of the script:\n%s", index.head, script.head)
	}
}

// A program that was compiled without its interface says how to get it.
func TestInterfaceNotBuilt(t *testing.T) {
	s, err := NewStatic(t.Context(), "", fstest.MapFS{"README": &fstest.MapFile{}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(s.find("/").plain); !strings.Contains(got, "make build") {
		t.Errorf("the page is %q", got)
	}
}
