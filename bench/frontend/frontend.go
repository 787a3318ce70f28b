// Package frontend makes up the files of the contest's front end: as many, at the same
// paths, with content that compresses about as well, the same at each call. Nothing in
// them works, but the bench and a server have as much to do with them.
//
// What it leaves to others: which files belong to which page (package client), serving
// them, and the real ones, which `-static-list` and ISURIDE_STATIC name if there are any.
package frontend

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Write makes the files in a folder and the list of them that `bench run -static-list`
// reads.
func Write(folder, list string) error {
	var lines bytes.Buffer
	fmt.Fprintln(&lines, "# made up by bench/frontend")
	for i, f := range files {
		content := f.content(uint64(i))
		name := filepath.Join(folder, f.path)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%x  %s\n", md5.Sum(content), f.path)
	}
	if err := os.MkdirAll(filepath.Dir(list), 0o755); err != nil {
		return err
	}
	return os.WriteFile(list, lines.Bytes(), 0o644)
}

// content is as long as the file, and of its kind.
func (f file) content(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	switch path.Ext(f.path) {
	case ".png", ".ico": // compressed already
		b := make([]byte, f.size)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	case ".svg":
		return []byte(drawing(r, f.size))
	case ".html":
		return []byte(fill("<!DOCTYPE html><html><head><title>ISURIDE</title></head><body></body></html>\n", r, f.size))
	case ".css":
		return []byte(fill("/* made up */\n", r, f.size))
	}
	return []byte(fill("// made up\n", r, f.size))
}

// words are what minified scripts repeat.
var words = strings.Fields("function return const let props children className => ( ) { } ; state fetch await async " +
	"null undefined if( else{ .map( .current useState useEffect onClick void0 !0 !1 &&( ||( ?.length createElement jsx jsxs")

// fill continues begin to the size with a text that gzip brings to about a third, as it
// does scripts: words, and names of two to four letters, which a minifier has made.
func fill(begin string, r *rand.Rand, size int) string {
	var b strings.Builder
	b.WriteString(begin)
	for b.Len() < size {
		if r.IntN(4) == 0 {
			for range 2 + r.IntN(3) {
				b.WriteByte(byte('a' + r.IntN(26)))
			}
			b.WriteByte(',')
			continue
		}
		b.WriteString(words[r.IntN(len(words))])
	}
	return b.String()[:size]
}

// drawing is a path of many numbers, which gzip brings to less than half.
func drawing(r *rand.Rand, size int) string {
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400"><path fill="none" d="M200 200`)
	const end = `"/></svg>`
	for b.Len() < size-len(end) {
		fmt.Fprintf(&b, "h%dv%dh-%d", r.IntN(40), r.IntN(400), r.IntN(40))
	}
	return b.String()[:size-len(end)] + end
}
