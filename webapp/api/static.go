package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/url"
	"path"
	"strings"
	"time"

	"isuride/webapp/internal/httpd"
)

//go:embed page.html
var page []byte

// Static serves a folder from memory, as it was at start. Every path that is no file
// answers with index.html, without a redirect (spec appendix B).
type Static struct {
	files map[string]*staticFile
	index *staticFile
}

type staticFile struct {
	plain, gzipped []byte // gzipped is nil where it would not be shorter
	etag           string // without W/
	modified       string // as in Last-Modified, "" if unknown
	head           string // fixed header lines
}

// maxStaticBytes bounds the memory that a folder can take.
const maxStaticBytes = 256 << 20

// Pages may be reused for an hour, files whose names carry a hash of their content
// for good.
const (
	pageCaching  = "public, max-age=3600"
	assetCaching = "public, max-age=31536000, immutable"
	assetPrefix  = "/assets/"
)

// What browsers are told: not to guess types; of pages also not to show them in frames of
// other hosts, nor to tell those where a user comes from. A front end of somebody else's may
// load whatever it likes; the built-in page loads nothing. The API's answers carry none of
// it: they are no pages, and their bytes count.
const (
	fileSafety    = "X-Content-Type-Options: nosniff\r\n"
	pageSafety    = "Referrer-Policy: same-origin\r\nContent-Security-Policy: frame-ancestors 'self'\r\n"
	builtInSafety = "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\r\n"
)

// NewStatic reads all files of a folder, which must have an index.html. A nil folder
// means the small page that tells what runs here.
func NewStatic(folder fs.FS) (*Static, error) {
	s := &Static{files: map[string]*staticFile{}}
	if folder == nil {
		s.index = newStaticFile("/index.html", page, time.Time{})
		s.index.head += builtInSafety
		s.files["/index.html"] = s.index
		return s, nil
	}
	total := 0
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		if total += len(content); total > maxStaticBytes {
			return fmt.Errorf("the folder of static files holds more than %d MB", maxStaticBytes>>20)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		s.files["/"+name] = newStaticFile("/"+name, content, info.ModTime())
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.index = s.files["/index.html"]; s.index == nil {
		return nil, fmt.Errorf("the folder of static files has no index.html")
	}
	return s, nil
}

func newStaticFile(name string, content []byte, modified time.Time) *staticFile {
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
	// The tag is weak, since it stands for both the plain and the compressed form.
	f.head = "Content-Type: " + contentType + "\r\nCache-Control: " + caching + "\r\nETag: W/" + f.etag + "\r\nVary: Accept-Encoding\r\n" + fileSafety
	if strings.HasPrefix(contentType, "text/html") {
		f.head += pageSafety
	}
	if !modified.IsZero() {
		f.modified = modified.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
		f.head += "Last-Modified: " + f.modified + "\r\n"
	}
	if packed := pack(content); len(packed) < len(content)*9/10 {
		f.gzipped = packed
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
	s.find(string(ctx.Path())).serve(ctx)
}

// find looks a path up that may be percent-encoded.
func (s *Static) find(path string) *staticFile {
	name, err := url.PathUnescape(path)
	if f, ok := s.files[name]; ok && err == nil {
		return f
	}
	return s.index
}

func (f *staticFile) serve(ctx *httpd.Ctx) {
	ctx.SetHead(f.head)
	switch {
	case f.unchanged(ctx):
		ctx.SetStatus(304)
	case f.gzipped != nil && takesGzip(ctx.Header("Accept-Encoding")):
		ctx.SetHeader("Content-Encoding", "gzip")
		ctx.SetSharedBody(f.gzipped)
	default:
		ctx.SetSharedBody(f.plain)
	}
}

// unchanged says that the client has the file already. Its tag tells more than its time
// (RFC 9110 13.2.2); the time is compared as text, since clients repeat what they got.
func (f *staticFile) unchanged(ctx *httpd.Ctx) bool {
	if tags := ctx.Header("If-None-Match"); tags != nil {
		return bytes.Contains(tags, []byte(f.etag))
	}
	return f.modified != "" && string(ctx.Header("If-Modified-Since")) == f.modified
}

// takesGzip reads a list of codings with weights: gzip is in it, and not with weight 0.
func takesGzip(accepted []byte) bool {
	for member := range bytes.SplitSeq(accepted, []byte{','}) {
		coding, weight, _ := bytes.Cut(member, []byte{';'})
		if bytes.EqualFold(bytes.TrimSpace(coding), []byte("gzip")) {
			q, weighted := bytes.CutPrefix(bytes.TrimSpace(weight), []byte("q="))
			return !weighted || len(bytes.Trim(q, "0.")) > 0
		}
	}
	return false
}
