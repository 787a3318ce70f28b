package api

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

// tree makes a folder: "name" is a file with its name in it, "name -> target" a link.
func tree(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, n := range names {
		name, target, link := strings.Cut(n, " -> ")
		name = filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		switch {
		case err != nil:
		case link:
			err = os.Symlink(strings.ReplaceAll(target, "DIR", dir), name)
		default:
			err = os.WriteFile(name, []byte(filepath.Base(n)), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// load reads the folder and returns what it serves of it, by path, and the log.
func load(t *testing.T, dir string) (served map[string]string, log string) {
	t.Helper()
	var b bytes.Buffer
	s, err := NewStatic(t.Context(), dir, fstest.MapFS{}, slog.New(slog.NewTextHandler(&b, nil)))
	if err != nil {
		t.Fatal(err)
	}
	served = map[string]string{}
	for name, f := range s.files {
		served[name] = string(f.plain)
	}
	return served, b.String()
}

func wantServed(t *testing.T, served map[string]string, want ...string) {
	t.Helper()
	if got := slices.Sorted(maps.Keys(served)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("served is %q, want %q", got, want)
	}
}

// TestLinksAreFollowedWithin: to files and folders, relative and absolute, and never out.
func TestLinksAreFollowedWithin(t *testing.T) {
	dir := t.TempDir()
	site := filepath.Join(dir, "site")
	tree(t, dir, "secret/key", "site-2/near")
	tree(t, site, "index.html", "real/a.js", "real/deep/b.js", "assets -> real", "c.js -> assets/a.js", "abs.js -> DIR/real/a.js", "absdir -> DIR/real/deep",
		"out -> ../secret", "out.txt -> ../secret/key", "abs-out -> /etc", "near -> ../site-2", "hop -> out.txt", "round -> ../site/real/a.js")
	served, log := load(t, site)
	wantServed(t, served, "/index.html", "/real/a.js", "/real/deep/b.js", "/assets/a.js", "/assets/deep/b.js", "/c.js", "/abs.js", "/absdir/b.js", "/round")
	for _, name := range []string{"out", "out.txt", "abs-out", "near", "hop"} {
		if strings.Count(log, "name="+name+" ") != 1 {
			t.Errorf("of %s the log says %s", name, log)
		}
	}
}

// TestVolumeOfKubernetes: what is seen has no dot, where it is has.
func TestVolumeOfKubernetes(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, "..2026_11_29/index.html", "..2026_11_29/app.js", "..data -> ..2026_11_29", "index.html -> ..data/index.html", "app.js -> ..data/app.js", "sub -> ..data")
	served, log := load(t, dir)
	wantServed(t, served, "/index.html", "/app.js", "/sub/index.html", "/sub/app.js")
	if log != "" {
		t.Errorf("the log says %s", log)
	}
}

// TestDotFilesAreNobodysBusiness, wherever they are; /.well-known/ is made to be read.
func TestDotFilesAreNobodysBusiness(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, "index.html", ".env", ".git/config", "a/.htpasswd", "a/.svn/entries", ".well-known/security.txt", ".well-known/.secret", "a/.well-known/x", ".#index.html -> nobody@host.1", "..x", ".well-known.txt")
	served, log := load(t, dir)
	wantServed(t, served, "/index.html", "/.well-known/security.txt")
	if log != "" {
		t.Errorf("the log says %s", log)
	}
}

// TestWhatIsNoFileIsLeftOut: it neither stops nor holds up the start, and is named.
func TestWhatIsNoFileIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, "index.html", "a/x.js", "dangling -> nowhere", "a/me -> me", "a/ping -> pong", "a/pong -> ping", "a/up -> ..", "self -> .", "device -> /dev/zero", "pipe.html -> fifo", "through -> index.html/x")
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir) // sockets have short paths
	l, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	want := []string{"/index.html", "/a/x.js"}
	skipped := []string{"dangling", "a/me", "a/ping", "a/pong", "a/up", "self", "device", "pipe.html", "through", "fifo", "socket"}
	if os.Getuid() != 0 {
		tree(t, dir, "private", "closed/x")
		os.Chmod("private", 0)
		os.Chmod("closed", 0)
		defer os.Chmod("closed", 0o700)
		skipped = append(skipped, "private", "closed")
	}
	served, log := load(t, dir)
	wantServed(t, served, want...)
	for _, name := range skipped {
		if strings.Count(log, "name="+name+" ") != 1 {
			t.Errorf("of %s the log says %s", name, log)
		}
	}
}

