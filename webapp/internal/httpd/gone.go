package httpd

import "syscall"

// Gone reports whether the client has closed its end of the connection, as far as it can be
// told: what it sent after the request hides it. It may be called from any goroutine
// until the handler returns.
func (c *Ctx) Gone() bool {
	if c.conn.raw == nil {
		return false
	}
	gone := false
	err := c.conn.raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = n == 0 && err == nil || err == syscall.ECONNRESET
	})
	return gone || err != nil
}
