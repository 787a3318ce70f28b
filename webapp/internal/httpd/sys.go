package httpd

import (
	"io"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sinceData returns the time since data came last on a TCP connection, in ticks of the
// kernel's clock. It does not allocate.
func sinceData(fd int) (time.Duration, bool) {
	var info unix.TCPInfo
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return time.Duration(info.Last_data_recv) * time.Millisecond, errno == 0
}

// readSome reads what the socket holds; syscall.EAGAIN means nothing.
func readSome(fd int, p []byte) (int, error) {
	for {
		n, err := quickRead(fd, p)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// writeSome writes what the socket takes at once, which may be nothing.
func writeSome(fd int, p []byte) (int, error) {
	for {
		n, err := quickWrite(fd, p)
		switch err {
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		case nil:
			return n, nil
		default:
			return 0, err
		}
	}
}
