// Package ui carries the interface in the program: the pages of webapp/ui/src, as
// tools/dev/webbuild has built them into dist. How the interface is made: docs/ui.md.
//
// It leaves the headers and the paths to api.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files returns the built files: index.html, what it needs in assets, and of each a form
// packed with gzip (.gz) and brotli (.br). A program that was built without them has none
// of these; `make build` makes them first.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("BUG: ui: " + err.Error()) // the name is a valid one
	}
	return files
}
