package journal

import (
	"fmt"
	"sync/atomic"

	"isuride/webapp/internal/disk"
)

// segment is a stretch of the log: a file mapped into memory, or anonymous memory without
// a file.
type segment struct {
	// set once, before the segment joins the log
	data    []byte
	mapping disk.Mapping // nil: there are no data
	file    disk.File    // nil for anonymous memory, and once it is kept
	dir     *folder      // of the file; nil for anonymous memory
	first   uint64       // number of the first record, or of the one it will be
	follows uint64       // number of the last record before
	term    uint64       // of the node when it began the segment
	group   uint32
	chained bool   // it is a part of a log of entries
	before  Base   // of such a one
	order   uint64 // grows along the log
	start   int    // where the records begin: the size of the header

	path string // changes when it is kept; owned by who holds Journal.releasing

	// end is the offset of the next record, limit that up to which there may be some.
	// Guarded by Journal.mu.
	end   int
	limit int

	// marks are those in it, in order, eight bytes an entry. Guarded by Journal.mu.
	marks []mark

	// kept says that all records are released; last is the number of the last one then.
	// Guarded by Journal.mu; constant once kept is set.
	kept bool
	last uint64

	landmarks []landmark // in order; guarded by Journal.mu

	checked atomic.Bool // its records are known to be whole
	gone    atomic.Bool // it is out of the log: who has not pinned it must not look at it

	// next is the segment that follows, stop is end for those without the lock: it counts
	// once next is set.
	stop atomic.Int64
	next atomic.Pointer[segment]
}

// createSegment makes a file of zeros and maps it. The file is on the disk, with its
// name, when this returns. It gets the name last, so that a short file with a name is a
// damaged one. A file that never got there is made over by the next attempt, which has
// the same ordinal.
func createSegment(dir *folder, ordinal uint64, size int) (_ *segment, err error) {
	path := dir.segmentPath(ordinal)
	f, err := dir.sys.Create(path + unnamedSuffix)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
			dir.sys.Remove(path + unnamedSuffix)
			dir.sys.Remove(path)
		}
	}()
	if err := f.Allocate(int64(size)); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if err := dir.sys.Rename(path+unnamedSuffix, path); err != nil {
		return nil, err
	}
	if err := dir.sync(); err != nil {
		return nil, err
	}
	s, err := dir.mapFile(f, path, size, readWrite)
	if err == nil {
		s.checked.Store(true)
	}
	return s, err
}

// access says what may be done with a segment's file.
type access bool

const (
	readOnly  access = false
	readWrite access = true
)

// openSegment maps a file as it is; an empty one has no data.
func (d *folder) openSegment(path string, a access) (_ *segment, err error) {
	f, err := d.sys.Open(path, bool(a))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > maxSegmentBytes {
		return nil, fmt.Errorf("%s: %d bytes are too much for a segment", path, size)
	}
	return d.mapFile(f, path, int(size), a)
}

func (d *folder) mapFile(f disk.File, path string, size int, a access) (*segment, error) {
	s := &segment{path: path, file: f, dir: d}
	if size == 0 {
		return s, nil
	}
	var err error
	if s.mapping, err = f.Map(size, bool(a)); err != nil {
		return nil, err
	}
	s.data = s.mapping.Bytes()
	return s, nil
}

func anonymousSegment(size int) (*segment, error) {
	m, err := disk.Anonymous(size)
	if err != nil {
		return nil, err
	}
	s := &segment{data: m.Bytes(), mapping: m}
	s.checked.Store(true)
	return s, nil
}

// begin makes the segment the one that the log goes on in.
func (s *segment) begin(h header) {
	h.put(s.data)
	s.take(h)
	s.end, s.limit = s.start, len(s.data)
}

// take notes what the header says.
func (s *segment) take(h header) {
	s.first, s.follows, s.start = h.first, h.follows, h.size()
	s.term, s.group, s.chained, s.before = h.term, h.group, h.chained, h.before
}

// fits reports whether the segment has room for size bytes more.
func (s *segment) fits(size int) bool {
	return size <= s.limit-s.end
}

// follow has another segment follow this one, which takes no more records.
func (s *segment) follow(next *segment) {
	s.limit = s.end
	s.stop.Store(int64(s.end))
	s.next.Store(next)
}

// unmap gives the memory and the file back. Nobody may look at the data any more.
func (s *segment) unmap() {
	if s.mapping != nil {
		s.mapping.Unmap()
		s.data, s.mapping = nil, nil
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
	return s.dir.sys.Remove(s.path)
}
