// Webbuild makes the files of the interface that the server carries: it bundles
// webapp/ui/src, names each file after its content, and packs it with gzip and brotli.
//
//	webbuild -from webapp/ui/src -libraries webapp/ui/vendor -to webapp/ui/dist
//
// It leaves type checks to the tests, and serving to the server.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	var b build
	flag.StringVar(&b.from, "from", "webapp/ui/src", "`folder` of the sources")
	flag.StringVar(&b.libraries, "libraries", "webapp/ui/vendor", "`folder` of libraries")
	flag.StringVar(&b.to, "to", "webapp/ui/dist", "`folder` of the result; its files of earlier builds go")
	flag.Parse()
	if err := b.run(); err != nil {
		fmt.Fprintln(os.Stderr, "webbuild:", err)
		os.Exit(1)
	}
}

// build is one run. Its result depends on the sources alone, not on paths nor the clock.
type build struct{ from, libraries, to string }

// assets is the folder of what may be cached for good, since a name has one content.
const assets = "assets"

func (b *build) run() error {
	out, err := b.bundle()
	if err != nil {
		return err
	}
	page, err := os.ReadFile(filepath.Join(b.from, "index.html"))
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	for _, f := range out {
		name := hashed(f.Path, f.Contents)
		files[name] = f.Contents
		placeholder := []byte("{{" + filepath.Base(f.Path) + "}}")
		if !bytes.Contains(page, placeholder) {
			return fmt.Errorf("%s/index.html does not mention %s", b.from, placeholder)
		}
		page = bytes.ReplaceAll(page, placeholder, []byte(name))
	}
	files["index.html"] = page
	return b.write(files)
}

// bundle returns the script, the style sheet and the icon.
func (b *build) bundle() ([]api.OutputFile, error) {
	libraries, err := filepath.Abs(b.libraries)
	if err != nil {
		return nil, err
	}
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{filepath.Join(b.from, "main.tsx"), filepath.Join(b.from, "style.css"), filepath.Join(b.from, "icon.svg")},
		Outdir:            b.to,
		Bundle:            true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		JSX:               api.JSXAutomatic,
		JSXImportSource:   "preact",
		NodePaths:         []string{libraries},
		Loader:            map[string]api.Loader{".svg": api.LoaderCopy},
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		LegalComments:     api.LegalCommentsNone, // licences are beside the libraries
	})
	var errs []error
	for _, m := range append(result.Errors, result.Warnings...) {
		if m.Location != nil {
			m.Text = fmt.Sprintf("%s:%d: %s", m.Location.File, m.Location.Line, m.Text)
		}
		errs = append(errs, errors.New(m.Text))
	}
	return result.OutputFiles, errors.Join(errs...)
}

// hashed returns the name of a file below the folder of the result.
func hashed(path string, content []byte) string {
	sum := sha256.Sum256(content)
	ext := filepath.Ext(path)
	stem := strings.TrimSuffix(filepath.Base(path), ext)
	return assets + "/" + stem + "-" + hex.EncodeToString(sum[:6]) + ext
}

// write replaces what earlier builds have left.
func (b *build) write(files map[string][]byte) error {
	if err := os.RemoveAll(filepath.Join(b.to, assets)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(b.to, assets), 0o755); err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(b.to, filepath.FromSlash(name))
		for _, f := range []struct {
			suffix  string
			content []byte
		}{{"", content}, {".gz", pack(content, gzipWriter)}, {".br", pack(content, brotliWriter)}} {
			if err := os.WriteFile(path+f.suffix, f.content, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func gzipWriter(w io.Writer) io.WriteCloser {
	z, _ := gzip.NewWriterLevel(w, gzip.BestCompression) // the level is a valid one
	return z
}

func brotliWriter(w io.Writer) io.WriteCloser {
	return brotli.NewWriterLevel(w, brotli.BestCompression)
}

func pack(content []byte, writer func(io.Writer) io.WriteCloser) []byte {
	var b bytes.Buffer
	w := writer(&b)
	w.Write(content) // a bytes.Buffer takes everything
	w.Close()
	return b.Bytes()
}
