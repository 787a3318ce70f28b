package main

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// page is a made-up file of a front end. Numbers and sizes are about those of a small built
// application: a page, a framework and components that all visits share, and parts for some.
type page struct {
	path string
	size int // bytes
	sets string
}

func pages() []page {
	list := []page{{"/index.html", 2 << 10, ""}, {"/favicon.ico", 4 << 10, "client owner"}}
	add := func(n, size int, kind, sets string) {
		for i := range n {
			list = append(list, page{fmt.Sprintf("/assets/%s-%d.js", kind, i), size, sets})
		}
	}
	add(2, 120<<10, "framework", "client owner")
	add(10, 6<<10, "shared", "client owner")
	add(10, 10<<10, "client", "client")
	add(4, 8<<10, "owner", "owner")
	add(6, 3<<10, "registration", "registration")
	add(1, 5<<10, "payment", "payment")
	add(4, 4<<10, "join", "owner-registration")
	return list
}

// writePages makes the files and the bench's list of them. They are the same each time.
func writePages(folder, list string) error {
	var lines bytes.Buffer
	for i, p := range pages() {
		content := []byte(text(uint64(i), p.size))
		file := filepath.Join(folder, p.path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%x  %s %s\n", md5.Sum(content), p.path, p.sets)
	}
	return os.WriteFile(list, lines.Bytes(), 0o644)
}

// text compresses about as well as a script does.
func text(seed uint64, size int) string {
	words := []string{"function", "return", "const", "props", "children", "className", "=>", "(", ")", "{", "}", ";", "state", "fetch", "await"}
	r := rand.New(rand.NewPCG(seed, 0))
	var b strings.Builder
	for b.Len() < size {
		if r.IntN(3) == 0 {
			fmt.Fprintf(&b, "%x ", r.Uint32())
			continue
		}
		b.WriteString(words[r.IntN(len(words))] + " ")
	}
	return b.String()[:size]
}
