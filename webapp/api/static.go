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
	etag           string
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

// NewStatic reads all files of a folder, which must have an index.html. A nil folder
// means the small page that tells what runs here.
func NewStatic(folder fs.FS) (*Static, error) {
	s := &Static{files: map[string]*staticFile{}}
	if folder == nil {
		s.index = newStaticFile("/index.html", page, time.Time{})
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
	f.head = "Content-Type: " + contentType + "\r\nCache-Control: " + caching + "\r\nETag: " + f.etag + "\r\nVary: Accept-Encoding\r\n"
	if !modified.IsZero() {
		f.head += "Last-Modified: " + modified.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") + "\r\n"
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

// Serve answers a request for a path that is no endpoint.
func (s *Static) Serve(ctx *httpd.Ctx) {
	name := string(ctx.Path())
	if name == "/api" || strings.HasPrefix(name, "/api/") {
		writeError(ctx, 404, "there is no endpoint "+name)
		return
	}
	if m := string(ctx.Method()); m != "GET" && m != "HEAD" {
		ctx.SetHeader("Allow", "GET, HEAD")
		writeError(ctx, 405, "method "+m+" is not allowed here")
		return
	}
	f, ok := s.files[name]
	if !ok {
		f = s.index
	}
	f.serve(ctx)
}

func (f *staticFile) serve(ctx *httpd.Ctx) {
	ctx.SetHead(f.head)
	switch {
	case bytes.Contains(ctx.Header("If-None-Match"), []byte(f.etag)):
		ctx.SetStatus(304)
	case f.gzipped != nil && bytes.Contains(ctx.Header("Accept-Encoding"), []byte("gzip")):
		ctx.SetHeader("Content-Encoding", "gzip")
		ctx.SetBody(f.gzipped)
	default:
		ctx.SetBody(f.plain)
	}
}
