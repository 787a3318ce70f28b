package httpd

import (
	"syscall"
	"unsafe"
)

// Gone reports whether the client has closed its end of the connection. Connections whose
// reads block do not tell. It may be called from any goroutine until the handler returns.
func (c *Ctx) Gone() bool {
	return c.via != nil && c.via.stream.Gone() || c.conn.gone()
}

// Gone reports whether the client has closed its end, as soon as the kernel has heard of it: the
// goroutine that waits for that may have to wait for a processor. It may be called from any goroutine.
func (s *Stream) Gone() bool {
	return s.closed.Load() || s.via != nil && s.via.Gone() || s.conn.gone()
}

func (c *conn) gone() bool {
	if c.raw == nil {
		return false
	}
	gone := false
	err := c.raw.Control(func(fd uintptr) { gone = hungUp(fd) })
	return gone || err != nil
}

// From poll(2); the package syscall has neither.
const (
	pollHup   = 0x0010
	pollRdHup = 0x2000 // the peer sends nothing more, whatever is still to be read
)

func hungUp(fd uintptr) bool {
	asked := struct {
		fd              int32
		events, revents int16
	}{int32(fd), pollRdHup, 0}
	var now syscall.Timespec
	_, _, err := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&asked)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	return err == 0 && asked.revents&(pollHup|pollRdHup) != 0
}
