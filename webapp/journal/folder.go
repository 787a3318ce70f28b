package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const (
	lockName      = "lock"
	segmentSuffix = ".segment"
	unnamedSuffix = ".new" // after the name of a segment that is being made
)

// folder is the locked home of the segment files. Their names are ordinals in the order
// of the log, because a segment is made before anyone knows the number of its first
// record.
type folder struct {
	path string
	dir  *os.File
	lock *os.File
	sys  system
}

// openFolder makes the folder if needed and locks it. The records hold personal data and
// tokens, so both are for the owner only.
func openFolder(path string, sys system) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	if err := syncFolder(filepath.Dir(path), sys); err != nil {
		return nil, err
	}
	lock, err := lockFile(filepath.Join(path, lockName))
	if err != nil {
		return nil, err
	}
	dir, err := os.Open(path)
	if err != nil {
		lock.Close()
		return nil, err
	}
	return &folder{path: path, dir: dir, lock: lock, sys: sys}, nil
}

// Lock makes a folder, if needed, and takes its lock, which ends with Close or with the
// process. The folder may be that of several logs.
func Lock(path string) (io.Closer, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	return lockFile(filepath.Join(path, lockName))
}

// InUse returns ErrLocked if somebody holds the lock of a folder; it makes no lock file.
func InUse(path string) error {
	name := filepath.Join(path, lockName)
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, err := lockFile(name)
	if err != nil {
		return err
	}
	return lock.Close()
}

// Remove deletes what this package has made in a folder that no journal has open, the
// oldest segment first, and the folder unless something else is in it.
func Remove(path string) error {
	d := &folder{path: path}
	segments, _, err := d.segments()
	if err != nil {
		return err
	}
	unnamed, err := filepath.Glob(filepath.Join(path, "*"+segmentSuffix+unnamedSuffix))
	if err != nil {
		return err
	}
	for _, name := range append(append(segments, unnamed...), filepath.Join(path, lockName)) {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, syscall.ENOTDIR) {
		return err
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string, sys system) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return sys.syncFile(dir)
}

// lockFile takes the lock that ends with the process, however it ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = uninterrupted(func() error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) })
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w: %s is locked", ErrLocked, path)
	}
	return nil, &os.PathError{Op: "flock", Path: path, Err: err}
}

func (d *folder) segmentPath(ordinal uint64) string {
	return filepath.Join(d.path, fmt.Sprintf("%012d%s", ordinal, segmentSuffix))
}

// segments returns the paths of the segment files in the order of the log, and the
// ordinal after the last.
func (d *folder) segments() (paths []string, next uint64, err error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, 0, err
	}
	var ordinals []uint64
	for _, e := range entries {
		if ordinal, ok := parseOrdinal(e.Name()); ok {
			ordinals = append(ordinals, ordinal)
		}
	}
	slices.Sort(ordinals)
	for _, n := range ordinals {
		paths = append(paths, d.segmentPath(n))
		next = n + 1
	}
	return paths, next, nil
}

func parseOrdinal(name string) (ordinal uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return 0, false
	}
	ordinal, err := strconv.ParseUint(digits, 10, 64)
	return ordinal, err == nil && digits == fmt.Sprintf("%012d", ordinal)
}

// sync makes names durable that were added to or removed from the folder.
func (d *folder) sync() error {
	return d.sys.syncFile(d.dir)
}

// close unlocks the folder.
func (d *folder) close() {
	d.dir.Close()
	d.lock.Close()
}
