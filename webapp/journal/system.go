package journal

import (
	"errors"
	"os"
	"syscall"
)

// system is the part of the operating system that a test makes full, slow or broken.
type system struct {
	// allocate gives a new, empty file size bytes of zeros that have their place on the
	// disk.
	allocate func(f *os.File, size int64) error
	// syncData makes the content of a segment durable.
	syncData func(f *os.File) error
	// syncFile makes a file or folder durable with all its metadata.
	syncFile func(f *os.File) error
}

func linux() system {
	return system{allocate: allocate, syncData: syncData, syncFile: (*os.File).Sync}
}

// allocate reserves the blocks, so that a store to the mapping cannot run out of disk:
// that would be a SIGBUS. File systems without fallocate get the zeros written out, as
// posix_fallocate does.
func allocate(f *os.File, size int64) error {
	err := uninterrupted(func() error { return syscall.Fallocate(int(f.Fd()), 0, 0, size) })
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		return writeZeros(f, size)
	}
	return os.NewSyscallError("fallocate", err)
}

func writeZeros(f *os.File, size int64) error {
	zeros := make([]byte, min(size, 1<<20))
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return err
		}
	}
	return nil
}

// syncData includes the pages dirtied through a shared mapping: on Linux they are the
// page cache.
func syncData(f *os.File) error {
	err := uninterrupted(func() error { return syscall.Fdatasync(int(f.Fd())) })
	return os.NewSyscallError("fdatasync", err)
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

// isFull reports whether an error means that there is no room (left) for us on the disk.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
