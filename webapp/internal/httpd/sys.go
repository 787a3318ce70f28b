package httpd

import (
	"io"
	"syscall"
)

// readSome reads what the socket holds; syscall.EAGAIN means nothing.
func readSome(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, p)
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
		n, err := syscall.Write(fd, p)
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
