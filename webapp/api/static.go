package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"mime"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"isuride/webapp/internal/httpd"
)

// Static serves a folder from memory, as it was at start. Every path that is no file
// answers with index.html, without a redirect (S appendix B).
type Static struct {
	files     map[string]*staticFile
	documents map[string]*staticFile // of ours, where the folder has nothing
	index     *staticFile
	ui        *userInterface
}

type staticFile struct {
	plain, gzipped []byte // gzipped is nil where it would not be shorter
	brotli         []byte // nil for all but built-in files
	etag           string // without W/
	modified       string // as in Last-Modified, "" if unknown
	head           string // fixed header lines
	known          string // those of an answer to who has the file (RFC 9110 15.4.5)
}

// Pages may be reused for an hour, files whose names carry a hash of their content
// for good.
const (
	pageCaching  = "public, max-age=3600"
	assetCaching = "public, max-age=31536000, immutable"
	assetPrefix  = "/assets/"
)

// maxPacked bounds the time that the start spends on compressing one file.
const maxPacked = 16 << 20

// lastModified is the form of dates (RFC 9110 5.6.7).
const lastModified = "Mon, 02 Jan 2006 15:04:05 GMT"

// Instructions for browsers: not to guess types; of pages also not to show them in frames
// of other hosts, nor to tell those where a user comes from. A front end of somebody
// else's may load whatever it likes; ours loads from here only (interface.go). The API's answers
// carry none of it: they are no pages, and their bytes count.
const (
	fileSafety = "X-Content-Type-Options: nosniff\r\n"
	pageSafety = "Referrer-Policy: same-origin\r\nContent-Security-Policy: frame-ancestors 'self'\r\n"
)

// NewStatic reads a folder, which must have an index.html; "" means that the interface is
// all there is. That is below /ui/ in any case. The end of ctx ends it.
func NewStatic(ctx context.Context, folder string, interfaceFiles fs.FS, log *slog.Logger) (*Static, error) {
	s := &Static{files: map[string]*staticFile{}, documents: map[string]*staticFile{}}
	var err error
	if s.ui, err = newInterface(interfaceFiles); err != nil {
		return nil, err
	}
	if folder == "" {
		s.index = s.ui.index
		return s, s.addDocuments()
	}
	if err := readFolder(ctx, folder, log, s.add); err != nil {
		return nil, err
	}
	if s.index = s.files["/index.html"]; s.index == nil {
		return nil, fmt.Errorf("the folder of static files %s has no index.html", folder)
	}
	return s, s.addDocuments()
}

func (s *Static) add(name string, content []byte, modified time.Time) {
	s.files["/"+name] = newStaticFile("/"+name, content, modified)
}

func newStaticFile(name string, content []byte, modified time.Time) *staticFile {
	f := unpackedFile(name, content, modified)
	if len(content) <= maxPacked {
		if packed := pack(content); len(packed) < len(content)*9/10 {
			f.gzipped = packed
		}
	}
	return f
}

func unpackedFile(name string, content []byte, modified time.Time) *staticFile {
	sum := sha256.Sum256(content)
	f := &staticFile{plain: content, etag: `"` + hex.EncodeToString(sum[:16]) + `"`}
	contentType := mime.TypeByExtension(path.Ext(name))
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	caching := pageCaching
	if strings.HasPrefix(name, assetPrefix) {
		caching = assetCaching
	}
	// The tag is weak, since it names both the plain and the compressed form.
	f.known = "Cache-Control: " + caching + "\r\nETag: W/" + f.etag + "\r\nVary: Accept-Encoding\r\n"
	f.head = "Content-Type: " + contentType + "\r\n" + f.known + fileSafety
	if strings.HasPrefix(contentType, "text/html") {
		f.head += pageSafety
	}
	if !modified.IsZero() {
		f.modified = modified.UTC().Format(lastModified)
		f.head += "Last-Modified: " + f.modified + "\r\n"
	}
	return f
}

func pack(content []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid one
	w.Write(content)                                      // a bytes.Buffer takes everything
	w.Close()
	return b.Bytes()
}

// Serve answers a request for a path outside /api.
func (s *Static) Serve(ctx *httpd.Ctx) {
	if m := string(ctx.Method()); m != "GET" && m != "HEAD" {
		ctx.SetHeader("Allow", "GET, HEAD")
		writeError(ctx, 405, "method "+m+" is not allowed here")
		return
	}
	name := string(ctx.Path())
	f := s.find(name)
	if s.ui.has(name) {
		f = s.ui.find(name)
	}
	if f == nil {
		writeError(ctx, 404, "there is no file "+name)
		return
	}
	f.serve(ctx)
}

