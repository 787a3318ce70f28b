// Package freeport gives tests ports for programs that have to be told theirs before they
// listen. A port that the system chose for a moment may be another one's when the program comes: an
// outgoing connection's, or another test's. These are below those that the system chooses, and
// no two tests that run at a time get the same.
//
// A test that listens itself takes port 0 instead.
package freeport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// The ports that are given, in turn: the system's own begin at 32768.
const (
	first = 20_000
	end   = 32_000
)

// Take returns the first of n ports in a row at which nobody listens on 127.0.0.1, and which
// nobody else is given before all others have been.
func Take(n int) (port int, err error) {
	f, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("isuride-ports-%d", os.Geteuid())), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil { // until it is closed
		return 0, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return 0, err
	}
	next, _ := strconv.Atoi(strings.TrimSpace(string(text))) // a new file begins at the first
	for tried := 0; tried < end-first; tried += n {
		if next < first || next+n > end {
			next = first
		}
		port, next = next, next+n
		if free(port, n) {
			_, err := f.WriteAt(fmt.Appendf(nil, "%5d\n", next), 0)
			return port, err
		}
	}
	return 0, errors.New("somebody listens at all ports")
}

func free(port, n int) bool {
	for i := range n {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+i))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// TB is the part of testing.TB that is needed here.
type TB interface {
	Helper()
	Fatal(...any)
}

// Ports is Take for a test.
func Ports(t TB, n int) (port int) {
	t.Helper()
	port, err := Take(n)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Address returns an address of 127.0.0.1 with such a port.
func Address(t TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", Ports(t, 1))
}
