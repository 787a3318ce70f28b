package unit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNotFound and ErrMasked are answers of Load.
var (
	ErrNotFound = errors.New("not found")
	ErrMasked   = errors.New("masked")
)

// Load reads the unit of that name, or of which it is an alias, from the first of the
// folders that has it, and its drop-ins from all of them.
func Load(folders []string, name string) (*Unit, error) {
	file, err := find(folders, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if real := aliasOf(file); real != "" && !sameTemplate(real, name) {
		return Load(folders, real)
	}
	u := newUnit(name, file)
	files := append([]string{file}, dropIns(folders, name)...)
	p := &parser{unit: u}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := p.parse(string(text)); err != nil {
			return nil, fmt.Errorf("%s:%w", file, err)
		}
	}
	u.complete()
	return u, nil
}

// Parse reads the text of a unit without drop-ins.
func Parse(name, text string) (*Unit, error) {
	u := newUnit(name, "")
	p := &parser{unit: u}
	if err := p.parse(text); err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	u.complete()
	return u, nil
}

func find(folders []string, name string) (string, error) {
	for _, candidate := range []string{name, template(name)} {
		for _, folder := range folders {
			file := filepath.Join(folder, candidate)
			info, err := os.Stat(file)
			if err != nil || info.IsDir() { // a unit without template gives the folder itself
				continue
			}
			if info.Mode()&fs.ModeCharDevice != 0 { // a link to /dev/null
				return "", ErrMasked
			}
			return file, nil
		}
	}
	return "", ErrNotFound
}

// template is "getty@.service" for "getty@tty1.service", and "" for a unit without
// instance.
func template(name string) string {
	prefix, rest, ok := strings.Cut(name, "@")
	if !ok {
		return ""
	}
	return prefix + "@" + filepath.Ext(rest)
}

func instance(name string) string {
	_, rest, _ := strings.Cut(name, "@")
	return strings.TrimSuffix(rest, filepath.Ext(rest))
}

func sameTemplate(a, b string) bool { return a == b || a == template(b) }

// aliasOf is the name of the file that a link leads to, "" if it is no link.
func aliasOf(file string) string {
	if _, err := os.Readlink(file); err != nil {
		return ""
	}
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return ""
	}
	return filepath.Base(target)
}

// dropIns lists NAME.d/*.conf of all folders by their names; an earlier folder's file
// hides a later one's with its name.
func dropIns(folders []string, name string) []string {
	files := map[string]string{}
	for _, folder := range slices.Backward(folders) {
		for _, owner := range []string{template(name), name} {
			if owner == "" {
				continue
			}
			found, _ := filepath.Glob(filepath.Join(folder, owner+".d", "*.conf"))
			for _, file := range found {
				files[filepath.Base(file)] = file
			}
		}
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = files[name]
	}
	return names
}
