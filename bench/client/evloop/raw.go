package evloop

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The three system calls below never wait. They bypass the scheduler, which would
// otherwise prepare for a long one: it wakes its monitor thread for every burst of
// activity, and that may even give the processor away. In the calibration run with two
// matches a round this was a fifth of the bench's CPU time.

// Read reads from a non-blocking descriptor: io.EOF is not known here, the end is n = 0
// without an error.
func Read(fd int, p []byte) (n int, err error) {
	return rawCall(unix.SYS_READ, fd, p)
}

// Write writes to a non-blocking descriptor as much as it takes.
func Write(fd int, p []byte) (n int, err error) {
	return rawCall(unix.SYS_WRITE, fd, p)
}

// rawCall is for calls of the form f(fd, buffer, length).
func rawCall(number uintptr, fd int, p []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(number, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// epollNow takes events without waiting.
func epollNow(epfd int, events []unix.EpollEvent) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
