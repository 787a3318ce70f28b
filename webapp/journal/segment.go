package journal

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
)

// segment is a stretch of the log: a file mapped into memory, or anonymous memory without
// a file.
type segment struct {
	// set once, before the segment joins the log
	data    []byte
	file    *os.File // nil for anonymous memory, and once it is kept
	first   uint64   // number of the first record, or of the one it will be
	follows uint64   // number of the last record before
	start   int      // where the records begin: the size of the header

	path string // changes when it is kept; owned by who holds Journal.releasing

	// end is the offset of the next record. Guarded by Journal.mu; constant once next is
	// set.
	end int

	// kept says that all records are released; last is the number of the last one then.
	// Guarded by Journal.mu; constant once kept is set.
	kept bool
	last uint64

	places []place // in order; guarded by Journal.mu

	checked atomic.Bool // its records are known to be whole
	gone    atomic.Bool // it is out of the log: who has not pinned it must not look at it

	// next is the segment that follows. Storing it seals this one.
	next atomic.Pointer[segment]
}

// createSegment makes a file of zeros and maps it. The file is on the disk, with its
// name, when this returns. It gets the name last, so that a short file with a name is a
// damaged one. A file that never got there is made over by the next attempt, which has
// the same ordinal.
func createSegment(dir *folder, ordinal uint64, size int, sys system) (_ *segment, err error) {
	path := dir.segmentPath(ordinal)
	f, err := os.OpenFile(path+unnamedSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(path + unnamedSuffix)
			os.Remove(path)
		}
	}()
	if err := sys.allocate(f, int64(size)); err != nil {
		return nil, err
	}
	if err := sys.syncFile(f); err != nil {
		return nil, err
	}
	if err := os.Rename(path+unnamedSuffix, path); err != nil {
		return nil, err
	}
	if err := dir.sync(); err != nil {
		return nil, err
	}
	s, err := mapFile(f, path, size, readWrite)
	if err == nil {
		s.checked.Store(true)
	}
	return s, err
}

// access says what may be done with a segment's file.
type access struct{ flag, prot int }

var (
	readWrite = access{os.O_RDWR, syscall.PROT_READ | syscall.PROT_WRITE}
	readOnly  = access{os.O_RDONLY, syscall.PROT_READ}
)

// openSegment maps a file as it is; an empty one has no data.
func openSegment(path string, a access) (_ *segment, err error) {
	f, err := os.OpenFile(path, a.flag, 0)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSegmentBytes {
		return nil, fmt.Errorf("%s: %d bytes are too much for a segment", path, info.Size())
	}
	return mapFile(f, path, int(info.Size()), a)
}

func mapFile(f *os.File, path string, size int, a access) (*segment, error) {
	if size == 0 {
		return &segment{path: path, file: f}, nil
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, size, a.prot, syscall.MAP_SHARED)
	if err != nil {
		return nil, &os.PathError{Op: "mmap", Path: path, Err: err}
	}
	return &segment{data: data, path: path, file: f}, nil
}

func anonymousSegment(size int) (*segment, error) {
	data, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	s := &segment{data: data}
	s.checked.Store(true)
	return s, nil
}

// begin makes the segment the one that the log goes on in.
func (s *segment) begin(h header) {
	h.put(s.data)
	s.first, s.follows, s.start, s.end = h.first, h.follows, headerSize, headerSize
}

// fits reports whether the segment has room for size bytes more.
func (s *segment) fits(size int) bool {
	return size <= len(s.data)-s.end
}

// unmap gives the memory and the file back. Nobody may look at the data any more.
func (s *segment) unmap() {
	if s.data != nil {
		// Only an address that was never mapped makes munmap fail.
		if err := syscall.Munmap(s.data); err != nil {
			panic("BUG: journal: munmap: " + err.Error())
		}
		s.data = nil
	}
	s.closeFile()
}

// closeFile closes the file; the memory stays.
func (s *segment) closeFile() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// remove unmaps the segment and deletes its file.
func (s *segment) remove() error {
	s.unmap()
	if s.path == "" {
		return nil
	}
	return os.Remove(s.path)
}
