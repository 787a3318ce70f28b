package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Linux is the file system of the machine.
type Linux struct{}

func (Linux) MakeFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return Linux{}.SyncFolder(filepath.Dir(path))
}

func (Linux) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = uninterrupted(func() error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) })
	if err == nil {
		return held{f}, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	return nil, &os.PathError{Op: "flock", Path: path, Err: err}
}

// held is a locked file. A child that is being started has a copy of it for a moment, which
// would keep the lock after Close alone.
type held struct{ *os.File }

func (h held) Close() error {
	return errors.Join(syscall.Flock(int(h.Fd()), syscall.LOCK_UN), h.File.Close())
}

func (Linux) List(path string) (names []string, err error) {
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (Linux) Create(path string) (File, error) {
	return open(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (Linux) Open(path string, writable bool) (File, error) {
	if writable {
		return open(path, os.O_RDWR)
	}
	return open(path, os.O_RDONLY)
}

func open(path string, flag int) (File, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

func (Linux) Rename(from, to string) error { return os.Rename(from, to) }
func (Linux) Remove(path string) error     { return os.Remove(path) }

func (Linux) SyncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

type file struct{ *os.File }

func (f file) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Allocate reserves the blocks, so that a store to the mapping cannot run out of disk:
// that would be a SIGBUS. File systems without fallocate get the zeros written out, as
// posix_fallocate does.
func (f file) Allocate(size int64) error {
	err := uninterrupted(func() error { return syscall.Fallocate(int(f.Fd()), 0, 0, size) })
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		return WriteZeros(f, size)
	}
	return os.NewSyscallError("fallocate", err)
}

// WriteZeros writes so many zeros to the start of a file.
func WriteZeros(f io.WriterAt, size int64) error {
	zeros := make([]byte, min(size, 1<<20))
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return err
		}
	}
	return nil
}

func (f file) Map(size int, writable bool) (Mapping, error) {
	access := syscall.PROT_READ
	if writable {
		access |= syscall.PROT_WRITE
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, size, access, syscall.MAP_SHARED)
	if err != nil {
		return nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: err}
	}
	return mapping(data), nil
}

// SyncData includes the pages dirtied through a shared mapping: on Linux they are the
// page cache.
func (f file) SyncData() error {
	err := uninterrupted(func() error { return syscall.Fdatasync(int(f.Fd())) })
	return os.NewSyscallError("fdatasync", err)
}

// Anonymous returns memory without a file, of zeros.
func Anonymous(size int) (Mapping, error) {
	data, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return mapping(data), nil
}

// mapping is memory of the kernel's.
type mapping []byte

func (m mapping) Bytes() []byte { return m }

func (m mapping) LetPagesGo() {
	_ = syscall.Madvise(m, syscall.MADV_DONTNEED) // only a wrong address fails
}

func (m mapping) Unmap() {
	// Only an address that was never mapped makes munmap fail.
	if err := syscall.Munmap(m); err != nil {
		panic("BUG: disk: munmap: " + err.Error())
	}
}

// uninterrupted repeats a call that a signal broke off; the runtime's own preemption
// sends such.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// IsFull reports whether an error means that there is no room (left) for us on the disk.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
