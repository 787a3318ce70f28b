package disk

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"syscall"
	"unsafe"
)

// sectorBytes is what a disk writes whole.
const sectorBytes = 512

// Memory is a disk in memory for simulations and tests. It tells apart what the page cache
// has, which a kill leaves, and what is on the disk for certain: the content of each file at
// its last sync, and the names at the last sync of their folder. All calls must come from one
// goroutine at a time. The zero value is an empty disk of any size.
type Memory struct {
	// Capacity is the number of bytes that all files may be allocated; 0 means no limit.
	Capacity int64
	// Fault is asked before each call that may fail; its error is the call's. Nil: all is
	// well. The operations are "create", "open", "allocate", "truncate", "rename", "remove",
	// "sync" and "syncFolder".
	Fault func(operation, path string) error
	// Lie has syncs do nothing and report success, as a disk does that does not keep its
	// promise.
	Lie bool

	names   map[string]*inode // what the page cache has
	settled map[string]*inode // what the disk has for certain
	pending []change          // to settled, in order: a file system keeps its own order
	locks   map[string]bool
}

// inode is the content of a file.
type inode struct {
	data   []byte // its length stays when the file is truncated, for those who have mapped it
	size   int
	synced []byte
}

// change is what one call did to the names; from or to may be empty.
type change struct {
	from, to string
	file     *inode
}

func (c change) apply(names map[string]*inode) {
	if c.from != "" {
		delete(names, c.from)
	}
	if c.to != "" {
		names[c.to] = c.file
	}
}

func (m *Memory) change(c change) {
	if m.names == nil {
		m.names, m.settled = make(map[string]*inode), make(map[string]*inode)
	}
	c.apply(m.names)
	m.pending = append(m.pending, c)
}

func (m *Memory) fault(operation, path string) error {
	if m.Fault == nil {
		return nil
	}
	return m.Fault(operation, path)
}

// PowerLoss leaves what a loss of power may leave: of each file any mix of the sectors
// that were synced and that were not, and of the names all changes up to some moment since
// the last sync of the folder. Open files and mappings are void.
func (m *Memory) PowerLoss(rng *rand.Rand) {
	for _, c := range m.pending[:rng.IntN(len(m.pending)+1)] {
		c.apply(m.settled)
	}
	m.names = make(map[string]*inode)
	for _, path := range slices.Sorted(maps.Keys(m.settled)) {
		m.names[path] = m.settled[path].tear(rng)
	}
	m.settled = maps.Clone(m.names)
	m.pending, m.locks = nil, nil
}

// Kill leaves what the end of the process leaves: the page cache, and no lock. Open files
// and mappings are void.
func (m *Memory) Kill() {
	copies := make(map[*inode]*inode)
	renew := func(old *inode) *inode {
		if copies[old] == nil {
			copies[old] = &inode{data: aligned(old.data[:old.size]), size: old.size, synced: old.synced}
		}
		return copies[old]
	}
	for path, file := range m.names {
		m.names[path] = renew(file)
	}
	for path, file := range m.settled {
		m.settled[path] = renew(file)
	}
	for i := range m.pending {
		if m.pending[i].file != nil {
			m.pending[i].file = renew(m.pending[i].file)
		}
	}
	m.locks = nil
}

// tear takes each sector, and the length, from what was synced or from what was not.
func (f *inode) tear(rng *rand.Rand) *inode {
	now, share := f.data[:f.size], rng.IntN(4) // quarters of the sectors that reached the disk, about
	size := len(now)
	if rng.IntN(2) == 0 {
		size = len(f.synced)
	}
	torn := aligned(make([]byte, size))
	for at := 0; at < size; at += sectorBytes {
		from := f.synced
		if rng.IntN(4) < share {
			from = now
		}
		if at < len(from) {
			copy(torn[at:min(at+sectorBytes, size)], from[at:])
		}
	}
	return &inode{data: torn, size: size, synced: slices.Clone(torn)}
}

// aligned copies bytes to the start of a word.
func aligned(b []byte) []byte {
	words := make([]uint64, (len(b)+7)/8)
	if len(words) == 0 {
		return nil
	}
	to := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)[:len(b)]
	copy(to, b)
	return to
}

func (m *Memory) MakeFolder(string) error { return nil }

type memoryLock struct {
	m    *Memory
	path string
}

func (l memoryLock) Close() error {
	delete(l.m.locks, l.path)
	return nil
}

