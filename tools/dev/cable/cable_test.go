package cable

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// echo answers each line with itself, and tells what it has heard on each connection once that ends.
func echo(t *testing.T) (address string, heard <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	ended := make(chan string, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				all, _ := io.ReadAll(io.TeeReader(c, c)) // it ends with the cable
				ended <- string(all)
			}()
		}
	}()
	return l.Addr().String(), ended
}

func dial(t *testing.T, c *Cable) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", c.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func say(t *testing.T, c net.Conn, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(c, line); err != nil {
		t.Error(err)
	}
}

// hears reports whether a connection brings a line, or its end if that is empty.
func hears(t *testing.T, c net.Conn, line string) {
	t.Helper()
	got, err := bufio.NewReader(c).ReadString('\n')
	if line == "" && err == nil || line != "" && got != line+"\n" {
		t.Errorf("the connection brings %q (%v), not %q", got, err, line)
	}
}

// TestCut: nothing passes a cable that is cut, and nobody is told; then new connections pass.
func TestCut(t *testing.T) {
	address, heard := echo(t)
	k, err := New("127.0.0.1:0", address)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	before := dial(t, k)
	say(t, before, "before")
	hears(t, before, "before")
	k.Set(true)
	say(t, before, "lost")
	during := dial(t, k)
	say(t, during, "lost, too")
	for _, c := range []net.Conn{before, during} {
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // too short finds less, but never fails
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection over a cable that is cut brings %v", err)
		}
		_ = c.SetReadDeadline(time.Time{})
	}
	k.Set(false)
	hears(t, before, "")
	hears(t, during, "")
	after := dial(t, k)
	say(t, after, "after")
	hears(t, after, "after")
	after.Close()
	if first, second := <-heard, <-heard; first+second != "before\nafter\n" {
		t.Errorf("over the cable came %q and %q", first, second)
	}
}
