package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// What a folder of static files may hold: it is kept in memory, compressed as well, and
// read while everybody waits for the start.
const (
	maxStaticBytes = 256 << 20
	maxStaticNames = 100_000 // folders included; links can give one file many names
)

// wellKnown is the one name with a dot in front that is public (RFC 8615), in the folder
// itself.
const wellKnown = ".well-known"

// folderReader reads a folder as nginx/nginx.conf.template serves it. Links are followed
// within the folder. Names that begin with a dot are nobody's business, but a link may
// lead through one, as those of a Kubernetes volume do. What cannot be served (a link out
// of the folder or to nothing, a pipe, a socket, a device, a file without permission) is
// left out with a warning, since nginx would serve the rest, too.
type folderReader struct {
	ctx  context.Context
	root *os.Root
	real string // the folder's path without links
	log  *slog.Logger
	add  func(name string, content []byte, modified time.Time)

	names, bytes int
}

func readFolder(ctx context.Context, folder string, log *slog.Logger, add func(string, []byte, time.Time)) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(real)
	if err != nil {
		return err
	}
	defer root.Close()
	r := &folderReader{ctx: ctx, root: root, real: real, log: log, add: add}
	if _, err := fs.ReadDir(root.FS(), "."); err != nil {
		return err
	}
	return r.folder("", ".", nil)
}

// folder reads what is in a folder. name is where it is seen, real where it is, and above
// are the real folders on the way to it.
func (r *folderReader) folder(name, real string, above []string) error {
	if slices.Contains(above, real) {
		r.skip(name, errors.New("the link leads to a folder that holds it"))
		return nil
	}
	entries, err := fs.ReadDir(r.root.FS(), real)
	if err != nil {
		r.skip(name, err)
		return nil
	}
	above = append(slices.Clip(above), real)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && (name != "" || e.Name() != wellKnown) {
			continue
		}
		if err := r.entry(path.Join(name, e.Name()), path.Join(real, e.Name()), above); err != nil {
			return err
		}
	}
	return nil
}

func (r *folderReader) entry(name, at string, above []string) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.names++; r.names > maxStaticNames {
		return fmt.Errorf("the folder of static files has more than %d files and folders, at %s", maxStaticNames, name)
	}
	real, err := r.resolve(at)
	if err != nil {
		r.skip(name, err)
		return nil
	}
	info, err := r.root.Stat(real)
	switch {
	case err != nil:
		r.skip(name, err)
	case info.IsDir():
		return r.folder(name, real, above)
	case !info.Mode().IsRegular():
		r.skip(name, errNoFile)
	default:
		return r.file(name, real)
	}
	return nil
}

var (
	errNoFile  = errors.New("it is no regular file")
	errOutside = errors.New("the link leads out of the folder")
)

// resolve follows links and returns a path below the folder.
func (r *folderReader) resolve(at string) (string, error) {
	full, err := filepath.EvalSymlinks(filepath.Join(r.real, at))
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(r.real, full)
	if err != nil || !filepath.IsLocal(rel) {
		return "", errOutside
	}
	return rel, nil
}

// maxReads bounds the attempts to read a file that changes meanwhile, as during a deploy.
const maxReads = 3

func (r *folderReader) file(name, real string) error {
	for range maxReads {
		content, info, whole, err := r.read(name, real)
		switch {
		case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist), errors.Is(err, errNoFile):
			r.skip(name, err)
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case whole:
			r.bytes += len(content)
			r.add(name, content, info.ModTime())
			return nil
		}
	}
	return fmt.Errorf("%s changes while it is read; start again when it is complete", name)
}

// read reads a file once; whole says that nobody changed it meanwhile. A pipe that has
// taken its place does not hold us up.
func (r *folderReader) read(name, real string) (content []byte, info fs.FileInfo, whole bool, err error) {
	f, err := r.root.OpenFile(real, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, false, err
	}
	defer f.Close()
	info, err = f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	if err != nil {
		return nil, nil, false, err
	}
	room := int64(maxStaticBytes - r.bytes)
	if info.Size() <= room {
		content, err = io.ReadAll(io.LimitReader(interruptible{r.ctx, f}, room+1))
	}
	if err != nil {
		return nil, nil, false, err
	}
	if info.Size() > room || int64(len(content)) > room {
		return nil, nil, false, fmt.Errorf("with it the folder of static files holds more than %d MB", maxStaticBytes>>20)
	}
	after, err := f.Stat()
	if err != nil {
		return nil, nil, false, err
	}
	return content, info, after.Size() == info.Size() && after.ModTime().Equal(info.ModTime()), nil
}

// interruptible ends a long read with the context.
type interruptible struct {
	ctx context.Context
	io.Reader
}

func (i interruptible) Read(b []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.Reader.Read(b)
}

func (r *folderReader) skip(name string, why error) {
	r.log.Warn("a static file is left out", "name", name, "err", why)
}