// TestFolderIsRefused: the reading ends with the start, and folders that cannot be served
// are refused by name.
func TestFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, "good/index.html", "bare/x", "dangling/index.html -> nowhere", "file", "huge/index.html")
	huge, err := os.Create(filepath.Join(dir, "huge", "video.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(huge.Truncate(1<<40), huge.Close()); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for folder, told := range map[string]string{"bare": "index.html", "dangling": "index.html", "file": "file", "missing": "missing", "huge": "video.mp4"} {
		if _, err := NewStatic(t.Context(), filepath.Join(dir, folder), fstest.MapFS{}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), told) {
			t.Errorf("%s: %v", folder, err)
		}
	}
	if _, err := NewStatic(ended, filepath.Join(dir, "good"), fstest.MapFS{}, slog.New(slog.DiscardHandler)); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the start: %v", err)
	}
}

// TestFileThatChanges is read again, and refused by name if it never rests.
func TestFileThatChanges(t *testing.T) {
	const perRead = 2 // looks at the context: for the content, and for its end
	for changes, ok := range map[int]bool{0: true, 1: true, perRead * (maxReads - 1): true, perRead * maxReads: false} {
		dir := t.TempDir()
		tree(t, dir, "app.js")
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		var got string
		r := &folderReader{root: root, real: dir, log: slog.New(slog.DiscardHandler), ctx: &writerBetween{t.Context(), filepath.Join(dir, "app.js"), changes}}
		r.add = func(name string, content []byte, _ time.Time) { got = string(content) }
		err = r.file("app.js", "app.js")
		if (err == nil) != ok || ok && got != "app.js" || !ok && !strings.Contains(err.Error(), "app.js changes") {
			t.Errorf("after %d changes: %v, %q", changes, err, got)
		}
	}
}

// writerBetween is a context that touches a file whenever it is looked at.
type writerBetween struct {
	context.Context
	path string
	left int
}

func (w *writerBetween) Err() error {
	if w.left == 0 {
		return nil
	}
	w.left--
	return os.Chtimes(w.path, time.Time{}, time.Unix(int64(w.left), 0))
}

func TestTags(t *testing.T) {
	const tag = `"0123"`
	for list, want := range map[string]bool{`"0123"`: true, `W/"0123"`: true, `"a,b" , W/"0123"`: true, `,,"0123"`: true, `"x""0123"`: true, "": false, `0123`: false, `"012"`: false, `"a"0123"`: false, `w/"0123"`: false, `"0123`: false} {
		if got := hasTag([]byte(list), tag); got != want {
			t.Errorf("%s is in %s: %t", tag, list, got)
		}
	}
}

func TestTakesGzip(t *testing.T) {
	for accepted, want := range map[string]bool{
		"gzip": true, "GZIP;Q=1": true, "gzip;q=0.001": true, "x-gzip": true, "br, gzip ; q = 0.5": true, "identity;q=0.5, gzip": true, "identity;q=0, *;q=0.3": true, "gzip;q=1.000": true, "*;q=0, gzip": true,
		"": false, "gzip;q=0": false, "gzip;Q=0": false, "gzip;q= 0": false, "gzip;q=0.000": false, "gzip; Q = 0.0": false, "*;q=0": false, "*": false, "identity": false, "identity, gzip;q=0.5": false,
		"gzip;q=2": false, "gzip;q=x": false, "gzip;q=-1": false, "gzip;q=NaN": false, "identity;q=0": false, "identity;q=0, *;q=0": false, "gzipped": false, "gzip;q=0, *": false,
	} {
		if got := takes([]byte(accepted), "gzip"); got != want {
			t.Errorf("%q: %t", accepted, got)
		}
	}
}
