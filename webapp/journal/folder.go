package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"isuride/webapp/internal/disk"
)

const (
	lockName      = "lock"
	segmentSuffix = ".segment"
	keptSuffix    = ".kept"
	unnamedSuffix = ".new" // after the name of a segment that is being made
)

// folder is the locked home of the segment files. Their names are ordinals in the order
// of the log, because a segment is made before anyone knows the number of its first
// record.
type folder struct {
	path string
	lock io.Closer
	sys  disk.Disk
}

// openFolder makes the folder if needed and locks it. The records hold personal data and
// tokens, so both are for the owner only.
func openFolder(path string, sys disk.Disk) (*folder, error) {
	if err := sys.MakeFolder(path); err != nil {
		return nil, err
	}
	lock, err := lockFile(filepath.Join(path, lockName), sys)
	if err != nil {
		return nil, err
	}
	return &folder{path: path, lock: lock, sys: sys}, nil
}

// Lock makes a folder, if needed, and takes its lock, which ends with Close or with the
// process. The folder may be that of several logs.
func Lock(path string) (io.Closer, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	return lockFile(filepath.Join(path, lockName), disk.Linux{})
}

// InUse returns ErrLocked if somebody holds the lock of a folder; it makes no lock file.
func InUse(path string) error {
	name := filepath.Join(path, lockName)
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, err := lockFile(name, disk.Linux{})
	if err != nil {
		return err
	}
	return lock.Close()
}

// Remove deletes what this package has made in a folder that no journal has open, the
// oldest segment first, and the folder unless something else is in it.
func Remove(path string) error {
	segments, _, err := onMachine(path).segments()
	if err != nil {
		return err
	}
	unnamed, err := filepath.Glob(filepath.Join(path, "*"+segmentSuffix+unnamedSuffix))
	if err != nil {
		return err
	}
	member := filepath.Join(path, memberName)
	for _, name := range append(append(segments, unnamed...), member, member+unnamedSuffix, filepath.Join(path, lockName)) {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, syscall.ENOTDIR) {
		return err
	}
	return nil
}

// onMachine is a folder of this machine that nobody has locked.
func onMachine(path string) *folder { return &folder{path: path, sys: disk.Linux{}} }

// lockFile takes the lock that ends with the process, however it ends.
func lockFile(path string, sys disk.Disk) (io.Closer, error) {
	lock, err := sys.Lock(path)
	if errors.Is(err, disk.ErrLocked) {
		return nil, fmt.Errorf("%w: %s is locked", ErrLocked, path)
	}
	return lock, err
}

func (d *folder) segmentPath(ordinal uint64) string {
	return filepath.Join(d.path, fmt.Sprintf("%012d%s", ordinal, segmentSuffix))
}

// keptPath is the name of a segment whose records are released, with the number of the
// last of them. Only a rename tells such a segment from others, so that a kill leaves one
// or the other, and earlier releases leave it alone.
func (d *folder) keptPath(ordinal, last uint64) string {
	return filepath.Join(d.path, fmt.Sprintf("%012d-%d%s", ordinal, last, keptSuffix))
}

// file is a segment's file.
type file struct {
	path    string
	ordinal uint64
	kept    bool
	last    uint64 // number of the last record, if it is kept
}

// files returns the segments' files in the order of the log, and the ordinal after the
// last.
func (d *folder) files() (files []file, next uint64, err error) {
	names, err := d.sys.List(d.path)
	if err != nil {
		return nil, 0, err
	}
	for _, name := range names {
		if f, ok := d.parseName(name); ok {
			files = append(files, f)
			next = max(next, f.ordinal+1)
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.ordinal, b.ordinal) })
	return files, next, nil
}

// segments returns the paths of all segments, released ones included, in the order of the
// log, and the ordinal after the last.
func (d *folder) segments() (paths []string, next uint64, err error) {
	files, next, err := d.files()
	for _, f := range files {
		paths = append(paths, f.path)
	}
	return paths, next, err
}

// parseOrdinal returns the ordinal of a segment, released or not, by its name.
func parseOrdinal(name string) (ordinal uint64, ok bool) {
	f, ok := new(folder).parseName(name)
	return f.ordinal, ok
}

// firstLive returns the index of the first segment that recovery needs: a power loss may
// have undone the renaming of an earlier one, but not of a later. Without a segment of the
// ordinary name, all are needed.
func firstLive(files []file) int {
	return max(slices.IndexFunc(files, func(f file) bool { return !f.kept }), 0)
}

func (d *folder) parseName(name string) (f file, ok bool) {
	f.path = filepath.Join(d.path, name)
	if digits, ok := strings.CutSuffix(name, segmentSuffix); ok {
		f.ordinal = number(digits)
		return f, f.path == d.segmentPath(f.ordinal)
	}
	if numbers, ok := strings.CutSuffix(name, keptSuffix); ok {
		ordinal, last, _ := strings.Cut(numbers, "-")
		f.kept = true
		f.ordinal = number(ordinal)
		f.last = number(last)
		return f, f.path == d.keptPath(f.ordinal, f.last)
	}
	return f, false
}

// number is 0 for what is none, which then is not the name that 0 has.
func number(digits string) uint64 {
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// sync makes names durable that were added to or removed from the folder.
func (d *folder) sync() error {
	return d.sys.SyncFolder(d.path)
}

// close unlocks the folder.
func (d *folder) close() {
	d.lock.Close()
}
