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

// TestStreamGone: a stream knows that its client has left before the connection's goroutine does, which here
// has yet to look.
func TestStreamGone(t *testing.T) {
	arrived, gone := make(chan struct{}), make(chan bool)
	handle := func(c *Ctx) {
		c.Stream(func(s *Stream) {
			if s.Gone() {
				t.Error("a client that listens is gone")
			}
			arrived <- struct{}{}
			for s.conn.raw != nil && !s.Gone() {
				runtime.Gosched()
			}
			gone <- s.Gone()
		})
	}
	inAllModes(t, handle, Options{}, func(t *testing.T, s *Server, a target) {
		c := dial(t, a)
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		await(t, "the stream", arrived)
		c.Close()
		await(t, "the end", gone)
	})
}
