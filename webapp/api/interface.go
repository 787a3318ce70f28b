package api

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// userInterface serves the program's own pages below /ui/. Every path there that is no
// file is a page, which index.html draws.
type userInterface struct {
	files map[string]*staticFile // by path, with /ui
	index *staticFile
}

const interfacePath = "/ui"

// interfaceSafety lets the pages load and call nothing but this server.
const interfaceSafety = "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'\r\n" +
	"Referrer-Policy: same-origin\r\n"

// notBuilt is the page of a program that was compiled without its interface.
const notBuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>ISURIDE</title>
<h1>ISURIDE</h1>
<p>This is the backend of a ride-hailing service whose vehicles are chairs that drive themselves.
It answers below <code>/api/</code>. Its interface is not in this program: build it with <code>make build</code>.</p>
</html>
`

func newInterface(files fs.FS) (*userInterface, error) {
	u := &userInterface{files: map[string]*staticFile{}}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !servable(name) {
			return err
		}
		f, err := builtIn(files, name)
		u.files[interfacePath+"/"+name] = f
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the interface: %w", err)
	}
	if u.index = u.files[interfacePath+"/index.html"]; u.index == nil {
		u.index = newStaticFile("/index.html", []byte(notBuilt), time.Time{})
		u.index.head = strings.Replace(u.index.head, pageSafety, interfaceSafety, 1)
	}
	return u, nil
}

// servable leaves out packed forms, and what is in the folder of a program without them.
func servable(name string) bool {
	return name == "index.html" || strings.HasPrefix("/"+name, assetPrefix) && !strings.HasSuffix(name, ".gz") && !strings.HasSuffix(name, ".br")
}

// builtIn makes a file with the forms that were packed when the program was built.
func builtIn(files fs.FS, name string) (*staticFile, error) {
	plain, err1 := fs.ReadFile(files, name)
	gzipped, err2 := fs.ReadFile(files, name+".gz")
	brotli, err3 := fs.ReadFile(files, name+".br")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	f := unpackedFile("/"+name, plain, time.Time{})
	f.gzipped, f.brotli = gzipped, brotli
	if name == "index.html" {
		f.head = strings.NewReplacer(pageCaching, "no-cache", pageSafety, interfaceSafety).Replace(f.head) // it names the files of one build
	}
	return f, nil
}

// has says whether a path is one of the interface.
func (u *userInterface) has(name string) bool {
	return name == interfacePath || strings.HasPrefix(name, interfacePath+"/")
}

// find returns nil for a file of another build: a page is no script.
func (u *userInterface) find(name string) *staticFile {
	f, ok := u.files[name]
	if !ok && !strings.HasPrefix(name, interfacePath+assetPrefix) {
		return u.index
	}
	return f
}
