// Package disk is what the log needs of a file system: files that are allocated whole,
// mapped into memory and synced, and folders whose names are synced. Linux is the real one.
// Memory is one under the power of a simulation, which decides what a loss of power leaves,
// when the disk is full and which call fails; it starts no goroutine and knows no time.
//
// What the files mean, and which orders of calls survive what, is left to the importer.
package disk

import (
	"errors"
	"io"
)

// ErrLocked says that somebody else holds the lock of a file.
var ErrLocked = errors.New("disk: the file is locked")

// Disk is a file system. Paths are those of package path/filepath. A file or folder that is
// not there is an error that is fs.ErrNotExist, a disk without room one that is
// syscall.ENOSPC.
type Disk interface {
	// MakeFolder makes a folder with its parents, unless it is there, for its owner only,
	// and has its name durable.
	MakeFolder(path string) error
	// Lock takes the lock of a file, which is made if needed. It ends with Close or with
	// the process. The error is ErrLocked if somebody has it.
	Lock(path string) (io.Closer, error)
	// List returns the names in a folder, in order.
	List(path string) ([]string, error)
	// Create opens a new file, or empties the one that is there.
	Create(path string) (File, error)
	// Open opens a file that is there.
	Open(path string, writable bool) (File, error)
	// Rename replaces the file that has the new name, as one step.
	Rename(from, to string) error
	Remove(path string) error
	// SyncFolder makes the names in a folder durable.
	SyncFolder(path string) error
}

// File is an open file.
type File interface {
	// Name returns the path that the file was opened under.
	Name() string
	Size() (int64, error)
	io.ReaderAt
	io.WriterAt
	// Allocate gives a new, empty file so many bytes of zeros that have their place on the
	// disk.
	Allocate(size int64) error
	// Map maps the first bytes of the file into memory, where they stay when the file is
	// closed. What is stored there is in the file at once. Beyond the end of a file that
	// was truncated since, the memory must not be touched.
	Map(size int, writable bool) (Mapping, error)
	// Truncate makes the file shorter.
	Truncate(size int64) error
	// SyncData makes the content durable, Sync also all that is known of the file.
	SyncData() error
	Sync() error
	Close() error
}

// Mapping is memory, most often that of a file. It starts at a page.
type Mapping interface {
	// Bytes is valid until Unmap.
	Bytes() []byte
	// LetPagesGo has the pages no longer count as the process's memory. A file's stay in
	// the page cache.
	LetPagesGo()
	Unmap()
}
