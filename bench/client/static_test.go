package client

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/andybalholm/brotli"

	"isuride/bench/world"
)

// TestOfficialList sorts the list of B appendix B into the page sets of B4.5.
func TestOfficialList(t *testing.T) {
	rules, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(rules), "MD5 of the decoded bodies")
	_, list, _ = strings.Cut(list, "```text\n")
	list, _, _ = strings.Cut(list, "```")
	s, err := ReadStatic(strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Paths) != 59 {
		t.Errorf("%d files, want 59", len(s.Paths))
	}
	for v, want := range map[world.Visit]int{
		world.VisitUserRegistration: 36, world.VisitPaymentRegistration: 1, world.VisitRideRequest: 30,
		world.VisitEvaluation: 30, world.VisitOwnerRegistration: 21, world.VisitOwnerChairs: 17,
	} {
		if got := len(s.visits[v]); got != want {
			t.Errorf("visit %d: %d GETs, want %d: %v", v, got, want, s.visits[v])
		}
	}
}

func TestReadStaticRefuses(t *testing.T) {
	sum := strings.Repeat("0", 32)
	for _, list := range []string{"", sum, "xyz /index.html", sum + " index.html", sum + " /a.js", sum + " /index.html nonsense",
		sum + " /index.html\n" + sum + " /index.html", "0000 /index.html"} {
		if _, err := ReadStatic(strings.NewReader(list)); err == nil {
			t.Errorf("%q is accepted", list)
		}
	}
}

// frontEnd serves two files and a page, in any coding, and counts what it sends in full.
type frontEnd struct {
	header http.Header
	coding string
	files  map[string]string
	full   atomic.Int32
	all    atomic.Int32
}

func newFrontEnd(header http.Header, coding string) *frontEnd {
	return &frontEnd{header: header, coding: coding, files: map[string]string{"/client": "<html>", "/index.html": "<html>", "/a.js": "a()", "/b.js": "b()"}}
}

func (f *frontEnd) list(t *testing.T) *Static {
	var b strings.Builder
	for _, path := range []string{"/index.html", "/a.js client", "/b.js client"} {
		name, _, _ := strings.Cut(path, " ")
		fmt.Fprintf(&b, "%x %s\n", md5.Sum([]byte(f.files[name])), path)
	}
	s, err := ReadStatic(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *frontEnd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.all.Add(1)
	for name, values := range f.header {
		w.Header()[name] = values
	}
	if etag := f.header.Get("Etag"); etag != "" && r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	f.full.Add(1)
	var b bytes.Buffer
	switch f.coding {
	case "br":
		z := brotli.NewWriter(&b)
		z.Write([]byte(f.files[r.URL.Path]))
		z.Close()
	case "gzip":
		z := gzip.NewWriter(&b)
		z.Write([]byte(f.files[r.URL.Path]))
		z.Close()
	default:
		b.WriteString(f.files[r.URL.Path])
	}
	if f.coding != "" {
		w.Header().Set("Content-Encoding", f.coding)
	}
	w.Write(b.Bytes())
}

// TestVisits loads a page of three files twice and counts what goes over the network
// (B4.5).
func TestVisits(t *testing.T) {
	for _, c := range []struct {
		name      string
		header    http.Header
		coding    string
		all, full int32
	}{
		{"no caching", nil, "", 6, 6},
		{"brotli", nil, "br", 6, 6},
		{"gzip", nil, "gzip", 6, 6},
		{"validators", http.Header{"Etag": {`"v"`}}, "", 6, 3},
		{"max-age", http.Header{"Cache-Control": {"max-age=1000"}}, "gzip", 3, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFrontEnd(c.header, c.coding)
			r := newRig(t, "http", serve(t, f), func(cfg *Config) { cfg.Static = f.list(t) })
			u := r.user()
			r.ok(r.one(func() { u.Visit(world.VisitRideRequest) }))
			r.ok(r.one(func() { u.Visit(world.VisitEvaluation) }))
			if all, full := f.all.Load(), f.full.Load(); all != c.all || full != c.full {
				t.Errorf("%d requests, %d in full; want %d, %d", all, full, c.all, c.full)
			}
		})
	}
}

// TestVisitContent checks that a changed file fails the visit, also when a cache confirms
// the old one.
func TestVisitContent(t *testing.T) {
	for name, header := range map[string]http.Header{"plain": nil, "validators": {"Etag": {`"v"`}}} {
		t.Run(name, func(t *testing.T) {
			f := newFrontEnd(header, "")
			list := f.list(t)
			f.files["/b.js"] = "bad()"
			r := newRig(t, "http", serve(t, f), func(cfg *Config) { cfg.Static = list })
			u := r.user()
			for range 2 {
				got := r.one(func() { u.Visit(world.VisitRideRequest) })
				if got.Failure == nil || got.Failure.Kind != world.FailureContent || !strings.Contains(got.Failure.Detail, "/b.js") {
					t.Errorf("got %v", got.Failure)
				}
			}
		})
	}
}

// TestVisitMissing checks that a missing file fails the visit and ends it.
func TestVisitMissing(t *testing.T) {
	f := newFrontEnd(nil, "")
	list := f.list(t)
	var n atomic.Int32
	r := newRig(t, "http", serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n.Add(1)
		http.NotFound(w, req)
	})), func(cfg *Config) { cfg.Static = list })
	if got := r.one(func() { r.user().Visit(world.VisitRideRequest) }); got.Failure == nil || got.Failure.Status != http.StatusNotFound || n.Load() != 1 {
		t.Errorf("got %v after %d requests", got.Failure, n.Load())
	}
}
