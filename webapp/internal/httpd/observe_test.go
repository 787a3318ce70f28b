package httpd

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestObserve: every answer is reported once, with its tag, status and time, and an id
// that no other request has; a request that never was has none of these but the status.
func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		p := newPipes()
		serve(t, p, func(c *Ctx) {
			c.SetTag(string(c.Path()))
			time.Sleep(70 * time.Millisecond)
			switch string(c.Path()) {
			case "/panic":
				panic("test")
			case "/untagged":
				c.SetTag(nil)
				c.SetStatus(404)
			case "/stream":
				c.Stream(func(*Stream) {})
			}
		}, Options{Observe: func(c *Ctx, took time.Duration) {
			seen = append(seen, fmt.Sprint(c.Tag(), " ", c.Status(), " ", c.ID(), " ", took))
		}})
		get := func(c client, path string) {
			t.Helper()
			c.send(lines("GET "+path+" HTTP/1.1", "Host: x"))
			var answer [1000]byte
			if _, err := c.Read(answer[:]); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		c := p.dial(t)
		get(c, "/a")
		get(c, "/untagged")
		get(c, "/panic")
		c = p.dial(t)
		get(c, "/stream")
		c.Close()
		c = p.dial(t)
		get(c, "no path")
		c.Close()
		synctest.Wait()
		want := []string{"/a 200 1-1 70ms", "<nil> 404 1-2 70ms", "/panic 500 1-3 70ms", "/stream 200 2-1 70ms", "<nil> 400 3-0 0s"}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("seen %q\nwant %q", seen, want)
		}
	})
}
