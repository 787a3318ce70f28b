package main

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
				all, _ := io.ReadAll(io.TeeReader(c, c)) // it ends with the link
				ended <- string(all)
			}()
		}
	}()
	return l.Addr().String(), ended
}

func dial(t *testing.T, k *link) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", k.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
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

// TestLink: nothing passes a link that is cut, and nobody is told; then new connections pass.
func TestLink(t *testing.T) {
	address, heard := echo(t)
	k, err := newLink(nil, &member{peers: address}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	before := dial(t, k)
	say(t, before, "before")
	hears(t, before, "before")
	k.set(true)
	say(t, before, "lost")
	during := dial(t, k)
	say(t, during, "lost, too")
	for _, c := range []net.Conn{before, during} {
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // too short finds less, but never fails
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection over a link that is cut brings %v", err)
		}
		_ = c.SetReadDeadline(time.Time{})
	}
	k.set(false)
	hears(t, before, "")
	hears(t, during, "")
	after := dial(t, k)
	say(t, after, "after")
	hears(t, after, "after")
	after.Close()
	if first, second := <-heard, <-heard; first+second != "before\nafter\n" {
		t.Errorf("over the link came %q and %q", first, second)
	}
}

// TestPart: who is cut off reaches nobody and is reached by nobody, and joins only those that are not
// cut off themselves.
func TestPart(t *testing.T) {
	c := &cluster{}
	for _, name := range []string{"a", "b", "c"} {
		c.members = append(c.members, &member{name: name})
	}
	for _, from := range c.members {
		for _, to := range c.members {
			if from != to {
				c.links = append(c.links, &link{from: from, to: to})
			}
		}
	}
	cuts := func() (all string) {
		for _, k := range c.links {
			if k.cut {
				all += k.from.name + k.to.name + " "
			}
		}
		return all
	}
	a, b := c.members[0], c.members[1]
	c.cutLocked(a, true)
	if got := cuts(); got != "ab ac ba ca " {
		t.Errorf("with a apart, %sare cut", got)
	}
	c.cutLocked(b, true)
	c.cutLocked(a, false)
	if got := cuts(); got != "ab ba bc cb " {
		t.Errorf("with b apart and a back, %sare cut", got)
	}
	if err := c.part("b", time.Second); err == nil {
		t.Error("who is cut off is cut off once more")
	}
	for name, d := range map[string]time.Duration{"a": 0, "c": 2 * longest, "x": time.Second} {
		if err := c.part(name, d); err == nil {
			t.Errorf("%s is cut off for %v", name, d)
		}
	}
}
