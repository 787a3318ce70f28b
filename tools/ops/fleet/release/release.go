// Package release brings releases to the hosts of a topology and makes one of them the one
// that runs. A release is a folder of each host: programs, generated files, a manifest that
// says where the files belong and what has to restart when they change, and the script
// that does it. It never changes once it is complete, so that going back is the same as
// going on. A change that fails is undone; if the program that makes it is gone, the hosts do so by
// themselves.
//
// What is in the generated files is package layout's; users, packages and secrets are
// package setup's.
package release

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"isuride/tools/ops/fleet/hostscript"
	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/topology"
)

//go:embed *.sh
var scripts embed.FS

func script(name string, vars ...string) string { return hostscript.Install(scripts, name, vars...) }

// item is a file of a release.
type item struct {
	path string // within the release
	mode fs.FileMode
	size int64
	sum  string // SHA-256 in hexadecimal digits
	open func() (io.ReadCloser, error)
}

// Release holds the files that belong on the hosts.
type Release struct {
	ID    string
	hosts map[string][]item // by the host's name, in the order of the paths
}

// Sources are the parts a release is made of.
type Sources struct {
	*layout.Layout
	// Programs are the folders with isuride and paymentmock, by the kind of machine that
	// they are for.
	Programs map[string]string
	// Public and Dump are a folder and a file here, "" for none.
	Public, Dump string
}

// New makes the release for the hosts as they are. One with the same content keeps its
// name, so that repeating a deploy copies nothing.
func New(s Sources, facts map[string]Facts, now time.Time) (*Release, error) {
	r := &Release{hosts: make(map[string][]item)}
	hash := sha256.New()
	for _, h := range s.Hosts {
		items, err := s.items(h, facts[h.Name].Machine)
		if err != nil {
			return nil, err
		}
		r.hosts[h.Name] = items
		for _, i := range items {
			fmt.Fprintf(hash, "%s %s %s\n", h.Name, i.sum, i.path)
		}
	}
	suffix := "-" + hex.EncodeToString(hash.Sum(nil))[:8]
	r.ID = now.UTC().Format("20060102-150405") + suffix
	for _, f := range facts {
		for _, known := range f.Releases {
			if strings.HasSuffix(known, suffix) {
				r.ID = known
			}
		}
	}
	return r, nil
}

func (s Sources) items(h topology.Host, machine string) ([]item, error) {
	files, err := s.Files(h)
	if err != nil {
		return nil, err
	}
	var items []item
	for _, f := range files {
		items = append(items, text("files"+f.Path, f.Content))
	}
	items = append(items, text("manifest", manifest(files, s.Services(h), s.Absent(h))), text("activate", "set -euo pipefail\n"+script("activate")))
	paths := make(map[string]string) // in the release: here
	if h.HasProgram() {
		dir, ok := s.Programs[machine]
		if !ok {
			return nil, fmt.Errorf("%s: there are no programs for a machine of the kind %q", h.Name, machine)
		}
		paths["isuride"] = filepath.Join(dir, "isuride")
		if h.Has(topology.App) {
			paths["paymentmock"] = filepath.Join(dir, "paymentmock")
		}
		if s.Dump != "" && h.Serves() {
			paths["sql/"+filepath.Base(s.Dump)] = s.Dump
		}
	}
	if s.Public != "" && (h.Has(topology.App) || h.Has(topology.Front)) {
		if err := addFolder(paths, "public", s.Public); err != nil {
			return nil, err
		}
	}
	for path, here := range paths {
		i, err := file(path, here)
		if err != nil {
			return nil, err
		}
		items = append(items, i)
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.path, b.path) })
	return items, nil
}

// manifest has a line for each file, KIND PHASE THEN UNIT PATH, for each service, and for
// each that must be absent.
func manifest(files []layout.File, services, absent []layout.Service) string {
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "file %s %s %s %s\n", f.Phase, f.Then, f.Unit, f.Path)
	}
	for _, s := range services {
		fmt.Fprintf(&b, "service %s - %s -\n", s.Phase, s.Unit)
	}
	for _, s := range absent {
		fmt.Fprintf(&b, "absent %s - %s -\n", s.Phase, s.Unit)
	}
	return b.String()
}

func text(path, content string) item {
	sum := sha256.Sum256([]byte(content))
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }
	return item{path: path, mode: 0o644, size: int64(len(content)), sum: hex.EncodeToString(sum[:]), open: open}
}

func file(path, here string) (item, error) {
	f, err := os.Open(here)
	if err != nil {
		return item{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return item{}, err
	}
	if !info.Mode().IsRegular() || strings.ContainsAny(path, "\n\\") {
		return item{}, fmt.Errorf("%s: only regular files with plain names can be deployed", here)
	}
	hash := sha256.New()
	n, err := io.Copy(hash, f)
	if err != nil {
		return item{}, err
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	open := func() (io.ReadCloser, error) { return os.Open(here) }
	return item{path: path, mode: mode, size: n, sum: hex.EncodeToString(hash.Sum(nil)), open: open}, nil
}

func addFolder(paths map[string]string, prefix, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		paths[prefix+"/"+filepath.ToSlash(rel)] = path
		return nil
	})
}
