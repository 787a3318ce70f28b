//go:build !race

package httpd

import (
	"syscall"
	"unsafe"
)

// The sockets here never block, so nobody waits in these calls, and the scheduler need not be told
// of them as syscall.Read and Write tell it: that took a tenth of the CPU of a small request, kernel
// included (BenchmarkLoopback/httpd/tcp over loopback, beside other work: 7.9 to 7.1 us, the medians of three runs in turns). The
// goroutine's processor waits meanwhile, so this is not for pieces whose copying takes long. The race
// detector wants to be told; see quick_race.go.
const mostQuick = 16 << 10 // bytes

func quickRead(fd int, p []byte) (int, error) {
	if len(p) > mostQuick {
		return syscall.Read(fd, p)
	}
	return quick(syscall.SYS_READ, fd, p)
}

func quickWrite(fd int, p []byte) (int, error) {
	if len(p) > mostQuick {
		return syscall.Write(fd, p)
	}
	return quick(syscall.SYS_WRITE, fd, p)
}

func quick(call uintptr, fd int, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