func (m *Memory) Lock(path string) (io.Closer, error) {
	if m.locks[path] {
		return nil, &fs.PathError{Op: "lock", Path: path, Err: ErrLocked}
	}
	if m.locks == nil {
		m.locks = make(map[string]bool)
	}
	m.locks[path] = true
	return memoryLock{m, path}, nil
}

func (m *Memory) List(path string) (names []string, err error) {
	for name := range m.names {
		if in(name, path) {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (m *Memory) Create(path string) (File, error) {
	if err := m.fault("create", path); err != nil {
		return nil, err
	}
	f := new(inode)
	m.change(change{to: path, file: f})
	return &memoryFile{m, path, f}, nil
}

func (m *Memory) Open(path string, _ bool) (File, error) {
	f, ok := m.names[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	if err := m.fault("open", path); err != nil {
		return nil, err
	}
	return &memoryFile{m, path, f}, nil
}

func (m *Memory) Rename(from, to string) error {
	f, ok := m.names[from]
	if !ok {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	if err := m.fault("rename", from); err != nil {
		return err
	}
	m.change(change{from, to, f})
	return nil
}

func (m *Memory) Remove(path string) error {
	if _, ok := m.names[path]; !ok {
		return &fs.PathError{Op: "remove", Path: path, Err: fs.ErrNotExist}
	}
	if err := m.fault("remove", path); err != nil {
		return err
	}
	m.change(change{from: path})
	return nil
}

func (m *Memory) SyncFolder(path string) error {
	if err := m.fault("syncFolder", path); err != nil || m.Lie {
		return err
	}
	m.pending = slices.DeleteFunc(m.pending, func(c change) bool {
		if !in(c.from, path) && !in(c.to, path) {
			return false
		}
		c.apply(m.settled)
		return true
	})
	return nil
}

// in reports whether a name is in a folder.
func in(name, folder string) bool {
	return name != "" && filepath.Dir(name) == filepath.Clean(folder)
}

type memoryFile struct {
	m    *Memory
	path string
	*inode
}

func (f *memoryFile) Name() string         { return f.path }
func (f *memoryFile) Size() (int64, error) { return int64(f.size), nil }
func (f *memoryFile) Close() error         { return nil }

func (f *memoryFile) ReadAt(b []byte, at int64) (n int, err error) {
	if at < int64(f.size) {
		n = copy(b, f.data[at:f.size])
	}
	if n < len(b) {
		err = io.EOF
	}
	return n, err
}

func (f *memoryFile) WriteAt(b []byte, at int64) (int, error) {
	if end := int(at) + len(b); end > f.size {
		if f.m.Capacity > 0 && f.m.used()+int64(end-f.size) > f.m.Capacity {
			return 0, &fs.PathError{Op: "write", Path: f.path, Err: syscall.ENOSPC}
		}
		grown := aligned(make([]byte, end))
		copy(grown, f.data[:f.size])
		f.data, f.size = grown, end
	}
	return copy(f.data[at:], b), nil
}

func (f *memoryFile) Allocate(size int64) error {
	if err := f.m.fault("allocate", f.path); err != nil {
		return err
	}
	if f.m.Capacity > 0 && f.m.used()+size > f.m.Capacity {
		return &fs.PathError{Op: "allocate", Path: f.path, Err: syscall.ENOSPC}
	}
	f.data, f.size = aligned(make([]byte, size)), int(size)
	return nil
}

func (m *Memory) used() (bytes int64) {
	for _, f := range m.names {
		bytes += int64(f.size)
	}
	return bytes
}

func (f *memoryFile) Map(size int, _ bool) (Mapping, error) {
	if size > f.size {
		return nil, fmt.Errorf("disk: %s has %d bytes, not %d", f.path, f.size, size)
	}
	return heap(f.data[:size:size]), nil
}

func (f *memoryFile) Truncate(size int64) error {
	if err := f.m.fault("truncate", f.path); err != nil {
		return err
	}
	if int(size) > f.size {
		return fmt.Errorf("disk: %s has %d bytes, not %d", f.path, f.size, size)
	}
	clear(f.data[size:])
	f.size = int(size)
	return nil
}

func (f *memoryFile) SyncData() error { return f.Sync() }

func (f *memoryFile) Sync() error {
	if err := f.m.fault("sync", f.path); err != nil || f.m.Lie {
		return err
	}
	f.synced = append(f.synced[:0], f.data[:f.size]...)
	return nil
}

// heap is memory of the runtime's.
type heap []byte

func (h heap) Bytes() []byte { return h }
func (heap) LetPagesGo()     {}
func (heap) Unmap()          {}