// find looks a path up that may be percent-encoded, and have empty or dotted steps, which
// nginx resolves, too.
func (s *Static) find(target string) *staticFile {
	name, err := url.PathUnescape(target)
	if err != nil {
		return s.index
	}
	if f, ok := s.files[name]; ok {
		return f
	}
	if f, ok := s.files[path.Clean(name)]; ok && !endsInFolder(name) {
		return f
	}
	if f, ok := s.documents[name]; ok {
		return f
	}
	return s.index
}

// endsInFolder says that a path names a folder, whatever is there.
func endsInFolder(name string) bool {
	last := name[strings.LastIndexByte(name, '/')+1:]
	return last == "" || last == "." || last == ".."
}

func (f *staticFile) serve(ctx *httpd.Ctx) {
	if !f.wanted(ctx) {
		writeError(ctx, 412, "the file is not the one that If-Match or If-Unmodified-Since ask for")
		return
	}
	if f.unchanged(ctx) {
		ctx.SetHead(f.known)
		ctx.SetStatus(304)
		return
	}
	ctx.SetHead(f.head)
	switch {
	case f.brotli != nil && takes(ctx.HeaderList("Accept-Encoding"), "br"):
		ctx.SetHeader("Content-Encoding", "br")
		ctx.SetSharedBody(f.brotli)
	case f.gzipped != nil && takes(ctx.HeaderList("Accept-Encoding"), "gzip"):
		ctx.SetHeader("Content-Encoding", "gzip")
		ctx.SetSharedBody(f.gzipped)
	default:
		ctx.SetSharedBody(f.plain)
	}
}

// wanted checks what must hold for an answer (RFC 9110 13.2.2). Tags are compared
// strongly here, and ours are weak, so that of If-Match only the asterisk holds.
func (f *staticFile) wanted(ctx *httpd.Ctx) bool {
	if tags := ctx.HeaderList("If-Match"); tags != nil {
		return isAnyTag(tags)
	}
	since, ok := httpTime(ctx.HeaderList("If-Unmodified-Since"))
	modified, known := httpTime([]byte(f.modified))
	return !ok || !known || !modified.After(since)
}

// httpTime reads a date in one of the three forms of RFC 9110 5.6.7.
func httpTime(text []byte) (t time.Time, ok bool) {
	for _, form := range []string{lastModified, time.RFC850, time.ANSIC} {
		if t, err := time.Parse(form, string(text)); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// unchanged says that the client has the file already. Its tag tells more than its time
// (RFC 9110 13.2.2); the time is compared as text, since clients repeat what they got.
func (f *staticFile) unchanged(ctx *httpd.Ctx) bool {
	if tags := ctx.HeaderList("If-None-Match"); tags != nil {
		return isAnyTag(tags) || hasTag(tags, f.etag)
	}
	return f.modified != "" && string(ctx.HeaderList("If-Modified-Since")) == f.modified
}

func isAnyTag(tags []byte) bool { return string(bytes.Trim(tags, " \t,")) == "*" }

// hasTag looks for a tag in a list, weak or not. A tag may hold commas.
func hasTag(tags []byte, etag string) bool {
	for {
		tags = bytes.TrimLeft(tags, " \t,")
		tags = bytes.TrimPrefix(tags, []byte("W/"))
		if len(tags) == 0 || tags[0] != '"' {
			return false
		}
		end := bytes.IndexByte(tags[1:], '"')
		if end < 0 {
			return false
		}
		if end += 2; string(tags[:end]) == etag {
			return true
		}
		tags = tags[end:]
	}
}

// takes reads a list of codings with weights (RFC 9110 12.5.3): one is named, and not less
// welcome than the plain file. The asterisk counts only for a client that refuses that.
func takes(accepted []byte, wanted string) bool {
	const absent = -1
	packed, identity, any := absent, absent, absent
	for member := range bytes.SplitSeq(accepted, []byte{','}) {
		coding, parameters, _ := bytes.Cut(member, []byte{';'})
		switch name := strings.ToLower(string(bytes.TrimSpace(coding))); name {
		case wanted, "x-" + wanted: // x-gzip is an old name
			packed = weight(parameters)
		case "identity":
			identity = weight(parameters)
		case "*":
			any = weight(parameters)
		}
	}
	if packed == absent {
		return any > 0 && identity == 0
	}
	return packed > 0 && packed >= identity
}

// weight reads "q=0.5" in thousandths; 1000 without one, 0 if it is not understood.
func weight(parameters []byte) int {
	for p := range bytes.SplitSeq(parameters, []byte{';'}) {
		name, value, _ := bytes.Cut(p, []byte{'='})
		if strings.EqualFold(string(bytes.TrimSpace(name)), "q") {
			q, err := strconv.ParseFloat(string(bytes.TrimSpace(value)), 64)
			if err != nil || !(q >= 0 && q <= 1) {
				return 0
			}
			return int(q * 1000)
		}
	}
	return 1000
}
