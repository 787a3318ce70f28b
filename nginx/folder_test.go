package nginx_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// strangeFolder is a front end with everything a folder may contain besides plain files.
func (s *stack) strangeFolder(t *testing.T) string {
	t.Helper()
	dir := s.path("static")
	for name, content := range map[string]string{
		"static/index.html": page, "static/favicon.ico": "icon", "static/real/a.js": "a", "static/real/deep/b.css": "b",
		"static/.env": "secret", "static/.git/config": "secret", "static/real/.htpasswd": "secret", "static/assets/.map/x.js": "secret",
		"static/.well-known/security.txt": "contact", "static/.well-known/.x": "secret", "static/real/.well-known/x": "secret",
		"static/..1/c.js": "c", "static/..1/sub/d.js": "d", "static/api.txt": "no API", "static/with blank+%.txt": "blank",
		"secret/key": "secret", "static-2/x": "secret",
	} {
		path := s.path(name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"lib": "real", "e.js": "real/a.js", "abs.js": filepath.Join(dir, "real/a.js"), "..data": "..1", "c.js": "..data/c.js", "sub": "..data/sub",
		"assets/r.js": "../real/a.js", "dangling": "nowhere", "loop": "loop", ".#index.html": "nobody@host.1",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// outside adds links out of the folder, one of them for clients that accept gzip.
func (s *stack) outside(t *testing.T, dir string) {
	t.Helper()
	for link, target := range map[string]string{"out": "../secret", "out.txt": "../secret/key", "host": "/etc/hostname", "real/etc": "/etc", "near": "../static-2/x",
		"favicon.ico.gz": "../secret/key", "real/a.js.gz": "deep/b.css"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFolderAsTheServerServesIt compares nginx with the server itself on the same folder,
// path by path.
func TestFolderAsTheServerServesIt(t *testing.T) {
	program := buildServer(t)
	s := newSite(t)
	dir := s.front.strangeFolder(t)
	s.front.outside(t, dir)
	t.Setenv("ISURIDE_STATIC", dir)
	s.serve(t, program)
	s.nginx(t)
	through := s.front.client(t, "127.0.0.1")
	for path, want := range map[string]string{
		"/": page, "/index.html": page, "/client": page, "/real/a.js": "a", "/lib/a.js": "a", "/lib/deep/b.css": "b", "/e.js": "a", "/abs.js": "a",
		"/c.js": "c", "/sub/d.js": "d", "/assets/r.js": "a", "/.well-known/security.txt": "contact", "/api.txt": "no API", "/with%20blank+%25.txt": "blank",
		"/real//a.js": "a", "/real/./a.js": "a", "/client/../real/a.js": "a", "/real/a.js/": page, "/real": page, "/real/": page, "/lib/": page,
		"/.env": page, "/%2eenv": page, "/.git/config": page, "/%2Egit/config": page, "/real/.htpasswd": page, "/lib/.htpasswd": page, "/assets/.map/x.js": page, "//.env": page,
		"/.well-known": page, "/.well-known/": page, "/.well-known/.x": page, "/real/.well-known/x": page, "/.well-known/../.env": page, "/a%0a/.env": page, "/.well-known%2f.x": page,
		"/..data/c.js": page, "/..1/c.js": page, "/.#index.html": page, "/.%23index.html": page, "/...": page,
		"/dangling": page, "/loop": page, "/loop/x": page, "/fifo": page, "/assets/missing.js": page,
		"/out": page, "/out/key": page, "/out.txt": page, "/host": page, "/near": page, "/favicon.ico.gz": page, "/real/etc/hostname": page, "/lib/etc/hostname": page,
	} {
		got := s.front.get(t, through, path)
		resp, err := http.Get("http://" + s.tcp + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		direct := reply{status: resp.StatusCode, body: string(body)}
		if got.status != 200 || got.body != want {
			t.Errorf("nginx answers %s with %d %q, want %q", path, got.status, got.body, want)
		}
		if direct.status != 200 || direct.body != want {
			t.Errorf("the server answers %s with %d %q, want %q", path, direct.status, direct.body, want)
		}
	}
}

// TestTwinOutOfTheFolder: a compressed file must not lead out of the folder either, even
// though clients do not ask for it by name.
func TestTwinOutOfTheFolder(t *testing.T) {
	s := start(t, echo)
	s.outside(t, s.strangeFolder(t))
	for path, want := range map[string]string{"/favicon.ico": page, "/real/a.js": "b"} { // as if the file itself led out; within the folder
		got := s.do(t, s.client(t, "127.0.0.1"), http.MethodGet, path, map[string]string{"Accept-Encoding": "gzip"}, nil)
		if got.status != 200 || got.body != want {
			t.Errorf("%s: %d %q, want %q", path, got.status, got.body, want)
		}
	}
}

// TestPageOutOfTheFolder: if the folder has no usable page, the server's own is shown. Each
// case has an nginx of its own, since one remembers for 30 s what a link led to.
func TestPageOutOfTheFolder(t *testing.T) {
	for _, target := range []string{"../secret", "../secret/key", "fifo", "nowhere"} {
		t.Run(target, func(t *testing.T) {
			s := start(t, echo)
			dir := s.strangeFolder(t)
			if err := errors.Join(os.Remove(filepath.Join(dir, "index.html")), os.Symlink(target, filepath.Join(dir, "index.html"))); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"/", "/client", "/index.html", "/.env"} {
				if got := s.get(t, s.client(t, "127.0.0.1"), path); got.status != http.StatusAccepted {
					t.Errorf("%s: %d %q", path, got.status, got.body)
				}
			}
		})
	}
}

// TestRequestsWithoutHost: HTTP/1.0 clients may send no Host, but the server requires one
// in nginx's HTTP/1.1 requests.
func TestRequestsWithoutHost(t *testing.T) {
	s := start(t, echo)
	for _, request := range []string{"GET /api/x HTTP/1.0\r\n\r\n", "GET /api/app/notification HTTP/1.0\r\n\r\n"} {
		if got := s.raw(t, s.addr, "127.0.0.1", "", request); got.status != http.StatusAccepted || !strings.Contains(got.body, " host=localhost ") {
			t.Errorf("%q: %d %s", request, got.status, got.body)
		}
	}
}

// TestNoRedirects: the contest has none (appendix B), and certainly none to a host that
// the client has named.
func TestNoRedirects(t *testing.T) {
	s := start(t, echo)
	s.writeStatic(t)
	for _, path := range []string{"/api", "/api?x", "/api/internal", "/api/internal?x", "/api/app/notification/", "/%61pi", "/x/../api", "//api", "/assets", "/images", "/real"} {
		got := s.raw(t, s.addr, "127.0.0.1", "", "GET "+path+" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
		if got.header.Get("Location") != "" || got.status >= 300 {
			t.Errorf("%s: %d to %q", path, got.status, got.header.Get("Location"))
		}
		if strings.Contains(path, "api") && got.status != http.StatusAccepted {
			t.Errorf("%s did not reach the API: %d %s", path, got.status, got.body)
		}
	}
}

// TestPathsOfTheAPIMayHaveDots: the rule for dotfiles is only for the static folder.
func TestPathsOfTheAPIMayHaveDots(t *testing.T) {
	s := start(t, echo)
	for _, path := range []string{"/api/.x", "/api/app/.env", "/api/app/rides/.1/evaluation"} {
		if got := s.get(t, s.client(t, "127.0.0.1"), path); got.status != http.StatusAccepted {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := s.get(t, s.client(t, "127.0.0.2"), "/api/internal/.x"); got.status != http.StatusForbidden {
		t.Errorf("internal: %d %s", got.status, got.body)
	}
}
