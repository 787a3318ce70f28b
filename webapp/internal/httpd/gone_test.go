package httpd

import (
	"runtime"
	"testing"
)

// TestGone: a handler learns that its client has closed the connection, where reads do
// not block.
func TestGone(t *testing.T) {
	arrived, gone := make(chan struct{}), make(chan bool)
	handle := func(c *Ctx) {
		if c.Gone() {
			t.Error("a client that waits for its answer is gone")
		}
		arrived <- struct{}{}
		for c.conn.raw != nil && !c.Gone() {
			runtime.Gosched()
		}
		gone <- c.Gone()
	}
	inAllModes(t, handle, Options{}, func(t *testing.T, s *Server, a target) {
		c := dial(t, a)
		c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		await(t, "the request", arrived)
		c.Close()
		await(t, "the end", gone)
	})
}
